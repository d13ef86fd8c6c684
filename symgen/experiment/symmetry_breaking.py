"""By how much a trained network breaks its symmetry, as an evaluation states it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict, cast

from symgen.nn.network import Network
from symgen.proofs.verify import Verification

SHOWN = 4
"""So many layers are named in a sentence, the furthest first."""


class StoredSymmetryBreaking(TypedDict):
    """A SymmetryBreaking as JSON."""

    outputs: dict[str, float]
    layers: dict[str, float]


@dataclass(frozen=True)
class SymmetryBreaking:
    """Of one network, or means over several.

    Args:
        outputs: policy and value: the largest equivariance error under any generator, as verify
            measures it.
        layers: step of the plan -> symmetry-breaking norm: the distance of its maps from
            the nearest exact ones, relative to their size.
    """

    outputs: Mapping[str, float]
    layers: Mapping[str, float]

    def to_dict(self) -> StoredSymmetryBreaking:
        """Plain values for JSON."""
        return {"outputs": dict(self.outputs), "layers": dict(self.layers)}

    @classmethod
    def from_dict(cls, values: StoredSymmetryBreaking) -> "SymmetryBreaking":
        """The inverse of `to_dict`."""
        return cls(dict(values["outputs"]), dict(values["layers"]))

    def __str__(self) -> str:
        outputs = ", ".join(f"{name} {size:.2g}" for name, size in self.outputs.items())
        far = sorted(self.layers.items(), key=lambda item: -item[1])
        layers = ", ".join(f"{name} {size:.2g}" for name, size in far[:SHOWN])
        more = f", {len(far) - SHOWN} more less" if len(far) > SHOWN else ""
        return (
            f"equivariance error: {outputs} (as verify measures)\n"
            f"symmetry-breaking norm: {layers}{more}"
        )


def symmetry_breaking(network: Network, verification: Verification) -> SymmetryBreaking | None:
    """What was measured of a network; None where it is exact."""
    layers = {name: size for name, size in network.symmetry_breaking().items() if "/" not in name}
    if not layers:
        return None
    outputs: dict[str, float] = {}
    for row in verification.rows:
        outputs[row.output] = max(row.error, outputs.get(row.output, 0.0))
    return SymmetryBreaking(outputs, layers)


def stated(evaluation: Mapping[str, object]) -> SymmetryBreaking | None:
    """What a stored evaluation states, also under the key that it had in earlier versions."""
    for key in ("symmetry_breaking", "departed"):
        if key in evaluation:
            return SymmetryBreaking.from_dict(cast(StoredSymmetryBreaking, evaluation[key]))
    return None


def mean(networks: Sequence[SymmetryBreaking | None]) -> SymmetryBreaking | None:
    """Means over networks of one plan; None where one of them is exact."""
    broken = [network for network in networks if network is not None]
    if not broken or len(broken) < len(networks):
        return None
    return SymmetryBreaking(
        _means([network.outputs for network in broken]),
        _means([network.layers for network in broken]),
    )


def _means(numbers: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: sum(part[name] for part in numbers) / len(numbers) for name in numbers[0]}
