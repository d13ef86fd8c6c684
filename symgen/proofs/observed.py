"""What check-env saw of an environment: whether it is finite, and which entries ever varied."""

from collections.abc import Mapping

import numpy as np

from symgen.envs._finite import not_finite
from symgen.problem.interface import Interface, Observation

SMALL = 1e-9
"""A range up to this, relative to 1 + the size of the entry, is none."""


class Observed:
    """The range of each entry of the vectors and indices observed; cells of pictures and tokens may
    well be constant.

    Args:
        interface: of the environment.
    """

    def __init__(self, interface: Interface) -> None:
        self._interface = interface
        self._least: dict[str, np.ndarray] = {}
        self._most: dict[str, np.ndarray] = {}

    def add(self, observations: Mapping[str, np.ndarray]) -> None:
        """Take note of a batch of observations, by term.

        Raises:
            UserError: a number is not finite.
        """
        for term in self._interface.terms:
            batch = observations[term.name].reshape(len(observations[term.name]), -1)
            if not np.isfinite(batch).all():
                row, entry = np.argwhere(~np.isfinite(batch))[0].tolist()
                raise not_finite(f"entry {entry + 1} of {term.name} is {batch[row, entry]}")
            if term.layout in ("vector", "discrete"):
                self._least[term.name] = np.fmin(batch.min(0), self._least.get(term.name, np.inf))
                self._most[term.name] = np.fmax(batch.max(0), self._most.get(term.name, -np.inf))

    def add_one(self, observation: Observation) -> None:
        """Take note of one observation, as the space gives it. Raises as `add`."""
        parts = self._interface.by_term(observation)
        self.add({name: part[None] for name, part in parts.items()})

    def constant(self) -> dict[str, tuple[int, ...]]:
        """The entries that never varied, by term and counted from 1."""
        entries: dict[str, tuple[int, ...]] = {}
        for name, least in self._least.items():
            still = self._most[name] - least <= SMALL * (1.0 + np.abs(least))
            if still.any():
                entries[name] = tuple((np.flatnonzero(still) + 1).tolist())
        return entries
