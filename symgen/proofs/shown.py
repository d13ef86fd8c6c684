"""Rows with what further observations add: those between the bounds of the space, and the
environment's own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from torch import Tensor

from symgen.nn.network import Network
from symgen.problem.group_action import to_field
from symgen.proofs import claim as claims
from symgen.proofs.inputs import Setting, Terms
from symgen.proofs.outputs import output_rows, said
from symgen.proofs.verification import Row

__all__ = ["Samples", "Shown", "with_shown"]


@dataclass(frozen=True)
class Shown:
    """Observations that a network is measured on, beside normally distributed ones.

    Args:
        source: where they come from, in words.
        observations: a batch of every term: float64, or indices.
        real: whether the environment gave them.
    """

    source: str
    observations: Terms
    real: bool = False

    @property
    def count(self) -> int:
        """How many they are."""
        return len(next(iter(self.observations.values())))


@dataclass(frozen=True)
class Samples:
    """Further observations.

    Args:
        shown: the observations.
        missing: why none of the environment are among them, where they were asked for.
    """

    shown: tuple[Shown, ...] = ()
    missing: str = ""


def with_shown(shown: Shown, rows: Sequence[Row], network: Network, setting: Setting) -> list[Row]:
    """The rows of the network's dtype with what further observations add to their errors.

    Rotations between pixels stay as they are: they want smooth pictures.

    Args:
        shown: the observations.
        rows: measured so far, in any dtype.
        network: left unchanged.
        setting: how the group moves what it observes and does.
    """
    kind = str(network.dtype).removeprefix("torch.")
    acts = np.random.default_rng(0).standard_normal((1, setting.action.size))
    acts = acts.repeat(shown.count, 0)
    before = said(network, shown.observations, acts)
    errors = _errors(shown, network, setting, acts, before)
    may_differ = shown.real and _differ(shown, setting)
    result = []
    for row in rows:
        if row.dtype == kind and (row.generator, row.output) in errors:
            # numpy's maximum, so that one that is no number stays
            error = float(np.maximum(row.error, errors[row.generator, row.output]))
            row = replace(row, error=error)
            if shown.real:
                spread = _spread(before[row.output]) if may_differ else None
                row = replace(row, sensitivity=spread)
            row = replace(row, verdict=_verdict(row))
        result.append(row)
    return result


def _errors(
    shown: Shown,
    network: Network,
    setting: Setting,
    acts: np.ndarray,
    before: Mapping[str, Tensor],
) -> dict[tuple[str, str], float]:
    """The error for each exact element and output; that of observations larger than 1 is divided
    by their size, for rounding grows with it.
    """
    real = [term for term in setting.interface.terms if term.layout != "discrete"]
    sizes = [np.abs(shown.observations[term.name]).max() / term.scale for term in real]
    size = max([1.0, *map(float, sizes)])
    claim = claims.exact(network.dtype)
    errors = {}
    for element, exactly in setting.elements.items():
        if exactly:
            given = (shown.observations, acts, before)
            for row in output_rows(network, setting, element, claim, *given):
                errors[element, row.output] = row.error / size
    return errors


def _spread(x: Tensor) -> float:
    """Largest difference between two observations, relative as an error is."""
    return float((x.amax(0) - x.amin(0)).max() / x.abs().max().clamp_min(claims.FLOOR))


def _verdict(row: Row) -> claims.Verdict:
    """The verdict of an exact row that further observations were added to."""
    if not row.error <= row.tolerance:
        return "broken"
    return "no power" if row.is_blind else row.verdict


def _differ(shown: Shown, setting: Setting) -> bool:
    """Whether some observations differ in what the group leaves alone: the squares summed over
    orbits of entries.
    """
    for term in setting.interface.terms:
        field = setting.observation[term.name]
        feature = to_field(term, field, shown.observations[term.name])
        entries = feature.reshape(shown.count, -1) / term.scale
        orbits = field.entry_orbits.reshape(-1)
        energy = np.stack([np.bincount(orbits, row**2) for row in entries])
        if (np.ptp(energy, axis=0) > 1e-6 * (1 + energy.max(0))).any():
            return True
    return False
