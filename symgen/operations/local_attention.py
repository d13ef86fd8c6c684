"""Attention inside the window around every patch (Weissenbacher et al. 2024, section 4)."""

from dataclasses import dataclass
from typing import Literal

from symgen.algebra.fieldtype import FieldType, vector
from symgen.algebra.representation import direct_sum
from symgen.algebra.tying import bias
from symgen.operations.attention import GraphAttention
from symgen.operations.maps import Map, TiedMap
from symgen.operations.norm import norm_weights
from symgen.operations.operation import Operation


@dataclass(frozen=True)
class LocalAttention(Operation):
    """A small transformer on the window around every patch, with shared weights.

    Args:
        target: (patch grid) x hidden fibre.
        source: (pixel grid) x local fibre.
        block: of the attention among the pixels of a window (and its token, unless `readout` is
            "patches").
        patch: side of a patch, in pixels of the source.
        size: side of a window, in pixels of the source.
        layers: number of blocks.
        readout: what becomes of a window: its token, its pixels ("patches"), or both, added up.
    """

    target: FieldType
    source: FieldType
    block: GraphAttention
    patch: int
    size: int
    layers: int = 1
    readout: Literal["token", "patches", "both"] = "token"

    @property
    def window(self) -> FieldType:
        """The pixels of one window x local fibre."""
        return FieldType(self.block.graph.base, self.source.fibre)

    @property
    def slim(self) -> FieldType:
        """The same pixels x the few channels that the readout "patches" keeps."""
        ((_, atom),) = self.source.fibre.blocks
        return FieldType(self.block.graph.base, direct_sum((2, atom)))

    @property
    def maps(self) -> tuple[Map, ...]:
        """Those of the blocks, and those that read a window out."""
        fibre = vector(self.target.fibre)
        local = vector(self.source.fibre)
        linear = list(self.block.maps) * self.layers
        if self.readout != "patches":
            linear.append(TiedMap(fibre, local))
        if self.readout != "token":
            linear.append(TiedMap(vector(self.slim.fibre), local))
            linear.append(TiedMap(fibre, self.slim, bias=self.readout == "patches"))
        return tuple(linear)

    @property
    def own_weights(self) -> int:
        """Of the blocks, the norm, and the token of a window."""
        weights = self.layers * self.block.own_weights + norm_weights(self.window)
        if self.readout != "patches":
            weights += bias(vector(self.source.fibre)).weights
        return weights
