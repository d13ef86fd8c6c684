"""A pydantic model and a part of a Source -> the model, or diagnostics that stand where the mistake
was written.

Used for the spec itself and for the Options of every adapter, family and algorithm.
"""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from symgen.errors import MAX_DIAGNOSTICS, Diagnostic, near_miss, shown, suggestion
from symgen.spec.scalars import NUMBER, Plain
from symgen.spec.source import Place, Source

Model = TypeVar("Model", bound=BaseModel)

# Names of the branches of a union, as they appear in pydantic's locations. No key of a spec looks
# like that.
TAG_OF = {"text": "<text>", "list": "<list>", "matrix": "<matrix>", "mapping": "<mapping>"}

LINEAR = (
    "a move is linear: an entry goes to a place, up to its sign, and no number is added; where the "
    "mirror is not at 0, as in MountainCar, subtract its centre in an observation wrapper, and "
    "name the wrapped environment"
)
"""The hint where somebody writes a shift."""

_ELSEWHERE = "symgen schema describes what is possible here"
_EXPECTED = {
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
_RANGE = {
    "greater_than": "must be greater than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "multiple_of": "must be a multiple of {multiple_of}",
    "string_pattern_mismatch": "must match {pattern}",
}
_LENGTH = {"too_short", "too_long", "string_too_short", "string_too_long"}
# Errors about a value as a whole.
_WHOLE = {*_EXPECTED, *_LENGTH}


class Misfit(NamedTuple):
    """One error of pydantic, and the path from the validated mapping to the value it is about."""

    error: ErrorDetails
    path: Place

    @property
    def kind(self) -> str:
        """pydantic's name of the error."""
        return self.error["type"]


def validated(
    model: type[Model], source: Source, path: Place, without: Iterable[str] = ()
) -> tuple[Model | None, list[Diagnostic]]:
    """Validate the values at `path` against `model`.

    Args:
        model: a strict pydantic model.
        source: where the values were written.
        path: the mapping to validate.
        without: keys of that mapping which are not the model's business (`adapter`, `family`, ...).

    Returns:
        The model and no diagnostics, or None and every mistake.
    """
    skipped = set(without)
    values = source.at(path)
    if isinstance(values, dict):
        values = {key: value for key, value in values.items() if key not in skipped}
    try:
        # JSON, because pydantic's strict mode then takes a list for a tuple, and still no text for
        # a number.
        return model.model_validate_json(json.dumps(values), strict=True), []
    except ValidationError as error:
        errors = error.errors(include_url=False, include_input=False)
    misfits = _telling([Misfit(error, _path(values, error)) for error in errors])
    places = [_place(source, path + misfit.path) for misfit in misfits]
    last = sorted(set(places))[:MAX_DIAGNOSTICS][-1]
    mistakes = [
        _diagnostic(misfit, model, source, path, skipped)
        for misfit, place in zip(misfits, places, strict=True)
        if place <= last
    ]
    # Those after the last that can be shown are only counted: a near miss for each would take
    # minutes.
    uncounted = [
        source.diagnostic("wrong-value", path + misfit.path, "")
        for misfit, place in zip(misfits, places, strict=True)
        if place > last
    ]
    return None, _merged(mistakes) + uncounted


def _telling(misfits: list[Misfit]) -> list[Misfit]:
    """The misfits that say something: every branch of a union complains, and most of them only that
    they are not meant.

    A branch that rejects a value as a whole says nothing where another one looked inside it, or
    where another one takes this type and wants fewer entries.
    """
    inside = {misfit.path[:end] for misfit in misfits for end in range(len(misfit.path))}
    inside |= {misfit.path for misfit in misfits if misfit.kind == "value_error"}
    fitting = {misfit.path for misfit in misfits if misfit.kind in _LENGTH}
    return [
        misfit
        for misfit in misfits
        if not (misfit.kind in _WHOLE and misfit.path in inside)
        and not (misfit.kind in _EXPECTED and misfit.path in fitting)
    ]


def _place(source: Source, path: Place) -> tuple[int, int]:
    span = source.span(path)
    return span.line, span.column


def _diagnostic(
    misfit: Misfit, model: type[BaseModel], source: Source, base: Place, skipped: set[str]
) -> Diagnostic:
    path = base + misfit.path
    if misfit.kind == "missing":
        return _missing(source, path)
    if misfit.kind == "extra_forbidden":
        return _unknown(source, path, model, base, skipped)
    value = source.at(path)
    code, message, hint = _judged(misfit.error, value)
    if hint == _ELSEWHERE:
        hint = _description(model, misfit.path) or hint
        example = _default(model, misfit.path)
        if code == "wrong-type" and "e.g." not in hint and example:
            hint += f"; for example {example}"
    if path[:1] == ("symmetry",) and code == "wrong-type" and isinstance(value, float):
        hint = LINEAR
    name = ".".join(str(key) for key in path)
    return source.diagnostic(code, path, f"{name}: {message}" if name else message, hint)


def _path(values: Plain, error: ErrorDetails) -> Place:
    """pydantic's location as a path into `values`: the names of union branches and models are left
    out.
    """
    path: list[str | int] = []
    for position, key in enumerate(error["loc"]):
        last_is_missing = error["type"] == "missing" and position == len(error["loc"]) - 1
        if isinstance(values, dict) and key in values:
            values = values[str(key)]
        # text in range(n) would be compared with every number
        elif isinstance(values, list) and isinstance(key, int) and key < len(values):
            values = values[key]
        elif not last_is_missing:
            continue
        path.append(key)
    return tuple(path)


def _missing(source: Source, path: Place) -> Diagnostic:
    *parent, key = path
    where = ".".join(map(str, parent))
    if isinstance(key, int):
        return source.diagnostic(
            "wrong-value", tuple(parent), f"{where}: an entry is missing in this list", _ELSEWHERE
        )
    message = f"the key '{key}' is missing" + (f" in {where}" if where else "")
    return source.diagnostic("missing-key", tuple(parent), message, f"add '{key}: ...'", key=True)


def _unknown(
    source: Source, path: Place, model: type[BaseModel], base: Place, skipped: set[str]
) -> Diagnostic:
    *parent, key = path
    inside = _model_at(model, path[len(base) : -1])
    known = _keys(inside) if inside else []
    if inside and len(parent) == len(base):
        known += skipped
    where = ".".join(map(str, parent)) or "a spec"
    message = f"there is no key '{shown(key)[1:-1]}' in {where}"
    hint = suggestion(str(key), known, "keys")
    return source.diagnostic("unknown-key", path, message, hint, key=True)


def _keys(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def _model_at(model: type[BaseModel], path: Place) -> type[BaseModel] | None:
    """The model that stands for the mapping at `path` inside `model`; None where there are several
    or none.
    """
    for key in path:
        if isinstance(key, int):  # an entry of a list is described where the list is
            continue
        fields = {field.alias or name: field for name, field in model.model_fields.items()}
        if key not in fields:
            return None
        models = list(_models_in(fields[str(key)].annotation))
        if len(models) != 1:
            return None
        model = models[0]
    return model


def _description(model: type[BaseModel], path: Place) -> str:
    """What the schema says of the field at `path`, or of the nearest one around it; "" where
    nothing is said.
    """
    for end in range(len(path), 0, -1):
        field = _field(model, path[:end])
        if field is not None and field.description:
            text = field.description
            return f"{path[end - 1]}: {text[0].lower()}{text[1:].rstrip('.')}"
    return ""


def _default(model: type[BaseModel], path: Place) -> str:
    """What the field at `path` is where a spec does not say, as it would be written; "" where
    nothing is.
    """
    whole = path[:-1] if path and isinstance(path[-1], int) else path
    field = _field(model, whole)
    default = None if field is None or isinstance(field.default, bool) else field.default
    if default and isinstance(default, str | int | float | tuple):
        return shown(default).replace("'", "")
    return ""


def _field(model: type[BaseModel], path: Place) -> FieldInfo | None:
    inside = _model_at(model, path[:-1]) if path else None
    if inside is None:
        return None
    fields = {field.alias or name: field for name, field in inside.model_fields.items()}
    return fields.get(str(path[-1]))


def _models_in(annotation: object) -> Iterable[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in getattr(annotation, "__args__", ()):
        yield from _models_in(argument)


def _judged(error: ErrorDetails, value: Plain) -> tuple[str, str, str]:
    """Code, message and hint for one pydantic error about `value`."""
    kind = error["type"]
    text = error["msg"]
    context = error.get("ctx", {})
    if kind == "finite_number":
        return "not-finite", f"{shown(value)} is not a finite number", "give a finite number"
    if kind in ("literal_error", "enum"):
        return _not_one_of(context["expected"], value)
    if kind in _EXPECTED:
        message = f"expected {_EXPECTED[kind]}, found {in_words(value)}"
        return "wrong-type", message, _hint_for(_EXPECTED[kind], value)
    if kind == "kind":  # no branch of a union fits; see schema._one_of
        hint = _ELSEWHERE
        if "generators" in text and isinstance(value, list):
            hint = "say which generator does this: {s: [...]}"
        return "wrong-type", f"expected {text}, found {in_words(value)}", hint
    if kind in _RANGE:
        message = f"{shown(value)} {_RANGE[kind].format(**context)}"
        return "wrong-value", message, "give a value in that range"
    if kind in _LENGTH:
        return "wrong-value", _of_length(kind, context), _ELSEWHERE
    return "wrong-value", text.removeprefix("Value error, "), _ELSEWHERE


def _of_length(kind: str, context: Mapping[str, int]) -> str:
    """What a list or a text is told that is too long or too short."""
    units = "characters are" if "string" in kind else "entries are"
    bound = context["max_length" if "long" in kind else "min_length"]
    if bound == 1:
        units = "character is" if "string" in kind else "entry is"
    if "long" in kind:
        return f"at most {bound} {units} possible here"
    return f"at least {bound} {units} needed here"


def _not_one_of(expected: str, value: Plain) -> tuple[str, str, str]:
    words = [word.strip() for word in expected.replace(" or ", ", ").split(",")]
    plain = [word.strip("'") for word in words]
    if isinstance(value, str) and words != plain:
        close = near_miss(value, plain)
        hint = f"did you mean '{close}'?" if close else f"write one of: {', '.join(plain)}"
        return "wrong-value", f"{shown(value)} is not one of: {', '.join(plain)}", hint
    message = f"{shown(value)} is not possible here"
    return "wrong-value", message, f"write one of: {', '.join(words)}"


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


def _hint_for(expected: str, value: Plain) -> str:
    switches = ("yes", "on", "no", "off")
    if expected == "true or false" and isinstance(value, str) and value.lower() in switches:
        return "yes, no, on and off are text here; write true or false"
    if expected in ("a number", "an integer"):
        return _number_for(expected, value)
    if expected == "a mapping":
        return "write 'key: value' lines below it, or {key: value}"
    return _ELSEWHERE


def _number_for(expected: str, value: Plain) -> str:
    """The number that was probably meant: the one in quotes, without commas, without a decimal
    point.
    """
    written = value.replace(",", "").replace("_", "") if isinstance(value, str) else str(value)
    if isinstance(value, bool | list | dict) or not NUMBER.match(written):
        return _ELSEWHERE
    number = float(written.replace(".inf", "inf").replace(".nan", "nan"))
    if expected == "a number":
        return f"write {written}, without quotes"
    if not math.isfinite(number):
        return "write a smaller number"
    if not number.is_integer():
        return _ELSEWHERE
    if isinstance(value, str):
        return f"write {number:.0f}, without quotes"
    return f"write {number:.0f}"


def _merged(mistakes: list[Diagnostic]) -> list[Diagnostic]:
    """One diagnostic where the branches of a union each complained about the same value."""
    kept: dict[tuple[int, int, str], Diagnostic] = {}
    for mistake in mistakes:
        of_value = mistake.code in ("wrong-type", "wrong-value")
        place = (mistake.line, mistake.column, "" if of_value else mistake.message)
        first = kept.setdefault(place, mistake)
        if first is mistake or not first.code == mistake.code == "wrong-type":
            continue
        if "expected " in mistake.message:
            more = mistake.message.split("expected ", 1)[1].split(", found")[0]
            if f" {more}" not in first.message:
                message = first.message.replace(", found", f" or {more}, found", 1)
                kept[place] = replace(first, message=message)
    return list(kept.values())
