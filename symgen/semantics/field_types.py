"""A text in `symmetry.states`, such as "grid" or "point: 2 sign" -> the field type of a term; or
what was probably meant.
"""

from collections.abc import Iterator

from symgen.algebra import base as bases
from symgen.algebra import fieldtype as fieldtypes
from symgen.algebra import representation as representations
from symgen.algebra.fieldtype import FieldType
from symgen.algebra.group import Group
from symgen.errors import Refusal, near_miss, shown
from symgen.problem.interface import Term
from symgen.semantics.moves import described
from symgen.semantics.repair import blocks, repaired

WORDS = ("auto", "trivial", "tokens", "grid", "plane")
# Longest printed field type or representation that is read.
MAX_TEXT = 16_384


def named(written: str, term: Term, group: Group) -> FieldType:
    """The field type that a text names for a term.

    Raises:
        Refusal: it names none, or none that fits.
    """
    if written == "trivial":
        return _trivial(term, group)
    if written in ("grid", "plane"):
        if term.layout != "image":
            raise Refusal(f"{described(term.name)} is no picture, so it is no {written}")
        rows, columns, channels = term.shape
        pixels = bases.grid if written == "grid" else bases.plane
        return FieldType(pixels(group, rows, columns), trivial_channels(channels, group))
    if written == "tokens":
        return _tokens(term, group)
    if len(written) > MAX_TEXT:
        raise Refusal(f"a field type has at most {MAX_TEXT} characters", code="too-large")
    if ":" in written:
        return _fitting(fieldtypes.parse(group, written), term)
    if term.layout in ("vector", "discrete"):
        return _fitting(fieldtypes.vector(representations.parse(group, written)), term)
    raise Refusal(f"{shown(written)} does not say how {described(term.name)} moves")


def _trivial(term: Term, group: Group) -> FieldType:
    channels = trivial_channels(term.channels, group)
    if term.layout == "image":
        rows, columns, _ = term.shape
        fixed = dict.fromkeys(group.generators, "keep")
        return FieldType(bases.grid(group, rows, columns, fixed), channels)
    if term.layout == "tokens":
        places = dict.fromkeys(group.generators, range(term.places))
        return FieldType(bases.graph(group, places, term.places), channels)
    return fieldtypes.vector(channels)


def _tokens(term: Term, group: Group) -> FieldType:
    if term.layout not in ("tokens", "vector"):
        raise Refusal(f"{described(term.name)} has no tokens")
    count = term.shape[0]
    if group.generators and group.degree != count:
        message = f"{group} permutes {group.degree} tokens, and {described(term.name)} has {count}"
        hint = f"use S{count} for any order of {count} tokens, or spell the moves out by generator"
        raise Refusal(message, code="size-mismatch", hint=hint)
    channels = term.entries // count
    return FieldType(bases.tokens(group, count), trivial_channels(channels, group))


def _fitting(field: FieldType, term: Term) -> FieldType:
    """The field type, where it has the shape of the term."""
    if term.layout == "image":
        fits = field.base.shape == term.shape[:2] and field.fibre.size == term.channels
    elif term.layout == "tokens":
        fits = field.base.size == term.places and field.fibre.size == term.channels
    else:
        fits = field.size == term.entries
    if fits:
        return field
    shape = "x".join(map(str, term.shape)) or f"one of {term.size}"
    here = f"{field.size} entries"
    if field.base.size > 1:
        here = f"{field.base.size} places x {field.fibre.size} channels"
    hint = "make the sizes agree"
    if term.layout in ("vector", "discrete") and field.base.size == 1:
        hint = (
            f"the sizes of its blocks must add up to {term.entries}: a sign and a trivial "
            "are 1 each"
        )
    message = f"this field type has {here}, and {described(term.name)} is {shape}"
    raise Refusal(message, code="size-mismatch", hint=hint)


def trivial_channels(count: int, group: Group) -> representations.Representation:
    """That many channels that the group leaves alone."""
    return representations.direct_sum((count, representations.trivial(group)))


# -------------------------------------------------------------------------------------------------
# what was meant


def meant(written: str, refused: Refusal, term: Term, group: Group) -> str:
    """The hint for a text that is no field type of this term: the nearest one that is.

    Args:
        written: the text.
        refused: what `named` said of it.
        term: the term.
        group: the group.
    """
    if written in WORDS:
        fitting = (text for text in _field_types(written, term) if _fits(text, term, group))
        return f"write '{next(fitting)}'"
    close = repaired(written, refused.part, group)
    if not close and ":" not in written:
        close = near_miss(written, WORDS)
    if close and (refused.expected != "base" or _fits(close, term, group)):
        return f"did you mean '{close}'?"
    if refused.expected == "representation":
        return f"{group} has: {blocks(group)}"
    words = ", ".join(word for word in WORDS if word != "auto" and _fits(word, term, group))
    example = next(text for text in _field_types("", term) if _fits(text, term, group))
    return f"write {words}, or a field type: '{example}'"


def _fits(written: str, term: Term, group: Group) -> bool:
    try:
        named(written, term, group)
    except Refusal:
        return False
    return True


def _field_types(written: str, term: Term) -> Iterator[str]:
    """Field types that may fit a term, the most likely to be meant first."""
    count = term.entries
    if term.layout == "image":
        yield "plane" if written == "plane" else "grid"
        yield "trivial"
        return
    if written in ("grid", "plane") and term.layout in ("vector", "discrete"):
        for rows in range(int(count**0.5), 1, -1):
            if count % rows == 0:
                yield f"grid {rows}x{count // rows}: trivial"
    if term.layout in ("tokens", "vector"):
        yield "tokens"
    if term.layout == "discrete" and written == "tokens":
        yield f"tokens {count}: trivial"
    yield "trivial" if term.layout == "tokens" else f"point: {count} trivial"
