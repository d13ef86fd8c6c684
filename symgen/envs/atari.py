"""Atari 2600 games of the Arcade Learning Environment (Bellemare et al. 2013), through ale-py.

ale-py is under the GNU General Public License 2, and symgen is not: it is an extra that a user may
install, `symgen[atari]`, and `_atari_env.py` alone imports it, when a spec names a game. The games
themselves are in its wheel.

One frame is observed: the larger of the last two frames pixel by pixel (sprites flicker), averaged
over areas to `size` x `size`; or bytes of the console's memory, where a few numbers say where
everything is (Bellemare et al. 2013, section 3.1; Anand et al. 2019, Unsupervised State
Representation Learning in Atari, list which). Frames are stacked by the key `frames` of the section
`environment`.
"""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from symgen.algebra.fieldtype import FieldType, vector
from symgen.algebra.group import Group
from symgen.algebra.representation import Representation
from symgen.envs import _unmoved
from symgen.envs._atari_games import ACTIONS, GAMES, RAM, numbers
from symgen.envs._hidden_rows import HiddenRows
from symgen.envs._level_seeds import from_list
from symgen.errors import suggestion
from symgen.problem.interface import Action, Interface, Layout, Term

if TYPE_CHECKING:  # Gymnasium is imported when an environment is made: a spec is checked without it
    from symgen.envs._atari_env import AtariGames


Address = Annotated[int, Field(ge=0, lt=RAM)]


class Options(BaseModel):
    """What a spec may say about `adapter: atari`."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    game: str = Field(
        max_length=64, description="The game as Gymnasium's ids have it, such as Pong or MsPacman."
    )
    observes: Literal["pixels", "ram"] = Field(
        "pixels",
        description="The image, or the console's memory: for teachers, which need not see what "
        "their students see.",
    )
    ram: Annotated[tuple[Address, ...], BeforeValidator(from_list)] = Field(
        (),
        max_length=RAM,
        description="Which of the 128 bytes are observed, by their addresses; left out, all. In "
        "Pong 49 and 54 are the ball's place, 51 and 50 are the rackets'.",
    )
    gray: bool = Field(True, description="One channel of brightness; else three of colour.")
    size: int = Field(84, ge=8, le=160, description="Pixels per side of the image.")
    frame_skip: int = Field(
        4, ge=1, le=16, description="Frames of the emulator per action; rewards are summed."
    )
    noop_starts: int = Field(
        30,
        ge=0,
        le=1000,
        description="An episode begins after a random number of frames without an action, at most "
        "this many.",
    )
    sticky: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Probability that the emulator repeats the action of the frame before, in "
        "every frame; 0.25 is what Machado et al. (2018) recommend.",
    )
    full_actions: bool = Field(
        False,
        description="All actions that the emulator takes, mostly 18; else those that the game "
        "uses, in the same order.",
    )
    only_actions: Annotated[tuple[str, ...], BeforeValidator(from_list)] = Field(
        (),
        max_length=len(ACTIONS),
        description="Names of the actions to choose from, in this order, where others do the same: "
        "[noop, right, left] are all that Pong needs; left out, all of them.",
    )
    terminal_on_life_loss: bool = Field(
        False,
        description="A lost life ends the episode, and the next is a new game. For training: write "
        "a condition with false to evaluate on whole games.",
    )
    hide_rows: HiddenRows = Field(
        HiddenRows(top=0, bottom=0),
        description="Rows of the image that are zero, such as those of the score.",
    )
    max_steps: int = Field(
        27_000,
        ge=1,
        le=1_000_000,
        description="Actions until an episode is truncated; 27,000 are 30 minutes of play at 4 "
        "frames per action.",
    )
    threads: int = Field(
        0,
        ge=0,
        le=256,
        description="Threads that step the games; 0 for one per core. Games whose memory is "
        "observed are stepped in one.",
    )

    @field_validator("game")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in GAMES:
            raise ValueError(f"there is no game {value!r}; {suggestion(value, GAMES, 'games')}")
        return value

    @field_validator("hide_rows")
    @classmethod
    def _something_is_left(cls, value: HiddenRows, info: ValidationInfo) -> HiddenRows:
        rows = info.data.get("size", 84)
        if not value.leave(rows):
            raise ValueError(f"hides all {rows} rows of the image; hide fewer")
        return value

    @model_validator(mode="after")
    def _knows_these_actions(self) -> "Options":
        every = [ACTIONS[k] for k in numbers(self.game, self.full_actions)]
        for name in self.only_actions:
            if name not in every:
                raise ValueError(
                    f"{self.game} has no action {name!r}; {suggestion(name, every, 'actions')}"
                )
        if len(set(self.only_actions)) < len(self.only_actions):
            raise ValueError("only_actions names an action twice")
        return self

    @model_validator(mode="after")
    def _observes_these_bytes(self) -> "Options":
        if self.ram and self.observes == "pixels":
            raise ValueError("`ram` says which bytes are observed: write observes: ram, too")
        return self

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Rows, columns and channels of the image."""
        return self.size, self.size, 1 if self.gray else 3

    @property
    def shape(self) -> tuple[int, ...]:
        """Of what is observed: the image's, or the number of bytes."""
        return self.image_shape if self.observes == "pixels" else (len(self.ram) or RAM,)

    @property
    def chosen(self) -> tuple[int, ...]:
        """The numbers of the actions to choose from, among those that the emulator is made with."""
        every = [ACTIONS[k] for k in numbers(self.game, self.full_actions)]
        return tuple(every.index(name) for name in self.only_actions or every)

    @property
    def actions(self) -> tuple[str, ...]:
        """The names of the actions to choose from, in the emulator's order if all are."""
        every = numbers(self.game, self.full_actions)
        return tuple(ACTIONS[every[k]] for k in self.chosen)


def interface(options: Options) -> Interface:
    """One term "observation", an image of bytes or bytes of memory, and the game's actions. Known
    without ale-py.
    """
    layout: Layout = "vector" if options.observes == "ram" else "image"
    term = Term("observation", options.shape, "uint8", layout, scale=255.0)
    action = Action("discrete", options.actions, (len(options.actions),))
    return Interface((term,), action, single=True)


def states(options: Options, group: Group) -> dict[str, FieldType] | None:
    """Nothing is known of how a group moves a game, but of the group that moves nothing."""
    if options.observes == "ram":
        fibre = _unmoved.parameters(group, *options.shape)
        return None if fibre is None else {"observation": vector(fibre)}
    field = _unmoved.image_field(group, options.image_shape)
    return None if field is None else {"observation": field}


def actions(options: Options, group: Group) -> Representation | None:
    """As `states`."""
    return _unmoved.parameters(group, len(options.actions))


def make(options: Options, num_envs: int, seed: int, render: bool = False) -> "AtariGames":
    """The games side by side (NEXT_STEP), in threads, reset from the seed: the next `reset()`
    without one goes on from it.

    Raises:
        UserError: ale-py is not installed.
    """
    from symgen.envs._atari_env import AtariGames

    return AtariGames(options, num_envs, seed, render)


def views(options: Options) -> tuple[str, ...]:
    """What is seen of a game, and how."""
    return ("observes", "ram", "gray", "size", "hide_rows", "threads")


def simulator(options: Options, group: Group) -> str:
    """The emulator stores and restores its states; a moved one would be another program's."""
    return "a state of the emulator can be stored and not moved"


def names(options: Options) -> dict[str, tuple[str, ...]]:
    """Bytes are called by their addresses; the channels of an image are brightness or colours."""
    if options.observes == "pixels":
        return {}
    return {"observation": tuple(f"byte {at}" for at in options.ram or range(RAM))}


def title(options: Options) -> str:
    """The game."""
    return options.game


def level_set(options: Options) -> None:
    """The games have no levels from seeds."""


def level_contents(options: Options) -> None:
    """The games have no levels from seeds."""
