"""Tables of SiT's triangle layer, which keeps turns and breaks flips.

Weissenbacher et al. 2024, equation 4: Gamma_rot[i,j] = Theta[i->j->k] Gamma[i,j] + Theta[j->k->i]
Gamma[j,k] + Theta[k->i->j] Gamma[k,i], where k = T(i, j) is a third vertex that is found by a right
turn at j, and Theta is shared between equal angles. Every angle is decided with whole numbers: the
direction (x, y) stands for the angle of x + iy.

Law: for a turn p of the grid, jk and ki commute with p and the three labels are constant along p;
    no flip does that.
"""

from dataclasses import dataclass

import numpy as np

from symgen.algebra.base import Base, Grid
from symgen.algebra.orbits import number, pair_permutation
from symgen.errors import Refusal

MAX_PAIRS = 4_194_304
"""Largest number of pairs of places."""


@dataclass(frozen=True, eq=False)
class Triangles:
    """What the layer gathers, for pairs of places flattened as i * P + j.

    Args:
        jk: index of the pair (j, k), shape (P * P,); of (i, j) itself where degenerate.
        ki: index of the pair (k, i), likewise.
        labels_ij: weight of the term Gamma[i,j], shape (P, P).
        labels_jk: weight of the term Gamma[j,k].
        labels_ki: weight of the term Gamma[k,i].
        label_count: number of weights; all three tables draw from one pool.
        degenerate: where there is no triangle (i = j, or k leaves the grid), shape (P, P); label 0
            is theirs alone.
    """

    jk: np.ndarray
    ki: np.ndarray
    labels_ij: np.ndarray
    labels_jk: np.ndarray
    labels_ki: np.ndarray
    label_count: int
    degenerate: np.ndarray

    def broken_by(self, base: Base) -> str | None:
        """The first generator of the group that does not commute with the tables (a flip), None
        where all do.
        """
        for generator, places in zip(base.group.generators, base.permutations, strict=True):
            pairs = pair_permutation(places, places)
            labels = (self.labels_ij, self.labels_jk, self.labels_ki)
            commute = all(
                np.array_equal(table[pairs], pairs[table]) for table in (self.jk, self.ki)
            )
            if not commute or any(
                (label.reshape(-1)[pairs] != label.reshape(-1)).any() for label in labels
            ):
                return generator
        return None


def triangle_tables(base: Base) -> Triangles:
    """The triangles of a grid of any height and width.

    Args:
        base: a grid; only its shape matters (`broken_by` tells which generators the tables commute
            with).

    Raises:
        Refusal: too many pairs of places.
        ValueError: not a grid.

    >>> from symgen.algebra.base import parse
    >>> from symgen.algebra.catalogue import group
    >>> square = parse(group("D4"), "grid 8x8")
    >>> triangles = triangle_tables(square)
    >>> triangles.label_count, int(triangles.degenerate.sum()), triangles.broken_by(square)
    (55, 316, 's')
    """
    if not isinstance(base, Grid):
        raise ValueError(f"triangles need a grid, not {base}")
    if base.size**2 > MAX_PAIRS:
        raise Refusal(
            f"{base.size} places have more than {MAX_PAIRS} pairs; use a smaller grid",
            code="too-large",
        )
    rows, columns = base.shape
    places = np.arange(base.size)
    row, column = base.coordinates.T
    # Everything but leaving the grid depends on the displacement i -> j only: decide it once for
    # each.
    displacement = np.stack(
        np.meshgrid(np.arange(1 - rows, rows), np.arange(1 - columns, columns), indexing="ij")
    )
    step = _right_step(displacement)
    angles = _angle_codes(displacement, step)
    here = (row[None] - row[:, None] + rows - 1, column[None] - column[:, None] + columns - 1)
    third_row = row[None] + step[0][here]
    third_column = column[None] + step[1][here]
    inside = (third_row >= 0) & (third_row < rows) & (third_column >= 0) & (third_column < columns)
    degenerate = ~inside | np.eye(base.size, dtype=bool)
    k = np.where(degenerate, 0, third_row * columns + third_column)
    itself = places[:, None] * base.size + places[None]
    jk = np.where(degenerate, itself, places[None] * base.size + k)
    ki = np.where(degenerate, itself, k * base.size + places[:, None])
    labels = number(np.stack([np.where(degenerate, 0, angle[here]) for angle in angles]))
    count = int(labels.max()) + 1
    return Triangles(
        jk.reshape(-1), ki.reshape(-1), labels[0], labels[1], labels[2], count, degenerate
    )


def _right_step(v: np.ndarray) -> np.ndarray:
    """The unit step closest to v turned right, (a, b) -> (b, -a), shape (2, ...); a diagonal one
    snaps onwards.

    A component of the unit vector rounds to 1 where it exceeds 1/2, that is where 4 x^2 > x^2 +
    y^2; equality would need y^2 = 3 x^2, which whole numbers do not satisfy.
    """
    x = v[1]
    y = -v[0]
    long_x = 3 * x**2 > y**2
    long_y = 3 * y**2 > x**2
    x = np.sign(x) * long_x
    y = np.sign(y) * long_y
    # (1,1) -> (1,0), (1,-1) -> (0,-1), (-1,-1) -> (-1,0), (-1,1) -> (0,1): each is the one before,
    # turned.
    diagonal = x * y != 0
    return np.stack([np.where(diagonal & (x != y), 0, x), np.where(diagonal & (x == y), 0, y)])


def _angle_codes(v: np.ndarray, step: np.ndarray) -> np.ndarray:
    """A positive whole number for each angle of the terms ij, jk and ki, shape (3, ...); equal if
    the angles are.

    With u = p_i - p_k = -v - step the paper's angles are a1 between v turned right and u, and a2
    between v and u; the terms carry jk: a1 / 2, ki: a2 / 2, ij: pi - (a1 + a2) / 2. Twice each lies
    in [0, 2 pi), so that a direction in lowest terms tells them apart. (u is at an obtuse angle to
    both v and v turned right, hence a1 + a2 = 3 pi / 2: the term ij always carries pi / 4. The
    whole numbers stay small for that reason.)
    """
    u = -v - step
    dot = v[0] * u[0] + v[1] * u[1]
    cross = v[0] * u[1] - v[1] * u[0]
    # cosine and sine, times the same length
    a1 = (-cross, np.abs(dot))
    a2 = (dot, np.abs(cross))
    both = (a1[0] * a2[0] - a1[1] * a2[1], a1[0] * a2[1] + a1[1] * a2[0])
    x = np.stack([both[0], a1[0], a2[0]])
    y = np.stack([-both[1], a1[1], a2[1]])
    divisor = np.maximum(np.gcd(x, y), 1)
    x = x // divisor
    y = y // divisor
    span = 2 * int(max(np.abs(x).max(), np.abs(y).max())) + 1
    return np.asarray((x + span) * 2 * span + y + span)
