"""Pictures that are turned by interpolation: exact where pixels meet pixels, small errors on smooth
ones elsewhere.
"""

import numpy as np
import pytest

from symgen.algebra import base as bases
from symgen.algebra import fieldtype, plane
from symgen.algebra.base import parse
from symgen.algebra.catalogue import group, presented

NAMES = ("C3", "C4", "C8", "D4", "D8", "SO2", "O2")


def smooth(side, channels=1, seed=0, width=0.1):
    """Sums of broad bumps inside the disc, drawn from the continuous plane; (side * side,
    channels).
    """
    random = np.random.default_rng(seed)
    centres, heights = (
        random.uniform(-0.2, 0.2, (5, 2)) * side,
        random.standard_normal((5, channels)),
    )
    apart = np.linalg.norm(plane.centred((side, side))[:, None] - centres, axis=-1)
    return np.exp(-0.5 * (apart / (width * side)) ** 2) @ heights


def relative(a, b):
    return np.abs(a - b).max() / np.abs(b).max()


@pytest.mark.parametrize("name", NAMES)
def test_a_plane_prints_parses_and_has_one_orbit(name):
    base = parse(group(name), "plane 7x7")
    assert (str(base), base.kind, base.shape, base.is_picture) == (
        "plane 7x7",
        "plane",
        (7, 7),
        True,
    )
    assert base == parse(group(name), str(base))
    assert base != parse(group("C1"), "plane 7x7")
    assert base.orbits.max() == 0
    assert bases.resize(base, 5, 5) == parse(group(name), "plane 5x5")
    assert base.coordinates[8].tolist() == [1, 1]


def test_quarter_turns_and_mirrors_are_those_of_a_grid():
    picture = np.random.default_rng(0).random((49, 3))
    for name, words in {"D4": ("r", "s", "rs", "rrr"), "C2": ("r",), "D1": ("s",)}.items():
        grid, sampled = parse(group(name), "grid 7x7"), parse(group(name), "plane 7x7")
        for word in words:
            assert np.array_equal(sampled.permutation(word), grid.permutation(word))
            assert np.array_equal(sampled.act(word, picture), grid.act(word, picture))
    for name, word, like in (
        ("C8", "rr", "r"),
        ("D8", "rrs", "rs"),
        ("SO2", "r^16", "r"),
        ("O2", "r^32s", "rrs"),
    ):
        sampled, grid = parse(group(name), "plane 6x6"), parse(group("D4"), "grid 6x6")
        assert sampled.is_exact(word)
        assert np.array_equal(sampled.permutation(word), grid.permutation(like))


@pytest.mark.parametrize("name", ["C8", "D8", "SO2", "O2"])
def test_elements_between_the_pixels_are_no_permutations(name):
    sampled = parse(group(name), "plane 7x7")
    assert not sampled.is_exact("r")
    assert not sampled.is_still("r")
    assert sampled.is_still("")
    with pytest.raises(ValueError, match="between pixels"):
        sampled.permutation("r")


def test_r_turns_counter_clockwise_by_its_angle():
    """A bump to the right goes up and to the right under 45 degrees."""
    side, base = 33, parse(group("C8"), "plane 33x33")
    places = plane.centred((side, side))

    def bump(x, y):
        return np.exp(-0.5 * ((places - [x, y]) ** 2).sum(-1) / 9)[:, None]

    found = base.act("r", bump(8.0, 0.0))
    assert relative(found, bump(8 * 2**-0.5, 8 * 2**-0.5)) < 0.03
    assert relative(found, bump(8 * 2**-0.5, -8 * 2**-0.5)) > 0.5  # the other way round


@pytest.mark.parametrize("name", NAMES)
def test_products_of_smooth_pictures_hold_up_to_interpolation(name):
    this = group(name)
    base, picture = parse(this, "plane 31x31"), smooth(31, 2)
    words = [*this.generators, "r^2", "r^5"]
    for a in words:
        for b in words:
            one, other = base.act(a, base.act(b, picture)), base.act(a + b, picture)
            assert relative(one, other) < 0.05
    rough = np.random.default_rng(0).standard_normal((31 * 31, 2))
    if not base.is_exact("r"):
        assert (
            relative(base.act("r", base.act("r", rough)), base.act("rr", rough)) > 0.3
        )  # control: not smooth


def test_interpolation_keeps_constants_inside_and_is_zero_outside():
    base = parse(group("C8"), "plane 9x9")
    found = base.act("r", np.ones((81, 1))).reshape(9, 9)
    inside = plane.disc((9, 9)).reshape(9, 9) > 0.99
    assert np.allclose(found[inside], 1.0)
    assert found[0, 0] == 0.0
    assert base.act("r", np.ones((81, 1), dtype=np.float32)).dtype == np.float32
    assert base.act("rr", np.arange(81)[:, None]).dtype == np.int64


def test_field_types_on_a_plane():
    field = fieldtype.parse(group("C8"), "plane 9x9: 2 trivial + irrep(1)")
    assert str(fieldtype.parse(field.group, str(field))) == str(field)
    feature = np.random.default_rng(0).standard_normal((81, 4))
    expected = field.base.act("rr", feature) @ field.fibre.matrix("rr").T
    assert np.allclose(field.act("rr", feature), expected)
    assert field.entry_orbits.tolist() == [[0, 1, 2, 2]] * 81
    assert not field.is_trivial
    assert fieldtype.parse(group("C1"), "plane 9x9: trivial").is_trivial
    with pytest.raises(ValueError, match="interpolation"):
        field.as_representation


def test_the_disc():
    inside = plane.disc((21, 21), margin=3.0).reshape(21, 21)
    assert inside[10, 10] == 1.0
    assert inside[0, 0] == 0.0
    assert np.array_equal(inside, np.rot90(inside))
    assert ((inside > 0) & (inside < 1)).any()  # its edge is soft
    assert plane.disc((1, 1)).tolist() == [1.0]


@pytest.mark.parametrize(
    ("this", "text", "what"),
    [
        (group("C8"), "plane 9x8", "square"),
        (group("S3"), "plane 9x9", "turned by C<n>"),
        (presented(["r"], ["r^4"], "C8"), "plane 9x9", "turned by C<n>"),
        (group("C8"), "plane 9", "cannot read"),
        (group("C8"), "plane 9x9(r=turn)", "cannot read"),
        (group("C8"), "plane 200x200", "places"),
        (group("C4"), "plane 9x9 + point", "stands alone"),
    ],
)
def test_refused(this, text, what):
    with pytest.raises(ValueError, match=what):
        parse(this, text)
