"""What an element of the group is held to, and the verdict of a measurement."""

from dataclasses import dataclass
from typing import Literal

import torch

__all__ = ["APPROXIMATE", "BY_NAME", "TOLERANCE", "Claim", "Verdict", "approximate", "exact"]

Verdict = Literal["exact", "approximate", "broken", "relaxed", "no power"]
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-12}
"""Largest relative error that counts as exact, by dtype."""
BY_NAME = {str(dtype).removeprefix("torch."): largest for dtype, largest in TOLERANCE.items()}
"""The same by the dtype's name."""
APPROXIMATE = 0.1
"""Largest relative error of a rotation between pixels that counts as approximate; of the output
itself, however small.
"""
CONTRAST = 3.0
"""A control must exceed the error of an approximate claim this many times."""
FLOOR = 0.1
"""Outputs smaller than this are measured against it."""
POWER = 100.0
"""A control must exceed the tolerance this many times."""


@dataclass(frozen=True)
class Claim:
    """What the outputs are held to under one element of the group.

    Args:
        name: the verdict where it holds.
        tolerance: largest relative error.
        floor: outputs smaller than this are measured against it.
    """

    name: Literal["exact", "approximate"]
    tolerance: float
    floor: float

    def least_control(self, error: float) -> float:
        """How large the control must be at least, lest the measurement has shown nothing."""
        return POWER * self.tolerance if self.name == "exact" else CONTRAST * error

    def verdict(self, error: float, control: float) -> Verdict:
        """What a measurement says."""
        if not error <= self.tolerance:  # also where it is not a number
            return "broken"
        if control < self.least_control(error):
            return "no power"
        return self.name


def exact(dtype: torch.dtype) -> Claim:
    """Of an element that takes pixels to pixels, or moves none."""
    return Claim("exact", TOLERANCE[dtype], FLOOR)


def approximate() -> Claim:
    """Of a rotation that takes pixels between pixels."""
    return Claim("approximate", APPROXIMATE, 1e-12)
