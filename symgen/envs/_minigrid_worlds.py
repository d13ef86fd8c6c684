"""What MiniGrid's registered ids are like, so that a spec is checked without importing MiniGrid.

A test compares this table with the environments themselves.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product

import numpy as np

from symgen.envs._tiles import Layers
from symgen.errors import Refusal

TYPES = ("unseen", "empty", "wall", "floor", "door", "key", "ball", "box", "goal", "lava")
COLOURS = ("red", "green", "blue", "purple", "yellow", "grey")
DOOR = ("open", "closed", "locked")
EMPTY = TYPES.index("empty") * 18
"""The code of an empty cell; MiniGrid's (type, colour, state) become the code 18 type + 3 colour +
state.
"""
CODES = 18 * len(TYPES)

PORTABLE = ("key", "ball", "box")
OPEN = ("toggle",)
CARRY = ("pickup", "drop", "toggle")


@dataclass(frozen=True)
class World:
    """What the levels of an id have in common.

    Args:
        rows: rows of the map.
        columns: columns of the map.
        objects: types that occur, in the order of TYPES.
        colours: whether colours tell objects apart.
        interactions: MiniGrid's actions that the task needs beside turning and moving.
        settable: map, agent and what it carries are the whole state, so that any state can be set.
        restless: things move by themselves.
        rivers: number of rivers of a crossing, whose goal can be moved; None for other tasks.
        river: what they are made of, "lava" or "wall".
    """

    rows: int
    columns: int
    objects: tuple[str, ...]
    colours: bool = False
    interactions: tuple[str, ...] = ()
    settable: bool = False
    restless: bool = False
    rivers: int | None = None
    river: str = ""


def code_of(kind: str, colour: str = "red", state: int = 0) -> int:
    """The code of a cell.

    >>> code_of("empty") == EMPTY, code_of("door", "grey", 2)
    (True, 89)
    """
    return 18 * TYPES.index(kind) + 3 * COLOURS.index(colour) + state


def channels(world: World, partial: bool) -> tuple[str, ...]:
    """The names of the one-hot channels of a cell: types, then colours and door states where they
    occur.

    Args:
        partial: the egocentric view, which also has cells that are not seen.
    """
    names = ("unseen",) * partial + world.objects
    names += COLOURS if world.colours else ()
    return names + (DOOR if "door" in world.objects else ())


def carried(world: World) -> tuple[str, ...]:
    """The names of the channels that say what the agent carries; none where it carries nothing."""
    if "pickup" not in world.interactions:
        return ()
    kinds = tuple(f"carried {kind}" for kind in PORTABLE if kind in world.objects)
    return kinds + (tuple(f"carried {colour}" for colour in COLOURS) if world.colours else ())


@lru_cache(maxsize=64)
def one_hot(names: tuple[str, ...], prefix: str = "") -> np.ndarray:
    """The channels of every code, uint8 (CODES, len(names)), not to be written to.

    Args:
        names: channel names; those that do not begin with the prefix stay 0.
    """
    table = np.zeros((CODES, len(names)), dtype=np.uint8)
    for channel, name in enumerate(names):
        if not name.startswith(prefix):
            continue
        word = name.removeprefix(prefix)
        for kind, colour, state in product(TYPES, COLOURS, range(3)):
            coloured = kind in ("floor", "door", "key", "ball", "box")
            hit = word == kind or (word == colour and coloured)
            table[code_of(kind, colour, state), channel] = hit or (
                kind == "door" and word == DOOR[state]
            )
    table.flags.writeable = False
    return table


_DRAWN: dict[str, Callable[[str, int], Layers]] = {
    "unseen": lambda colour, state: (("square", 1.1, 0.0, "grey"), ("square", 0.8, 0.0, "black")),
    "empty": lambda colour, state: (("square", 0.94, 0.0, "black"),),
    "wall": lambda colour, state: (("square", 1.1, 0.0, "grey"),),
    "floor": lambda colour, state: (("square", 0.94, 0.8, colour),),
    "door": lambda colour, state: (
        ("square", 1.1, 0.8, colour),
        *((("square", 0.65, 0.45, colour),) if state else ()),
        *((("square", 0.45, 0.0, "grey"),) if state == 2 else ()),
    ),
    "key": lambda colour, state: (("disc", 0.75, 0.5, colour),),
    "ball": lambda colour, state: (("disc", 0.62, 0.0, colour),),
    "box": lambda colour, state: (("square", 0.76, 0.5, colour), ("square", 0.2, 0.0, colour)),
    "goal": lambda colour, state: (("square", 1.1, 0.0, "green"),),
    "lava": lambda colour, state: (("square", 1.1, 0.0, "orange"), ("square", 0.5, 0.35, "red")),
}


def layers() -> tuple[Layers, ...]:
    """How every code is drawn, symmetrically."""
    return tuple(
        _DRAWN[kind](colour, state) for kind, colour, state in product(TYPES, COLOURS, range(3))
    )


def _square(size: int, *objects: str, interactions: tuple[str, ...] = ()) -> World:
    """A square map where map, agent and what it carries are the whole state."""
    return World(size, size, objects, interactions=interactions, settable=True)


def _rooms(size: int, rows: int, columns: int, *objects: str) -> World:
    """Rooms of `size` cells that share their walls."""
    side = size - 1
    return World(rows * side + 1, columns * side + 1, objects, colours=True, interactions=CARRY)


def _lava(size: int, rivers: int | None = None, river: str = "") -> World:
    # The channel of lava is there without lava too, so that a network goes from one of these tasks
    # to another.
    return replace(_square(size, "wall", "goal", "lava"), rivers=rivers, river=river)


def _table() -> Iterator[tuple[str, World]]:
    for size, crossings in ((9, 1), (9, 2), (9, 3), (11, 5)):
        yield f"LavaCrossingS{size}N{crossings}-v0", _lava(size, rivers=crossings, river="lava")
        yield f"SimpleCrossingS{size}N{crossings}-v0", _lava(size, rivers=crossings, river="wall")
    for size in (5, 6, 7):
        yield f"LavaGapS{size}-v0", _lava(size)
    for name in ("5x5", "6x6", "8x8", "16x16", "Random-5x5", "Random-6x6"):
        size = int(name.split("x")[-1])
        yield f"Empty-{name}-v0", _square(size, "wall", "goal")
        yield (
            f"Dynamic-Obstacles-{name}-v0",
            World(size, size, ("wall", "ball", "goal"), restless=True),
        )
    yield "FourRooms-v0", _square(19, "wall", "goal")
    for strip in (1, 2):
        yield f"DistShift{strip}-v0", World(7, 9, ("wall", "goal", "lava"), settable=True)
    for size in (5, 6, 8, 16):
        yield (
            f"DoorKey-{size}x{size}-v0",
            _square(size, "wall", "door", "key", "goal", interactions=CARRY),
        )
    for name in ("N2-S4-v0", "N4-S5-v0", "N4-S5-v1", "N6-v0"):
        yield f"MultiRoom-{name}", _square(25, "wall", "door", "goal", interactions=OPEN)
    for name in ("7", "9", "11", "13", "13Random", "17Random"):
        size = int(name.removesuffix("Random"))
        yield f"MemoryS{name}-v0", World(size, size, ("wall", "key", "ball"))
    for size in (6, 8):
        doors = World(size, 2 * size, ("wall", "door"), colours=True, interactions=OPEN)
        yield f"RedBlueDoors-{size}x{size}-v0", doors
    yield (
        "LockedRoom-v0",
        World(19, 19, ("wall", "door", "key", "goal"), colours=True, interactions=CARRY),
    )
    yield from _with_rooms()


def _with_rooms() -> Iterator[tuple[str, World]]:
    everything = ("wall", "door", "key", "ball", "box")
    for size, rows in ((3, 1), (3, 2), (3, 3), (4, 3), (5, 3), (6, 3)):
        yield f"KeyCorridorS{size}R{rows}-v0", _rooms(size, rows, 3, "wall", "door", "key", "ball")
    yield "Unlock-v0", _rooms(6, 1, 2, "wall", "door", "key")
    yield "UnlockPickup-v0", _rooms(6, 1, 2, "wall", "door", "key", "box")
    yield "BlockedUnlockPickup-v0", _rooms(6, 1, 2, *everything)
    for name in ("1Dl-v0", "1Dlh-v0", "1Dlhb-v0"):
        yield f"ObstructedMaze-{name}", _rooms(6, 1, 2, *everything)
    for name in (
        "2Dl-v0",
        "2Dlh-v0",
        *(f"{kind}-v{v}" for kind in ("2Dlhb", "1Q", "2Q", "Full") for v in (0, 1)),
    ):
        yield f"ObstructedMaze-{name}", _rooms(6, 3, 3, *everything)


KNOWN = {f"MiniGrid-{name}": world for name, world in _table()}
"""The registered ids of MiniGrid 3 whose goal is not given in words."""


def mixed(worlds: dict[str, World]) -> World:
    """The world that several ids share.

    Raises:
        Refusal: they are not seen or acted in alike.
    """
    (name, first), *rest = worlds.items()
    for other_name, world in rest:
        there = _kept(world)
        for what, value in _kept(first).items():
            if value != there[what]:
                raise Refusal(
                    f"{name} and {other_name} cannot be mixed: their {what} are {value} and "
                    f"{there[what]}"
                )
    settable = all(world.settable for world in worlds.values())
    restless = any(world.restless for world in worlds.values())
    return replace(first, settable=settable, restless=restless, rivers=None, river="")


def _kept(world: World) -> dict[str, object]:
    """What worlds must have in common to be mixed, in the words of a message."""
    return {
        "rows": world.rows,
        "columns": world.columns,
        "objects": world.objects,
        "colours": world.colours,
        "interactions": world.interactions,
    }


def anything(rows: int, columns: int) -> World:
    """The world of an id about which only the size of its map is known."""
    return World(rows, columns, TYPES[2:], colours=True, interactions=CARRY, restless=True)
