"""Environments made from their registered id; what is wrong is told in a user's words."""

import inspect
import re
import warnings
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import gymnasium
from gymnasium import error
from gymnasium.vector import VectorEnv

from symgen.envs._hidden_entries import HiddenEntries
from symgen.envs._mujoco_warnings import silent_models
from symgen.envs._trusted import OWN, import_trusted, trusted
from symgen.errors import Refusal, UserError, near_miss, suggestion

if TYPE_CHECKING:
    from symgen.envs.gymnasium_env import Options

Environment = TypeVar("Environment")

EXTRAS = {
    ".box2d.": "pip install 'symgen[box2d]'",
    ".mujoco.": "pip install 'symgen[mujoco]'",
    ".classic_control.": "pip install 'symgen[classic]'",
    ".toy_text.": "pip install 'symgen[classic]'",
    ".phys2d.": 'pip install "gymnasium[jax]"',
    ".tabular.": 'pip install "gymnasium[jax]"',
}
"""The way out of a missing package, by a part of the environment's entry point."""

NAMESPACES = {
    "ALE/": "is a game of Atari: write adapter: atari",
    "MiniGrid-": "is an id of MiniGrid: write adapter: minigrid",
    "BabyAI-": "is an id of MiniGrid: write adapter: minigrid",
    "dm_control/": "needs the package shimmy: pip install 'shimmy[dm-control]'",
}


def environment(options: "Options", render: bool = False) -> gymnasium.Env:
    """One environment.

    Raises:
        Refusal: no such id, arguments it does not take, or entries to hide that it does not have.
        UserError: a package that it needs is missing, or it cannot be drawn.
    """
    drawn = {"render_mode": "rgb_array"} if render else {}
    make = partial(
        gymnasium.make, max_episode_steps=options.max_episode_steps, disable_env_checker=True
    )
    env = _told(options.id, make, **drawn, **options.kwargs)
    return HiddenEntries(env, options.hide) if options.hide else env


def native(options: "Options", num_envs: int) -> VectorEnv:
    """Its own vector version. Raises as `environment` does, and Refusal where there is none."""
    spec = gymnasium.registry.get(options.id)
    if spec is not None and spec.vector_entry_point is None:
        raise Refusal(
            f"{options.id} has no native vector version", hint="write vectorization: sync"
        )
    limit = {}
    if options.max_episode_steps is not None:
        limit["max_episode_steps"] = options.max_episode_steps
    make = partial(gymnasium.make_vec, num_envs=num_envs, vectorization_mode="vector_entry_point")
    return _told(options.id, make, **limit, **options.kwargs)


def _told(id_: str, make: Callable[..., Environment], **arguments: object) -> Environment:
    """Call `make`, its warnings silenced and its errors told in a user's words."""
    import_trusted()
    try:
        # ids that are out of date, bounds that are cast: it is what the spec asks for
        with warnings.catch_warnings(), silent_models(id_):
            warnings.simplefilter("ignore")
            return make(id_, **arguments)
    except error.UnregisteredEnv as cause:
        raise _unknown(id_) from cause
    except (error.DependencyNotInstalled, ImportError) as cause:
        message = f"{id_} needs a package that is not installed: {cause}"
        raise UserError("missing-package", message, _package_hint(id_)) from cause
    except (TypeError, ValueError, error.Error) as cause:
        raise _misused(id_, arguments, cause) from cause


def _package_hint(id_: str) -> str:
    """How to install what an environment needs."""
    spec = gymnasium.registry.get(id_)
    entry = str(spec.entry_point) if spec else ""
    known = (hint for part, hint in EXTRAS.items() if part in entry)
    return next(known, "install the package that it names")


def _misused(id_: str, arguments: Mapping[str, object], cause: Exception) -> UserError | Refusal:
    """What is wrong with the arguments of an environment that exists."""
    unexpected = re.search(r"unexpected keyword argument '(\w+)'", str(cause))
    if unexpected and unexpected[1] == "render_mode":
        message = f"the environment cannot be drawn: {id_} takes no render_mode"
        hint = 'give its constructor a render_mode, with "rgb_array"'
        return UserError("video-format", message, hint)
    if unexpected and unexpected[1] in arguments:
        hint = suggestion(unexpected[1], _taken(id_), "arguments")
        return Refusal(f"{id_} takes no argument {unexpected[1]!r}", hint=hint)
    return Refusal(f"{id_} cannot be made with {arguments or 'no arguments'}: {cause}")


def _taken(id_: str) -> list[str]:
    """The arguments that the constructor of an environment names; none where Gymnasium does not
    know it.
    """
    entry = gymnasium.registry[id_].entry_point if id_ in gymnasium.registry else None
    if entry is None:
        return []
    load = gymnasium.envs.registration.load_env_creator
    creator = load(entry) if isinstance(entry, str) else entry
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
