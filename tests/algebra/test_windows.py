"""Windows: the slow twin, and the law that a move of the grid permutes windows and moves the places
inside.
"""

import numpy as np
import pytest

from symgen.algebra import base as bases
from symgen.algebra.base import parse
from symgen.algebra.catalogue import group
from symgen.algebra.windows import windows

GRIDS = [
    ("C4", "grid 5x5"),
    ("D4", "grid 4x4"),
    ("C2", "grid 5x7"),
    ("D2", "grid 3x4"),
    ("D1", "grid 2x6"),
]
GRIDS += [("D1", "grid 4x4(s=transpose)"), ("C1", "grid 1x1")]


@pytest.mark.parametrize("size", [1, 3, 5, 7])
@pytest.mark.parametrize(("name", "text"), GRIDS)
def test_equal_to_the_slow_twin(name, text, size):
    base = parse(group(name), text)
    rows, columns = base.shape
    for place, window in enumerate(windows(base, size)):
        row, column = divmod(place, columns)
        for inner, found in enumerate(window):
            r, c = row + inner // size - size // 2, column + inner % size - size // 2
            assert found == (r * columns + c if 0 <= r < rows and 0 <= c < columns else -1)


def moves_windows(base, inner, index):
    """Whether window p(i), at place q(a) inside, is the image of what window i has at a; the
    outside stays outside.
    """
    for places, inside in zip(base.permutations, inner.permutations, strict=True):
        image = np.append(places, -1)
        if not np.array_equal(index[places][:, inside], image[index]):
            return False
    return True


@pytest.mark.parametrize("size", [1, 3, 5])
@pytest.mark.parametrize(("name", "text"), GRIDS)
def test_moving_the_grid_permutes_windows_and_moves_inside_each(name, text, size):
    base = parse(group(name), text)
    assert moves_windows(base, bases.resize(base, size, size), windows(base, size))


def test_control_the_inside_moves_too():
    base = parse(group("C4"), "grid 5x5")
    still = bases.grid(base.group, 3, 3, {"r": "keep"})
    back = bases.grid(base.group, 3, 3, {"r": "turn_back"})
    assert not moves_windows(base, still, windows(base, 3))
    assert not moves_windows(base, back, windows(base, 3))


@pytest.mark.parametrize(
    ("text", "size", "what"),
    [
        ("grid 5x5", 2, "must be odd"),
        ("grid 5x5", 0, "must be odd"),
        ("grid 5x5", -3, "must be odd"),
        ("tokens 4", 3, "need a grid"),
        ("grid 100x100", 101, "entries"),
        ("grid 5x5", 10**9 + 1, "entries"),
    ],
)
def test_what_has_no_windows_is_refused(text, size, what):
    with pytest.raises(ValueError, match=what):
        windows(parse(group("C1"), text), size)
