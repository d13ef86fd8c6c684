"""A cart that swings its pole up and keeps it there, hundreds side by side in numpy alone.

The environment CartPoleSwingUpHarder of Tang & Ha 2021, "The Sensory Neuron as a Transformer"
(arXiv:2109.02869), with two options that break its mirror. The original reports the time limit as
an ending like any other; here it is a truncation.
"""

from typing import TYPE_CHECKING

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from symgen.algebra import representation as representations
from symgen.algebra.fieldtype import FieldType, vector
from symgen.algebra.group import Group
from symgen.algebra.representation import Representation
from symgen.envs._cartpole import FASTEST_START, FORCE, TRACK, CartPole, World
from symgen.problem.adapter import Outcome, Simulator
from symgen.problem.interface import Action, Interface, Observation, Term

if TYPE_CHECKING:  # Gymnasium is imported when an environment is made: a spec is checked without it
    from symgen.envs._cartpole_env import CartPoleVectorEnv

ENTRIES = ("position", "velocity", "cos angle", "sin angle", "angular velocity")
SIGNS = (-1, -1, 1, -1, -1)
"""What the mirror does to the entries."""


class Options(BaseModel):
    """What a spec may say about `adapter: cartpole_swingup`."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    harder: bool = Field(
        False,
        description="Episodes start anywhere on the track at up to 10 m/s and 10 rad/s, the pole "
        "below the horizontal; otherwise near the middle with the pole hanging.",
    )
    redundant: bool = Field(False, description="The five numbers are observed twice.")
    max_episode_steps: int = Field(
        1000, ge=1, le=1_000_000, description="Steps of 0.01 s until an episode is truncated."
    )
    wind: float = Field(
        0.0, ge=-FORCE, le=FORCE, description="Newtons on the cart towards +x; breaks the mirror."
    )
    tilt: float = Field(
        0.0,
        ge=-90,
        le=90,
        description="Degrees by which gravity leans to +x; breaks the mirror.",
    )
    stagger: bool = Field(
        False,
        description="In training the first episode of each environment is truncated after a random "
        "number of steps, so that later ones are not all truncated at once; evaluations never do.",
    )

    @property
    def copies(self) -> int:
        """How often the five numbers are observed."""
        return 2 if self.redundant else 1


def interface(options: Options) -> Interface:
    """One vector of five numbers, or ten; a push in [-1, 1]."""
    action = Action("continuous", ("push",), (1,), (-1.0,), (1.0,))
    return Interface((Term("observation", (5 * options.copies,)),), action, single=True)


def names(options: Options) -> dict[str, tuple[str, ...]]:
    """The entries, and those of the second copy.

    >>> names(Options(redundant=True))["observation"][4:6]
    ('angular velocity', 'position again')
    """
    again = tuple(f"{entry} again" for entry in ENTRIES)
    return {"observation": ENTRIES + again if options.redundant else ENTRIES}


def title(options: Options) -> str:
    """There is one cart."""
    return "cartpole_swingup"


def states(options: Options, group: Group) -> dict[str, FieldType] | None:
    """The mirror D1 changes the sign of all but the cosine; C1 of nothing."""
    if not _is_mirror(group):
        return None
    return {"observation": vector(_signed(group, SIGNS * options.copies))}


def actions(options: Options, group: Group) -> Representation | None:
    """The mirror pushes the other way."""
    return _signed(group, (-1,)) if _is_mirror(group) else None


def _is_mirror(group: Group) -> bool:
    """Whether the group is D1 or C1, by what it does to the plane and not by its name."""
    return group.planar is not None and group.planar.turns == 1


def _signed(group: Group, signs: tuple[int, ...]) -> Representation:
    if not group.generators:
        return representations.direct_sum((len(signs), representations.trivial(group)))
    image = [sign * (k + 1) for k, sign in enumerate(signs)]
    return representations.signed_permutation(group, dict.fromkeys(group.generators, image))


def make(options: Options, num_envs: int, seed: int, render: bool = False) -> "CartPoleVectorEnv":
    """The carts side by side; rendering is always possible."""
    from symgen.envs._cartpole_env import CartPoleVectorEnv

    return CartPoleVectorEnv(
        World(options.wind, float(np.radians(options.tilt))),
        num_envs,
        harder=options.harder,
        copies=options.copies,
        max_steps=options.max_episode_steps,
        staggers=options.stagger,
        seed=seed,
    )


def level_set(options: Options) -> None:
    """It has no levels."""


def level_contents(options: Options) -> None:
    """It has no levels."""


def views(options: Options) -> tuple[str, ...]:
    """Whether the numbers are observed twice."""
    return ("redundant",)


def simulator(options: Options, group: Group) -> "CartPoleSimulator":
    """Every state can be set, whatever the group: the observation tells all of it but the time."""
    return CartPoleSimulator(make(options, 1, 0))


class CartPoleSimulator(Simulator[CartPole]):
    """One of the very environments that training uses.

    Args:
        envs: that environment, alone.
    """

    TOLERANCE = 1e-5

    def __init__(self, envs: "CartPoleVectorEnv") -> None:
        self._envs = envs
        self.moves = {}

    def sample(self, rng: np.random.Generator) -> CartPole:
        """Anywhere on the track at any angle, at any time."""
        reach = np.array([TRACK, FASTEST_START, np.pi, FASTEST_START])
        position, velocity, angle, spin = (reach * rng.uniform(-1.0, 1.0, 4)).tolist()
        steps = int(rng.integers(self._envs.max_steps))
        return CartPole(position, velocity, angle, spin, steps)

    def observe(self, state: CartPole) -> np.ndarray:
        """See Simulator."""
        observation: np.ndarray = self._envs.load([state])[0]
        return observation

    def act(self, generator: str, state: CartPole, image: Observation) -> CartPole:
        """The state that the moved observation tells: to the last bit where that is this state or
        its mirror image, else as far as an observation tells it. Where the image is of no state at
        all, such as a cosine of 2, it is not what is observed in the state returned.
        """
        told = np.asarray(image)
        for exact in (state, state.mirrored()):
            if np.array_equal(self.observe(exact), told):
                return exact
        position, velocity, cosine, sine, spin = told[:5].astype(np.float64).tolist()
        return CartPole(position, velocity, float(np.arctan2(sine, cosine)), spin, state.steps)

    def step(self, state: CartPole, action: np.ndarray) -> Outcome[CartPole]:
        """See Simulator."""
        self._envs.load([state])
        _, reward, terminated, truncated, _ = self._envs.step(np.reshape(action, (1, 1)))
        after = self._envs.states()[0]
        return Outcome(after, float(reward[0]), bool(terminated[0]), bool(truncated[0]))

    def same(self, one: CartPole, other: CartPole) -> bool:
        """Equal but for rounding and whole turns."""
        near = self.TOLERANCE
        alike = np.allclose(self.observe(one), self.observe(other), rtol=near, atol=near)
        return bool(alike) and one.steps == other.steps

    def describe(self, state: CartPole) -> str:
        """See Simulator."""
        numbers = zip(CartPole._fields, state, strict=True)
        return ", ".join(f"{name} {round(number, 4)}" for name, number in numbers)
