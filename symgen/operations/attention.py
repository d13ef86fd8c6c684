"""Graph symmetric attention (SiT, Weissenbacher et al. 2024, section 3)."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from symgen.algebra.fieldtype import FieldType, vector
from symgen.algebra.graph import Graph
from symgen.algebra.representation import direct_sum
from symgen.algebra.triangles import triangle_tables
from symgen.operations.maps import GraphMap, Map, TiedMap
from symgen.operations.norm import norm_weights
from symgen.operations.operation import Operation

Matrix = Literal["q", "k", "v", "left", "additive", "hadamard"]
Symmetrise = bool | Literal["both"]
ScoreActivation = Literal["none", "gelu", "relu", "tanh"]
ON_PLACES = ("q", "k", "v")
ON_SCORES = ("left", "additive", "hadamard")


@dataclass(frozen=True)
class GraphAttention(Operation):
    """One block: norm, graph symmetric attention, output map, skip; and an optional two-layer map.

    Args:
        field: type of input and output: tokens and the places of the graph x copies of one
            representation that permutes its channels.
        graph: on the last places of the field.
        heads: number of heads.
        matrices: where graph matrices act: on queries, keys, values, or on the scores.
        symmetrise: whether the transpose is added to the scores; "both": two softmaxes.
        expansion: width of the two-layer map as a multiple of the fibre; 0 for none.
        activation: of the scores.
        triangles: number of triangle layers; 0 for none.
        dropout: probability of a label to be zero in training.
    """

    READS: ClassVar[str] = "field"
    GIVES: ClassVar[str] = "field"

    field: FieldType
    graph: Graph
    heads: int
    matrices: tuple[str, ...] = ("q", "k")
    symmetrise: Symmetrise = True
    expansion: int = 0
    activation: ScoreActivation = "none"
    triangles: int = 0
    dropout: float = 0.0

    @property
    def mixed(self) -> int:
        """How many of queries, keys and values a graph matrix mixes over the places."""
        return sum(name in self.matrices for name in ON_PLACES)

    @property
    def maps(self) -> tuple[Map, ...]:
        """Queries, keys and values at once, the output, and the graph matrices."""
        ((copies, atom),) = self.field.fibre.blocks
        place = vector(self.field.fibre)
        triple = vector(direct_sum((3 * copies, atom)))
        graph = (GraphMap(self.graph, self.field.fibre),) * self.mixed
        return (TiedMap(triple, place, bias=False), TiedMap(place, place), *graph)

    @property
    def own_weights(self) -> int:
        """Of the norms, the graph matrices on the scores, the triangles, and the two-layer map."""
        on_scores = sum(name in self.matrices for name in ON_SCORES)
        weights = norm_weights(self.field) + on_scores * self.heads * self.graph.label_count
        if self.triangles:
            labels = triangle_tables(self.graph.base).label_count
            weights += self.triangles * self.heads * labels
        if self.expansion:
            ((copies, atom),) = self.field.fibre.blocks
            place = vector(self.field.fibre)
            hidden = vector(direct_sum((copies * self.expansion, atom)))
            weights += norm_weights(self.field)
            weights += TiedMap(hidden, place).weights + TiedMap(place, hidden).weights
        return weights
