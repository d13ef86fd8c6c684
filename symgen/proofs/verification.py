"""What was measured of a network, as a value that prints itself."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import TypedDict

from symgen.nn.device import NARROW
from symgen.problem.constraint import Promise
from symgen.proofs.claim import APPROXIMATE, BY_NAME, Verdict

__all__ = ["Row", "StoredVerification", "Verification", "allowed"]

HEADER = "dtype       error     control   tolerance  verdict"


@dataclass(frozen=True)
class Row:
    """One measurement.

    Args:
        generator: the generator; on a plane also further words, see `inputs.elements`.
        output: its name, such as "policy", "value" or "q1"; of a network with memory also "policy
            over 50 steps" and "state of <step>".
        dtype: "float32" or "float64".
        error: largest difference under the claim, relative to the largest output or FLOOR.
        control: the same where the claim is false on purpose.
        tolerance: largest error that counts as exact, see TOLERANCE, or as approximate.
        verdict: "exact", "approximate", "broken", "no power", or "relaxed" (by the error) where the
            spec allows it.
        sensitivity: largest difference of the output between two observations of the environment,
            relative as the error; None where there were none, or where the group might take each to
            each.
    """

    generator: str
    output: str
    dtype: str
    error: float
    control: float
    tolerance: float
    verdict: Verdict
    sensitivity: float | None = None

    @property
    def is_blind(self) -> bool:
        """Whether all observations of the environment give the same output, up to rounding."""
        return self.sensitivity is not None and self.sensitivity <= BY_NAME[self.dtype]

    @property
    def words(self) -> str:
        """The verdict, with the error where that is what it is about."""
        if self.verdict == "relaxed":
            return f"relaxed by {self.error:.2g}"
        if self.verdict == "approximate":
            return f"approximate, off by {self.error:.2g}"
        return self.verdict


class StoredVerification(TypedDict, total=False):
    """A Verification as JSON."""

    holds: bool
    claimed: bool
    rows: list[dict[str, object]]
    observations: dict[str, int]
    device: str
    missing: str
    unmeasured: list[str]


@dataclass(frozen=True)
class Verification:
    """The measurements of a network.

    Args:
        rows: one per generator, output and dtype.
        promise: what the constraint promises: an exact network; one that may break the symmetry,
            and has not before it is trained; or nothing.
        observations: how many observations it was measured on, by where they come from.
        missing: why there are none of the environment, where they were asked for.
        device: where it was measured.
        unmeasured: outputs for training only, which are no part of the policy.
    """

    rows: tuple[Row, ...]
    promise: Promise = "exact"
    observations: Mapping[str, int] = field(default_factory=dict)
    missing: str = ""
    device: str = "cpu"
    unmeasured: tuple[str, ...] = ()

    @property
    def exact(self) -> bool:
        """True where every measurement says exact."""
        return all(row.verdict == "exact" for row in self.rows)

    @property
    def holds(self) -> bool:
        """True where what the spec claims was measured, up to interpolation of rotations between
        pixels.

        A network that may break the symmetry must have shown by how much: a constant has not.
        """
        return self.promise == "none" or all(
            row.verdict not in ("broken", "no power") for row in self.rows
        )

    @property
    def without_power(self) -> bool:
        """True where the control of an exact claim is as good as nothing: an output may be a
        constant.
        """
        return self.promise != "none" and any(
            row.verdict == "no power" and row.tolerance != APPROXIMATE for row in self.rows
        )

    def to_dict(self) -> StoredVerification:
        """Plain values for JSON."""
        values: StoredVerification = {
            "holds": self.holds,
            "claimed": self.promise == "exact",
            "rows": [asdict(row) for row in self.rows],
            "observations": dict(self.observations),
            "device": self.device,
        }
        if self.missing:
            values["missing"] = self.missing
        if self.unmeasured:
            values["unmeasured"] = list(self.unmeasured)
        return values

    def __str__(self) -> str:
        lines = [
            *self._table(),
            *self._about_rotations(),
            *self._about_observations(),
            *self._about_training(),
            *self._about_device(),
            *self._about_the_constraint(),
        ]
        return "\n".join(lines)

    def _table(self) -> list[str]:
        if not self.rows:
            return [
                f"generator  output  {HEADER}",
                "the group has no generators: nothing to verify",
            ]
        width = max(6, *(len(row.output) for row in self.rows))
        lines = [f"generator  {'output':<{width}}  {HEADER}"]
        for row in self.rows:
            numbers = f"{row.error:9.1e} {row.control:9.1e} {row.tolerance:9.0e}"
            name = f"{row.generator:<9}  {row.output:<{width}}  {row.dtype:<7}"
            lines.append(f"{name} {numbers}   {row.words}")
        return lines

    def _about_rotations(self) -> list[str]:
        if not any(row.tolerance == APPROXIMATE for row in self.rows):
            return []
        words = "measured on smooth pictures inside the disc, with interpolation"
        return [f"turns between pixels: {words}"]

    def _about_observations(self) -> list[str]:
        lines = []
        blind = sorted({row.output for row in self.rows if row.is_blind})
        if blind:
            lines.append(f"{', '.join(blind)}: the same for all observations of the environment")
        if self.observations:
            used = (f"{count} {source}" for source, count in self.observations.items())
            lines.append(f"observations: {', '.join(used)}")
        if self.missing:
            lines.append(f"none of the environment: {self.missing}")
        return lines

    def _about_training(self) -> list[str]:
        if not self.unmeasured:
            return []
        return [f"not measured: {', '.join(self.unmeasured)}, for training only"]

    def _about_device(self) -> list[str]:
        if self.device == "cpu":
            return []
        is_narrow = self.device.partition(":")[0] in NARROW
        apart = ", float64 on the cpu: it has none" if is_narrow else ""
        return [f"measured on {self.device}{apart}"]

    def _about_the_constraint(self) -> list[str]:
        if self.promise == "exact":
            return []
        if self.promise == "relaxed":
            return ["constraint relaxed: the network may break it"]
        return ["the spec claims no symmetry of the network"]


def allowed(row: Row) -> Row:
    """An equivariance error that is allowed; one that is no number is a fault."""
    if row.verdict == "broken" and math.isfinite(row.error):
        return replace(row, verdict="relaxed")
    return row
