"""Policy and critics with layers of their own, as in DrQ-v2 (Yarats et al. 2021, arXiv:2107.09645,
appendix B).

What convolutions make is mapped to a few features, normalised and bounded by tanh, once for the
policy and once for the critics; dense layers follow, which in a critic also read the action.
"""

from typing import Any

from symgen.algebra import representation as representations
from symgen.algebra.fieldtype import FieldType, vector
from symgen.algebra.tying import MAX_ENTRIES, linear_weights
from symgen.errors import Refusal
from symgen.families._rules import Fault, carries_actions, normalised, pointwise
from symgen.families._terms import Source, critics, heads, judged
from symgen.plan.plan import Constraint, Step
from symgen.spec.source import Place


def towers(
    problem: Any,
    picture: Source,
    others: list[Source],
    features: FieldType,
    layers: tuple[FieldType, ...],
    activation: str,
    constraint: Constraint = "exact",
) -> list[Step]:
    """From the convolutions to the heads.

    Args:
        problem: the problem.
        picture: what the convolutions make.
        others: the terms beside the picture; they join the features.
        features: type of the features; its fibre permutes its channels.
        layers: types of the dense layers of the policy, and of each critic.
        activation: pointwise nonlinearity of the dense layers.
        constraint: "none" for layers that no group binds.
    """
    steps = []
    read = {}
    for who in ("policy", "critic"):
        steps += _features(who, picture, features, constraint)
        read[who] = [Source(steps[-1].name, features), *others]
    ends = []
    for name, sources in {"policy": read["policy"], **dict.fromkeys(critics(problem))}.items():
        sources = sources or judged(problem, read["critic"])
        for k, field in enumerate(layers):
            steps.append(_dense(f"{name}_hidden{k + 1}", sources, field, activation, constraint))
            sources = [Source(steps[-1].name, field)]
        ends.append(sources[0])
    return [*steps, *heads(problem, ends[0], tuple(ends[1:]), constraint)]


def tower_faults(problem: Any, features: FieldType) -> list[Fault]:
    """What is wrong with the `towers` of a family's options."""
    options = problem.family_options
    faults = []
    for k, text in enumerate(options.towers):
        path: Place = ("network", "towers", k)
        try:
            field = vector(representations.parse(problem.group, text))
        except Refusal as error:
            return [
                Fault(
                    "hidden-fibre", path, str(error), "write e.g. towers: [64 regular, 64 regular]"
                )
            ]
        faults += pointwise(field.fibre, options.activation, path) + carries_actions(
            problem, field, path
        )
        if field.size * max(field.size, features.size) > MAX_ENTRIES:
            message = f"a layer of {field} has more than {MAX_ENTRIES} entries"
            faults.append(Fault("too-large", path, message, "use fewer copies"))
    if options.towers and features.fibre.kind != "permutation":
        message = (
            "the features of towers are normalised, which does not commute with the fibre "
            f"{features.fibre}"
        )
        way_out = "use a fibre that permutes its channels, e.g. regular"
        faults.append(Fault("pointwise-nonlinearity", ("network", "hidden"), message, way_out))
    elif options.towers:
        faults += normalised(
            features.fibre, ("network", "hidden"), "use more features, e.g. 32 regular"
        )
    return faults


def _features(who: str, picture: Source, field: FieldType, constraint: Constraint) -> list[Step]:
    name = f"{who}_map"
    types = (picture.field,)
    arguments = {"target": field, "source": picture.field}
    if constraint == "none":
        weights = field.size * (picture.field.size + 1)
        module = "plain.Dense"
    else:
        weights = linear_weights(field, picture.field)
        module = "tied_linear.TiedLinear"
    linear = Step(name, module, (picture.name,), types, field, constraint, weights, arguments)
    orbits = 2 * (int(field.entry_orbits.max()) + 1)
    normal = Step(
        f"{who}_features",
        "norm.NormedTanh",
        (name,),
        (field,),
        field,
        constraint,
        orbits,
        {"field": field},
    )
    return [linear, normal]


def _dense(
    name: str, sources: list[Source], field: FieldType, activation: str, constraint: Constraint
) -> Step:
    names = tuple(source.name for source in sources)
    types = tuple(source.field for source in sources)
    arguments: dict[str, Any]
    if constraint == "none":
        arguments = {"sources": types, "widths": (field.size,), "activation": activation}
        weights = field.size * (1 + sum(each.size for each in types))
        return Step(name, "plain.Perceptron", names, types, field, constraint, weights, arguments)
    arguments = {"target": field, "sources": types, "activation": activation}
    weights = sum(linear_weights(field, each, with_bias=k == 0) for k, each in enumerate(types))
    return Step(name, "embedding.Nonlinear", names, types, field, constraint, weights, arguments)
