"""Held-out levels are held out: by what they are, up to turns and mirrors, not by the number of a
seed.
"""

from itertools import islice

import numpy as np
import pytest

from symgen import lookup
from symgen.algebra.base import GRID_MOVES
from symgen.envs import gridworld, minigrid
from symgen.envs._split import content, on_side, side
from symgen.problem.adapter import adapter

GRIDWORLDS = (
    {"kind": "crossing", "size": 9, "crossings": (1, 2)},
    {"kind": "crossing", "size": 9, "crossings": 2, "goal": "random"},
    {"kind": "scattered", "size": 7, "density": (0.2, 0.4)},
    {"kind": "maze", "size": 7},
    {"kind": "chiral_maze", "size": 9},
)
MINIGRIDS = (
    {"id": "MiniGrid-LavaCrossingS9N2-v0"},
    {"id": ("MiniGrid-SimpleCrossingS9N1-v0", "MiniGrid-SimpleCrossingS9N2-v0")},
    {"id": "MiniGrid-LavaCrossingS9N2-v0", "goal": "random"},
    {"id": "MiniGrid-DoorKey-8x8-v0"},
)


def named(value):
    """The id of a case: the adapter, or its options."""
    return value.__name__.rpartition(".")[2] if hasattr(value, "Options") else str(value)


MADE = [(gridworld, options) for options in GRIDWORLDS] + [
    (minigrid, options) for options in MINIGRIDS
]


def contents(adapter, count=150, **options):
    return set(islice(adapter.level_contents(adapter.Options(**options)), count))


@pytest.mark.parametrize(("adapter", "options"), MADE, ids=named)
def test_training_and_test_levels_have_none_in_common(adapter, options):
    train, test = (contents(adapter, split=split, **options) for split in ("train", "test"))
    assert train
    assert test
    assert not train & test
    # the control: other seeds of the same side make the same levels wherever there are few
    turned = contents(adapter, split="train", orientation=1, mirror=True, **options)
    assert turned == train


@pytest.mark.parametrize(("adapter", "options"), [MADE[0], MADE[5]], ids=named)
def test_without_a_split_other_seeds_make_the_same_levels(adapter, options):
    ranges = ((0, 600), (7000, 7200))
    some, others = (
        contents(adapter, 600, split="all", seed_range=seeds, **options) for seeds in ranges
    )
    assert len(some & others) > len(others) / 2


@pytest.mark.parametrize(("adapter", "options"), MADE, ids=named)
def test_what_is_stepped_is_what_was_counted(adapter, options):
    """Levels that episodes begin with lie on the side that was asked for, measured on what is
    rendered.
    """
    options = adapter.Options(split="test", seed_range=(0, 50), **options)
    envs = adapter.make(options, 4, 0)
    counted = set(adapter.level_contents(options))
    for seed in range(5):
        envs.reset(seed=seed)
        for state in envs.states():
            cells = state.cells
            assert content(cells) in counted
    envs.close()


def test_content_is_the_same_for_the_eight_images_and_for_no_other_map():
    cells = np.random.default_rng(0).integers(4, size=(5, 5)).astype(np.uint8)
    images = [
        GRID_MOVES[move](turned)
        for turned in (cells, cells.T)
        for move in ("keep", "turn", "mirror", "flip")
    ]
    assert len({image.tobytes() for image in images}) > 4
    assert {content(image) for image in images} == {content(cells)}
    other = cells.copy()
    other[0, 1] += 1
    assert content(other) != content(cells)
    assert content(np.zeros((2, 8))) != content(np.zeros((4, 4)))
    assert content(np.zeros((2, 8))) == content(np.zeros((8, 2)))


def test_the_share_of_test_levels_is_what_was_asked_for():
    digests = [
        content(np.random.default_rng(k).integers(2, size=(7, 7)).astype(np.uint8))
        for k in range(4000)
    ]
    share = np.mean([side(digest, 0.3) == "test" for digest in digests])
    assert abs(share - 0.3) < 0.03


def test_all_takes_the_first_draw():
    drawn = []
    on_side(lambda source: (drawn.append(source), np.zeros((3, 3))), 7, "all", 0.2)
    assert drawn == [7]


def test_an_empty_side_is_an_error():
    # 7x7 cells with one river: 20 levels, six up to turns and mirrors
    with pytest.raises(ValueError, match="too few distinct levels"):
        gridworld.interface(gridworld.Options(size=7, crossings=1, split="test"))


def test_every_adapter_with_level_seeds_says_what_its_levels_are():
    seeded = {
        name
        for name in lookup.keywords("adapter")
        if "seed_range" in lookup.options("adapter", name).model_fields
    }
    assert {"gridworld", "minigrid", "procgen"} <= seeded
    needed = {
        "atari": {"game": "Pong"},
        "minigrid": {"id": "MiniGrid-LavaCrossingS9N1-v0"},
        "procgen": {"name": "maze"},
        "dm_control": {"domain": "cartpole", "task": "balance"},
        "gymnasium_env": {"id": "CartPole-v1"},
    }
    told = set()
    for name in lookup.keywords("adapter"):
        module = adapter(name)
        options = module.Options.model_validate(needed.get(name, {}))
        told |= {name} if module.level_set(options) is not None else set()
    assert told == seeded


def test_scattered_levels_have_a_way_to_the_goal():
    from symgen.envs._lava import GOAL, LAVA, reachable, scattered

    for seed in range(60):
        cells = scattered(seed, 7, 0.5, LAVA, ("corner", "random", "top_right")[seed % 3]).cells
        assert reachable(cells, (1, 1))[tuple(np.argwhere(cells == GOAL)[0])]
    assert scattered(0, 5, 0.5, LAVA, "random").cells[1, 1] != LAVA
    walled = scattered(0, 7, 0.0).cells
    walled[2, 1] = walled[1, 2] = LAVA  # the control
    assert not reachable(walled, (1, 1))[5, 5]
