"""Procgen: sixteen games with levels from seeds (Cobbe et al. 2020), through the package
procgen-mirror.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from symgen.algebra.fieldtype import FieldType
from symgen.algebra.group import Group
from symgen.algebra.representation import Representation
from symgen.envs import _compass
from symgen.envs._compass import DIRECTION_IMAGES, REVERSING
from symgen.envs._level_seeds import LEVELS, SEED_RANGE, LevelCount, SeedRange, level_range
from symgen.envs._split import content
from symgen.problem.adapter import LevelSet
from symgen.problem.interface import Action, Interface, Term

if TYPE_CHECKING:  # Gymnasium is imported when an environment is made: a spec is checked without it
    from symgen.envs._procgen_env import ProcgenVectorEnv

SIDE = 64
"""Pixels per side of the picture."""

SYMMETRIES = {
    "bigfish": "mirrors left and right, about: fish swim sideways",
    "bossfight": "mirrors left and right: the boss is above, the player below",
    "caveflyer": "turns and mirrors, about: no up or down, but levels begin with the ship's nose "
    "up",
    "chaser": "turns and mirrors, about: a maze seen from above",
    "climber": "mirrors left and right: it climbs against gravity",
    "coinrun": "none: it runs from left to right",
    "dodgeball": "turns and mirrors, about: rooms seen from above",
    "fruitbot": "mirrors left and right: it drives upwards",
    "heist": "turns and mirrors, about: a maze seen from above",
    "jumper": "mirrors left and right: it jumps against gravity",
    "leaper": "mirrors left and right: it crosses roads upwards",
    "maze": "turns and mirrors, about: seen from above, but every level begins in the lower left "
    "corner",
    "miner": "mirrors left and right: boulders fall",
    "ninja": "none: it runs from left to right",
    "plunder": "mirrors left and right: it shoots upwards",
    "starpilot": "none of left and right: it flies from left to right; up and down may be mirrored",
}
"""The games, and which symmetries their rules have at best: most break what a spec may declare.
Drawings are shaded from one side and backgrounds are photographs, so that no game is exactly
symmetric; `symgen check-env` tests it."""

TURNING = ("caveflyer",)
"""Games whose keys left and right turn the player and up and down push it: the same in every
orientation.
"""

VERTICAL = ("down", "", "up")
HORIZONTAL = ("left", "", "right")
MOVES = tuple("_".join(filter(None, (y, x))) or "stay" for x in HORIZONTAL for y in VERTICAL)
ACTIONS = (*MOVES, "d", "a", "w", "s", "q", "e")
"""Procgen's fifteen combinations of keys; in most games d fires or does nothing, and the other
letters do nothing.
"""

MODES: dict[str, tuple[str, ...]] = {
    "easy": tuple(SYMMETRIES),
    "hard": tuple(SYMMETRIES),
    "extreme": ("chaser", "dodgeball", "leaper", "starpilot"),
    "memory": ("caveflyer", "dodgeball", "heist", "jumper", "maze", "miner"),
}
"""The games that have each distribution of levels."""
NUMBERS = {"easy": 0, "hard": 1, "extreme": 2, "memory": 10}


class Options(BaseModel):
    """What a spec may say about `adapter: procgen`."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    name: Literal[
        "bigfish", "bossfight", "caveflyer", "chaser", "climber", "coinrun", "dodgeball",
        "fruitbot", "heist", "jumper", "leaper", "maze", "miner", "ninja", "plunder", "starpilot",
    ] = Field(description="The game.")  # fmt: skip
    distribution_mode: Literal["easy", "hard", "extreme", "memory"] = Field(
        "easy", description="How levels are drawn; extreme and memory exist for some games only."
    )
    levels: LevelCount | None = Field(None, description=LEVELS)
    seed_range: SeedRange | None = Field(None, description=SEED_RANGE)
    reduce: int = Field(
        1, description="Squares of this many pixels a side are averaged: 1, 2, 4, 8 or 16."
    )
    backgrounds: bool = Field(
        True, description="Photographs behind the game; without them the background is black."
    )
    monochrome: bool = Field(
        False, description="JsonValue coloured rectangles in the place of drawings."
    )
    threads: int = Field(
        0, ge=0, le=64, description="Threads that step the games; 0 for none beside the caller."
    )

    @field_validator("distribution_mode")
    @classmethod
    def _has_mode(cls, value: str, info: ValidationInfo) -> str:
        name = info.data.get("name", "maze")
        if name not in MODES[value]:
            raise ValueError(
                f"{name} has no levels of the mode {value}; {', '.join(MODES[value])} have"
            )
        return value

    @field_validator("seed_range")
    @classmethod
    def _numbered(cls, value: tuple[int, int] | None) -> tuple[int, int] | None:
        if value is not None and value[1] >= 2**31:  # Procgen's seeds are 32-bit numbers
            raise ValueError(f"Procgen's level seeds end at {2**31 - 1}, got {list(value)}")
        return value

    @field_validator("reduce")
    @classmethod
    def _divides(cls, value: int) -> int:
        if value not in (1, 2, 4, 8, 16):
            raise ValueError(f"must be 1, 2, 4, 8 or 16, got {value}")
        return value

    @property
    def seeds(self) -> range | None:
        """The level seeds, None for all."""
        return level_range(self.levels, self.seed_range)


def interface(options: Options) -> Interface:
    """One term "observation", a picture in colours, and fifteen actions."""
    side = SIDE // options.reduce
    term = Term("observation", (side, side, 3), "uint8", "image", scale=255.0)
    return Interface((term,), Action("discrete", ACTIONS, (len(ACTIONS),)), single=True)


def names(options: Options) -> dict[str, tuple[str, ...]]:
    """The channels are colours."""
    return {}


def title(options: Options) -> str:
    """All games are Procgen's."""
    return "procgen"


def states(options: Options, group: Group) -> dict[str, FieldType] | None:
    """The image moves as images do. That the game goes on as in the moved image is for the user to
    claim.
    """
    field = _compass.image_field(group, interface(options).terms[0].shape)
    return None if field is None else {"observation": field}


def actions(options: Options, group: Group) -> Representation | None:
    """The nine moves are permuted as directions on the picture are, and the letters stay.

    In caveflyer left and right turn the ship, up and down push it: turns of the picture leave all
    keys alone, and mirrors swap left and right. What the keys mean says nothing of whether the game
    is symmetric: see SYMMETRIES.
    """
    moves = _compass.moves_of(group)
    if moves is None:
        return None
    images = {generator: _image(move, options.name in TURNING) for generator, move in moves.items()}
    return _compass.permuting(group, images, len(ACTIONS))


def _image(move: str, turning: bool) -> tuple[int, ...]:
    """Where each action goes under a word of GRID_MOVES.

    >>> [ACTIONS[k] for k in _image("turn", False)[:3]]
    ['down_right', 'down', 'down_left']
    >>> [ACTIONS[k] for k in _image("mirror", True)[:3]]
    ['down_right', 'right', 'up_right']
    """
    if turning:
        move = "mirror" if move in REVERSING else "keep"
    # up, left, down, right as (x, y): the order of DIRECTIONS
    arrows = ((0, 1), (-1, 0), (0, -1), (1, 0))
    up_x, up_y = arrows[DIRECTION_IMAGES[move][0]]
    right_x, right_y = arrows[DIRECTION_IMAGES[move][3]]
    image = [
        3 * (x * right_x + y * up_x + 1) + x * right_y + y * up_y + 1
        for x in (-1, 0, 1)
        for y in (-1, 0, 1)
    ]
    return (*image, *range(len(MOVES), len(ACTIONS)))


def make(options: Options, num_envs: int, seed: int, render: bool = False) -> "ProcgenVectorEnv":
    """The games side by side, SAME_STEP; see ProcgenVectorEnv for what their endings are.

    Raises:
        UserError: procgen-mirror is not installed.
    """
    from symgen.envs._procgen_env import ProcgenVectorEnv

    return ProcgenVectorEnv(_native(options), num_envs, len(ACTIONS), options.reduce, seed, render)


def level_set(options: Options) -> LevelSet:
    """The level seeds; Procgen shows no map by which levels could be split."""
    return LevelSet(options.seeds)


def level_contents(options: Options) -> Iterator[bytes]:
    """A digest of the first picture of one level after the other, drawn as training draws them.

    Procgen shows no map; a level is known by its first picture, and by its turned and mirrored
    images.

    Raises:
        UserError: procgen-mirror is not installed.
    """
    envs = make(options, 64, 0)
    still = np.zeros(envs.num_envs, dtype=np.int64)
    try:
        while True:
            images, _ = envs.reset()
            for colours in images.astype(np.int64) @ (1 << 16, 1 << 8, 1):
                yield content(colours)
            envs.step(still)  # levels that have just begun are not begun anew
    finally:
        envs.close()


def _native(options: Options) -> dict[str, str | int | bool]:
    """Procgen's own options."""
    seeds = options.seeds or range(0)
    return {
        "env_name": options.name,
        "num_levels": len(seeds),
        "start_level": seeds.start,
        "num_actions": len(ACTIONS),
        "use_sequential_levels": False,
        "debug_mode": 0,
        "num_threads": options.threads,
        "center_agent": True,
        "use_generated_assets": False,
        "use_monochrome_assets": options.monochrome,
        "restrict_themes": False,
        "use_backgrounds": options.backgrounds,
        "paint_vel_info": False,
        "distribution_mode": NUMBERS[options.distribution_mode],
    }


def views(options: Options) -> tuple[str, ...]:
    """What is drawn is drawn by lot: the options that change it change the levels, too."""
    return ()


def simulator(options: Options, group: Group) -> str:
    """Procgen restores its own states but makes no moved ones, so that only the statistical test is
    possible.
    """
    return "Procgen's states cannot be moved"
