"""`symmetry.states` -> the field type of every observation term."""

from collections.abc import Callable, Collection, Mapping
from functools import partial

from pydantic import BaseModel

from symgen.algebra import base as bases
from symgen.algebra import catalogue
from symgen.algebra import fieldtype as fieldtypes
from symgen.algebra.base import GRID_MOVES, MAX_PLACES
from symgen.algebra.fieldtype import FieldType
from symgen.algebra.group import Group
from symgen.errors import Refusal, shown, suggestion
from symgen.problem.adapter import Adapter
from symgen.problem.interface import Interface, Term
from symgen.semantics import field_types, moves
from symgen.semantics.field_types import trivial_channels
from symgen.semantics.moves import ActedOn, described
from symgen.spec.findings import Failed, Findings
from symgen.spec.schema import Move, TermMoves
from symgen.spec.source import Place

PATH = ("symmetry", "states")

# Most channels at one place; the matrices of a representation are dense.
MAX_CHANNELS = 2048

# Groups that an adapter is asked about, for a hint.
COMMON = ("C2", "C4", "D1", "D2", "D4")

Automatic = Callable[[Place], Mapping[str, FieldType]]
"""What the adapter knows, asked for at a place of the spec."""


def resolve_states(
    written: str | Mapping[str, TermMoves],
    interface: Interface,
    group: Group,
    adapter: Adapter[BaseModel],
    options: BaseModel,
    findings: Findings,
    patched: Collection[str] = (),
) -> dict[str, FieldType]:
    """The field type of every term, in the order of the interface. Raises Failed.

    Args:
        written: what the spec says.
        interface: of one frame.
        group: the group.
        adapter: who may know.
        options: its Options.
        findings: collects the mistakes.
        patched: the terms that were pictures, of which the adapter does not know how they move.
    """
    names = [term.name for term in interface.terms]
    for term in interface.terms:  # before anything of that size is made
        if term.places > MAX_PLACES or term.channels > MAX_CHANNELS:
            raise too_large(term, findings)
    by_term: Mapping[str, TermMoves]
    if isinstance(written, str):
        if len(names) > 1 and written not in ("auto", "trivial"):
            hint = f"say it term by term: {{{names[0]}: {written[:20]}, ...}}"
            message = f"this environment has several terms: {', '.join(names)}"
            raise findings.add("bad-field-type", PATH, message, hint)
        by_term = dict.fromkeys(names, written)
    else:
        by_term = written
        if set(written) != set(names):
            _note_names(list(written), names, group, findings)
    if not group.generators:  # nothing moves, and nobody need be asked
        known = {name: "trivial" for name in patched if by_term.get(name) == "auto"}
        by_term = {**by_term, **known}
    automatic = partial(_automatic, adapter, options, group, interface, findings)
    types = {}
    for term in interface.terms:
        if term.name in by_term:
            path = PATH if isinstance(written, str) else (*PATH, term.name)
            if term.name in patched and by_term[term.name] == "auto":
                _note_patches(term, path, findings)
                continue
            arguments = (by_term[term.name], term, group, path, findings, automatic)
            field = findings.attempt(_field_type, *arguments)
            if field is not None:
                types[term.name] = field
    if len(types) < len(names):
        raise Failed
    return types


def too_large(term: Term, findings: Findings) -> Failed:
    """The mistake of a term that is larger than any field type."""
    message = (
        f"{described(term.name)} has {term.places} places x {term.channels} channels; it is too "
        "large"
    )
    hint = (
        f"at most {MAX_PLACES} places and {MAX_CHANNELS} channels are possible; use a smaller view"
    )
    return findings.add("too-large", ("environment",), message, hint, key=True)


def _note_patches(term: Term, path: Place, findings: Findings) -> None:
    message = f"no adapter knows how the {term.places} patches of {described(term.name)} move"
    hint = f"write states: {{{term.name}: tokens}}, with the group S{term.places}"
    findings.add("no-auto", path, message, hint)


def _note_names(written: list[str], names: list[str], group: Group, findings: Findings) -> None:
    """Note terms that the environment does not have, and those of which nothing is said."""
    for name in written:
        if name in names:
            continue
        hint: str | Callable[[], str] = partial(suggestion, name, names, "terms")
        if name in group.generators:
            hint = (
                f"{name} is a generator; write it below the term it moves: {{{names[0]}: "
                f"{{{name}: ...}}}}"
            )
        message = f"the environment observes no {shown(name)}"
        findings.add("unknown-term", (*PATH, name), message, hint, key=True)
    missing = [name for name in names if name not in written]
    # where as many are unknown, one of them is misspelt, as was said above
    if missing and len(missing) + len(written) <= len(names):
        message = f"nothing says how {group} moves {described(*missing)}"
        hint = f"add '{missing[0]}: ...', or '{missing[0]}: trivial'"
        findings.add("missing-term", PATH, message, hint, key=True)


def _automatic(
    adapter: Adapter[BaseModel],
    options: BaseModel,
    group: Group,
    interface: Interface,
    findings: Findings,
    path: Place,
) -> Mapping[str, FieldType]:
    code = "no-auto"
    keyword = adapter.__name__.rsplit(".", 1)[-1]
    message = f"the adapter {keyword} does not know how {group} moves what is observed"
    try:
        types = adapter.states(options, group)
        if types is not None:
            return types
    except Refusal as error:
        code = error.code or code
        message = str(error)
    hint = "write states: trivial"
    if group.generators:
        first = interface.terms[0].name
        hint = f"spell it out: {{{first}: {{{group.generators[0]}: ...}}}}, or {hint}"
    hint = known_groups(lambda known: adapter.states(options, known)) or hint
    raise findings.add(code, path, message, hint)


def known_groups(automatic: Callable[[Group], object]) -> str:
    """The hint that names the groups which `auto` knows; "" where it knows none."""
    known = []
    for name in COMMON:
        try:
            if automatic(catalogue.group(name)) is not None:
                known.append(name)
        except Refusal:  # an option of the adapter forbids this one
            continue
    if not known:
        return ""
    return (
        f"auto knows {', '.join(known)} here: use one of them, or spell the moves out by generator"
    )


def _field_type(
    written: TermMoves,
    term: Term,
    group: Group,
    path: Place,
    findings: Findings,
    automatic: Automatic,
) -> FieldType:
    """The field type of one term. Raises Failed."""
    if isinstance(written, str):
        if written == "auto":
            return automatic(path)[term.name]
        return _from_text(written, term, group, path, findings)
    if not isinstance(written, Mapping):
        message = "a list alone does not say which generator it belongs to"
        hint = f"say which generator does this: {{{(*group.generators, 's')[0]}: [...]}}"
        raise findings.add("bad-field-type", path, message, hint)
    size = term.places if term.layout == "tokens" else term.entries
    acted_on = ActedOn(described(term.name), size, group, path, findings)
    if term.layout == "image":
        return _moved_grid(acted_on, written, term)
    images = moves.each_generator(acted_on, written, partial(_image, acted_on, term))
    fibre = moves.representation(acted_on, images)
    if term.layout != "tokens":
        return fieldtypes.vector(fibre)
    targets = {g: fibre.signed_permutation(g)[0].tolist() for g in group.generators}
    return FieldType(bases.graph(group, targets, size), trivial_channels(term.channels, group))


def _image(acted_on: ActedOn, term: Term, written: Move, path: Place) -> moves.Image:
    """What one generator does to a vector, to tokens or to the values of a discrete observation."""
    add = acted_on.findings.add
    if written in ("trivial", "keep"):
        return tuple(range(1, acted_on.size + 1))
    if isinstance(written, str | Mapping):
        message = f"{acted_on.what} is no picture, and is not moved by {shown(written)}"
        hint = (
            f"write a list of the {acted_on.size} places that its entries go to, a matrix, or "
            "trivial"
        )
        raise add("bad-field-type", path, message, hint)
    rows = [row for row in written if isinstance(row, tuple)]
    if rows and term.layout == "vector":
        return moves.orthogonal_matrix(acted_on, rows, path)
    if rows:
        message = f"{acted_on.what} can only be permuted, and this is a matrix"
        hint = "write the list of places that its entries go to"
        raise add("not-a-permutation", path, message, hint)
    entries = [entry for entry in written if isinstance(entry, int)]
    image = moves.signed_permutation(acted_on, entries, path)
    if term.layout != "vector" and min(image) < 0:
        negative = next(k for k, target in enumerate(image) if target < 0)
        message = f"{acted_on.what} can only be permuted, and this entry has a sign"
        raise add("not-a-permutation", (*path, negative), message, "write it without the sign")
    return image


def _moved_grid(acted_on: ActedOn, written: Mapping[str, Move], term: Term) -> FieldType:
    """An image whose pixels are moved by a word per generator."""
    rows, columns, channels = term.shape
    add = acted_on.findings.add

    def word(move: Move, path: Place) -> str:
        name = "keep" if move == "trivial" else move
        if not isinstance(name, str) or name not in GRID_MOVES:
            message = f"{shown(move)} is no move of {acted_on.what}"
            hint = f"write one of: {', '.join(GRID_MOVES)}"
            if isinstance(name, str):
                hint = suggestion(name, GRID_MOVES, "moves")
            raise add("bad-field-type", path, message, hint)
        if rows != columns and name in ("turn", "turn_back", "transpose"):
            message = f"{name} needs a square picture, and {acted_on.what} is {rows}x{columns}"
            hint = "use half_turn, mirror or flip, or a square view"
            raise add("inexact-rotation", path, message, hint)
        return name

    words = moves.each_generator(acted_on, written, word)
    try:
        pixels = bases.grid(acted_on.group, rows, columns, words)
    except Refusal as error:
        hint = "correct a move, or name the group that these moves do form"
        code = error.code or "bad-field-type"
        raise add(code, acted_on.path, str(error), hint) from error
    return FieldType(pixels, trivial_channels(channels, acted_on.group))


def _from_text(
    written: str, term: Term, group: Group, path: Place, findings: Findings
) -> FieldType:
    try:
        return field_types.named(written, term, group)
    except Refusal as error:
        hint = error.hint or field_types.meant(written, error, term, group)
        if error.code == "inexact-rotation":
            hint = (
                "use a group whose moves take pixels to pixels, a square view, or spell the moves "
                "out by generator; states: plane turns by any angle, with interpolation, for the "
                "family steerable_conv"
            )
        raise findings.add(error.code or "bad-field-type", path, error.message, hint) from error
