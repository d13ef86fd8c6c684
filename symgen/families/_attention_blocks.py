"""Blocks of graph attention on a set of places: their arguments and the number of their weights."""

from typing import Any

from symgen.algebra.fieldtype import FieldType, vector
from symgen.algebra.graph import Graph
from symgen.algebra.representation import direct_sum
from symgen.algebra.triangles import triangle_tables
from symgen.algebra.tying import linear_weights

ON_PLACES = ("q", "k", "v")
ON_SCORES = ("left", "additive", "hadamard")


def block(
    options: Any, field: FieldType, graph: Graph, heads: int, oriented: bool
) -> tuple[dict[str, Any], int]:
    """Arguments and weights of one nn.attention.GraphAttention.

    Args:
        options: of the family; `matrices` must be written out.
        field: of the block: tokens and the places of the graph x copies of one representation.
        graph: on the last places of the field.
        heads: number of heads.
        oriented: whether there is a triangle layer.
    """
    ((copies, atom),) = field.fibre.blocks
    labels = graph.fibre_labels(atom)
    used = options.matrices
    triangles = triangle_tables(graph.base) if oriented else None
    arguments = {
        "field": field,
        "labels": labels,
        "heads": heads,
        "matrices": used,
        "symmetrise": options.symmetrise,
        "expansion": options.expansion,
        "pairs": graph.labels,
        "activation": options.score_activation,
        "triangles": triangles,
        "triangle_layers": options.triangles,
        "dropout": options.dropout,
    }
    place = vector(field.fibre)
    weights = (
        norm_weights(field)
        + 3 * linear_weights(place, place, with_bias=False)
        + linear_weights(place, place)
    )
    weights += sum(name in used for name in ON_PLACES) * copies * (int(labels.max()) + 1)
    weights += sum(name in used for name in ON_SCORES) * heads * graph.label_count
    weights += options.triangles * heads * triangles.label_count if triangles else 0
    if options.expansion:
        hidden = vector(direct_sum((copies * options.expansion, atom)))
        weights += (
            norm_weights(field) + linear_weights(hidden, place) + linear_weights(place, hidden)
        )
    return arguments, weights


def norm_weights(field: FieldType) -> int:
    """Weights of one nn.norm.FieldNorm: scale and shift of every orbit of channels; a copy may have
    several orbits.

    >>> from symgen.algebra.catalogue import group
    >>> from symgen.algebra.fieldtype import parse
    >>> norm_weights(parse(group("C2"), "point: 3 regular")), norm_weights(parse(group("C1"), "point: 3 standard"))
    (6, 12)
    """
    return 2 * (int(vector(field.fibre).entry_orbits.max()) + 1)
