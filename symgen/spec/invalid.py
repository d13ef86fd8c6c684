"""pydantic's errors about a part of a Source -> diagnostics, each where its mistake was written."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import get_args

from pydantic import BaseModel, JsonValue
from pydantic.fields import FieldInfo

from symgen.errors import MAX_DIAGNOSTICS, Diagnostic, shown, suggestion
from symgen.spec.source import Place, Source
from symgen.spec.wording import ABOUT_TYPES, ELSEWHERE, LENGTHS, LINEAR, ErrorDetails, worded

# Errors about a value as a whole.
WHOLE = {*ABOUT_TYPES, *LENGTHS}

Located = tuple[ErrorDetails, Place]
"""An error, and the path of its value below the model."""


def mistakes(
    errors: Sequence[ErrorDetails],
    model: type[BaseModel],
    source: Source,
    base: Place,
    skipped: set[str],
) -> list[Diagnostic]:
    """Every mistake, in the order of pydantic.

    Args:
        errors: what pydantic says.
        model: what the values were to be.
        source: where they were written.
        base: the path of the model's values.
        skipped: keys there which are not the model's business.
    """
    values = source.at(base)
    located = _telling(
        [(error, _path(values, error["loc"], error["type"] == "missing")) for error in errors]
    )
    spans = [source.span(base + inner) for _, inner in located]
    places = [(span.line, span.column) for span in spans]
    last = sorted(set(places))[:MAX_DIAGNOSTICS][-1]
    told = []
    counted = []
    for (error, inner), place in zip(located, places, strict=True):
        if place <= last:
            told.append(_diagnostic(error, model, source, base, inner, skipped))
        else:
            # it cannot be shown, and a near miss for each would take minutes
            counted.append(source.diagnostic("wrong-value", base + inner, ""))
    return _merged(told) + counted


def _telling(errors: list[Located]) -> list[Located]:
    """The errors that say something: every branch of a union complains, and most of them only that
    they are not meant.

    A branch that rejects a value as a whole says nothing where another one looked inside it, or
    where another one takes this type and wants fewer entries.
    """
    inside = {path[:end] for _, path in errors for end in range(len(path))}
    inside |= {path for error, path in errors if error["type"] == "value_error"}
    fitting = {path for error, path in errors if error["type"] in LENGTHS}
    return [
        (error, path)
        for error, path in errors
        if not (error["type"] in WHOLE and path in inside)
        and not (error["type"] in ABOUT_TYPES and path in fitting)
    ]


def _path(values: JsonValue, loc: tuple[str | int, ...], missing: bool) -> Place:
    """pydantic's location as a path into `values`: the names of union branches and models are left
    out.
    """
    path: list[str | int] = []
    for position, key in enumerate(loc):
        # text in range(n) would be compared with every number
        if isinstance(values, list) and isinstance(key, int) and key < len(values):
            values = values[key]
        elif isinstance(values, dict) and key in values:
            values = values[str(key)]
        elif not missing or position < len(loc) - 1:
            continue
        path.append(key)
    return tuple(path)


def _diagnostic(
    error: ErrorDetails,
    model: type[BaseModel],
    source: Source,
    base: Place,
    inner: Place,
    skipped: set[str],
) -> Diagnostic:
    path = base + inner
    if error["type"] == "missing":
        return _missing(source, path)
    if error["type"] == "extra_forbidden":
        return _unknown(source, base, inner, model, skipped)
    value = source.at(path)
    code, message, hint = worded(error, value)
    if hint == ELSEWHERE:
        hint = _description(model, inner) or hint
        example = _default(model, inner)
        if code == "wrong-type" and "e.g." not in hint and example:
            hint += f"; for example {example}"
    if path[:1] == ("symmetry",) and code == "wrong-type" and isinstance(value, float):
        hint = LINEAR
    name = ".".join(str(key) for key in path)
    return source.diagnostic(code, path, f"{name}: {message}" if name else message, hint)


def _missing(source: Source, path: Place) -> Diagnostic:
    parent = path[:-1]
    where = ".".join(map(str, parent))
    if isinstance(path[-1], int):
        message = f"{where}: an entry is missing in this list"
        return source.diagnostic("wrong-value", parent, message, ELSEWHERE)
    message = f"the key '{path[-1]}' is missing" + (f" in {where}" if where else "")
    return source.diagnostic("missing-key", parent, message, f"add '{path[-1]}: ...'", key=True)


def _unknown(
    source: Source, base: Place, inner: Place, model: type[BaseModel], skipped: set[str]
) -> Diagnostic:
    path = base + inner
    parent = _model_at(model, inner[:-1])
    known = [*_fields(parent)] if parent else []
    if parent and len(inner) == 1:
        known += skipped
    where = ".".join(map(str, path[:-1]))
    key = str(path[-1])
    message = f"there is no key '{shown(key)[1:-1]}'" + (f" in {where}" if where else " in a spec")
    return source.diagnostic("unknown-key", path, message, suggestion(key, known, "keys"), key=True)


def _merged(diagnostics: list[Diagnostic]) -> list[Diagnostic]:
    """One diagnostic where the branches of a union each complained about the same value."""
    kept: dict[tuple[int, int, str], Diagnostic] = {}
    for diagnostic in diagnostics:
        about_value = diagnostic.code in ("wrong-type", "wrong-value")
        place = (diagnostic.line, diagnostic.column, "" if about_value else diagnostic.message)
        if place not in kept:
            kept[place] = diagnostic
            continue
        first = kept[place]
        types = first.code == diagnostic.code == "wrong-type"
        if types and "expected " in diagnostic.message:
            more = diagnostic.message.split("expected ", 1)[1].split(", found")[0]
            if f" {more}" not in first.message:
                message = first.message.replace(", found", f" or {more}, found", 1)
                kept[place] = replace(first, message=message)
    return list(kept.values())


# -------------------------------------------------------------------------------------------------
# what the model says of a place


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
    default = None if field is None else field.default
    if not default or isinstance(default, bool):
        return ""
    if not isinstance(default, str | int | float | tuple):
        return ""
    return shown(default).replace("'", "")


def _field(model: type[BaseModel], path: Place) -> FieldInfo | None:
    inside = _model_at(model, path[:-1]) if path else None
    return _fields(inside).get(str(path[-1])) if inside else None


def _fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """The fields by the names that a spec gives them."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _model_at(model: type[BaseModel], path: Place) -> type[BaseModel] | None:
    """The model that stands for the mapping at `path` inside `model`; None where there are several
    or none.
    """
    for key in path:
        if isinstance(key, int):  # an entry of a list is described where the list is
            continue
        fields = _fields(model)
        if key not in fields:
            return None
        models = list(_models_in(fields[str(key)].annotation))
        if len(models) != 1:
            return None
        model = models[0]
    return model


def _models_in(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)
