"""Measure what the plan promises: for each generator the error of policy and critics, with the control beside it.

error    max |policy(g.o) - g.policy(o)| and max |value(g.o) - value(o)|, relative to the largest output (FLOOR at
         least: a value close to zero may be a sum of numbers many times as large, and carries their rounding);
         where the critics judge actions max |q(g.o, g.a) - q(o, a)| over both, and the same for the logarithm of the
         policy's deviation, which |g| moves;
control  how much the output differs where the claim is false on purpose: the policy's output left unmoved, q(g.o, a),
         or, where the generator does not move the output (the action), the one for another observation (an invariant
         must not be a constant).

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
from symgen.algebra.representation import Representation, absolute
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
        output: "policy" and "value"; or "policy", "log_std" and "q".
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
        width = max(6, *(len(row.output) for row in self.rows)) if self.rows else 6
        lines = [f"generator  {'output':<{width}}  dtype       error     control   tolerance  verdict"]
        for row in self.rows:
            numbers = f"{row.error:9.1e} {row.control:9.1e} {row.tolerance:9.0e}"
            lines.append(f"{row.generator:<9}  {row.output:<{width}}  {row.dtype:<7} {numbers}   {_words(row)}")
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
    acts = np.random.default_rng([seed, len(inputs)]).standard_normal((batch, action.size))
    for dtype in TOLERANCE:
        model = copy.deepcopy(network).to(dtype).eval()
        with model.expanded():
            before = _outputs(model, inputs, acts)
            for generator in action.group.generators:
                fields = ((t, observation[t.name]) for t in interface.terms)
                moved = {t.name: act_on_term(t, field, generator, inputs[t.name]) for t, field in fields}
                after = _outputs(model, moved, action.act(generator, acts))
                if "q" in before and _moves(action, generator):
                    ignored = {"q": model.q(moved, torch.from_numpy(acts))}
                else:
                    ignored = {}
                rows += _rows(generator, dtype, before, after, ignored, action)
    if relaxed:
        rows = [replace(row, verdict="relaxed") if row.verdict == "broken" else row for row in rows]
    return Verification(tuple(rows), claimed)


def _words(row: Row) -> str:
    return f"relaxed by {row.error:.2g}" if row.verdict == "relaxed" else row.verdict


def _outputs(model: Network, observation: Any, acts: np.ndarray) -> dict[str, Tensor]:
    """What a network says of observations and, where its critics judge actions, of actions."""
    if not model.plan.judges_actions:
        return dict(zip(("policy", "value"), model(observation), strict=True))
    policy, log_std = model(observation)
    return {"policy": policy, "log_std": log_std, "q": model.q(observation, torch.from_numpy(acts))}


def _moving(action: Representation) -> dict[str, Representation]:
    """How the group moves the outputs that it moves; where it mixes components, their deviation is an invariant."""
    return {"policy": action} | ({"log_std": absolute(action)} if action.is_signed_permutation else {})


def _moves(representation: Representation, generator: str) -> bool:
    probe = np.random.default_rng(0).standard_normal(representation.size)
    return not np.allclose(representation.act(generator, probe), probe)


def _rows(
    generator: str,
    dtype: torch.dtype,
    before: Mapping[str, Tensor],
    after: Mapping[str, Tensor],
    ignored: Mapping[str, Tensor],
    action: Representation,
) -> list[Row]:
    """The claims about one generator. `ignored`: outputs of which a part was left unmoved."""
    rows, moving = [], _moving(action)
    for name, x in before.items():
        moved = name in moving and _moves(moving[name], generator)
        expected = torch.from_numpy(moving[name].act(generator, x.numpy())) if moved else x
        other = ignored.get(name, x if moved else x.roll(1, 0))
        scale = x.abs().max().clamp_min(FLOOR)
        error = float((after[name] - expected).abs().max() / scale)
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
