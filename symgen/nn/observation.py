"""From what a space gives (numpy or torch, any dtype, array or dict) to features (batch, places,
channels).
"""

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from symgen.algebra.fieldtype import FieldType
from symgen.problem.interface import AS_GIVEN, Interface, Term

Array: TypeAlias = NDArray[np.generic] | Tensor
Observation: TypeAlias = Array | Mapping[str, Array]
"""An array, or a dict of arrays, as a Gymnasium space gives it; numpy or torch."""


class Reader(nn.Module):
    """Reads observations: casts, scales, one-hot encodes, and brings every term to (batch, places,
    channels).

    Args:
        interface: the environment's terms.
        fields: their field types; (rows, columns, channels), (tokens, channels) and (entries,) all
            are read in order.
    """

    def __init__(self, interface: Interface, fields: Mapping[str, FieldType]) -> None:
        super().__init__()
        self.terms = interface.terms
        self.shapes = {name: field.shape for name, field in fields.items()}

    def forward(
        self, observation: Observation, dtype: torch.dtype, device: torch.device
    ) -> dict[str, Tensor]:
        """Every term by name, and as it was given where that is known; a single observation without
        batch axis becomes a batch of one.

        Raises:
            ValueError: a term is missing, or has another shape.
        """
        given: Mapping[str, Array]
        if isinstance(observation, Mapping):
            given = observation
            shown = ", ".join(map(str, given))
        else:
            given = {self.terms[0].name: observation}
            shown = "an array"
        if any(term.name not in given for term in self.terms):
            expected = ", ".join(term.name for term in self.terms)
            raise ValueError(f"the observation is {shown}, expected {expected}")
        values = {
            term.name: self._read(term, given[term.name], dtype, device) for term in self.terms
        }
        for term in self.terms:
            name = AS_GIVEN + term.name
            if name in given:
                values[name] = self._read(term, given[name], dtype, device)
        return values

    def _read(self, term: Term, given: Array, dtype: torch.dtype, device: torch.device) -> Tensor:
        x = (given if isinstance(given, Tensor) else as_tensor(given)).to(device)
        if x.dim() == len(term.shape):
            x = x.unsqueeze(0)
        if tuple(x.shape[1:]) != term.shape:
            raise ValueError(
                f"{term.name} has shape {tuple(x.shape)}, expected (batch, "
                f"{', '.join(map(str, term.shape))})"
            )
        if term.layout == "discrete":
            x = nn.functional.one_hot(x.long(), term.size)
        x = x.to(dtype)
        x = x / term.scale if term.scale != 1.0 else x
        return x.reshape(-1, *self.shapes[term.name])


def fold(observations: Observation) -> Observation:
    """Observations [step, environment, ...] as one batch."""
    if isinstance(observations, Mapping):
        return {name: _folded(array) for name, array in observations.items()}
    return _folded(observations)


def _folded(array: Array) -> Array:
    return array.reshape(-1, *array.shape[2:])


def as_tensor(given: NDArray[np.generic]) -> Tensor:
    """An array as a tensor, in the same memory where torch can share it: not where strides run
    backwards, nor what is read-only.
    """
    array = np.ascontiguousarray(given)
    return torch.from_numpy(array if array.flags.writeable else array.copy())
