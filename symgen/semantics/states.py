"""`symmetry.states` -> the field type of every observation term."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
from pydantic import BaseModel

from symgen.algebra import base as bases
from symgen.algebra import catalogue
from symgen.algebra import fieldtype as fieldtypes
from symgen.algebra import representation as representations
from symgen.algebra.base import GRID_MOVES, MAX_PLACES, Base
from symgen.algebra.fieldtype import FieldType
from symgen.algebra.group import Group
from symgen.errors import Refusal, near_miss, shown, suggestion
from symgen.problem.adapter import Adapter
from symgen.problem.interface import Interface, Term
from symgen.semantics import moves
from symgen.semantics.findings import Failed, Findings
from symgen.semantics.repair import blocks, repaired
from symgen.spec.source import Place

PATH = ("symmetry", "states")
WORDS = ("auto", "trivial", "tokens", "grid", "plane")

# Most channels at one place; the matrices of a representation are dense.
MAX_CHANNELS = 2048
# Longest printed field type or representation that is read.
MAX_TEXT = 16_384

# Groups that an adapter is asked about, for a hint.
COMMON = ("C2", "C4", "D1", "D2", "D4")

Auto = Mapping[str, FieldType] | None


def resolve_states(
    written: str | Mapping[str, Any],
    interface: Interface,
    group: Group,
    adapter: Adapter[BaseModel],
    options: BaseModel,
    findings: Findings,
) -> dict[str, FieldType]:
    """The field type of every term, in the order of the interface. Raises Failed."""
    for term in interface.terms:
        _bounded(term, findings)
    auto = partial(_automatic, adapter, options, group, interface, findings)
    if isinstance(written, str):
        if len(interface.terms) > 1 and written not in ("auto", "trivial"):
            names = ", ".join(term.name for term in interface.terms)
            hint = f"say it term by term: {{{interface.terms[0].name}: {written[:20]}, ...}}"
            raise findings.add(
                "bad-field-type", PATH, f"this environment has several terms: {names}", hint
            )
        by_term = dict.fromkeys((term.name for term in interface.terms), written)
        paths = dict[str, Place]()
    else:
        _check_names(written, interface, group, findings)
        by_term = {
            name: written[name]
            for name in written
            if name in {term.name for term in interface.terms}
        }
        paths = {name: (*PATH, name) for name in by_term}
    types = {
        term.name: findings.attempt(
            _one, by_term[term.name], term, group, paths.get(term.name, PATH), findings, auto
        )
        for term in interface.terms
        if term.name in by_term
    }  # fmt: skip
    if len(types) < len(interface.terms) or any(each is None for each in types.values()):
        raise Failed
    return {name: each for name, each in types.items() if each is not None}


def _check_names(
    written: Mapping[str, Any], interface: Interface, group: Group, findings: Findings
) -> None:
    names = [term.name for term in interface.terms]
    for name in written:
        if name in names:
            continue
        hint: str | Callable[[], str] = partial(suggestion, name, names, "terms")
        if name in group.generators:
            hint = (
                f"{name} is a generator; write it below the term it moves: {{{names[0]}: "
                f"{{{name}: ...}}}}"
            )
        findings.add(
            "unknown-term",
            (*PATH, name),
            f"the environment observes no {shown(name)}",
            hint,
            key=True,
        )
    missing = [name for name in names if name not in written]
    if missing and len(missing) + len(written) <= len(
        names
    ):  # else one of them is misspelt, as said above
        message = f"nothing says how {group} moves {described(*missing)}"
        findings.add(
            "missing-term",
            PATH,
            message,
            f"add '{missing[0]}: ...', or '{missing[0]}: trivial'",
            key=True,
        )


def _automatic(
    adapter: Adapter[BaseModel],
    options: BaseModel,
    group: Group,
    interface: Interface,
    findings: Findings,
    path: Place,
) -> Mapping[str, FieldType]:
    keyword = adapter.__name__.rsplit(".", 1)[-1]
    hint = "write states: trivial"
    if group.generators:
        hint = (
            f"spell it out: {{{interface.terms[0].name}: {{{group.generators[0]}: ...}}}}, "
            f"or {hint}"
        )
    hint = known_groups(lambda each: adapter.states(options, each)) or hint
    try:
        types = adapter.states(options, group)
    except Refusal as error:
        raise findings.add(error.code or "no-auto", path, str(error), hint) from error
    if types is None:
        message = f"the adapter {keyword} does not know how {group} moves what is observed"
        raise findings.add("no-auto", path, message, hint)
    return types


def known_groups(automatic: Callable[[Group], object]) -> str:
    """The hint that names the groups which `auto` knows; "" where it knows none."""
    known = []
    for name in COMMON:
        try:
            known += [name] if automatic(catalogue.group(name)) is not None else []
        except Refusal:  # an option of the adapter forbids this one
            continue
    return (
        f"auto knows {', '.join(known)} here: use one of them, or spell the moves out by generator"
        if known
        else ""
    )


def _one(
    written: Any, term: Term, group: Group, path: Place, findings: Findings, auto: Any
) -> FieldType:
    if isinstance(written, str):
        if written == "auto":
            automatic: FieldType = auto(path)[term.name]
            return automatic
        return _from_text(written, term, group, path, findings)
    if not isinstance(written, Mapping):
        hint = f"say which generator does this: {{{(*group.generators, 's')[0]}: [...]}}"
        raise findings.add(
            "bad-field-type", path, "a list alone does not say which generator it belongs to", hint
        )
    if term.layout == "image":
        return FieldType(
            _moved_grid(written, term, group, path, findings), _channels(term.shape[2], group)
        )
    what = described(term.name)
    size = term.shape[0] if term.layout == "tokens" else entries(term)
    image = partial(_image, size=size, signs=term.layout == "vector", findings=findings, what=what)
    images = moves.each_generator(written, group, path, findings, image, what)
    fibre = moves.representation(images, group, size, path, findings, what)
    if term.layout != "tokens":
        return fieldtypes.vector(fibre)
    targets = {g: fibre.signed_permutation(g)[0].tolist() for g in group.generators}
    return FieldType(bases.graph(group, targets, size), _channels(_per_token(term), group))


def _image(
    written: Any, path: Place, *, size: int, signs: bool, findings: Findings, what: str
) -> moves.Image:
    """What one generator does to a vector, to tokens or to the values of a discrete observation."""
    if written in ("trivial", "keep"):
        return tuple(range(1, size + 1))
    if isinstance(written, str | Mapping):
        message = f"{what} is no picture, and is not moved by {shown(written)}"
        hint = f"write a list of the {size} places that its entries go to, a matrix, or trivial"
        raise findings.add("bad-field-type", path, message, hint)
    if written and isinstance(written[0], tuple):
        if signs:
            return moves.orthogonal_matrix(written, size, path, findings, what)
        message = f"{what} can only be permuted, and this is a matrix"
        raise findings.add(
            "not-a-permutation", path, message, "write the list of places that its entries go to"
        )
    image = moves.signed_permutation(written, size, path, findings, what)
    if not signs and min(image) < 0:
        negative = next(k for k, target in enumerate(image) if target < 0)
        message = f"{what} can only be permuted, and this entry has a sign"
        raise findings.add(
            "not-a-permutation", (*path, negative), message, "write it without the sign"
        )
    return image


def _moved_grid(
    written: Mapping[str, Any], term: Term, group: Group, path: Place, findings: Findings
) -> Base:
    """The pixels of a picture, moved by a word per generator."""
    images = {}
    what = described(term.name)

    def word(move: Any, place: Place) -> moves.Image:
        name = "keep" if move == "trivial" else move
        if not isinstance(name, str) or name not in GRID_MOVES:
            message = f"{shown(move)} is no move of {what}"
            hint = (
                suggestion(name, GRID_MOVES, "moves")
                if isinstance(name, str)
                else f"write one of: {', '.join(GRID_MOVES)}"
            )
            raise findings.add("bad-field-type", place, message, hint)
        if term.shape[0] != term.shape[1] and name in ("turn", "turn_back", "transpose"):
            message = (
                f"{name} needs a square picture, and {what} is {term.shape[0]}x{term.shape[1]}"
            )
            raise findings.add(
                "inexact-rotation",
                place,
                message,
                "use half_turn, mirror or flip, or a square view",
            )
        images[place[-1]] = name
        return (1,)

    moves.each_generator(written, group, path, findings, word, what)
    try:
        rows, columns, _ = term.shape
        return bases.grid(group, rows, columns, {g: images[g] for g in group.generators})
    except Refusal as error:
        hint = "correct a move, or name the group that these moves do form"
        raise findings.add(error.code or "bad-field-type", path, str(error), hint) from error


def _from_text(
    written: str, term: Term, group: Group, path: Place, findings: Findings
) -> FieldType:
    try:
        return _read(written, term, group)
    except Refusal as error:
        hint = error.hint or _readable(written, str(error), term, group)
        if error.code == "inexact-rotation":
            hint = (
                "use a group whose moves take pixels to pixels, a square view, or spell the moves "
                "out by generator; "
                "states: plane turns by any angle, with interpolation, for the family "
                "steerable_conv"
            )
        raise findings.add(error.code or "bad-field-type", path, error.message, hint) from error


def _read(written: str, term: Term, group: Group) -> FieldType:
    """The field type that a text names for a term. Raises Refusal where it names none, or none that
    fits.
    """
    if written == "trivial":
        return _trivial(term, group)
    if written in ("grid", "plane"):
        return _picture(written, term, group)
    if written == "tokens":
        return _tokens(term, group)
    if len(written) > MAX_TEXT:
        raise Refusal(f"a field type has at most {MAX_TEXT} characters", code="too-large")
    if ":" in written:
        return _fitting(fieldtypes.parse(group, written), term)
    if term.layout in ("vector", "discrete"):
        return _fitting(fieldtypes.vector(representations.parse(group, written)), term)
    raise Refusal(f"{shown(written)} does not say how {described(term.name)} moves")


def _readable(written: str, cause: str, term: Term, group: Group) -> str:
    """The hint for a text that is no field type of this term: the nearest one that is."""
    if written in WORDS:
        return (
            "write "
            f"'{next(each for each in _field_types(written, term) if _fits(each, term, group))}'"
        )
    close = repaired(written, cause, group) or ("" if ":" in written else near_miss(written, WORDS))
    if close and ("as a base" not in cause or _fits(close, term, group)):
        return f"did you mean '{close}'?"
    if "as a representation" in cause or cause.startswith("irrep"):
        return f"{group} has: {blocks(group)}"
    words = ", ".join(word for word in WORDS if word != "auto" and _fits(word, term, group))
    example = next(each for each in _field_types("", term) if _fits(each, term, group))
    return f"write {words}, or a field type: '{example}'"


def _fits(written: str, term: Term, group: Group) -> bool:
    try:
        _read(written, term, group)
    except Refusal:
        return False
    return True


def _field_types(written: str, term: Term) -> Iterator[str]:
    """Field types that may fit a term, the most likely to be meant first."""
    count = entries(term)
    if term.layout == "image":
        yield "plane" if written == "plane" else "grid"
        yield "trivial"
        return
    if written in ("grid", "plane") and term.layout in ("vector", "discrete"):
        sides = [
            (rows, count // rows) for rows in range(int(count**0.5), 1, -1) if count % rows == 0
        ]
        yield from (f"grid {rows}x{columns}: trivial" for rows, columns in sides)
    if term.layout in ("tokens", "vector"):
        yield "tokens"
    if term.layout == "discrete" and written == "tokens":
        yield f"tokens {count}: trivial"
    yield "trivial" if term.layout == "tokens" else f"point: {count} trivial"


def _trivial(term: Term, group: Group) -> FieldType:
    if term.layout == "image":
        rows, columns, channels = term.shape
        return FieldType(
            bases.grid(group, rows, columns, dict.fromkeys(group.generators, "keep")),
            _channels(channels, group),
        )
    if term.layout == "tokens":
        still = dict.fromkeys(group.generators, range(term.shape[0]))
        return FieldType(
            bases.graph(group, still, term.shape[0]), _channels(_per_token(term), group)
        )
    return fieldtypes.vector(_channels(entries(term), group))


def _picture(kind: str, term: Term, group: Group) -> FieldType:
    if term.layout != "image":
        raise Refusal(f"{described(term.name)} is no picture, so it is no {kind}")
    rows, columns, channels = term.shape
    made = bases.grid if kind == "grid" else bases.plane
    return FieldType(made(group, rows, columns), _channels(channels, group))


def _tokens(term: Term, group: Group) -> FieldType:
    if term.layout not in ("tokens", "vector"):
        raise Refusal(f"{described(term.name)} has no tokens")
    count = term.shape[0]
    if group.generators and group.degree != count:
        message = f"{group} permutes {group.degree} tokens, and {described(term.name)} has {count}"
        hint = f"use S{count} for any order of {count} tokens, or spell the moves out by generator"
        raise Refusal(message, code="size-mismatch", hint=hint)
    return FieldType(bases.tokens(group, count), _channels(_per_token(term), group))


def _fitting(found: FieldType, term: Term) -> FieldType:
    """The field type, where it has the shape of the term."""
    if term.layout == "image":
        fits = found.base.shape == term.shape[:2] and found.fibre.size == term.shape[2]
    elif term.layout == "tokens":
        fits = found.base.size == term.shape[0] and found.fibre.size == _per_token(term)
    else:
        fits = found.size == entries(term)
    if not fits:
        shape = "x".join(map(str, term.shape)) or f"one of {term.size}"
        here = (
            f"{found.base.size} places x {found.fibre.size} channels"
            if found.base.size > 1
            else f"{found.size} entries"
        )
        hint = "make the sizes agree"
        if term.layout in ("vector", "discrete") and found.base.size == 1:
            hint = (
                f"the sizes of its blocks must add up to {entries(term)}: a sign and a trivial "
                "are 1 each"
            )
        message = f"this field type has {here}, and {described(term.name)} is {shape}"
        raise Refusal(message, code="size-mismatch", hint=hint)
    return found


def _channels(count: int, group: Group) -> representations.Representation:
    return representations.direct_sum((count, representations.trivial(group)))


def _per_token(term: Term) -> int:
    return int(np.prod(term.shape[1:], dtype=np.int64))


def described(*names: str) -> str:
    """Observation terms as a message calls them.

    >>> described("observation"), described("position", "velocity")
    ('the observation', 'the observation position and velocity')
    """
    return (
        "the observation" if names == ("observation",) else f"the observation {' and '.join(names)}"
    )


def entries(term: Term) -> int:
    """Number of entries of a term; of a discrete one, the number of its values."""
    return term.size if term.layout == "discrete" else int(np.prod(term.shape, dtype=np.int64))


def _bounded(term: Term, findings: Findings) -> None:
    """Refuse what the algebra would refuse, before anything of that size is made."""
    places = (
        int(np.prod(term.shape[:2], dtype=np.int64))
        if term.layout == "image"
        else term.shape[0]
        if term.shape
        else 1
    )
    channels = (
        entries(term) // max(places, 1) if term.layout in ("image", "tokens") else entries(term)
    )
    if places > MAX_PLACES or channels > MAX_CHANNELS:
        message = (
            f"{described(term.name)} has {places} places x {channels} channels; it is too large"
        )
        hint = (
            f"at most {MAX_PLACES} places and {MAX_CHANNELS} channels are possible; use a "
            "smaller view"
        )
        raise findings.add("too-large", ("environment",), message, hint, key=True)
