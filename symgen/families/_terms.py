"""Steps every family shares: normalised terms at the start, the heads at the end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from symgen.algebra.fieldtype import FieldType, vector
from symgen.operations.embedding import Nonlinear
from symgen.operations.norm import RunningNorm
from symgen.operations.operation import Operation
from symgen.operations.plain import Dense, Perceptron, Reconstruction
from symgen.operations.scale import ContinuousScale
from symgen.operations.tied_linear import TiedLinear
from symgen.plan.plan import Step
from symgen.problem.output import (
    ACTION,
    Decoder,
    Output,
    Privileged,
    critics,
    field_of,
    reads_action,
)
from symgen.problem.problem import Problem

MAX_PROJECTED = 512
"""Largest field whose mean is projected by a dense matrix."""


@dataclass(frozen=True)
class Feature:
    """A named value of the plan with its type: an observation term, or what a step computes.

    Args:
        name: of the term or step.
        field: its type.
        is_real: whether it is observed, in real numbers, which may be of any size.
    """

    name: str
    field: FieldType
    is_real: bool = False

    @property
    def is_spatial(self) -> bool:
        """True for a grid, graph or set of tokens; False for a plain vector."""
        return self.field.base.kind != "point"


def made_by(step: Step) -> Feature:
    """What a step computes."""
    return Feature(step.name, step.operation.output)


def observed(problem: Problem) -> tuple[list[Step], list[Feature]]:
    """The steps that normalise the terms, and every term as later steps read it.

    They do nothing until an algorithm with `normalise_observations` feeds them. A large field whose
    fibre changes signs or mixes channels is left as it is: projecting its mean would take a matrix
    of its size squared.
    """
    steps = []
    features = []
    for term in problem.interface.terms:
        field = problem.observation[term.name]
        name = term.name
        # the means of a plane are those of channels
        small = field.size <= MAX_PROJECTED and field.base.kind != "plane"
        if term.layout != "discrete" and (field.fibre.kind == "permutation" or small):
            name = f"normal_{term.name}"
            norm = RunningNorm(field, problem.clip_observations)
            steps.append(Step(name, (term.name,), norm))
        features.append(Feature(name, field, is_real=term.dtype.startswith("float")))
    return steps, features


def picture_and_others(features: Sequence[Feature]) -> tuple[Feature, list[Feature]]:
    """The first feature on a grid (or plane), and all the others."""
    picture = next(feature for feature in features if feature.field.base.is_picture)
    return picture, [feature for feature in features if feature is not picture]


def read_by(problem: Problem, output: Output, features: Sequence[Feature]) -> list[Feature]:
    """What the layers of an output's own read: the features, and the action where it judges one."""
    if output.reads != "action":
        return list(features)
    return [*features, Feature(ACTION, vector(problem.action))]


def layer(
    name: str,
    features: Sequence[Feature],
    field: FieldType,
    activation: str,
    is_free: bool = False,
) -> Step:
    """A dense layer with a pointwise nonlinearity, equivariant or free."""
    types = tuple(feature.field for feature in features)
    operation: Operation = Nonlinear(field, types, activation)
    if is_free:
        operation = Perceptron(types, (field.size,), activation)
    return Step(name, tuple(feature.name for feature in features), operation)


def heads(
    problem: Problem,
    actor: Feature,
    critic: Feature | Mapping[str, Feature],
    is_free: bool = False,
    latent: Feature | None = None,
) -> list[Step]:
    """The linear heads of all outputs, and what makes those for training only.

    Args:
        problem: the problem.
        actor: what the outputs of the actor read.
        critic: what each output of the critic reads, where they have layers of their own; they have
            read the action then (see `read_by`). Or one feature for all: those that read the action
            mix it in, in a hidden layer with the feature's fibre.
        is_free: whether no group binds the heads.
        latent: what a decoder reads, where it is not what the actor's heads read.
    """
    steps = []
    if isinstance(critic, Feature):
        if reads_action(problem.outputs):
            steps = mixing_layers(problem, critic, is_free)
        ends = {step.name.removesuffix("_hidden"): made_by(step) for step in steps}
        critic = {output.name: ends.get(output.name, critic) for output in critics(problem.outputs)}
    for output in problem.outputs:
        if output.reads == "nothing":
            scale = ContinuousScale(field_of(output, problem.action))
            steps.append(Step(output.name, (), scale))
            continue
        if output.training is not None:
            steps += _training_only(problem, output, latent or actor)
            continue
        feature = actor if output.side == "actor" else critic[output.name]
        steps.append(_head(output, field_of(output, problem.action), feature, is_free))
    return steps


def mixing_layers(problem: Problem, feature: Feature, is_free: bool = False) -> list[Step]:
    """A hidden layer on features and action, with the fibre of the features, for each output that
    reads the action.
    """
    hidden = vector(feature.field.fibre)
    # a signed fibre allows odd functions only
    activation = "relu" if is_free or hidden.fibre.kind == "permutation" else "tanh"
    return [
        layer(
            f"{output.name}_hidden",
            read_by(problem, output, [feature]),
            hidden,
            activation,
            is_free,
        )
        for output in critics(problem.outputs)
        if output.reads == "action"
    ]


def _training_only(problem: Problem, output: Output, latent: Feature) -> list[Step]:
    """The steps of an output for training only: no group binds them, and they read observation
    terms as they are given, before any normalisation.
    """
    made_of = output.training
    if isinstance(made_of, Decoder):
        fields = tuple(problem.observation[name] for name in made_of.terms)
        misses = Reconstruction(latent.field, fields)
        return [Step(output.name, (latent.name, *made_of.terms), misses)]
    assert isinstance(made_of, Privileged)
    names = tuple(term.name for term in problem.interface.terms)
    fields = tuple(problem.observation[name] for name in names)
    layers = Perceptron(fields, made_of.hidden, squash="symlog")
    hidden = Step(f"privileged_{output.name}", names, layers)
    return [hidden, _head(output, field_of(output, problem.action), made_by(hidden), is_free=True)]


def _head(output: Output, target: FieldType, feature: Feature, is_free: bool) -> Step:
    operation: Operation = TiedLinear(target, feature.field, gain=output.gain)
    if is_free:
        operation = Dense(target, feature.field, output.gain)
    return Step(output.name, (feature.name,), operation)
