"""From what a space gives (numpy or torch, any dtype, array or dict) to features (batch, places,
channels).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from symgen.algebra.fieldtype import FieldType
from symgen.problem.interface import Interface, Term

Observation = Any
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
        """Every term by name; a single observation without batch axis becomes a batch of one.

        Raises:
            ValueError: a term is missing, or has another shape.
        """
        given = (
            observation if isinstance(observation, Mapping) else {self.terms[0].name: observation}
        )
        if any(term.name not in given for term in self.terms):
            found = ", ".join(map(str, given)) if given is observation else "an array"
            raise ValueError(
                f"the observation is {found}, expected "
                f"{', '.join(term.name for term in self.terms)}"
            )
        return {term.name: self._read(term, given[term.name], dtype, device) for term in self.terms}

    def _read(self, term: Term, given: Any, dtype: torch.dtype, device: torch.device) -> Tensor:
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
        return {name: fold(array) for name, array in observations.items()}
    return observations.reshape(-1, *observations.shape[2:])


def as_tensor(given: Any) -> Tensor:
    """An array as a tensor, in the same memory where torch can share it: not where strides run
    backwards, nor what is read-only.
    """
    array = np.ascontiguousarray(given)
    return torch.from_numpy(array if array.flags.writeable else array.copy())
