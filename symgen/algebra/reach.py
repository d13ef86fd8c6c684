"""Which part of a feature can vary with what is observed: told from the group alone, before there
is a weight.

A linear equivariant map reaches, of every summand of its target, the images of all intertwiners. A
pointwise nonlinearity acts on each channel alone: channels that are always equal stay equal (up to
a sign, where it is odd), and apart from that it reaches everything. Law: a layer with any weights
stays inside what is reached here.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from symgen.algebra import base as bases
from symgen.algebra.base import Base, Grid
from symgen.algebra.fieldtype import FieldType, vector
from symgen.algebra.orbits import MAX_BLOCK, intertwiners, signed_pair_orbits
from symgen.algebra.representation import Representation

MAX_ENTRIES = 65_536
"""Of a larger map it is taken for granted that it reaches everything."""
MAX_SIZE = 512
"""Of a larger summand, too."""
DRAWS = 8
"""Random maps whose images are added up: more than a summand of a fibre repeats another."""


@dataclass(frozen=True, eq=False)
class Part:
    """One summand of a feature.

    Args:
        field: base x one representation; of several copies one stands for all.
        span: an orthonormal basis of the subspace in which it varies, shape (size, rank).
    """

    field: FieldType
    span: np.ndarray

    def moved_by(self, generator: str) -> bool:
        """Whether a generator moves anything of the subspace."""
        columns = self.span.T.reshape(-1, *self.field.shape)
        return not np.allclose(self.field.act(generator, columns), columns, atol=1e-6)


Reach = tuple[Part, ...]


def everything(field: FieldType) -> Reach:
    """What is observed: all of it varies. A large picture is taken for a small one, with the same
    kinds of orbits.
    """
    base = _smaller(field.base)
    summands = (FieldType(base, atom) for _, atom in field.fibre.blocks)
    return tuple(Part(summand, np.eye(summand.size)) for summand in summands)


def _smaller(base: Base) -> Base:
    """Pixels on the axes, on the diagonals and elsewhere exist from 4 x 4 or 5 x 5 on."""
    if not isinstance(base, Grid):
        return base
    return bases.resize(base, *(min(side, 4 + side % 2) for side in base.shape))


def on_places(base: Base, reach: Reach, seen: np.ndarray | None = None) -> Reach:
    """A feature that reaches this much at each place of a base, as a whole.

    Args:
        base: the places.
        reach: at each of them.
        seen: functions of the places, shape (places, any number), that span what is read of a
            channel; None for all.
    """
    if seen is None:
        base = _smaller(base)
    seen = np.eye(base.size) if seen is None else _basis(seen)
    return tuple(
        Part(FieldType(base, part.field.fibre), np.kron(seen, part.span)) for part in reach
    )


def weighted(reach: Reach, labels: np.ndarray) -> Reach:
    """After each channel is multiplied by a weight: one weight for all channels of the same label.

    Args:
        reach: before it.
        labels: shape (weightings, channels of each part); what is reached by any of them counts.
    """
    first = (labels[:, :, None] == labels[:, None, :]).argmax(2)  # of the channels with the label
    hashes = first @ np.random.default_rng(0).integers(2**62, size=labels.shape[1])
    first = first[np.unique(hashes, return_index=True)[1]]
    masks = np.unique(
        np.concatenate([first == channel for channel in range(labels.shape[1])]), axis=0
    )
    weighted_spans = ([mask[:, None] * part.span for mask in masks] for part in reach)
    return tuple(
        Part(part.field, _basis(np.concatenate(spans, axis=1)))
        for part, spans in zip(reach, weighted_spans, strict=True)
    )


def linear(target: Representation, *sources: Part) -> Reach:
    """What a linear equivariant map of all sources reaches of a fibre.

    >>> from symgen.algebra.catalogue import group
    >>> from symgen.algebra.representation import parse
    >>> sign, both = parse(group("C2"), "sign"), parse(group("C2"), "trivial + sign")
    >>> [part.span.shape[1] for part in linear(both, *everything(vector(sign)))]
    [0, 1]
    """
    return tuple(Part(vector(atom), _image(atom, sources)) for _, atom in target.blocks)


def _image(atom: Representation, sources: Iterable[Part]) -> np.ndarray:
    """An orthonormal basis of what maps of all sources reach; of the whole where that is not
    solved for.
    """
    columns = [np.zeros((atom.size, 0))]
    for source in sources:
        if source.span.shape[1] == 0:
            continue
        if atom.size > MAX_SIZE or atom.size * source.field.size > MAX_ENTRIES:
            return np.eye(atom.size)
        maps = _maps(atom, source.field)
        if maps is None:
            return np.eye(atom.size)
        columns += [matrix @ source.span for matrix in maps]
    return _basis(np.concatenate(columns, axis=1))


@lru_cache(maxsize=256)
def _maps(target: Representation, field: FieldType) -> np.ndarray | None:
    """Equivariant matrices that together reach what all of them do; None where they would take long
    to solve for.
    """
    if not (target.is_signed_permutation and field.fibre.is_signed_permutation):
        if target.size * field.size > MAX_BLOCK:
            return None
        return intertwiners(target, field.as_representation)
    labels, signs = signed_pair_orbits(target, field.as_representation)
    count = int(labels.max(initial=-1)) + 1
    weights = np.random.default_rng(0).standard_normal((min(DRAWS, count), count + 1))
    weights[:, -1:] = 0.0  # the label -1: entries that vanish
    maps: np.ndarray = weights[:, labels] * signs
    maps.flags.writeable = False  # it is kept
    return maps


def _basis(columns: np.ndarray) -> np.ndarray:
    """An orthonormal basis of what the columns span."""
    values, vectors = np.linalg.eigh(columns @ columns.T)
    return vectors[:, values > 1e-9 * max(values.max(initial=0.0), 1e-300)]


def pointwise(reach: Reach) -> Reach:
    """After a nonlinearity of every channel; of fibres that mix channels, after one that scales the
    whole (gated).

    Features are equal (up to sign) where they must be, and zero where nothing varies.
    """
    after = []
    for part in reach:
        if part.field.fibre.is_signed_permutation and part.span.shape[1]:
            rows = (part.span @ part.span.T).round(6)
            # the first of the largest entries of each row
            first = np.take_along_axis(rows, np.abs(rows).argmax(1, keepdims=True), 1)
            permuted = part.field.fibre.kind == "permutation"
            signs = np.ones_like(first) if permuted else np.sign(first)
            nonzero = np.abs(rows).max(1) > 1e-6
            classes = np.unique(rows * signs + 0.0, axis=0, return_inverse=True)[1].reshape(-1)
            indicators = np.eye(int(classes.max()) + 1)[classes] * signs * nonzero[:, None]
            part = Part(part.field, _basis(indicators))
        after.append(part)
    return tuple(after)


def normalised(reach: Reach) -> Reach:
    """After LayerNorm of channels that the group permutes: their common mean and variance are in
    all of them.
    """
    if not varies(reach):
        return reach
    return tuple(
        Part(p.field, _basis(np.concatenate([p.span, np.ones((p.field.size, 1))], 1)))
        for p in reach
    )


def pooled(reach: Reach, invariant: Representation) -> Reach:
    """An invariant of the channels that the group exchanges, their maximum or mean."""
    return everything(vector(invariant)) if varies(reach) else ()


def varies(reach: Reach) -> bool:
    """Whether anything does."""
    return any(part.span.shape[1] for part in reach)


def moved(reach: Reach, generator: str) -> bool:
    """Whether a generator moves anything that varies."""
    return any(part.moved_by(generator) for part in reach)
