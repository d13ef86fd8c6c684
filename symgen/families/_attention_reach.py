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

from typing import Any

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
from symgen.families._local_windows import coarse, window_graph
from symgen.families._outputs import layer, windowed


def latent(problem: Any, options: Any, atom: Representation, graph: Graph) -> Reach:
    """What is read out of the tokens and patches.

    Args:
        problem: the problem.
        options: of the family; `matrices` must be written out.
        atom: the representation of which the hidden fibre is a multiple.
        graph: on the patches.
    """
    fields = problem.observation.values()
    places = [
        part for f in fields if f.base.kind != "point" for part in _embedded(options, atom, f)
    ]
    if options.local:
        pixels = next(f.base for f in fields if f.base.kind != "point")
        places = [*_within(options, atom, pixels, graph.kind, linear(atom, *places))]
    points = [part for f in fields if f.base.kind == "point" for part in everything(f)]
    reach = linear(atom, *places, *points)
    for _ in range(options.global_.layers):
        reach = _block(options, atom, graph, reach)
    return pointwise(_read(options.readout, atom, graph.base, normalised(reach)))


def _embedded(options: Any, atom: Representation, field: FieldType) -> Reach:
    """One spatial term at a place."""
    local = options.local
    if local and local.downscale > 1:
        sampling = Sampling(local.kernel, 1, local.kernel // 2)
        return layer(atom, windowed(field.base, sampling, everything(vector(field.fibre))))
    if local or options.patch == 1:
        return linear(atom, *everything(vector(field.fibre)))
    return linear(
        atom,
        *everything(FieldType(bases.resize(field.base, options.patch, options.patch), field.fibre)),
    )


def _within(options: Any, atom: Representation, pixels: Base, labels: str, reach: Reach) -> Reach:
    """Attention inside a window, and what the patch gets of it."""
    graph = window_graph(options, coarse(options, pixels), labels)
    for _ in range(options.local.layers):
        reach = _block(options, atom, graph, reach)
    return _read(options.local.readout, atom, graph.base, normalised(reach))


def _block(options: Any, atom: Representation, graph: Graph, reach: Reach) -> Reach:
    """One block of attention: see nn.attention.GraphAttention."""
    values = linear(atom, *normalised(reach))
    if "v" in options.matrices and graph.base.size**2 * atom.size > MAX_ENTRIES:
        values = everything(vector(atom))
    elif "v" in options.matrices and not _whole(values):
        values = weighted(values, graph.fibre_labels(atom).reshape(-1, atom.size))
    reach = linear(atom, *reach, *values)
    if options.expansion:
        reach = linear(atom, *reach, *layer(atom, normalised(reach)))
    return reach


def _read(readout: str, atom: Representation, base: Base, reach: Reach) -> Reach:
    """Of the token, of the places by a map of them all, or both."""
    places = () if readout == "token" else on_places(base, layer(atom, reach))
    return linear(atom, *(() if readout == "patches" else reach), *places)


def _whole(reach: Reach) -> bool:
    return all(part.span.shape[1] == part.field.size for part in reach)
