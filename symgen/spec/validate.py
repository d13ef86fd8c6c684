"""A pydantic model and a part of a Source -> the model, or diagnostics that stand where the mistake
was written.

Used for the spec itself and for the Options of every adapter, family and algorithm.
"""

import json
from collections.abc import Iterable
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from symgen.errors import Diagnostic
from symgen.spec.invalid import mistakes
from symgen.spec.source import Place, Source

Model = TypeVar("Model", bound=BaseModel)


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
        return None, mistakes(errors, model, source, path, skipped)
