"""`constraint: relaxed` as a rewriting of an exact plan: every map may learn to break the symmetry,
and is exact at the start.

Banks: W = sum_l w_l(g) psi_l, all w equal at first (see algebra.relaxation). Residual: W = W_tied +
Delta, Delta = 0 at first (Finzi et al. 2021, "Residual pathway priors"). Delta of a matrix is free;
that of a graph matrix is shared only by pairs with the same offset (on a grid), one for every pair
elsewhere.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from symgen.algebra import base as bases
from symgen.algebra import graph as graphs
from symgen.algebra.catalogue import group
from symgen.algebra.fieldtype import FieldType, vector
from symgen.algebra.graph import Graph
from symgen.algebra.relaxation import bank_weights, residual_weights, scaling
from symgen.algebra.sampling import window
from symgen.families._attention_blocks import ON_PLACES
from symgen.families._rules import Fault
from symgen.plan.plan import Step
from symgen.spec.schema import Relaxed

Arguments = Mapping[str, Any]


def chosen(problem: Any, form: str) -> Relaxed | None:
    """What the spec says of the relaxed constraint, with the family's form where it names none;
    None if not relaxed.
    """
    symmetry = problem.spec.symmetry
    if symmetry.constraint_name != "relaxed":
        return None
    return symmetry.relaxed.model_copy(update={"form": symmetry.relaxed.form or form})


def relaxed(step: Step, how: Relaxed, graph: Graph | None = None) -> Step:
    """The step with what it may learn to break the symmetry by, or the step itself where there is
    nothing to relax.

    Args:
        step: exact.
        how: with a form.
        graph: of the global attention, where there is any.
    """
    if step.module in ATTENTION and graph is not None:
        more, arguments = ATTENTION[step.module](step.arguments, how, graph)
    elif step.module in MAPS:
        more = sum(_more(*each, how) for each in MAPS[step.module](step.arguments))
        arguments = {}
    else:
        return step
    if more == 0:
        return step
    arguments = {**step.arguments, **arguments, "relaxed": how}
    return replace(step, constraint="relaxed", weights=step.weights + more, arguments=arguments)


def settings_faults(problem: Any, forms: Sequence[str]) -> list[Fault]:
    """Settings of `relaxed` that the family, or the form, does not have are refused, not ignored.

    Args:
        problem: with any constraint.
        forms: the forms that the family has, its own one first.
    """
    family = problem.spec.network.family
    how = chosen(problem, forms[0])
    if how is None:
        return []
    path = ("symmetry", "constraint", "relaxed")
    faults = []
    if how.form not in forms:
        message = f"{family} does not have the relaxed form {how.form}"
        faults.append(
            Fault(
                "unavailable-constraint",
                (*path, "form"),
                message,
                f"write form: {' or '.join(forms)}",
            )
        )
    elif how.form == "residual":
        for key in ("banks", "index"):
            if key in how.model_fields_set:
                message = (
                    f"{key} belongs to the form banks; {family} adds one free map (form: residual)"
                )
                way_out = f"leave {key} out" + (
                    ", or write form: banks" if "banks" in forms else ""
                )
                faults.append(Fault("unavailable-constraint", (*path, key), message, way_out))
    return faults


def banks_weigh_something(
    problem: Any, maps: Sequence[tuple[FieldType, FieldType]], form: str
) -> list[Fault]:
    """With banks some map must have channels that the group exchanges, or the network is exact and
    stays so.

    Args:
        problem: with any constraint.
        maps: the (target, source) pairs of the network.
        form: the family's own.
    """
    how = chosen(problem, form)
    if how is None or how.form != "banks" or problem.group.order == 1:
        return []
    if any(scaling(target, source, how.index) for target, source in maps):
        return []
    message = (
        "no layer has channels that the group exchanges: banks have nothing to weigh, the "
        "network would stay exact"
    )
    way_out = (
        "use a fibre whose channels the group exchanges, e.g. regular, or write form: residual"
    )
    return [Fault("unavailable-constraint", ("symmetry", "constraint"), message, way_out)]


def fine_labels(graph: Graph) -> np.ndarray:
    """Labels (n, n) that no group merges: offsets on a grid, every pair its own elsewhere; -1 for
    no edge.
    """
    if graph.base.kind == "grid":
        rows, columns = graph.base.shape
        plain = bases.grid(group("C1"), rows, columns)
        return graphs.build(plain, graph.topology, "offset", graph.edges).labels
    return np.where(
        graph.adjacency, np.cumsum(graph.adjacency).reshape(graph.adjacency.shape) - 1, -1
    )


Map = tuple[FieldType, FieldType, bool]
"""Target, source, and whether there is a bias: of one linear map, as a module builds it."""


def _more(target: FieldType, source: FieldType, with_bias: bool, how: Relaxed) -> int:
    """How many weights one map gets more."""
    if how.form == "residual":
        return residual_weights(target, source, with_bias=with_bias)
    return bank_weights(target, source, how.banks, how.index)


def _at_a_place(field: FieldType, arguments: Arguments) -> FieldType:
    return vector(field.fibre) if arguments.get("scope") == "place" else field


def _linear(arguments: Arguments) -> list[Map]:
    return [
        (
            _at_a_place(arguments["target"], arguments),
            _at_a_place(arguments["source"], arguments),
            True,
        )
    ]


def _nonlinear(arguments: Arguments) -> list[Map]:
    target = _at_a_place(arguments["target"], arguments)
    return [
        (target, _at_a_place(source, arguments), k == 0)
        for k, source in enumerate(arguments["sources"])
    ]


def _patches(arguments: Arguments) -> list[Map]:
    source = arguments["source"]
    side = arguments["patch"]
    inside = FieldType(bases.resize(source.base, side, side), source.fibre)
    return [(vector(arguments["target"].fibre), inside, True)]


def _convolution(arguments: Arguments) -> list[Map]:
    source = arguments["source"]
    around = FieldType(window(source.base, arguments["sampling"]), source.fibre)
    return [(vector(arguments["target"].fibre), around, arguments.get("norm", "none") == "none")]


MAPS: dict[str, Callable[[Arguments], list[Map]]] = {
    "tied_linear.TiedLinear": _linear,
    "embedding.Nonlinear": _nonlinear,
    "embedding.PatchEmbedding": _patches,
    "group_conv.GroupConv": _convolution,
}
"""The linear maps that a module is made of, by its arguments. It takes `relaxed` and hands it to
each of them.
"""


def _attention(arguments: Arguments, _: Relaxed, graph: Graph) -> tuple[int, dict[str, Any]]:
    labels = fine_labels(graph)
    width = arguments["field"].fibre.size
    mixed = sum(name in arguments["matrices"] for name in ON_PLACES)
    return 4 * width**2 + width + mixed * width * (int(labels.max()) + 1), {"fine": labels}


def _local(arguments: Arguments, how: Relaxed, _: Graph) -> tuple[int, dict[str, Any]]:
    window = arguments["window"]
    slim = arguments["slim"]
    readout = arguments["readout"]
    each, labels = _attention(
        arguments["blocks"], how, graphs.build(window.base, "complete", "offset")
    )
    fibre = vector(arguments["target"].fibre)
    more = arguments["layers"] * each
    if readout != "patches":
        more += residual_weights(fibre, vector(window.fibre))
    if readout != "token":
        more += residual_weights(vector(slim.fibre), vector(window.fibre))
        more += residual_weights(fibre, slim, with_bias=readout == "patches")
    return more, {"blocks": {**arguments["blocks"], **labels, "relaxed": how}}


ATTENTION: dict[str, Callable[[Arguments, Relaxed, Graph], tuple[int, dict[str, Any]]]] = {
    "attention.GraphAttention": _attention,
    "local_attention.LocalAttention": _local,
}
"""How many weights the residual form adds to a block of attention, and its further arguments."""
