"""An objection to a problem, by a family, an algorithm or a constraint."""

from typing import NamedTuple

from symgen.spec.source import Place


class Fault(NamedTuple):
    """What is wrong, and where; the semantics attach the line.

    Args:
        code: error code, a key of symgen.errors.CODES.
        path: where in the spec.
        message: the cause.
        hint: the way out.
    """

    code: str
    path: Place
    message: str
    hint: str


class Refused(Exception):
    """What has been found wrong leaves nothing further to look at.

    Args:
        faults: at least one.
    """

    def __init__(self, *faults: Fault) -> None:
        super().__init__("; ".join(fault.message for fault in faults))
        self.faults = faults
