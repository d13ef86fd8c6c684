"""Measure what the plan promises: for each generator the error of policy and critics, with the
control beside it.

error    max |policy(g.o) - g.policy(o)| and max |value(g.o) - value(o)|, relative to the largest output (FLOOR at
         least: a value close to zero may be a sum of numbers many times as large, and carries their rounding);
         where the critics judge actions max |q(g.o, g.a) - q(o, a)| over both, and the same for the logarithm of the
         policy's deviation, which |g| moves;
control  how much the output differs where the claim is false on purpose: the policy's output left unmoved, q(g.o, a),
         or, where the generator does not move the output (the action), the one for another observation (an invariant
         must not be a constant).

A claim whose control is as small as its tolerance has shown nothing: its verdict is "no power", not
"exact".

Observations are normally distributed ones and, where they are given (`Shown`), some between the
bounds of the space and the environment's own. The error is the largest over all of them; that of
observations larger than 1 is divided by their size, for rounding grows with it. A network must also
tell the environment's observations apart: where an output is the same for all of them, though no
element of the group takes one to another, the verdict is "no power".

Turns that take pixels between pixels (see algebra.plane) are measured on smooth pictures inside the
disc, by an angle of the generator and by another one. They are never exact: the verdict is
"approximate" where the error is at most APPROXIMATE of the largest output and the control CONTRAST
times larger. Elements that do take pixels to pixels are measured beside them, and exact.
"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from symgen.algebra import plane as planes
from symgen.algebra.fieldtype import FieldType
from symgen.algebra.group import Group
from symgen.algebra.representation import Representation, absolute
from symgen.nn.device import NARROW, widest
from symgen.nn.network import Network, build
from symgen.problem.group_action import act_on_term, to_field
from symgen.problem.interface import Interface, Term

Verdict = Literal["exact", "approximate", "broken", "relaxed", "no power"]
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-12}
"""Largest relative error that counts as exact, by dtype."""
APPROXIMATE = 0.1
"""Largest relative error of a turn between pixels that counts as approximate; of the output itself,
however small.
"""
CONTRAST = 3.0
"""A control must exceed the error of an approximate claim this many times."""
FLOOR = 0.1
"""Outputs smaller than this are measured against it."""
POWER = 100.0
"""A control must exceed the tolerance this many times."""


@dataclass(frozen=True)
class Shown:
    """Observations that a network is measured on, beside normally distributed ones.

    Args:
        source: where they come from, in words.
        observations: a batch of every term: float64, or indices.
        real: whether the environment gave them.
    """

    source: str
    observations: Mapping[str, np.ndarray]
    real: bool = False

    @property
    def count(self) -> int:
        """How many they are."""
        return len(next(iter(self.observations.values())))


@dataclass(frozen=True)
class Row:
    """One measurement.

    Args:
        generator: the generator; on a plane also further words, see the module.
        output: its name, such as "policy", "value" or "q1".
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


@dataclass(frozen=True)
class Verification:
    """The measurements of a network.

    Args:
        rows: one per generator, output and dtype.
        claimed: whether the spec claims exactness; a baseline claims nothing.
        relaxed: whether the spec allows it to be broken, which a network that was not trained yet
            has not.
        observations: how many observations it was measured on, by where they come from.
        missing: why there are none of the environment, where they were asked for.
        device: where it was measured.
    """

    rows: tuple[Row, ...]
    claimed: bool
    relaxed: bool = False
    observations: Mapping[str, int] = field(default_factory=dict)
    missing: str = ""
    device: str = "cpu"

    @property
    def exact(self) -> bool:
        """True where every measurement says exact."""
        return all(row.verdict == "exact" for row in self.rows)

    @property
    def holds(self) -> bool:
        """True where what the spec claims was measured, up to interpolation where pixels are turned
        between pixels.

        A relaxed network may break it, and must have shown by how much: a constant has not.
        """
        if not self.claimed and not self.relaxed:
            return True
        return all(row.verdict not in ("broken", "no power") for row in self.rows)

    @property
    def without_power(self) -> bool:
        """True where the control of an exact claim is as good as nothing: an output may be a
        constant.
        """
        return (self.claimed or self.relaxed) and any(
            row.verdict == "no power" and row.tolerance != APPROXIMATE for row in self.rows
        )

    def to_dict(self) -> dict[str, Any]:
        """JsonValue values for JSON."""
        return {
            "holds": self.holds,
            "claimed": self.claimed,
            "rows": [asdict(row) for row in self.rows],
            "observations": dict(self.observations),
            "device": self.device,
            **({"missing": self.missing} if self.missing else {}),
        }

    def __str__(self) -> str:
        width = max(6, *(len(row.output) for row in self.rows)) if self.rows else 6
        lines = [
            f"generator  {'output':<{width}}  dtype       error     control   tolerance  verdict"
        ]
        for row in self.rows:
            numbers = f"{row.error:9.1e} {row.control:9.1e} {row.tolerance:9.0e}"
            lines.append(
                f"{row.generator:<9}  {row.output:<{width}}  {row.dtype:<7} {numbers}   "
                f"{_words(row)}"
            )
        if not self.rows:
            lines.append("the group has no generators: nothing to verify")
        if any(row.tolerance == APPROXIMATE for row in self.rows):
            lines.append(
                "turns between pixels: measured on smooth pictures inside the disc, with "
                "interpolation"
            )
        lines += self._about_observations() + self._about_device()
        if not self.claimed:
            allowed = (
                "relaxed: the network may break it"
                if self.relaxed
                else "none: the spec claims no symmetry of the network"
            )
            lines.append(f"constraint {allowed}")
        return "\n".join(lines)

    def _about_device(self) -> list[str]:
        if self.device == "cpu":
            return []
        apart = (
            ", float64 on the cpu: it has none" if self.device.partition(":")[0] in NARROW else ""
        )
        return [f"measured on {self.device}{apart}"]

    def _about_observations(self) -> list[str]:
        blind = sorted({row.output for row in self.rows if _ignores(row)})
        lines = (
            [f"{', '.join(blind)}: the same for all observations of the environment"]
            if blind
            else []
        )
        used = ", ".join(f"{count} {source}" for source, count in self.observations.items())
        lines += [f"observations: {used}"] if used else []
        return lines + ([f"none of the environment: {self.missing}"] if self.missing else [])


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
    shown: Sequence[Shown] = (),
    missing: str = "",
) -> Verification:
    """Measure a network against the group, in float32 and float64.

    Args:
        network: left unchanged; copies are measured.
        interface: the environment's terms and action.
        observation: field type of every term.
        action: how the group moves the policy's parameters.
        claimed: whether the spec claims exactness.
        relaxed: whether the spec allows it to be broken: then it is a size, not a fault.
        batch: number of normally distributed observations.
        seed: of the observations and shuffles.
        shown: further observations.
        missing: why none of the environment are among them.
    """
    rows: list[Row] = []
    inputs = {
        term.name: _sample(term, observation[term.name], batch, np.random.default_rng([seed, k]))
        for k, term in enumerate(interface.terms)
    }
    exact = {
        word: all(f.base.is_exact(word) for f in observation.values())
        for word in _measured(action.group, observation)
    }
    acts = np.random.default_rng([seed, len(inputs)]).standard_normal((batch, action.size))
    for dtype in TOLERANCE:
        model = _copied(network, interface, dtype).eval()
        with model.expanded():
            before = _outputs(model, inputs, acts)
            for generator in exact:
                fields = ((t, observation[t.name]) for t in interface.terms)
                moved = {
                    t.name: act_on_term(t, its_field, generator, inputs[t.name])
                    for t, its_field in fields
                }
                after = _outputs(model, moved, action.act(generator, acts))
                # of a Q that reads the action: the observation moved, the action left unmoved
                judging = [o.name for o in model.outputs if o.reads == "action"]
                still = _outputs(model, moved, acts) if _moves(action, generator) else {}
                ignored = {name: still[name] for name in judging if name in still}
                rows += _rows(generator, dtype, before, after, ignored, action, exact[generator])
            for each in shown:
                rows = _shown_too(each, rows, model, interface, observation, action, exact)
    if relaxed:
        rows = [_allowed(row) for row in rows]
    used = {"normally distributed": batch} | {each.source: each.count for each in shown}
    return Verification(tuple(rows), claimed, relaxed, used, missing, str(network.device))


def _copied(network: Network, interface: Interface, dtype: torch.dtype) -> Network:
    """A copy that computes in `dtype`; where the device has no float64 it is on the CPU, with
    tables made anew.
    """
    if dtype == widest(network.device) or dtype == torch.float32:
        return copy.deepcopy(network).to(dtype)
    made = build(network.plan, interface)
    made.load_state_dict({name: x.cpu() for name, x in network.state_dict().items()})
    return made.to(dtype)


def _shown_too(
    shown: Shown,
    rows: list[Row],
    model: Network,
    interface: Interface,
    observation: Mapping[str, FieldType],
    action: Representation,
    exact: Mapping[str, bool],
) -> list[Row]:
    """The rows of the model's dtype with what further observations add; turns between pixels want
    smooth pictures.
    """
    dtype = str(model.dtype).removeprefix("torch.")
    acts = np.random.default_rng(0).standard_normal((1, action.size)).repeat(shown.count, 0)
    before = _outputs(model, shown.observations, acts)
    real = [t for t in interface.terms if t.layout != "discrete"]
    size = max([1.0, *(float(np.abs(shown.observations[t.name]).max()) / t.scale for t in real)])
    apart = _differ(shown, interface, observation)
    errors = {}
    for generator in (word for word, exactly in exact.items() if exactly):
        given = ((t, observation[t.name], shown.observations[t.name]) for t in interface.terms)
        moved = {t.name: act_on_term(t, its_field, generator, x) for t, its_field, x in given}
        after = _outputs(model, moved, action.act(generator, acts))
        for row in _rows(generator, model.dtype, before, after, {}, action, True):
            errors[generator, row.output] = row.error / size
    result = []
    for row in rows:
        if row.dtype == dtype and (row.generator, row.output) in errors:
            x = before[row.output]
            spread = (
                float((x.amax(0) - x.amin(0)).max() / x.abs().max().clamp_min(FLOOR))
                if apart
                else None
            )
            error = float(
                np.maximum(row.error, errors[row.generator, row.output])
            )  # one that is no number stays
            row = replace(row, error=error, sensitivity=spread if shown.real else row.sensitivity)
            row = replace(row, verdict=_judged(row, row.verdict))
        result.append(row)
    return result


def _judged(row: Row, before: Verdict) -> Verdict:
    """The verdict of an exact row that further observations were added to."""
    if not row.error <= row.tolerance:
        return "broken"
    return "no power" if _ignores(row) else before


def _ignores(row: Row) -> bool:
    """Whether an output is the same for all observations of the environment, up to rounding."""
    return row.sensitivity is not None and row.sensitivity <= TOLERANCE[getattr(torch, row.dtype)]


def _differ(shown: Shown, interface: Interface, observation: Mapping[str, FieldType]) -> bool:
    """Whether some observations differ in what the group leaves alone: the squares summed over
    orbits of entries.
    """
    for term in interface.terms:
        its_field = observation[term.name]
        entries = (
            to_field(term, its_field, shown.observations[term.name]).reshape(shown.count, -1)
            / term.scale
        )
        orbits = its_field.entry_orbits.reshape(-1)
        energy = np.stack([np.bincount(orbits, row**2) for row in entries])
        if (np.ptp(energy, axis=0) > 1e-6 * (1 + energy.max(0))).any():
            return True
    return False


def _allowed(row: Row) -> Row:
    """An error as a relaxed network may have it; one that is no number is a fault."""
    return (
        replace(row, verdict="relaxed")
        if row.verdict == "broken" and np.isfinite(row.error)
        else row
    )


def _words(row: Row) -> str:
    how = {"relaxed": "relaxed by", "approximate": "approximate, off by"}.get(row.verdict)
    return f"{how} {row.error:.2g}" if how else row.verdict


def _measured(group: Group, observation: Mapping[str, FieldType]) -> tuple[str, ...]:
    """The generators; on a plane also a turn by another angle (near 0.38 of a full one), and one
    between pixels' axes.

    >>> from symgen.algebra.catalogue import group
    >>> from symgen.algebra.fieldtype import parse
    >>> _measured(group("D8"), {"": parse(group("D8"), "plane 5x5: trivial")})
    ('r', 's', 'r^3', 'r^2')
    """
    base = next((field.base for field in observation.values() if field.base.kind == "plane"), None)
    if base is None or "r" not in group.generators:
        return group.generators
    turns = group.letter_order("r")
    words = list(group.generators)
    between = [k for k in range(2, turns) if not base.is_exact(f"r^{k}")]
    words += [f"r^{min(between, key=lambda k: abs(k / turns - 0.38))}"] if between else []
    words += [f"r^{k}" for k in range(2, turns // 2 + 1) if base.is_exact(f"r^{k}")][:1]
    return tuple(words)


def _outputs(model: Network, observation: Any, acts: np.ndarray) -> dict[str, Tensor]:
    """What a network says of observations and, where its critics judge actions, of actions."""
    seen, _ = model(observation)
    outputs = {o.name: seen[o.name] for o in model.outputs if o.reads == "observation"}
    judging = tuple(o.name for o in model.outputs if o.reads == "action")
    if judging:
        outputs |= model.heads(model.encode(observation), judging, torch.from_numpy(acts))
    return {name: x.cpu() for name, x in outputs.items()}


def _moving(action: Representation) -> dict[str, Representation]:
    """How the group moves the outputs that it moves; where it mixes components, their deviation is
    an invariant.
    """
    return {"policy": action} | (
        {"log_std": absolute(action)} if action.is_signed_permutation else {}
    )


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
    exactly: bool,
) -> list[Row]:
    """The claims about one generator. `ignored`: outputs of which a part was left unmoved."""
    rows = []
    moving = _moving(action)
    for name, x in before.items():
        moved = name in moving and _moves(moving[name], generator)
        expected = torch.from_numpy(moving[name].act(generator, x.numpy())) if moved else x
        other = ignored.get(name, x if moved else x.roll(1, 0))
        scale = x.abs().max().clamp_min(FLOOR if exactly else 1e-12)
        error = float((after[name] - expected).abs().max() / scale)
        power = float((other - expected).abs().max() / scale)
        tolerance = TOLERANCE[dtype] if exactly else APPROXIMATE
        verdict: Verdict = (
            "broken" if not error <= tolerance else "exact" if exactly else "approximate"
        )
        needed = POWER * tolerance if exactly else CONTRAST * error
        verdict = "no power" if verdict != "broken" and power < needed else verdict
        rows.append(
            Row(
                generator, name, str(dtype).removeprefix("torch."), error, power, tolerance, verdict
            )
        )
    return rows


def _sample(term: Term, field: FieldType, batch: int, rng: np.random.Generator) -> np.ndarray:
    """Observations that use every entry; float64, so that nothing is rounded away (discrete terms
    stay indices).
    """
    if term.layout == "discrete":
        return _indices(field, batch, rng)
    if field.base.kind == "plane":
        return planes.smooth(term.shape, batch, rng) * term.scale
    return rng.standard_normal((batch, *term.shape)) * term.scale


def _indices(field: FieldType, batch: int, rng: np.random.Generator) -> np.ndarray:
    """Values of a discrete term: one of every orbit first, for on an orbit an invariant is
    constant.
    """
    values = rng.permutation(field.size)
    orbits = field.entry_orbits.reshape(-1)[values]
    earlier = [int((orbits[:k] == orbit).sum()) for k, orbit in enumerate(orbits)]
    return np.resize(values[np.argsort(earlier, kind="stable")], batch)
