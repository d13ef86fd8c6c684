"""A wrong group of the same order: the control of every claim about a symmetry.

The group stays, and so do its order, its representations and with them the size and the cost of the
network; only what its elements do is exchanged for something that the environment does not do. What
such a network loses, a network with the right symmetry owes to the symmetry being right; what both
gain, they owe to sharing weights. The network keeps what the spec says of it: `symgen verify` finds
nothing wrong, for algebra cannot tell; `symgen check-env` refutes it.

Candidates, the first that checks and that is really another action:
1. The rotations turn the actions the other way round.
2. The actions change names: the same permutations of other actions.
3. Images are moved by another rotation or reflection; entries of vectors change names, or the signs
   are those of other entries.
4. Signs of continuous actions are exchanged; actions that do not move are exchanged.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from pydantic import JsonValue

from symgen.algebra import representation as representations
from symgen.algebra.base import GRID_MOVES
from symgen.algebra.base import grid as grid_of
from symgen.algebra.fieldtype import FieldType, vector
from symgen.algebra.group import Group
from symgen.algebra.pixels import Grid
from symgen.algebra.representation import Representation
from symgen.compiler import check_spec
from symgen.errors import Refusal, SpecError
from symgen.problem.interface import Term
from symgen.problem.problem import Problem
from symgen.spec.edit import edit
from symgen.spec.source import Source
from symgen.study.subgroups import Subgroup, action_move, of_states

MAX_ORDER = 64
"""Largest group of which every element is compared."""


@dataclass(frozen=True)
class Wrong:
    """An action of the group that the spec does not mean.

    Args:
        edits: of the spec.
        label: what it does, in words.
    """

    edits: Mapping[str, JsonValue]
    label: str


@dataclass(frozen=True)
class _Candidate:
    """What an observation or an action would be."""

    label: str
    action: Representation | None = None
    term: str = ""
    field: FieldType | None = None


def wrong(problem: Problem, source: Source) -> Wrong | str:
    """A wrong action of the group of a problem, or why there is none.

    Args:
        problem: of the source.
        source: the spec that is edited.
    """
    group = problem.group
    if group.order > MAX_ORDER:
        if group.is_symmetric and problem.action.is_trivial:
            return f"{group} permutes in every way there is, and has no other to permute in"
        return f"{group} has more than {MAX_ORDER} elements, which are not compared one by one"
    if group.order < 2:
        return f"{group} moves nothing"
    right = _graph_of(problem, problem.action, dict(problem.frame.observation))
    for candidate in _candidates(problem):
        fields = dict(problem.frame.observation)
        if candidate.field is not None:
            fields[candidate.term] = candidate.field
        action = candidate.action or problem.action
        if _graph_of(problem, action, fields) <= right:
            continue  # the same transformations, under other names
        edits = _edits(problem, candidate)
        try:
            check_spec(edit(source, edits))
        except SpecError:
            continue
        return Wrong(edits, candidate.label)
    return f"no other action of {group} that was tried checks"


def _graph_of(
    problem: Problem, action: Representation, fields: Mapping[str, FieldType]
) -> frozenset[bytes]:
    """What every element does to observations and actions together."""
    moves = set()
    for word in problem.group.elements:
        parts = [np.round(action.matrix(word), 6) + 0.0]
        for field in fields.values():
            if field.base.kind == "plane":  # every element turns it otherwise
                parts.append(np.array(problem.group.permutation(word), dtype=np.float64))
            else:
                parts.append(field.base.permutation(word).astype(np.float64))
            parts.append(_fibre_move(field.fibre, word))
        moves.add(b"|".join(part.tobytes() for part in parts))
    return frozenset(moves)


def _fibre_move(fibre: Representation, word: str) -> np.ndarray:
    if fibre.is_signed_permutation:  # of many channels a matrix is large
        targets, signs = fibre.signed_permutation(word)
        return (targets + 1) * signs
    return np.round(fibre.matrix(word), 6) + 0.0


def _edits(problem: Problem, candidate: _Candidate) -> dict[str, JsonValue]:
    group = problem.group
    itself = Subgroup(group.name, {generator: generator for generator in group.generators})
    edits: dict[str, JsonValue] = {}
    if candidate.action is not None:
        action = problem.interface.action
        edits["symmetry.actions"] = {
            g: action_move(action, candidate.action, g) for g in group.generators
        }
        if problem.spec.symmetry.output == "invariant":
            edits["symmetry.output"] = "equivariant"
    if candidate.field is not None:
        symmetry = problem.spec.symmetry
        terms = {term.name: term for term in problem.frame.interface.terms}
        states: dict[str, JsonValue] = dict.fromkeys(terms, "auto")
        written = problem.source.values["symmetry"]
        given = written.get("states") if isinstance(written, dict) else None
        if isinstance(given, dict):
            states = dict(given)
        elif isinstance(symmetry.states, str):
            states = dict.fromkeys(terms, symmetry.states)
        states[candidate.term] = of_states(candidate.field, terms[candidate.term], itself)
        edits["symmetry.states"] = states
    return edits


def _candidates(problem: Problem) -> Iterator[_Candidate]:
    action = problem.action
    if not action.is_trivial:
        yield from _other_actions(problem.group, action, problem.interface.action.names)
    for term in problem.frame.interface.terms:
        field = problem.frame.observation[term.name]
        if not field.is_trivial:
            yield from _other_states(term, field)
    if problem.interface.action.kind == "continuous":
        yield from _signs(problem.group, action)
    if action.is_trivial and action.size > 1:
        yield from _exchanged(problem.group, action.size, problem.interface.action.names)


def _made(group: Group, codes: list[np.ndarray]) -> Representation | None:
    """The representation with these images; None where a relation breaks."""
    size = len(codes[0])
    try:
        return representations.of_codes(
            group, size, codes, signed=any((code < 0).any() for code in codes)
        )
    except Refusal:
        return None


def _codes(representation: Representation) -> list[np.ndarray]:
    generators = representation.group.generators
    pairs = map(representation.signed_permutation, generators)
    return [((target + 1) * sign).astype(np.int64) for target, sign in pairs]


def _relabelled(codes: list[np.ndarray], new: np.ndarray) -> list[np.ndarray]:
    """The same moves of entries that are called otherwise: entry i is now called new[i]."""
    relabelled = []
    for code in codes:
        moved = np.empty_like(code)
        moved[new] = (new[np.abs(code) - 1] + 1) * np.sign(code)
        relabelled.append(moved)
    return relabelled


def _renamings(size: int) -> Iterator[np.ndarray]:
    """Neighbours exchanged, and every entry called as the next one."""
    yield np.roll(np.arange(size), -1)
    for k in range(min(size - 1, 8)):
        new = np.arange(size)
        new[[k, k + 1]] = (k + 1, k)
        yield new


def _other_actions(
    group: Group, action: Representation, names: tuple[str, ...]
) -> Iterator[_Candidate]:
    if not action.is_signed_permutation:
        return
    back = {g: group.inverse(g) if g == "r" else g for g in group.generators}
    codes = [
        ((target + 1) * sign).astype(np.int64)
        for target, sign in map(action.signed_permutation, back.values())
    ]
    made = _made(group, codes)
    if made is not None:
        yield _Candidate("rotations turn the actions the other way round", action=made)
    for new in _renamings(action.size):
        made = _made(group, _relabelled(_codes(action), new))
        if made is not None:
            yield _Candidate("the group moves the actions as if they had other names", action=made)


def _other_states(term: Term, field: FieldType) -> Iterator[_Candidate]:
    group = field.group
    if isinstance(field.base, Grid):
        rows, columns = field.base.shape
        for generator, usual in zip(group.generators, field.base.moves, strict=True):
            for move in GRID_MOVES:
                if move in (usual, "keep"):
                    continue
                words = dict(zip(group.generators, field.base.moves, strict=True))
                try:
                    base = grid_of(group, rows, columns, {**words, generator: move})
                except Refusal:
                    continue
                said = move.replace("_", " ")
                label = f"{generator} moves the image by another move: {said} in place of {usual}"
                yield _Candidate(label, term=term.name, field=FieldType(base, field.fibre))
    elif field.base.size == 1 and field.fibre.is_signed_permutation:
        for label, fibre in _other_vectors(field.fibre):
            yield _Candidate(label, term=term.name, field=vector(fibre))


def _other_vectors(fibre: Representation) -> Iterator[tuple[str, Representation]]:
    codes = _codes(fibre)
    for new in _renamings(fibre.size):
        made = _made(fibre.group, _relabelled(codes, new))
        if made is not None:
            yield "the group moves other entries of the observation", made
    half = np.ones(fibre.size, dtype=np.int64)
    half[fibre.size // 2 :] = -1
    for label, signs in (
        ("the other half of the signs changes", half),
        ("every sign that changed stays, and the others change", -np.ones_like(half)),
    ):
        made = _made(fibre.group, [code * signs for code in codes])
        if made is not None:
            yield f"the group changes other signs of the observation: {label}", made


def _signs(group: Group, action: Representation) -> Iterator[_Candidate]:
    if not action.is_signed_permutation:
        return
    made = _made(group, [-code for code in _codes(action)])
    if made is not None:
        yield _Candidate("the signs of the actions are exchanged", action=made)


def _exchanged(group: Group, size: int, names: tuple[str, ...]) -> Iterator[_Candidate]:
    """The first generator that can exchanges two actions."""
    for generator in group.generators:
        codes = [np.arange(1, size + 1) for _ in group.generators]
        codes[group.generators.index(generator)][:2] = (2, 1)
        made = _made(group, codes)
        if made is not None:
            label = f"{generator} exchanges the actions {names[0]} and {names[1]}"
            yield _Candidate(label, action=made)
