"""What the options of graph_attention mean: representation, patches, graph."""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from symgen.algebra import base as bases
from symgen.algebra import graph as graphs
from symgen.algebra import representation as representations
from symgen.algebra.base import Base
from symgen.algebra.fieldtype import FieldType
from symgen.algebra.graph import LABELS, Graph
from symgen.algebra.representation import Representation, direct_sum
from symgen.errors import Refusal
from symgen.families._rules import moved_fibre, patches_fit
from symgen.operations.attention import Matrix
from symgen.problem.fault import Fault, Refused
from symgen.problem.problem import Problem


class Local(BaseModel):
    """Attention among the pixels of the window around every patch."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    window: int = Field(
        3,
        ge=1,
        le=32,
        description="side of a window in pixels; it overlaps its neighbours where larger "
        "than a patch",
    )
    downscale: int = Field(
        1,
        ge=1,
        le=8,
        description="the cheap form: first a convolution with shared weights and max-pooling by "
        "this factor; the "
        "window is counted in the pixels that are left, patch / downscale of them is the smallest",
    )
    kernel: Literal[1, 3, 5, 7] = Field(5, description="side of the kernel of that convolution")
    layers: int = Field(1, ge=1, le=8, description="number of local attention blocks")
    readout: Literal["token", "patches", "both"] = Field(
        "token",
        description="what the patch gets of its window: the local token (SiT), the pixels (SeT), "
        "or both (SieT)",
    )
    width: int | None = Field(
        None, ge=1, le=1024, description="channels at every pixel; left out, the network's width"
    )
    heads: int | None = Field(
        None, ge=1, le=64, description="local attention heads; left out, the network's heads"
    )


class Global(BaseModel):
    """Attention over all patches."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    layers: int = Field(2, ge=1, le=32, description="number of global attention blocks")


class Options(BaseModel):
    """What `network:` accepts under `family: graph_attention`."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    global_: Global = Field(
        Global(layers=2), alias="global", description="attention over all patches"
    )
    local: Local | None = Field(
        None, description="attention inside the window around every patch; left out, none"
    )
    readout: Literal["token", "patches", "both"] = Field(
        "token",
        description="what the heads read: the class token (SiT), the patches (SeT), or both (SieT)",
    )
    width: int = Field(
        64, ge=1, le=4096, description="channels at every patch; a multiple of the fibre's size"
    )
    heads: int = Field(
        8, ge=1, le=64, description="attention heads; divides width / size of the fibre"
    )
    patch: int = Field(1, ge=1, le=64, description="side of a patch in pixels")
    fibre: str = Field(
        "auto",
        description="how the hidden channels move: auto, trivial, regular or a permutation "
        "representation",
    )
    matrices: tuple[Matrix, ...] | None = Field(
        None,
        description="where graph matrices act: q, k, v (queries, keys, values), and on the scores "
        "hadamard, additive, "
        "left; left out, q and k, and v too where the hidden channels move",
        strict=False,
    )
    symmetrise: bool | Literal["both"] = Field(
        True,
        description="true: add the transpose to the scores, as in the paper; both: add up two "
        "softmaxes, of the "
        "symmetric and of the antisymmetric part; false: neither",
    )
    score_activation: Literal["none", "gelu", "relu", "tanh"] = Field(
        "none", description="applied to the scores before they are symmetrised"
    )
    triangles: Literal[1, 2] = Field(
        1,
        description="triangle layers per attention under graph: {orientation: triangles}: 1 (SiT) "
        "or 2 (SiT*)",
    )
    dropout: float = Field(
        0.0, ge=0, lt=1, description="probability of a graph label to be zero in training"
    )
    expansion: int = Field(
        0,
        ge=0,
        le=8,
        description="width of a two-layer map after attention, times the width; 0 for none, as in "
        "the paper",
    )


@dataclass(frozen=True, eq=False)
class Design:
    """What the options mean.

    Args:
        problem: the problem.
        options: the options.
        pixels: the places of the observation.
        atom: the representation of which the hidden fibre is a multiple.
    """

    problem: Problem
    options: Options
    pixels: Base
    atom: Representation

    @cached_property
    def base(self) -> Base:
        """The patches."""
        side = self.options.patch
        if side == 1:
            return self.pixels
        return bases.resize(self.pixels, *(length // side for length in self.pixels.shape))

    @property
    def patches(self) -> FieldType:
        """Patches x hidden fibre."""
        return FieldType(self.base, self.copies(self.options.width))

    @cached_property
    def graph(self) -> Graph:
        """The graph on the patches that the attention's matrices are labelled by."""
        written = self.problem.graph
        if written is None:
            labels = "offset" if self.base.kind == "grid" else "absolute"
            return graphs.build(self.base, "complete", labels)
        if written.base == self.base:
            return written
        return graphs.build(self.base, written.topology, written.kind)

    @property
    def is_oriented(self) -> bool:
        """Whether there are triangle layers."""
        written = self.problem.spec.graph
        return written is not None and written.orientation == "triangles"

    @property
    def matrices(self) -> tuple[Matrix, ...]:
        """Where graph matrices act. Values without one never learn a direction from where they
        stand.
        """
        if self.options.matrices is not None:
            return self.options.matrices
        return ("q", "k") if self.atom.is_trivial else ("q", "k", "v")

    def copies(self, width: int) -> Representation:
        """The hidden fibre of so many channels."""
        return direct_sum((width // self.atom.size, self.atom))


@dataclass(frozen=True, eq=False)
class LocalDesign:
    """What `local:` means.

    Args:
        design: of the whole network.
        options: those of `local:`.
    """

    design: Design
    options: Local

    @property
    def width(self) -> int:
        """Channels at every pixel."""
        return self.options.width or self.design.options.width

    @property
    def heads(self) -> int:
        """Attention heads."""
        return self.options.heads or self.design.options.heads

    @cached_property
    def pixels(self) -> Base:
        """The grid after downscaling."""
        factor = self.options.downscale
        pixels = self.design.pixels
        if factor == 1:
            return pixels
        return bases.resize(pixels, *(side // factor for side in pixels.shape))

    @property
    def patch(self) -> int:
        """Side of a patch in the pixels that are left."""
        return self.design.options.patch // self.options.downscale

    @property
    def field(self) -> FieldType:
        """Type of the image before the windows are cut out of it."""
        return FieldType(self.pixels, self.design.copies(self.width))

    @cached_property
    def graph(self) -> Graph:
        """The graph on the pixels of a window; its labels are of the kind of the patches' graph."""
        kind = self.design.graph.kind
        inside = bases.resize(self.pixels, self.options.window, self.options.window)
        return graphs.build(inside, "complete", kind if kind in LABELS else "offset")


def local_of(design: Design) -> LocalDesign | None:
    """The design of local attention; None where there is none."""
    local = design.options.local
    return None if local is None else LocalDesign(design, local)


def resolve(problem: Problem, options: Options) -> Design:
    """The places and the hidden fibre.

    Raises:
        Refused: there is no one set of places, patches do not tile it, or the group has no such
            fibre.
    """
    spatial = [field for field in problem.observation.values() if field.base.kind != "point"]
    if len({str(field.base) for field in spatial}) != 1:
        message = (
            "graph_attention needs observation terms on one grid, graph or set of tokens; "
            f"found {len(spatial)}"
        )
        hint = "choose group_mlp for plain vectors"
        raise Refused(Fault("no-picture", ("network", "family"), message, hint))
    faults = patches_fit(problem, options.patch)
    pixels = spatial[0].base
    if options.patch > 1 and pixels.kind != "grid":
        message = "patches need a picture"
        faults.append(Fault("patch-size", ("network", "patch"), message, "leave `patch` out"))
    try:
        atom = _atom(problem, options.fibre)
    except Refusal as error:
        hint = "use regular or trivial"
        if problem.group.is_continuous:
            hint = f"use trivial; or {moved_fibre(problem.group)}"
        fault = Fault("hidden-fibre", ("network", "fibre"), str(error), hint)
        raise Refused(*faults, fault) from error
    if faults:
        raise Refused(*faults)
    return Design(problem, options, pixels, atom)


def _atom(problem: Problem, fibre: str) -> Representation:
    """The representation of which the hidden fibre is a multiple.

    Auto is trivial (cheapest, the paper's) where nothing observed or done has a direction, else
    regular.
    """
    if fibre == "auto":
        fields = problem.observation.values()
        directed = not all(field.fibre.is_trivial for field in fields)
        directed = directed or not problem.action.is_trivial
        small = problem.group.generators and problem.group.order <= 64
        fibre = "regular" if directed and small else "trivial"
    atom = representations.parse(problem.group, fibre)
    if len(atom.blocks) != 1 or atom.blocks[0][0] != 1:
        raise Refusal(
            f"the fibre {fibre!r} must be one representation; `width` says how many copies "
            "there are"
        )
    return atom
