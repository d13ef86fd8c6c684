"""Any Gymnasium environment by its id: vectors, pictures, indices, and flat dicts of them."""

import inspect
import re
import warnings
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, Literal

import gymnasium
import numpy as np
from gymnasium import error, spaces
from gymnasium.vector import SyncVectorEnv, VectorEnv
from pydantic import BaseModel, ConfigDict, Field, JsonValue, field_validator

from symgen.algebra.fieldtype import FieldType
from symgen.algebra.group import Group
from symgen.algebra.representation import Representation
from symgen.envs._gymnasium_states import ObservedSimulator, settable
from symgen.envs._processes import Processes
from symgen.envs._trusted import OWN, import_trusted, trusted
from symgen.errors import Refusal, UserError, near_miss, suggestion
from symgen.problem.interface import Action, Interface, Term

EXTRAS = {
    ".box2d.": 'pip install "gymnasium[box2d]"',
    ".mujoco.": 'pip install "gymnasium[mujoco]"',
    ".classic_control.": "pip install 'symgen[classic]'",
    ".toy_text.": "pip install 'symgen[classic]'",
    ".phys2d.": 'pip install "gymnasium[jax]"',
    ".tabular.": 'pip install "gymnasium[jax]"',
}
"""The way out of a missing package, by a part of the environment's entry point."""

NAMESPACES = {
    "ALE/": "needs the package ale-py: pip install ale-py",
    "MiniGrid-": "is an id of MiniGrid: write adapter: minigrid",
    "BabyAI-": "is an id of MiniGrid: write adapter: minigrid",
    "dm_control/": "needs the package shimmy: pip install 'shimmy[dm-control]'",
}

ACTION_NAMES = {
    "CartPole": ("left", "right"),
    "MountainCar": ("left", "coast", "right"),
    "Acrobot": ("negative", "none", "positive"),
    "LunarLander": ("none", "left_engine", "main_engine", "right_engine"),
    "FrozenLake": ("left", "down", "right", "up"),
    "FrozenLake8x8": ("left", "down", "right", "up"),
    "CliffWalking": ("up", "right", "down", "left"),
    "CliffWalkingSlippery": ("up", "right", "down", "left"),
    "Taxi": ("south", "north", "east", "west", "pickup", "dropoff"),
}
"""Names of discrete actions as Gymnasium documents them, by the id without its version; others are
action_0, ...
"""


MAX_PIXEL = 65_535.0
"""Bounds of a picture beyond this are those of its dtype, and say nothing of what is in it."""

ENTRY_NAMES = {
    "CartPole": ("cart position", "cart velocity", "pole angle", "pole angular velocity"),
    "MountainCar": ("position", "velocity"),
    "MountainCarContinuous": ("position", "velocity"),
    "Pendulum": ("cos angle", "sin angle", "angular velocity"),
    "Acrobot": (
        "cos angle 1", "sin angle 1", "cos angle 2", "sin angle 2", "angular velocity 1", "angular velocity 2",
    ),
    **dict.fromkeys(
        ("LunarLander", "LunarLanderContinuous"),
        ("x", "y", "x velocity", "y velocity", "angle", "angular velocity", "left leg touches", "right leg touches"),
    ),
}  # fmt: skip
"""Names of the entries of vectors, likewise."""


class Options(BaseModel):
    """What a spec may say about `adapter: gymnasium_env`."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    id: str = Field(max_length=256, description="A registered id, such as CartPole-v1.")
    kwargs: dict[str, JsonValue] = Field(
        default_factory=dict, description="Arguments of the environment itself."
    )
    vectorization: Literal["sync", "async", "native"] = Field(
        "sync",
        description="sync: one after another. async: a process each. native: the environment's own "
        "vector version.",
    )
    max_episode_steps: int | None = Field(
        None,
        ge=1,
        description="Steps until an episode is truncated; by default what the id is registered "
        "with.",
    )

    @field_validator("id")
    @classmethod
    def _registered(cls, value: str) -> str:
        if ":" in value:  # Gymnasium would import the module before the colon: a spec runs no code
            raise ValueError(
                "must be a registered id, not module:id; name the module with symgen --import "
                f"MODULE, got {value!r}"
            )
        return value

    @field_validator("kwargs")
    @classmethod
    def _of_the_environment(cls, value: dict[str, JsonValue]) -> dict[str, JsonValue]:
        taken = sorted(
            {"id", "render_mode", "max_episode_steps", "disable_env_checker", "num_envs"}
            & set(value)
        )
        if taken:
            raise ValueError(f"{taken[0]} is no argument of the environment itself")
        return value


def names(options: Options) -> dict[str, tuple[str, ...]]:
    """The entries of a vector, where Gymnasium documents them.

    >>> names(Options(id="CartPole-v1"))["observation"][:2]
    ('cart position', 'cart velocity')
    """
    entries = ENTRY_NAMES.get(options.id.rsplit("-v", 1)[0])
    return {"observation": entries} if entries else {}


def title(options: Options) -> str:
    """The id."""
    return options.id


def level_set(options: Options) -> None:
    """Nothing is known of the levels of an arbitrary environment."""


def level_contents(options: Options) -> None:
    """Nothing is known of the levels of an arbitrary environment."""


def interface(options: Options) -> Interface:
    """The terms and the action of the environment, from its own spaces.

    Raises:
        Refusal: no such id, arguments it does not take, or a space that no term describes.
        UserError: a package that the environment needs is missing.
    """
    return _interface(options.model_dump_json())


@lru_cache(maxsize=64)
def _interface(options: str) -> Interface:
    given = Options.model_validate_json(options)
    env = _one(given)
    try:
        return described(env.observation_space, env.action_space, given.id)
    finally:
        env.close()


def described(observation: spaces.Space[Any], action: spaces.Space[Any], name: str) -> Interface:
    """The interface of two spaces of one environment.

    Args:
        name: of the environment, for messages and for the names of its actions.

    Raises:
        Refusal: a space that no term or action describes.
    """
    acts = _action(action, name)
    if not isinstance(observation, spaces.Dict):
        return Interface((_term("observation", observation, name),), acts, single=True)
    terms = tuple(_term(key, inner, name) for key, inner in observation.items())
    return Interface(terms, acts, single=False)


def _term(key: str, space: spaces.Space[Any], name: str) -> Term:
    if isinstance(space, spaces.Discrete):
        if space.start != 0:
            raise Refusal(
                f"the term {key} of {name} counts from {space.start}",
                hint="only indices from 0 are supported",
            )
        return Term(key, (), str(space.dtype), "discrete", int(space.n))
    if isinstance(space, spaces.Dict):
        raise Refusal(
            f"the term {key} of {name} is a dict in a dict", hint="only flat dicts are supported"
        )
    if not isinstance(space, spaces.Box | spaces.MultiBinary | spaces.MultiDiscrete):
        raise Refusal(
            f"the term {key} of {name} is a {type(space).__name__} space, which has no array form"
        )
    layouts: dict[int, Literal["vector", "tokens", "image"]] = {
        1: "vector",
        2: "tokens",
        3: "image",
    }
    if len(space.shape) not in layouts or 0 in space.shape:
        raise Refusal(
            f"the term {key} of {name} has the shape {space.shape}",
            hint="vectors (n), tokens (n, k) and pictures (row, column, channel) are supported",
        )
    layout = layouts[len(space.shape)]
    return Term(key, space.shape, str(space.dtype), layout, scale=_scale(space, layout))


def _scale(space: spaces.Space[Any], layout: str) -> float:
    """What the network divides a term by: 255 for bytes in any dtype, and the largest bound of a
    picture's numbers.

    One number for the whole term, so that it commutes with the group.
    """
    if not isinstance(space, spaces.Box):
        return 1.0
    largest = float(max(np.abs(space.low).max(), np.abs(space.high).max()))
    pixels = bool((space.high == 255).all()) and bool((space.low == 0).all())
    if pixels or (layout == "image" and 1 < largest <= MAX_PIXEL):
        return largest
    return 1.0


def _action(space: spaces.Space[Any], name: str) -> Action:
    if isinstance(space, spaces.Discrete):
        names = ACTION_NAMES.get(name.rsplit("-v", 1)[0], ())
        count = int(space.n)
        return Action("discrete", names if len(names) == count else _numbered(count), (count,))
    if isinstance(space, spaces.MultiDiscrete | spaces.MultiBinary) and len(space.shape) == 1:
        choices = (
            [2] * space.shape[0] if isinstance(space, spaces.MultiBinary) else space.nvec.tolist()
        )
        return Action("multi_discrete", _numbered(len(choices)), tuple(choices))
    if (
        isinstance(space, spaces.Box)
        and len(space.shape) == 1
        and np.issubdtype(space.dtype, np.floating)
    ):
        low = tuple(space.low.tolist())
        high = tuple(space.high.tolist())
        return Action("continuous", _numbered(space.shape[0]), space.shape, low, high)
    raise Refusal(
        f"the actions of {name} are {space}",
        hint="Discrete, MultiDiscrete, MultiBinary and real vectors are supported",
    )


def _numbered(count: int) -> tuple[str, ...]:
    return tuple(f"action_{k}" for k in range(count))


def states(options: Options, group: Group) -> dict[str, FieldType] | None:
    """Nothing is known of how the group moves an arbitrary environment."""
    return None


def actions(options: Options, group: Group) -> Representation | None:
    """Nothing is known of how the group moves an arbitrary environment."""
    return None


def make(options: Options, num_envs: int, seed: int, render: bool = False) -> VectorEnv:
    """The environments side by side, reset from the seed: the next `reset()` without one goes on
    from it.

    Args:
        render: whether frames will be asked for.

    Raises:
        Refusal, UserError: as `interface`, and Refusal where there is no native vector version.
    """
    if options.vectorization == "native" and not render:
        return _native(options, num_envs, seed)
    env_fns: list[Callable[[], Any]] = [partial(_one, options, render)] * num_envs
    if options.vectorization == "async" and not render:
        _one(options).close()  # what is wrong is said here, not by a process
        envs: VectorEnv = Processes(env_fns)
    else:
        envs = SyncVectorEnv(env_fns)
    # One seed per environment from one sequence: seed, seed + 1, ... would share environments
    # between seeds.
    envs.reset(seed=np.random.SeedSequence(seed).generate_state(num_envs).tolist())
    return envs


def _native(options: Options, num_envs: int, seed: int) -> VectorEnv:
    spec = gymnasium.registry.get(options.id)
    if spec is not None and spec.vector_entry_point is None:
        raise Refusal(
            f"{options.id} has no native vector version", hint="write vectorization: sync"
        )
    more = (
        {}
        if options.max_episode_steps is None
        else {"max_episode_steps": options.max_episode_steps}
    )
    make_vec = partial(
        gymnasium.make_vec, num_envs=num_envs, vectorization_mode="vector_entry_point"
    )
    envs: VectorEnv = _told(options.id, make_vec, **more, **options.kwargs)
    envs.reset(seed=seed)
    return envs


def _one(options: Options, render: bool = False) -> Any:
    """One environment."""
    more: dict[str, Any] = {"render_mode": "rgb_array"} if render else {}
    make_one = partial(
        gymnasium.make, max_episode_steps=options.max_episode_steps, disable_env_checker=True
    )
    return _told(options.id, make_one, **more, **options.kwargs)


def _told(id_: str, make_it: Callable[..., Any], **arguments: Any) -> Any:
    """Call `make_it`, its warnings silenced and its errors told in a user's words."""
    import_trusted()
    try:
        with (
            warnings.catch_warnings()
        ):  # out-of-date versions, casts of bounds: what the spec asks for
            warnings.simplefilter("ignore")
            return make_it(id_, **arguments)
    except error.UnregisteredEnv as cause:
        raise _unknown(id_) from cause
    except (error.DependencyNotInstalled, ImportError) as cause:
        spec = gymnasium.registry.get(id_)
        entry = str(spec.entry_point) if spec else ""
        hint = next(
            (way for part, way in EXTRAS.items() if part in entry),
            "install the package that it names",
        )
        raise UserError(
            "missing-package", f"{id_} needs a package that is not installed: {cause}", hint
        ) from cause
    except (TypeError, ValueError, error.Error) as cause:
        unexpected = re.search(r"unexpected keyword argument '(\w+)'", str(cause))
        if unexpected and unexpected[1] == "render_mode":
            message = f"the environment cannot be drawn: {id_} takes no render_mode"
            raise UserError(
                "video-format", message, 'give its constructor a render_mode, with "rgb_array"'
            ) from cause
        if unexpected and unexpected[1] in arguments:
            hint = suggestion(unexpected[1], _taken(id_), "arguments")
            raise Refusal(f"{id_} takes no argument {unexpected[1]!r}", hint=hint) from cause
        raise Refusal(
            f"{id_} cannot be made with {arguments or 'no arguments'}: {cause}"
        ) from cause


def _taken(id_: str) -> list[str]:
    """The arguments that the constructor of an environment names; none where Gymnasium does not
    know it.
    """
    entry = gymnasium.registry[id_].entry_point if id_ in gymnasium.registry else None
    if entry is None:
        return []
    creator = (
        gymnasium.envs.registration.load_env_creator(entry) if isinstance(entry, str) else entry
    )
    return [
        name
        for name in inspect.signature(creator).parameters
        if name not in ("render_mode", "args", "kwargs")
    ]


def _unknown(id_: str) -> Refusal:
    for prefix, way in NAMESPACES.items():
        if id_.startswith(prefix):
            return Refusal(f"{id_} {way}")
    near = near_miss(id_, gymnasium.registry, 0.75)
    hint = f"did you mean {near!r}? If not, {OWN}" if near else OWN
    read = f", nor has any module imported: {', '.join(trusted())}" if trusted() else ""
    return Refusal(f"Gymnasium {gymnasium.__version__} has no {id_!r}{read}", hint=hint)


def simulator(options: Options, group: Group) -> ObservedSimulator | str:
    """Gymnasium's own classic control, and MuJoCo where the observation is all positions and
    velocities.
    """
    if options.vectorization == "native":
        return "its native vector version is stepped, whose states cannot be set"
    env = _one(options)
    found = settable(env)
    if isinstance(found, str):
        env.close()
    return found
