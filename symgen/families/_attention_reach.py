"""What can vary of the features that the heads of graph attention read, told before there is a
weight.

Scores are numbers: whatever makes them, attention adds up values of other places channel by
channel, so channels that are equal everywhere stay equal. Three things tell them apart: maps of one
place, where what is observed has directions; graph matrices on the values, where their labels
differ from channel to channel; and maps that read several places.
Law: a network with any weights stays inside what is reached here. Places are not told from each
other: what one of them reaches is granted to all; of graph matrices with more than MAX_ENTRIES
labels it is taken for granted that they tell every channel apart.
"""

from symgen.algebra import base as bases
from symgen.algebra.base import Base
from symgen.algebra.fieldtype import FieldType, vector
from symgen.algebra.graph import Graph
from symgen.algebra.reach import (
    MAX_ENTRIES,
    Reach,
    everything,
    linear,
    normalised,
    on_places,
    pointwise,
    weighted,
)
from symgen.algebra.representation import Representation
from symgen.algebra.sampling import Sampling
from symgen.families._attention_design import Design, local_of
from symgen.families._outputs import layer, windowed


def latent(design: Design) -> Reach:
    """What is read out of the tokens and patches."""
    atom = design.atom
    fields = design.problem.observation.values()
    spatial = [field for field in fields if field.base.kind != "point"]
    places = [part for field in spatial for part in _embedded(design, field)]
    local = local_of(design)
    if local is not None:
        reach = linear(atom, *places)
        for _ in range(local.options.layers):
            reach = _block(design, local.graph, reach)
        read = _read(local.options.readout, atom, local.graph.base, normalised(reach))
        places = list(read)
    points = [part for f in fields if f.base.kind == "point" for part in everything(f)]
    reach = linear(atom, *places, *points)
    for _ in range(design.options.global_.layers):
        reach = _block(design, design.graph, reach)
    return pointwise(_read(design.options.readout, atom, design.base, normalised(reach)))


def _embedded(design: Design, field: FieldType) -> Reach:
    """One spatial term at a place."""
    local = design.options.local
    patch = design.options.patch
    pixel = everything(vector(field.fibre))
    if local and local.downscale > 1:
        sampling = Sampling(local.kernel, 1, local.kernel // 2)
        return layer(design.atom, windowed(field.base, sampling, pixel))
    if local or patch == 1:
        return linear(design.atom, *pixel)
    inside = FieldType(bases.resize(field.base, patch, patch), field.fibre)
    return linear(design.atom, *everything(inside))


def _block(design: Design, graph: Graph, reach: Reach) -> Reach:
    """One block of attention: see nn.attention.GraphAttention."""
    atom = design.atom
    values = linear(atom, *normalised(reach))
    if "v" in design.matrices and graph.base.size**2 * atom.size > MAX_ENTRIES:
        values = everything(vector(atom))
    elif "v" in design.matrices and not _whole(values):
        values = weighted(values, graph.fibre_labels(atom).reshape(-1, atom.size))
    reach = linear(atom, *reach, *values)
    if design.options.expansion:
        reach = linear(atom, *reach, *layer(atom, normalised(reach)))
    return reach


def _read(readout: str, atom: Representation, base: Base, reach: Reach) -> Reach:
    """Of the token, of the places by a map of them all, or both."""
    places = () if readout == "token" else on_places(base, layer(atom, reach))
    return linear(atom, *(() if readout == "patches" else reach), *places)


def _whole(reach: Reach) -> bool:
    return all(part.span.shape[1] == part.field.size for part in reach)
