"""Subgroups of a spec's group, and what the spec says of them: the same action, of fewer
elements.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from pydantic import JsonValue

from symgen.algebra import catalogue
from symgen.algebra import representation as representations
from symgen.algebra.base import GRID_MOVES
from symgen.algebra.fieldtype import FieldType
from symgen.algebra.group import Group
from symgen.algebra.pixels import Grid, Plane
from symgen.algebra.representation import Representation
from symgen.errors import Refusal
from symgen.problem.interface import Action, Term
from symgen.problem.problem import Problem

WORDS = ("auto", "trivial", "grid", "plane", "tokens")
"""Texts of `states` that mean the same of a subgroup."""


@dataclass(frozen=True)
class Subgroup:
    """A subgroup by name.

    Args:
        name: as a spec writes it.
        words: what each of its generators is in the whole group.
    """

    name: str
    words: Mapping[str, str]

    @property
    def group(self) -> Group:
        """The group itself."""
        return catalogue.group(self.name)


def chain(group: Group) -> tuple[Subgroup, ...]:
    """Proper subgroups, each in the one before it, down to the trivial group.

    >>> [subgroup.name for subgroup in chain(catalogue.group("D4"))]
    ['C4', 'C2', 'C1']
    """
    names = []
    if group.planar is not None:
        turns = 8 if group.is_continuous else group.planar.turns
        names += ["SO2"] if group.is_continuous else []
        names.append(f"C{turns}")
        while turns > 1:
            turns //= next(p for p in range(2, turns + 1) if turns % p == 0)
            names.append(f"C{turns}")
    elif group.is_symmetric and group.degree > 2:
        names.append(f"C{group.degree}")
    names.append("C1")
    inside = (within(group, name) for name in dict.fromkeys(names) if name != group.name)
    return tuple(subgroup for subgroup in inside if subgroup is not None)


def within(group: Group, name: str) -> Subgroup | None:
    """The subgroup of that name; None where there is none, or where that is not known.

    Args:
        group: the whole group.
        name: of the subgroup.

    >>> within(catalogue.group("D4"), "C2").words
    {'r': 'rr'}
    """
    try:
        smaller = catalogue.group(name)
    except Refusal:
        return None
    if not smaller.generators:
        return Subgroup(name, {}) if group.generators else None
    if group.is_symmetric and not smaller.is_symmetric and smaller.planar is not None:
        rings = smaller.planar.turns == group.degree and not smaller.planar.mirrors
        return Subgroup(name, {"r": "c"}) if rings else None
    if group.planar is None or smaller.planar is None:
        return None
    steps, rest = divmod(group.planar.turns, smaller.planar.turns)
    taller = smaller.planar.mirrors and not group.planar.mirrors
    if rest or taller or (smaller.is_continuous and not group.is_continuous):
        return None
    if smaller.is_continuous:  # both are held as as many turns
        steps = 1
    words = {"r": "r" * steps, "s": "s"}
    return Subgroup(name, {generator: words[generator] for generator in smaller.generators})


def restricted(problem: Problem, subgroup: Subgroup) -> dict[str, JsonValue]:
    """What a spec changes in `symmetry` for a subgroup of its group: what it says in words stays,
    what it says generator by generator is said of the subgroup's.
    """
    symmetry = problem.spec.symmetry
    edits: dict[str, JsonValue] = {"symmetry.group": subgroup.name}
    frame = problem.frame
    shapes = {term.name: term for term in frame.interface.terms}
    if isinstance(symmetry.states, str):
        if symmetry.states not in WORDS:
            (name,) = shapes
            edits["symmetry.states"] = of_states(frame.observation[name], shapes[name], subgroup)
    else:
        by_term = {
            name: written
            if isinstance(written, str) and written in WORDS
            else of_states(frame.observation[name], shapes[name], subgroup)
            for name, written in symmetry.states.items()
        }
        if by_term != symmetry.states:
            edits["symmetry.states"] = by_term
    if symmetry.actions != "trivial" and not subgroup.words:
        edits["symmetry.actions"] = "trivial"
    elif symmetry.actions not in ("auto", "trivial"):
        edits["symmetry.actions"] = of_actions(problem, subgroup)
    return edits


def of_states(field: FieldType, term: Term, subgroup: Subgroup) -> JsonValue:
    """How a subgroup moves a term, as a spec writes it."""
    if not subgroup.words:
        if isinstance(field.base, Grid | Plane):
            return field.base.kind
        return "trivial" if field.base.size == 1 else "tokens"
    if isinstance(field.base, Grid) and field.fibre.is_trivial:
        return {g: grid_move(field.base, word) for g, word in subgroup.words.items()}
    if term.layout in ("vector", "discrete") and field.base.size == 1:
        return {g: written(field.fibre, word) for g, word in subgroup.words.items()}
    if term.layout == "tokens" and field.fibre.is_trivial:
        places = field.base.permutation
        return {g: [int(k) for k in places(word)] for g, word in subgroup.words.items()}
    return _printed(field, subgroup)


def _printed(field: FieldType, subgroup: Subgroup) -> str:
    """The field type of the subgroup, printed."""
    group = subgroup.group
    codes = [_codes(field.fibre, word) for word in subgroup.words.values()]
    fibre = representations.of_codes(group, field.fibre.size, codes, signed=True)
    if isinstance(field.base, Grid):
        moves = [[grid_move(field.base, word)] for word in subgroup.words.values()]
        rows, columns = field.base.shape
        return f"grid {rows}x{columns}({group.written(moves)}): {fibre}"
    places = [field.base.permutation(word) for word in subgroup.words.values()]
    return f"graph {field.base.size}({group.written(places)}): {fibre}"


def of_actions(problem: Problem, subgroup: Subgroup) -> JsonValue:
    """How a subgroup moves the actions, as a spec writes it."""
    action = problem.interface.action
    return {
        generator: action_move(action, problem.action, word)
        for generator, word in subgroup.words.items()
    }


def action_move(action: Action, representation: Representation, word: str) -> JsonValue:
    """How a word moves the actions: names of discrete ones, entries of continuous ones."""
    names = action.names
    if action.kind != "discrete" or len(names) != representation.size:
        return written(representation, word)
    targets, _ = representation.signed_permutation(word)
    moved = {name: names[target] for name, target in zip(names, targets, strict=True)}
    return {name: image for name, image in moved.items() if name != image} or "trivial"


def written(representation: Representation, word: str) -> JsonValue:
    """What a word does to the entries of a vector: places and signs from 1 on, or a matrix."""
    if representation.is_signed_permutation:
        return [int(code) for code in _codes(representation, word)]
    return [[float(entry) for entry in row] for row in representation.matrix(word)]


def _codes(representation: Representation, word: str) -> np.ndarray:
    targets, signs = representation.signed_permutation(word)
    return ((targets + 1) * signs).astype(np.int64)


def grid_move(grid: Grid, word: str) -> str:
    """What a word does to the pixels, as one of GRID_MOVES."""
    pixels = np.arange(grid.size).reshape(grid.shape)
    moved = grid.permutation(word)
    for name, move in GRID_MOVES.items():
        image = move(pixels)
        if image.shape == pixels.shape and np.array_equal(np.argsort(image.reshape(-1)), moved):
            return name
    # a square's eighth symmetry, the mirror in its other diagonal, has no word
    raise Refusal(f"{word} moves pixels in a way that has no name")
