"""Actor and critics with multilayer perceptrons of their own, as in DrQ-v2 (Yarats et al. 2021,
arXiv:2107.09645, appendix B).

What convolutions make is mapped to a few features, normalised and bounded by tanh, once for the
actor and once for the critics; dense layers follow, which in an action-value critic also read the
action.
"""

from collections.abc import Sequence

from symgen.algebra import representation as representations
from symgen.algebra.fieldtype import FieldType, vector
from symgen.algebra.tying import MAX_ENTRIES
from symgen.errors import Refusal
from symgen.families._rules import carries_actions, normalised, pointwise
from symgen.families._terms import Feature, heads, layer, made_by, read_by
from symgen.operations.norm import NormedTanh
from symgen.operations.operation import Operation
from symgen.operations.plain import Dense
from symgen.operations.tied_linear import TiedLinear
from symgen.plan.plan import Step
from symgen.problem.fault import Fault
from symgen.problem.output import critics
from symgen.problem.problem import Problem
from symgen.spec.source import Place


def actor_and_critic_mlps(
    problem: Problem,
    picture: Feature,
    others: list[Feature],
    features: FieldType,
    layers: Sequence[FieldType],
    activation: str,
    is_free: bool = False,
) -> list[Step]:
    """From the convolutions to the heads.

    Args:
        problem: the problem.
        picture: what the convolutions make.
        others: the terms beside the image; they join the features.
        features: type of the features; its fibre permutes its channels.
        layers: types of the dense layers of the actor, and of each critic.
        activation: pointwise nonlinearity of the dense layers.
        is_free: whether no group binds the layers.
    """
    steps = []
    read = {}
    judging = critics(problem.outputs)
    for side in ("policy", "critic") if judging else ("policy",):
        steps += _bounded(side, picture, features, is_free)
        read[side] = [made_by(steps[-1]), *others]
    trunks = {"policy": read["policy"]}
    for output in judging:
        trunks[output.name] = read_by(problem, output, read["critic"])
    ends = {}
    for name, read_first in trunks.items():
        inputs = read_first
        for k, field in enumerate(layers):
            steps.append(layer(f"{name}_hidden{k + 1}", inputs, field, activation, is_free))
            inputs = [made_by(steps[-1])]
        ends[name] = inputs[0]
    return [*steps, *heads(problem, ends.pop("policy"), ends, is_free)]


def _bounded(side: str, picture: Feature, field: FieldType, is_free: bool) -> list[Step]:
    """A linear map to a few features, normalised and bounded."""
    operation: Operation = TiedLinear(field, picture.field)
    if is_free:
        operation = Dense(field, picture.field)
    linear = Step(f"{side}_map", (picture.name,), operation)
    return [linear, Step(f"{side}_features", (linear.name,), NormedTanh(field))]


def mlp_faults(
    problem: Problem, fibres: Sequence[str], features: FieldType, activation: str
) -> list[Fault]:
    """What is wrong with the `towers` of a family's options.

    Args:
        problem: the problem.
        fibres: as written.
        features: type of the features that they begin with.
        activation: pointwise nonlinearity of the layers.
    """
    faults = []
    for k, text in enumerate(fibres):
        path: Place = ("network", "towers", k)
        try:
            field = vector(representations.parse(problem.group, text))
        except Refusal as error:
            return [
                Fault(
                    "hidden-fibre", path, str(error), "write e.g. towers: [64 regular, 64 regular]"
                )
            ]
        faults += pointwise(field.fibre, activation, path) + carries_actions(problem, field, path)
        if field.size * max(field.size, features.size) > MAX_ENTRIES:
            message = f"a layer of {field} has more than {MAX_ENTRIES} entries"
            faults.append(Fault("too-large", path, message, "use fewer copies"))
    if fibres and features.fibre.kind != "permutation":
        message = (
            "the features of towers are normalised, which does not commute with the fibre "
            f"{features.fibre}"
        )
        way_out = "use a fibre that permutes its channels, e.g. regular"
        faults.append(Fault("pointwise-nonlinearity", ("network", "hidden"), message, way_out))
    elif fibres:
        faults += normalised(
            features.fibre, ("network", "hidden"), "use more features, e.g. 32 regular"
        )
    return faults
