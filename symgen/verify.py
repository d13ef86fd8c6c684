"""Measure what the plan promises: for each generator the error of policy and value, with the control beside it.

error    max |policy(g.o) - g.policy(o)| and max |value(g.o) - value(o)|, relative to the largest output (FLOOR at
         least: a value close to zero may be a sum of numbers many times as large, and carries their rounding);
control  how much the output differs where the claim is false on purpose: the policy's output left unmoved, or, where
         the generator does not move the output, the one for another observation (an invariant must not be a constant).

A claim whose control is as small as its tolerance has shown nothing: its verdict is "no power", not "exact".
"""

import copy
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from symgen.actions import act_on_term
from symgen.algebra.fieldtype import FieldType
from symgen.algebra.representation import Representation
from symgen.envs.interface import Interface, Term
from symgen.nn.network import Network

Verdict = Literal["exact", "broken", "relaxed", "no power"]
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-12}
"""Largest relative error that counts as exact, by dtype."""
FLOOR = 0.1
"""Outputs smaller than this are measured against it."""
POWER = 100.0
"""A control must exceed the tolerance this many times."""


@dataclass(frozen=True)
class Row:
    """One measurement.

    Args:
        generator: the generator.
        output: "policy" or "value".
        dtype: "float32" or "float64".
        error: largest difference under the claim, relative to the largest output or FLOOR.
        control: the same where the claim is false on purpose.
        tolerance: largest error that counts as exact, see TOLERANCE.
        verdict: "exact", "broken", "no power", or "relaxed" (by the error) where the spec allows it.
    """

    generator: str
    output: str
    dtype: str
    error: float
    control: float
    tolerance: float
    verdict: Verdict


@dataclass(frozen=True)
class Verification:
    """The measurements of a network.

    Args:
        rows: one per generator, output and dtype.
        claimed: whether the spec claims exactness; a baseline claims nothing.
    """

    rows: tuple[Row, ...]
    claimed: bool

    @property
    def exact(self) -> bool:
        """True where every measurement says exact."""
        return all(row.verdict == "exact" for row in self.rows)

    @property
    def holds(self) -> bool:
        """True where what the spec claims was measured."""
        return self.exact or not self.claimed

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"holds": self.holds, "claimed": self.claimed, "rows": [asdict(row) for row in self.rows]}

    def __str__(self) -> str:
        lines = ["generator  output  dtype       error     control   tolerance  verdict"]
        for row in self.rows:
            numbers = f"{row.error:9.1e} {row.control:9.1e} {row.tolerance:9.0e}"
            lines.append(f"{row.generator:<9}  {row.output:<6}  {row.dtype:<7} {numbers}   {_words(row)}")
        if not self.rows:
            lines.append("the group has no generators: nothing to verify")
        if not self.claimed:
            relaxed = any(row.verdict == "relaxed" for row in self.rows)
            allowed = (
                "relaxed: the network may depart" if relaxed else "none: the spec claims no symmetry of the network"
            )
            lines.append(f"constraint {allowed}")
        return "\n".join(lines)


@torch.no_grad()
def verify(
    network: Network,
    interface: Interface,
    observation: Mapping[str, FieldType],
    action: Representation,
    *,
    claimed: bool = True,
    relaxed: bool = False,
    batch: int = 8,
    seed: int = 0,
) -> Verification:
    """Measure a network against the group, in float32 and float64, on random observations.

    Args:
        network: left unchanged; copies are measured.
        interface: the environment's terms and action.
        observation: field type of every term.
        action: how the group moves the policy's parameters.
        claimed: whether the spec claims exactness.
        relaxed: whether the spec allows a departure: then it is a size, not a fault.
        batch: number of observations.
        seed: of the observations and shuffles.
    """
    rows = []
    inputs = {
        term.name: _sample(term, batch, np.random.default_rng([seed, k])) for k, term in enumerate(interface.terms)
    }
    for dtype in TOLERANCE:
        model = copy.deepcopy(network).to(dtype).eval()
        with model.expanded():
            outputs = model(inputs)
            for generator in action.group.generators:
                fields = ((t, observation[t.name]) for t in interface.terms)
                moved = {t.name: act_on_term(t, field, generator, inputs[t.name]) for t, field in fields}
                rows += _rows(generator, dtype, outputs, model(moved), action)
    if relaxed:
        rows = [replace(row, verdict="relaxed") if row.verdict == "broken" else row for row in rows]
    return Verification(tuple(rows), claimed)


def _words(row: Row) -> str:
    return f"relaxed by {row.error:.2g}" if row.verdict == "relaxed" else row.verdict


def _rows(
    generator: str,
    dtype: torch.dtype,
    before: tuple[Tensor, Tensor],
    after: tuple[Tensor, Tensor],
    action: Representation,
) -> list[Row]:
    rows = []
    probe = np.random.default_rng(0).standard_normal(action.size)
    moves = {"policy": not np.allclose(action.act(generator, probe), probe), "value": False}
    for name, x, y in zip(("policy", "value"), before, after, strict=True):
        expected = torch.from_numpy(action.act(generator, x.numpy())) if name == "policy" else x
        scale = x.abs().max().clamp_min(FLOOR)
        other = x if moves[name] else x.roll(1, 0)
        error = float((y - expected).abs().max() / scale)
        power = float((other - expected).abs().max() / scale)
        tolerance = TOLERANCE[dtype]
        verdict: Verdict = "exact" if error <= tolerance else "broken"
        verdict = "no power" if verdict == "exact" and power < POWER * tolerance else verdict
        rows.append(Row(generator, name, str(dtype).removeprefix("torch."), error, power, tolerance, verdict))
    return rows


def _sample(term: Term, batch: int, rng: np.random.Generator) -> np.ndarray:
    """Observations that use every entry; float64, so that nothing is rounded away (discrete terms stay indices)."""
    if term.layout == "discrete":
        return rng.integers(0, term.size, batch)
    return rng.standard_normal((batch, *term.shape)) * term.scale
