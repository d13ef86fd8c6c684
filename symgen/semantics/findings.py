"""Mistakes found on the way, each at the place in the spec that it concerns."""

from collections.abc import Callable
from typing import TypeVar

from symgen.errors import MAX_DIAGNOSTICS, Diagnostic, SpecError
from symgen.spec.source import Place, Source

T = TypeVar("T")


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

    def raise_any(self) -> None:
        """Raise SpecError with everything noted so far, if anything was."""
        if self.diagnostics:
            raise SpecError(self.diagnostics)


def described(*names: str) -> str:
    """Observation terms as a message calls them.

    >>> described("observation"), described("position", "velocity")
    ('the observation', 'the observation position and velocity')
    """
    if names == ("observation",):
        return "the observation"
    return f"the observation {' and '.join(names)}"
