"""What is found wrong in a Source, each mistake at its place, all told at once; and a part of a
Source as a pydantic model, which is used for the spec itself and for all Options.
"""

import json
from collections.abc import Callable, Iterable
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from symgen.errors import MAX_DIAGNOSTICS, Diagnostic, SpecError
from symgen.spec.invalid import mistakes
from symgen.spec.source import Place, Source

T = TypeVar("T")
Model = TypeVar("Model", bound=BaseModel)


class Failed(Exception):
    """A part of the spec cannot be resolved; its mistakes are in the Findings already."""


class Findings:
    """Collects diagnostics, so that all of them are reported at once.

    Args:
        source: where the spec was written.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self.diagnostics: list[Diagnostic] = []

    def add(
        self,
        code: str,
        path: Place,
        message: str,
        hint: str | Callable[[], str] = "",
        *,
        key: bool = False,
    ) -> Failed:
        """Note a mistake at the value (or the key) at `path`; returns the exception that ends what
        depends on it.

        A hint that is looked up among many words is given as a function: it is called while the
        mistake can be shown.
        """
        if not isinstance(hint, str):
            hint = hint() if len(self.diagnostics) < MAX_DIAGNOSTICS else ""
        self.diagnostics.append(self.source.diagnostic(code, path, message, hint, key=key))
        return Failed(code)

    def attempt(self, step: Callable[..., T], *arguments: object) -> T | None:
        """`step(*arguments)`, or None where it failed and noted why, or where an argument is itself
        missing.
        """
        if any(argument is None for argument in arguments):
            return None
        try:
            return step(*arguments)
        except Failed:
            return None

    def validated(self, model: type[Model], path: Place, without: Iterable[str] = ()) -> Model:
        """The values at `path` as a model.

        Args:
            model: a strict pydantic model.
            path: the mapping to validate.
            without: keys of that mapping which are not the model's business (`adapter`, ...).

        Raises:
            Failed: after every mistake was noted.
        """
        skipped = set(without)
        values = self.source.at(path)
        if isinstance(values, dict):
            values = {key: value for key, value in values.items() if key not in skipped}
        try:
            # JSON, because pydantic's strict mode then takes a list for a tuple, and still no text
            # for a number.
            return model.model_validate_json(json.dumps(values), strict=True)
        except ValidationError as error:
            errors = error.errors(include_url=False, include_input=False)
            self.diagnostics += mistakes(errors, model, self.source, path, skipped)
            raise Failed from error

    def raise_any(self) -> None:
        """Raise SpecError with everything noted so far, if anything was."""
        if self.diagnostics:
            raise SpecError(self.diagnostics)
