"""CarRacing of Gymnasium: tracks seen from above by the pixels, driven by steering, gas and brake.

The world, its rewards and its endings are Gymnasium's CarRacing-v3. Ours are the agent's box of
actions, [-1, 1] throughout, an image without the instruments or the colours where the spec says so,
and other backgrounds in the place of the grass, which an agent can be tested on (Tang & Ha 2021,
section 4.4; their photographs are not shipped, the patterns here are generated).
"""

import warnings
from functools import partial
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from symgen.algebra.fieldtype import FieldType
from symgen.algebra.group import Group
from symgen.algebra.representation import Representation
from symgen.envs import _unmoved
from symgen.envs._hidden_rows import HiddenRows
from symgen.errors import UserError
from symgen.problem.interface import Action, Interface, Term

if TYPE_CHECKING:  # Gymnasium is imported when an environment is made: a spec is checked without it
    from gymnasium import Env
    from gymnasium.vector import VectorEnv

SIDE = 96
"""Pixels per side of the image."""
ACTIONS = ("steer", "gas", "brake")
INSTALL = "pip install 'symgen[box2d]'"

Background = Literal["grass", "noise", "checkerboard", "stripes", "gradient"]


class Options(BaseModel):
    """What a spec may say about `adapter: car_racing`."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    gray: bool = Field(True, description="One channel of brightness; else three of colour.")
    background: Background = Field(
        "grass",
        description="What is drawn where the grass is; the others than grass are patterns that "
        "stay in place on the screen.",
    )
    hide_rows: HiddenRows = Field(
        HiddenRows(top=0, bottom=0),
        description="Rows of the image that are zero; the instruments are in the 12 at the bottom.",
    )
    action_repeat: int = Field(
        1, ge=1, le=16, description="Steps of the simulation per action; rewards are summed."
    )
    stop_after: int | None = Field(
        None,
        ge=1,
        description="An episode is truncated after so many steps in a row with a negative reward. "
        "For training: write a condition with null to evaluate on whole episodes.",
    )
    max_steps: int = Field(
        1000,
        ge=1,
        le=1_000_000,
        description="Steps of the simulation until an episode is truncated.",
    )
    vectorization: Literal["sync", "async"] = Field(
        "sync", description="sync: one after another. async: a process each."
    )

    @field_validator("hide_rows")
    @classmethod
    def _something_is_left(cls, value: HiddenRows) -> HiddenRows:
        if not value.leave(SIDE):
            raise ValueError(f"hides all {SIDE} rows of the image; hide fewer")
        return value

    @property
    def shape(self) -> tuple[int, int, int]:
        """Rows, columns and channels of the image."""
        return SIDE, SIDE, 1 if self.gray else 3


def interface(options: Options) -> Interface:
    """One term "observation", an image of bytes, and three continuous actions in [-1, 1]. Known
    without Gymnasium.
    """
    term = Term("observation", options.shape, "uint8", "image", scale=255.0)
    count = len(ACTIONS)
    action = Action("continuous", ACTIONS, (count,), (-1.0,) * count, (1.0,) * count)
    return Interface((term,), action, single=True)


def states(options: Options, group: Group) -> dict[str, FieldType] | None:
    """Nothing is known of how a group moves it, but of the group that moves nothing.

    The mirror left and right moves the picture of the road; it moves neither the instruments nor
    the way in which tracks are made, which go round counter-clockwise.
    """
    field = _unmoved.image_field(group, options.shape)
    return None if field is None else {"observation": field}


def actions(options: Options, group: Group) -> Representation | None:
    """As `states`."""
    return _unmoved.parameters(group, len(ACTIONS))


def make(options: Options, num_envs: int, seed: int, render: bool = False) -> "VectorEnv":
    """The cars side by side (NEXT_STEP), reset from the seed: the next `reset()` without one goes
    on from it.

    Raises:
        UserError: Box2D or pygame is not installed.
    """
    from gymnasium.vector import SyncVectorEnv

    from symgen.envs._processes import Processes
    from symgen.envs._stepping import reset_from

    racing = partial(_racing, options, render)
    if options.vectorization == "async" and not render:
        racing().close()  # what is missing is said here, not by a process
        return reset_from(Processes([racing] * num_envs), seed)
    return reset_from(SyncVectorEnv([racing] * num_envs), seed)


def _racing(options: Options, render: bool) -> "Env":
    from gymnasium.error import DependencyNotInstalled

    try:
        with warnings.catch_warnings():  # types of SWIG warn, and as an error end the process
            warnings.simplefilter("ignore")
            from symgen.envs._car_racing_env import Racing
    except (ImportError, DependencyNotInstalled) as error:
        message = "the adapter car_racing needs the packages box2d and pygame-ce"
        raise UserError("missing-package", message, INSTALL) from error
    return Racing(options, render)


def views(options: Options) -> tuple[str, ...]:
    """How the track is drawn."""
    return ("gray", "background", "hide_rows")


def simulator(options: Options, group: Group) -> str:
    """Box2D's world holds more than can be set."""
    return "the state of Box2D's world, its contacts, cannot be set"


def names(options: Options) -> dict[str, tuple[str, ...]]:
    """The channels are brightness or colours."""
    return {}


def title(options: Options) -> str:
    """There is one such environment."""
    return "CarRacing"


def level_set(options: Options) -> None:
    """Tracks are drawn by the environment's own random numbers, always new ones."""


def level_contents(options: Options) -> None:
    """As `level_set`."""
