import numpy as np
import pytest

from symgen.algebra.base import GRID_MOVES
from symgen.algebra.catalogue import group
from symgen.algebra.representation import check_relations
from symgen.envs import _compass
from symgen.envs._compass import DIRECTION_IMAGES, REVERSING, STEPS


@pytest.mark.parametrize("move", GRID_MOVES)
def test_directions_move_as_arrows_drawn_on_the_grid(move):
    for direction, (row, column) in enumerate(STEPS.tolist()):
        centre = np.zeros((5, 5), int)
        tip = np.zeros((5, 5), int)
        centre[2, 2], tip[2 + row, 2 + column] = 1, 1
        moved = (
            np.argwhere(_compass.turned(tip, move))[0]
            - np.argwhere(_compass.turned(centre, move))[0]
        )
        assert tuple(moved) == tuple(STEPS[DIRECTION_IMAGES[move][direction]])


@pytest.mark.parametrize("move", GRID_MOVES)
def test_reversing_moves_are_those_that_swap_left_and_right_turns(move):
    image = DIRECTION_IMAGES[move]
    swaps = image[1] == (image[0] - 1) % 4  # a left turn, up to left, became a right turn
    assert swaps == (move in REVERSING)


@pytest.mark.parametrize("orientation", range(4))
@pytest.mark.parametrize("mirror", [False, True])
def test_oriented_directions_agree_with_oriented_pictures(orientation, mirror):
    images = _compass.oriented_directions(orientation, mirror)
    for direction, (row, column) in enumerate(STEPS.tolist()):
        tip = np.zeros((3, 3), int)
        tip[1 + row, 1 + column] = 1
        moved = np.argwhere(_compass.oriented(tip, orientation, mirror))[0] - 1
        assert tuple(moved) == tuple(STEPS[images[direction]])


@pytest.mark.parametrize("name", ["C1", "C2", "C4", "D1", "D2", "D4"])
def test_directions_and_turns_are_representations(name):
    for representation, size in (
        (_compass.directions(group(name), 2), 6),
        (_compass.turns(group(name), 3), 5),
    ):
        assert representation is not None
        assert representation.size == size
        check_relations(representation)


@pytest.mark.parametrize("name", ["C3", "S4", "C2 x C2"])
def test_groups_without_a_planar_meaning_are_declined(name):
    assert _compass.directions(group(name)) is None
    assert (_compass.turns(group(name)) is None) == (
        name != "C3"
    )  # any turn leaves left and right as they are
