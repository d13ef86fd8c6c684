"""The DeepMind control suite (Tassa et al. 2018): five domains that are symmetric, and options that
break it.

All tasks are exactly mirror symmetric in their state (`symgen check-env` shows it). The suite's
images are so only about: bodies, light and camera are, the stars of the sky and the checks of the
floor are not. `picture: symmetric` leaves those out.
"""

from functools import partial
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from symgen.algebra import representation as representations
from symgen.algebra.fieldtype import FieldType, vector
from symgen.algebra.group import Group
from symgen.algebra.representation import Representation
from symgen.envs import _compass
from symgen.envs import _dm_control_tasks as tasks
from symgen.envs._dm_control_tasks import DOMAINS, Domain, Pose
from symgen.problem.adapter import Outcome, Simulator
from symgen.problem.interface import Action, Interface, Observation, Term

if TYPE_CHECKING:  # Gymnasium is imported when an environment is made: a spec is checked without it
    from gymnasium.vector import VectorEnv

    from symgen.envs._dm_control_env import ControlEnv


class Options(BaseModel):
    """What a spec may say about `adapter: dm_control`."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    domain: Literal["acrobot", "ball_in_cup", "cartpole", "pendulum", "reacher"] = Field(
        description="The body."
    )
    task: Literal[
        "balance", "balance_sparse", "catch", "easy", "hard", "swingup", "swingup_sparse"
    ] = Field(description="What is asked of it; each domain has its own tasks.")
    observe: Literal["state", "pixels"] = Field(
        "state",
        description="state: the suite's own named vectors. pixels: a picture, its frames stacked "
        "in channels.",
    )
    size: int = Field(85, ge=8, le=128, description="Pixels per side of the picture.")
    picture: Literal["suite", "symmetric"] = Field(
        "suite",
        description="symmetric: no stars, no checks on the floor, so that a moved state is a moved "
        "picture.",
    )
    frames: int = Field(
        3, ge=1, le=8, description="Pictures stacked in the channels, the oldest first."
    )
    action_repeat: int = Field(
        1, ge=1, le=32, description="Control steps per action; rewards are summed."
    )
    episode_length: int = Field(
        1000,
        ge=1,
        le=1_000_000,
        description="Control steps until an episode is truncated; no task terminates.",
    )
    tilt_gravity: float = Field(
        0.0,
        ge=-90,
        le=90,
        description="Degrees by which gravity leans to +x (reacher: +x and +y); breaks it.",
    )
    reflect_action: bool = Field(
        False,
        description="Actions act with the opposite sign where the body is at +x (reacher: x + y > "
        "0).",
    )
    repeat_action: int = Field(
        1, ge=1, le=16, description="Actions are repeated this many times as often there."
    )

    @field_validator("task")
    @classmethod
    def _has_task(cls, value: str, info: ValidationInfo) -> str:
        domain = info.data.get("domain")
        if domain and value not in DOMAINS[domain].tasks:
            raise ValueError(
                f"{domain} has no task {value}; it has: {', '.join(DOMAINS[domain].tasks)}"
            )
        return value

    @field_validator("frames")
    @classmethod
    def _stacks_pictures(cls, value: int, info: ValidationInfo) -> int:
        if info.data.get("observe") == "state":  # vectors would silently stay single
            raise ValueError("pictures are stacked, and observe: state shows vectors; leave it out")
        return value

    @property
    def about(self) -> Domain:
        """What is known of the domain."""
        return DOMAINS[self.domain]

    @property
    def pixels(self) -> bool:
        """Whether pictures are observed."""
        return self.observe == "pixels"


def interface(options: Options) -> Interface:
    """The suite's named vectors, or one picture; a continuous action in [-1, 1]. Known without
    dm_control.
    """
    domain = options.about
    size = len(domain.action)
    action = Action("continuous", tuple(domain.action), (size,), (-1.0,) * size, (1.0,) * size)
    if options.pixels:
        shape = (options.size, options.size, 3 * options.frames)
        return Interface(
            (Term("observation", shape, "uint8", "image", scale=255.0),), action, single=True
        )
    terms = tuple(Term(name, (len(signs),)) for name, signs in domain.terms.items())
    return Interface(terms, action, single=False)


def names(options: Options) -> dict[str, tuple[str, ...]]:
    """The entries of each observed vector; nothing of pixels."""
    return {} if options.pixels else dict(tasks.ENTRIES[options.domain])


def title(options: Options) -> str:
    """There is one suite."""
    return "dm_control"


def states(options: Options, group: Group) -> dict[str, FieldType] | None:
    """State: D1, by the table of signs. Pixels: D1 as an image; for reacher, seen from above, C1
    to D4.

    The frames of an image are channels, and all trivial: the group moves every frame alike.
    """
    moves = tasks.moves_of(options.about, group, options.pixels)
    if moves is None:
        return None
    if options.pixels:
        field = _compass.image_field(group, interface(options).terms[0].shape)
        return None if field is None else {"observation": field}
    terms = options.about.terms
    return {
        name: vector(_signed(group, dict.fromkeys(moves, signs), len(signs)))
        for name, signs in terms.items()
    }


def actions(options: Options, group: Group) -> Representation | None:
    """The table's signs under reflections, none under the rotations of reacher: a torque turns the
    same way in every place.
    """
    moves = tasks.moves_of(options.about, group, options.pixels)
    if moves is None:
        return None
    signs = {
        generator: tasks.action_signs(options.about, move) for generator, move in moves.items()
    }
    return _signed(group, signs, len(options.about.action))


def _signed(group: Group, signs: dict[str, tuple[int, ...]], size: int) -> Representation:
    """Every generator changes these signs; plainly trivial where none does."""
    if all(min(of_entries) > 0 for of_entries in signs.values()):
        return representations.direct_sum((size, representations.trivial(group)))
    images = {
        generator: [sign * (k + 1) for k, sign in enumerate(of_entries)]
        for generator, of_entries in signs.items()
    }
    return representations.signed_permutation(group, images)


def make(options: Options, num_envs: int, seed: int, render: bool = False) -> "VectorEnv":
    """The tasks side by side (NEXT_STEP), reset from the seed: the next `reset()` without one goes
    on from it.

    Raises:
        UserError: dm_control is not installed, or images cannot be drawn on this machine.
    """
    from gymnasium.vector import SyncVectorEnv

    from symgen.envs._dm_control_env import ControlEnv
    from symgen.envs._stepping import reset_from

    return reset_from(SyncVectorEnv([partial(ControlEnv, options, render)] * num_envs), seed)


def level_set(options: Options) -> None:
    """The suite has no levels."""


def level_contents(options: Options) -> None:
    """The suite has no levels."""


Poses = tuple[Pose, ...]


def views(options: Options) -> tuple[str, ...]:
    """The vectors or a picture, and how it is drawn."""
    return ("observe", "size", "picture", "frames")


def simulator(options: Options, group: Group) -> "ControlSimulator | str":
    """Every state can be set, where it is known what the group does to the body."""
    moves = tasks.moves_of(options.about, group, options.pixels)
    if moves is None:
        return f"what the group does to the body of {options.domain} is not known"
    from symgen.envs._dm_control_env import ControlEnv

    return ControlSimulator(ControlEnv(options), moves, options.pixels and options.about.planar)


class ControlSimulator(Simulator[Poses]):
    """The very environment that training uses; a state is what its frames show, oldest first.

    Args:
        env: the task.
        moves: what each generator does to the world, see `moves_of`.
        seen_from_above: whether it may be any of the moves of an image.
    """

    TOLERANCE = 1e-6
    grain = 1e-3
    """A quarter of a grey level: symmetric images differ by half of it at most, the suite's by ten
    times as much.
    """

    def __init__(self, env: "ControlEnv", moves: dict[str, str], seen_from_above: bool) -> None:
        self._env = env
        self.moves = moves
        self.words = tuple(tasks.ANGLES) if seen_from_above else ()

    def sample(self, rng: np.random.Generator) -> Poses:
        """What up to 50 random actions lead to."""
        self._env.reset(seed=int(rng.integers(2**31)))
        for _ in range(rng.integers(50)):
            self._env.step(rng.uniform(-1.0, 1.0, len(self._env.domain.action)))
        return self._env.poses()

    def observe(self, state: Poses) -> Observation:
        """See Simulator."""
        return self._env.load(state)

    def act(self, generator: str, state: Poses, image: Observation) -> Poses:
        """See Simulator."""
        return tuple(tasks.moved(self._env.domain, self.moves[generator], pose) for pose in state)

    def step(self, state: Poses, action: np.ndarray) -> Outcome[Poses]:
        """See Simulator."""
        self._env.load(state)
        _, reward, terminated, truncated, _ = self._env.step(action)
        return Outcome(self._env.poses(), reward, terminated, truncated)

    def same(self, one: Poses, other: Poses) -> bool:
        """Equal but for rounding; angles count whole turns."""
        here = np.concatenate([np.concatenate(pose) for pose in one])
        there = np.concatenate([np.concatenate(pose) for pose in other])
        return bool(np.allclose(here, there, rtol=self.TOLERANCE, atol=self.TOLERANCE))

    def describe(self, state: Poses) -> str:
        """See Simulator."""
        pose = state[-1]
        parts = {"positions": pose.positions, "velocities": pose.velocities, "target": pose.target}
        return ", ".join(
            f"{name} {np.round(part, 4).tolist()}" for name, part in parts.items() if part
        )
