"""What one of pydantic's errors means, in a user's words, and the way out."""

import math
from collections.abc import Mapping
from typing import NotRequired, TypedDict

from pydantic import JsonValue

from symgen.errors import near_miss, shown
from symgen.spec.nodes import NUMBER

ELSEWHERE = "symgen schema describes what is possible here"
"""The hint where nothing better is known."""

LINEAR = (
    "a move is linear: an entry goes to a place, up to its sign, and no number is added; where "
    "the mirror is not at 0, as in MountainCar, subtract its centre in an observation wrapper, and "
    "name the wrapped environment"
)
"""The hint where somebody writes a shift."""

ABOUT_TYPES = {
    "string_type": "text",
    "int_type": "an integer",
    "int_from_float": "an integer",
    "int_parsing": "an integer",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "set_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "none_required": "nothing",
}
"""Errors about the type of a value, and what it was to be."""
LENGTHS = {"too_short", "too_long", "string_too_short", "string_too_long"}
"""Errors about the length of a text or a list."""
_RANGES = {
    "greater_than": "must be greater than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "multiple_of": "must be a multiple of {multiple_of}",
    "string_pattern_mismatch": "must match {pattern}",
}


class ErrorDetails(TypedDict):
    """One of pydantic's errors, as far as it is read here.

    Args:
        type: pydantic's name of the error.
        loc: the keys and numbers on the way to the value.
        msg: what pydantic says.
        ctx: the bounds or choices that it names.
    """

    type: str
    loc: tuple[int | str, ...]
    msg: str
    ctx: NotRequired[dict[str, object]]


Words = tuple[str, str, str]
"""Code, message and hint."""


def worded(error: ErrorDetails, value: JsonValue) -> Words:
    """Code, message and hint of one error about `value`."""
    kind = error["type"]
    text = error["msg"]
    context = error.get("ctx", {})
    if kind == "finite_number":
        return "not-finite", f"{shown(value)} is not a finite number", "give a finite number"
    if kind in ("literal_error", "enum"):
        return _not_one_of(str(context["expected"]), value)
    if kind in ABOUT_TYPES:
        expected = ABOUT_TYPES[kind]
        message = f"expected {expected}, found {in_words(value)}"
        return "wrong-type", message, _hint_for(expected, value)
    if kind == "kind":  # no branch of a union fits; see schema._one_of
        hint = ELSEWHERE
        if "generators" in text and isinstance(value, list):
            hint = "say which generator does this: {s: [...]}"
        return "wrong-type", f"expected {text}, found {in_words(value)}", hint
    if kind in _RANGES:
        message = f"{shown(value)} {_RANGES[kind].format(**context)}"
        return "wrong-value", message, "give a value in that range"
    if kind in LENGTHS:
        return "wrong-value", _of_length(kind, context), ELSEWHERE
    return "wrong-value", text.removeprefix("Value error, "), ELSEWHERE


def _of_length(kind: str, context: Mapping[str, object]) -> str:
    """What a list or a text is told that is too long or too short."""
    units = "characters are" if "string" in kind else "entries are"
    bound = context["max_length" if "long" in kind else "min_length"]
    if bound == 1:
        units = "character is" if "string" in kind else "entry is"
    if "long" in kind:
        return f"at most {bound} {units} possible here"
    return f"at least {bound} {units} needed here"


def _not_one_of(expected: str, value: JsonValue) -> Words:
    words = [word.strip() for word in expected.replace(" or ", ", ").split(",")]
    plain = [word.strip("'") for word in words]
    if not isinstance(value, str) or words == plain:  # the choices are no text
        hint = f"write one of: {', '.join(words)}"
        return "wrong-value", f"{shown(value)} is not possible here", hint
    close = near_miss(value, plain)
    hint = f"did you mean '{close}'?" if close else f"write one of: {', '.join(plain)}"
    return "wrong-value", f"{shown(value)} is not one of: {', '.join(plain)}", hint


def in_words(value: object) -> str:
    """What a value is, in a user's words.

    >>> in_words("3"), in_words(True), in_words(None)
    ("the text '3'", 'true', 'nothing')
    """
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return shown(value)
    if isinstance(value, str):
        return f"the text {shown(value)}"
    if isinstance(value, int | float):
        return f"the number {shown(value)}"
    return f"the {'list' if isinstance(value, list) else 'mapping'} {shown(value)}"


def _hint_for(expected: str, value: JsonValue) -> str:
    """The way out for a value of a wrong type."""
    if expected == "true or false" and isinstance(value, str):
        if value.lower() in ("yes", "on", "no", "off"):
            return "yes, no, on and off are text here; write true or false"
        return ELSEWHERE
    if expected in ("a number", "an integer"):
        return _number_for(expected, value)
    if expected == "a mapping":
        return "write 'key: value' lines below it, or {key: value}"
    return ELSEWHERE


def _number_for(expected: str, value: JsonValue) -> str:
    """The number that was probably meant: the one in quotes, without commas, without a decimal
    point.
    """
    written = value.replace(",", "").replace("_", "") if isinstance(value, str) else str(value)
    if isinstance(value, bool | list | dict) or not NUMBER.match(written):
        return ELSEWHERE
    number = float(written.replace(".inf", "inf").replace(".nan", "nan"))
    if expected == "a number":
        return f"write {written}, without quotes"
    if not math.isfinite(number):
        return "write a smaller number"
    if not number.is_integer():
        return ELSEWHERE
    quoted = isinstance(value, str)
    return f"write {number:.0f}, without quotes" if quoted else f"write {number:.0f}"
