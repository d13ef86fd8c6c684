"""relaxed: the network is exact at first and may learn to break the symmetry, by a measured amount.

Banks: W = sum_l w_l(g) psi_l, all w equal at first (see algebra.relaxation). Residual: W = W_tied +
Delta, Delta = 0 at first (Finzi et al. 2021, "Residual pathway priors"). Delta of a matrix is free;
that of a graph matrix is shared only by pairs with the same offset (on a grid), one for every pair
elsewhere.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

from symgen.algebra.relaxation import Relaxation
from symgen.plan.plan import Step
from symgen.problem.constraint import Fit, Promise
from symgen.problem.fault import Fault
from symgen.problem.problem import Problem
from symgen.problem.training import Side, Trained
from symgen.spec.source import Place

if TYPE_CHECKING:  # a spec is checked without torch
    from torch import Generator, Tensor

    from symgen.problem.training import Observations, Tensors

PROMISE: Promise = "relaxed"
USES_GROUP = True
FITS: Fit = "bound"
PATH: Place = ("symmetry", "constraint", "relaxed")
METRICS = {
    "symmetry_breaking/<step>": "distance of a step's relaxed maps from the nearest exact ones, "
    "relative to their size",
    "symmetry_breaking/<step>/<generator>": "size of rho_out(g) W - W rho_in(g), relative to the "
    "size of W",
    "symmetry_breaking/<step>/spread": "largest difference of a bank's weights between two group "
    "elements",
    "penalty": "regulariser times what breaks the symmetry, as it is added to the loss; where the "
    "spec asks for one",
}
"""Logged for a relaxed network, in the updates that `measured` picks."""
EVERY = 10
"""Updates between two measurements, which take about as long as a few gradient steps."""


class Options(BaseModel):
    """What a spec may say under `constraint: {relaxed: ...}`."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", allow_inf_nan=False)

    form: Literal["banks", "residual"] | None = Field(
        default=None,
        description="How it may break the symmetry: banks (exact maps, added up with a learnt "
        "weight for each group element, all equal at first) or residual (an exact map plus a free "
        "one, zero at first); left out, the family's own.",
    )
    banks: int = Field(
        default=2,
        ge=1,
        le=16,
        description="Number of exact maps that are added up; a single one is only scaled, element "
        "by element.",
    )
    index: Literal["output", "input"] = Field(
        default="output",
        description="Which group element the weight of a bank belongs to: that of the channel "
        "that is written (output) "
        "or of the one that is read (input).",
    )
    regulariser: float = Field(
        default=0.0,
        ge=0,
        allow_inf_nan=False,
        description="Weight of the penalty on what breaks the symmetry: the variance of the banks' "
        "weights over the group, or the "
        "mean square of the free map.",
    )


def check(problem: Problem, options: Options) -> list[Fault]:
    """Settings that the family, or the form, does not have are refused, not ignored."""
    family = problem.spec.network.family
    forms = problem.family.FORMS
    given = options.model_fields_set
    if forms == ("pixels",):
        message = f"{family} has no {{}}: pixels relax its kernels"
        keys = [key for key in ("form", "banks", "index") if key in given]
        return [_unavailable(key, message.format(key), "leave it out") for key in keys]
    how = relaxation(problem, options)
    if how.form not in forms:
        message = f"{family} does not have the relaxed form {how.form}"
        return [_unavailable("form", message, f"write form: {' or '.join(forms)}")]
    faults = []
    if how.form == "residual":
        more = ", or write form: banks" if "banks" in forms else ""
        for key in ("banks", "index"):
            if key in given:
                message = (
                    f"{key} belongs to the form banks; {family} adds one free map (form: residual)"
                )
                faults.append(_unavailable(key, message, f"leave {key} out{more}"))
    return faults or _idle_faults(problem, how)


def _unavailable(key: str, message: str, hint: str) -> Fault:
    return Fault("unavailable-constraint", (*PATH, key), message, hint)


def _idle_faults(problem: Problem, how: Relaxation) -> list[Fault]:
    """With banks some map must have channels that the group exchanges, or the network is exact and
    stays so.
    """
    if how.form != "banks" or problem.group.order == 1:
        return []
    exact = problem.family.plan(problem.design)
    if any(step.operation.relaxed(how) is not step.operation for step in exact):
        return []
    message = (
        "no layer has channels that the group exchanges: banks have nothing to weigh, the network "
        "would stay exact"
    )
    hint = "use a fibre whose channels the group exchanges, e.g. regular, or write form: residual"
    return [Fault("unavailable-constraint", ("symmetry", "constraint"), message, hint)]


def relaxation(problem: Problem, options: Options) -> Relaxation:
    """How the maps are relaxed: in the family's own form, where the spec names none."""
    return Relaxation(options.form or problem.family.FORMS[0], options.banks, options.index)


def steps(problem: Problem, options: Options, exact: tuple[Step, ...]) -> tuple[Step, ...]:
    """Every map that this form relaxes may break the symmetry."""
    how = relaxation(problem, options)
    return tuple(replace(step, operation=step.operation.relaxed(how)) for step in exact)


def training(problem: Problem, options: Options) -> "Regularised":
    """The regulariser in every loss, and the symmetry-breaking norms as metrics."""
    return Regularised(options.regulariser)


@dataclass(frozen=True)
class Regularised:
    """Training of a network that may break its symmetry.

    Args:
        weight: of the symmetry-breaking weights' penalty in the loss of either side.
    """

    weight: float
    log_prob: Literal["copied"] = "copied"

    def augment(
        self,
        observations: "tuple[Observations, ...]",
        actions: "Tensor",
        generator: "Generator",
        beside: bool,
    ) -> None:
        """No copies."""

    def penalty(
        self,
        network: Trained,
        observations: "Observations",
        actions: "Tensor",
        outputs: "Tensors",
        side: Side | None,
        generator: "Generator",
    ) -> "Tensor | None":
        """The weight times the penalty of every relaxed map."""
        cost = network.penalty() if self.weight else None
        return None if cost is None else self.weight * cost

    def measured(self, network: Trained, update: int, last: bool) -> dict[str, float]:
        """METRICS of the network as it is now; empty where it is exact, and in most updates."""
        if not (update == 1 or update % EVERY == 0 or last):
            return {}
        norms = {
            f"symmetry_breaking/{name}": size for name, size in network.symmetry_breaking().items()
        }
        cost = network.penalty() if self.weight else None
        return norms if cost is None else {**norms, "penalty": self.weight * float(cost.detach())}


def documented(name: str) -> str:
    """The key of METRICS that a metric's name is an instance of.

    >>> documented("symmetry_breaking/policy/spread"), documented("symmetry_breaking/policy/r")
    ('symmetry_breaking/<step>/spread', 'symmetry_breaking/<step>/<generator>')
    """
    parts = name.split("/")
    if parts[0] == "symmetry_breaking" and len(parts) > 1:
        parts[1] = "<step>"
        parts[2:] = [part if part == "spread" else "<generator>" for part in parts[2:]]
    return "/".join(parts)
