"""Environments of Gymnasium by their id: vectors, images, indices, and flat dicts of them."""

from functools import lru_cache, partial
from typing import Annotated, Literal

from gymnasium.vector import VectorEnv
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationInfo, field_validator

from symgen.algebra.group import Group
from symgen.envs._gymnasium_entries import ENTRY_NAMES
from symgen.envs._gymnasium_registry import environment, native
from symgen.envs._gymnasium_resumed import OneByOne
from symgen.envs._gymnasium_simulator import ObservedSimulator, settable
from symgen.envs._gymnasium_spaces import interface_of
from symgen.envs._processes import Processes
from symgen.envs._stepping import reset_from
from symgen.problem.interface import Interface

Entry = Annotated[int, Field(ge=1)]


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
    hide: tuple[Entry, ...] = Field(
        (),
        description="Entries of the observed vector, counted from 1, that the agent is not shown; "
        "with vectorization sync or async.",
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

    @field_validator("hide")
    @classmethod
    def _hidden_from_what_is_made(
        cls, value: tuple[int, ...], options: ValidationInfo
    ) -> tuple[int, ...]:
        if value and options.data.get("vectorization") == "native":
            raise ValueError("the native vector version hides nothing: write vectorization: sync")
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


def interface(options: Options) -> Interface:
    """The terms and the action of the environment, from its own spaces.

    Raises:
        Refusal: no such id, arguments it does not take, or a space that no term describes.
        UserError: a package that the environment needs is missing.
    """
    return _interface(options.model_dump_json())


@lru_cache(maxsize=64)
def _interface(written: str) -> Interface:
    options = Options.model_validate_json(written)
    env = environment(options)
    try:
        return interface_of(env.observation_space, env.action_space, options.id)
    finally:
        env.close()


def states(options: Options, group: Group) -> None:
    """Nothing is known of how the group moves an arbitrary environment."""


def actions(options: Options, group: Group) -> None:
    """Nothing is known of how the group moves an arbitrary environment."""


def make(options: Options, num_envs: int, seed: int, render: bool = False) -> VectorEnv:
    """The environments side by side, reset from the seed: the next `reset()` without one goes on
    from it.

    Raises:
        Refusal, UserError: as `interface`, and Refusal where there is no native vector version.
    """
    if options.vectorization == "native" and not render:
        envs = native(options, num_envs)
        envs.reset(seed=seed)
        return envs
    one_of_them = partial(environment, options, render)
    if options.vectorization == "async" and not render:
        environment(options).close()  # what is wrong is said here, not by a process
        return reset_from(Processes([one_of_them] * num_envs), seed)
    return reset_from(OneByOne([one_of_them] * num_envs), seed)


def views(options: Options) -> tuple[str, ...]:
    """Which entries are hidden."""
    return ("hide",)


def simulator(options: Options, group: Group) -> ObservedSimulator | str:
    """Of Gymnasium's own classic control, and of MuJoCo where the observation is all positions and
    velocities.
    """
    if options.vectorization == "native":
        return "its native vector version is stepped, whose states cannot be set"
    if options.hide:
        return "what the group does to the hidden entries of its states is not said"
    env = environment(options)
    simulated = settable(env)
    if isinstance(simulated, str):
        env.close()
    return simulated


def names(options: Options) -> dict[str, tuple[str, ...]]:
    """The entries of a vector, where Gymnasium documents them, and where there are as many: other
    arguments and other versions may show others.

    >>> names(Options(id="CartPole-v1"))["observation"][:2]
    ('cart position', 'cart velocity')
    """
    entries = ENTRY_NAMES.get(options.id.rsplit("-v", 1)[0], ())
    shown = tuple(name for k, name in enumerate(entries) if k + 1 not in options.hide)
    if not shown or interface(options).terms[0].shape != (len(shown),):
        return {}
    return {"observation": shown}


def title(options: Options) -> str:
    """The id."""
    return options.id


def level_set(options: Options) -> None:
    """Nothing is known of the levels of an arbitrary environment."""


def level_contents(options: Options) -> None:
    """Nothing is known of the levels of an arbitrary environment."""
