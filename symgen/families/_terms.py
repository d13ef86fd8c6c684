"""Steps every family shares: normalised terms at the start, the heads at the end."""

from dataclasses import dataclass
from typing import Any

from symgen.algebra import representation as representations
from symgen.algebra.fieldtype import FieldType, vector
from symgen.algebra.representation import Representation
from symgen.algebra.tying import linear_weights
from symgen.plan.plan import ACTION, Constraint, Step

MAX_PROJECTED = 512
"""Largest field whose mean is projected by a dense matrix."""
CLIP = 10.0
"""Where no algorithm says otherwise: largest normalised entry, in standard deviations."""


@dataclass(frozen=True)
class Source:
    """A named value of the plan with its type: an observation term, or the step that normalises it.

    Args:
        name: of the term or step.
        field: its type.
        real: whether it is observed, in real numbers, which may be of any size.
    """

    name: str
    field: FieldType
    real: bool = False

    @property
    def is_spatial(self) -> bool:
        """True for a grid, graph or set of tokens; False for a plain vector."""
        return self.field.base.kind != "point"


def observed(problem: Any) -> tuple[list[Step], list[Source]]:
    """The steps that normalise the terms, and every term as later steps read it.

    They do nothing until an algorithm with `normalise_observations` feeds them. A large field whose
    fibre changes signs or mixes channels is left as it is: projecting its mean would take a matrix
    of its size squared.
    """
    steps = []
    sources = []
    clip = getattr(problem.algorithm_options, "clip_observations", CLIP)
    for term in problem.interface.terms:
        field = problem.observation[term.name]
        name = term.name
        small = (
            field.size <= MAX_PROJECTED and field.base.kind != "plane"
        )  # the means of a plane are those of channels
        if term.layout != "discrete" and (field.fibre.kind == "permutation" or small):
            name = f"normal_{term.name}"
            arguments = {"field": field, "clip": clip}
            steps.append(
                Step(name, "norm.RunningNorm", (term.name,), (field,), field, "exact", 0, arguments)
            )
        sources.append(Source(name, field, real=term.dtype.startswith("float")))
    return steps, sources


def picture_and_others(sources: list[Source]) -> tuple[Source, list[Source]]:
    """The first source on a grid (or plane), and all the others."""
    picture = next(source for source in sources if source.field.base.is_picture)
    return picture, [source for source in sources if source is not picture]


def action_field(problem: Any) -> FieldType:
    """Type of the policy's parameter vector."""
    return vector(problem.action)


def deviation_field(problem: Any) -> FieldType:
    """How the logarithm of a state-dependent deviation of the action moves.

    By |rho(g)| where the group moves the action up to sign: the covariance diag(sigma^2) then moves
    as it must. Where it mixes components, one invariant number for all that it mixes.
    """
    action: Representation = problem.action
    if action.is_signed_permutation:
        return vector(representations.absolute(action))
    return vector(
        representations.direct_sum(
            (int(action_field(problem).entry_orbits.max()) + 1, _one(action.group))
        )
    )


def critics(problem: Any) -> tuple[str, ...]:
    """The names of the critics: a value of the observation, or two Q of observation and action
    (clipped double Q).
    """
    return ("value",) if problem.critic == "value" else ("q1", "q2")


def judged(problem: Any, sources: list[Source]) -> list[Source]:
    """What a critic with layers of its own reads: what was observed, and the action where it judges
    actions.
    """
    return (
        sources if problem.critic == "value" else [*sources, Source(ACTION, action_field(problem))]
    )


def heads(
    problem: Any,
    policy: Source,
    critic: Source | tuple[Source, ...],
    constraint: Constraint = "exact",
) -> list[Step]:
    """The linear heads of the policy and of the critics, and the scale of a continuous action.

    Args:
        problem: the problem.
        policy: what the policy reads.
        critic: what each of `critics` reads, where they have layers of their own (of `judged`
            sources). Or one source for all: a value reads it as it is; each Q mixes the action in,
            in a hidden layer with the source's fibre.
        constraint: "none" for heads that no group binds.
    """
    names = critics(problem)
    steps = []
    ends = critic if isinstance(critic, tuple) else (critic,) * len(names)
    if isinstance(critic, Source) and problem.critic == "q":
        steps = [_mixed(f"{name}_hidden", judged(problem, [critic]), constraint) for name in names]
        ends = tuple(Source(step.name, step.out_type) for step in steps)
    action = action_field(problem)
    number = vector(_one(problem.group))
    # a nearly uniform policy at the start (Andrychowicz et al. 2021, "What matters in on-policy
    # RL", section 3.2)
    steps.append(_head("policy", action, policy, 0.1, constraint))
    if problem.critic == "q":
        steps.append(_head("log_std", deviation_field(problem), policy, 0.1, constraint))
    steps += [
        _head(name, number, end, 1.0, constraint) for name, end in zip(names, ends, strict=True)
    ]
    if problem.interface.action.kind == "continuous" and problem.critic == "value":
        orbits = int(action.entry_orbits.max()) + 1
        steps.append(
            Step(
                "scale",
                "network.ContinuousScale",
                (),
                (),
                action,
                constraint,
                orbits,
                {"target": action},
            )
        )
    return steps


def _mixed(name: str, sources: list[Source], constraint: Constraint) -> Step:
    """A hidden layer on features and action, with the fibre of the features."""
    names, types = (
        tuple(values) for values in zip(*((s.name, s.field) for s in sources), strict=True)
    )
    hidden = vector(types[0].fibre)
    arguments: dict[str, Any]
    if constraint == "none":
        arguments = {"sources": types, "widths": (hidden.size,), "activation": "relu"}
        weights = hidden.size * (1 + sum(field.size for field in types))
        return Step(name, "plain.Perceptron", names, types, hidden, constraint, weights, arguments)
    # a signed fibre allows odd functions only
    activation = "relu" if hidden.fibre.kind == "permutation" else "tanh"
    arguments = {"target": hidden, "sources": types, "activation": activation}
    weights = sum(linear_weights(hidden, field, with_bias=k == 0) for k, field in enumerate(types))
    return Step(name, "embedding.Nonlinear", names, types, hidden, constraint, weights, arguments)


def _one(group: Any) -> Representation:
    return representations.trivial(group)


def _head(
    name: str, target: FieldType, source: Source, gain: float, constraint: Constraint
) -> Step:
    arguments = {"target": target, "source": source.field, "gain": gain}
    if constraint == "none":
        weights = target.size * (source.field.size + 1)
        return Step(
            name,
            "plain.Dense",
            (source.name,),
            (source.field,),
            target,
            constraint,
            weights,
            arguments,
        )
    weights = linear_weights(target, source.field)
    return Step(
        name,
        "tied_linear.TiedLinear",
        (source.name,),
        (source.field,),
        target,
        constraint,
        weights,
        arguments,
    )


def plain(group: Any, channels: int) -> FieldType:
    """A vector of channels that no group binds (written as trivial: nothing is claimed of how they
    move).
    """
    return vector(representations.direct_sum((channels, representations.trivial(group))))
