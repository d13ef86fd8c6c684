"""attention and attention_heads: what a trained network attends to, before and after a generator.

Where the places are the cells of a picture the attention is drawn on them; elsewhere as bars, and
as a table of heads and places, which can be read for any number of them.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from symgen.compiler import Compiled
from symgen.pictures import canvas as canvas
from symgen.pictures.attention import PlaceAttention, equivariance_error, frames, place_attention
from symgen.pictures.canvas import INK
from symgen.pictures.draw_cells import legend
from symgen.pictures.draw_observation import draw_term, is_one_hot, newest
from symgen.pictures.patches import together
from symgen.problem.interface import Observation, Term

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import SubFigure

FRAMES = 3
GENERATORS = 2
HEADS = 8
LAYERS = 4
"""How many of each are drawn at most."""
PANEL = 2.5
HEAD = 1.9
"""Inches of a panel of a frame, and of one of a head."""
SIDE = 2.1
"""Inches of the colour bar and the legend."""
MAX_NAMED = 24


def draw_attention(compiled: Compiled, mean: Path, heads: Path, seed: int = 0) -> list[Path]:
    """The mean over heads for a few frames, and head by head for one; none where the network
    attends to no places.

    The network is turned into float64, where an exact map moves without rounding to speak of.
    """
    compiled.network.double().eval()
    steps, observation = frames(compiled, FRAMES, seed)
    before = place_attention(compiled, observation)
    if before is None:
        return []
    observations = {"": observation}
    maps = {"": before}
    for generator in compiled.group.generators[:GENERATORS]:
        observations[generator] = compiled.act_on_observation(generator, observation)
        after = place_attention(compiled, observations[generator])
        if after is None:
            raise AssertionError("the same network attends to the same places")
        maps[generator] = after
    _frames(compiled, steps, observations, maps, mean)
    _heads(steps, maps, heads)
    return [mean, heads]


def _title(before: PlaceAttention) -> str:
    return f"what {'the class token attends' if before.token else 'all places together attend'} to"


def _meaning(before: PlaceAttention) -> str:
    """What a colour says."""
    who = "the class token's" if before.token else "the mean place's"
    return f"{who} attention to a place\n(darker: more; all weights of one query add up to 1)"


def _scale(part: SubFigure, top: float, label: str, highest: str = "") -> None:
    """A colour bar, in a part of a figure of its own."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap, Normalize
    from matplotlib.ticker import MaxNLocator

    axes = part.add_axes((0.12, 0.12, 0.1, 0.48))
    colours = ListedColormap(canvas.heat(np.linspace(0, 1, 255), 1.0))
    bar = part.colorbar(ScalarMappable(Normalize(0, top), colours), cax=axes)
    if highest:
        bar.set_ticks([0, top], labels=["0", highest])
    else:
        bar.locator = MaxNLocator(4)
        bar.update_ticks()
    bar.set_label(label, fontsize=9, color=INK)
    axes.tick_params(labelsize=8.5)


def _frames(
    compiled: Compiled,
    steps: list[int],
    observations: dict[str, Observation],
    maps: dict[str, PlaceAttention],
    path: Path,
) -> None:
    """A row per frame: the observation and the last layer's mean over heads, as seen and moved by
    each generator.
    """
    before = maps[""]
    means = before.layers[-1].mean(1)
    title = f"{_title(before)}: last layer, mean over heads"
    figure = canvas.figure(2 * len(maps) * PANEL + SIDE, len(steps) * (PANEL + 0.3) + 1.1, title)
    parts = np.asarray(
        figure.subfigures(1, len(maps) + 1, width_ratios=[2 * PANEL] * len(maps) + [SIDE])
    )
    for part, (generator, after) in zip(parts, maps.items(), strict=False):
        axes = part.subplots(len(steps), 2, squeeze=False)
        colour = _verdict(before, after, generator)
        part.suptitle(_heading(before, after, generator), fontsize=9.5, color=colour)
        for row, step in enumerate(steps):
            _observation(compiled, axes[row, 0], observations[generator], row)
            canvas.caption(
                axes[row, 0], f"step {step}" + (f", moved by {generator}" if generator else "")
            )
            mean = after.layers[-1][row].mean(0)
            _map(axes[row, 1], after, mean, float(means.max()), PANEL)
            canvas.caption(axes[row, 1], f"attention, up to {mean.max():.2g}")
    _scale(parts[-1], float(means.max()), _meaning(before))
    _legend(compiled, parts[-1], observations[""])
    canvas.save(figure, path)


def _heading(before: PlaceAttention, after: PlaceAttention, generator: str) -> str:
    if not generator:
        return "as seen\n"
    meaning = canvas.meaning(before.base, generator)
    return (
        f"{meaning}\nlargest difference from the moved maps: "
        f"{equivariance_error(before, after, generator):.1e}"
    )


def _verdict(before: PlaceAttention, after: PlaceAttention, generator: str) -> str:
    exact = not generator or equivariance_error(before, after, generator) <= 1e-9
    if not exact:
        return canvas.DISAGREES
    return canvas.AGREES if generator else INK


def _term(compiled: Compiled) -> Term:
    """The first term with places."""
    problem = compiled.problem
    return next(
        term for term in problem.interface.terms if problem.observation[term.name].base.size > 1
    )


def _observation(compiled: Compiled, axes: Axes, observation: Observation, row: int) -> None:
    """The term with places, as the agent saw it."""
    term = _term(compiled)
    batch = compiled.problem.interface.by_term(observation)[term.name]
    draw_term(axes, compiled.problem, term, batch[row], float(np.abs(batch).max()), PANEL - 0.3)


def _legend(compiled: Compiled, part: SubFigure, observation: Observation) -> None:
    """The channels of a one-hot picture, above the colour bar."""
    term = _term(compiled)
    batch = compiled.problem.interface.by_term(observation)[term.name]
    image, seen = together(compiled.problem, term, batch.max(0))
    if is_one_hot(image, seen):
        legend(part, *newest(compiled.problem, image, seen), loc="upper left")


def _map(
    axes: Axes, attention: PlaceAttention, values: np.ndarray, top: float, inches: float
) -> None:
    """Attention to each place: on the cells of a picture, elsewhere a bar per place."""
    colours = canvas.heat(values, top)
    if attention.base.is_picture:
        canvas.places(axes, canvas.placement(attention.base), colours, size=inches)
        return
    axes.barh(range(len(values)), values, color=colours, edgecolor=canvas.FAINT, lw=0.6)
    axes.set_ylim(len(values) - 0.5, -0.5)
    axes.set_xlim(0, 1.05 * max(top, float(values.max())))
    axes.set_yticks(range(0, len(values), -(-len(values) // MAX_NAMED)))
    axes.locator_params(axis="x", nbins=3)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)


# --------------------------------------------------------------------------------------------------
# head by head


def _heads(steps: list[int], maps: dict[str, PlaceAttention], path: Path) -> None:
    """The middle frame, head by head."""
    before = maps[""]
    middle = len(steps) // 2
    layers = list(range(len(before.layers))[-LAYERS:])
    title = f"{_title(before)}: head by head, step {steps[middle]}"
    if before.base.is_picture:
        _images_of_heads(maps, layers, middle, title, path)
    else:
        _tables_of_heads(maps, layers, middle, title, path)


def _images_of_heads(
    maps: dict[str, PlaceAttention], layers: list[int], middle: int, title: str, path: Path
) -> None:
    """A row per layer and generator, a column per head; each head in colours of its own scale."""
    before = maps[""]
    heads = min(HEADS, min(layer.shape[1] for layer in before.layers))
    rows = [(layer, generator) for layer in layers for generator in maps]
    wide = max(heads * HEAD + 0.5, 7.5 - SIDE)
    figure = canvas.figure(wide + SIDE, len(rows) * (HEAD + 0.3) + 0.6, title)
    left, right = np.asarray(figure.subfigures(1, 2, width_ratios=[wide, SIDE]))
    axes = left.subplots(len(rows), heads, squeeze=False)
    for row, (layer, generator) in zip(axes, rows, strict=True):
        row[0].set_ylabel(f"layer {layer + 1}\n{_shown_as(generator)}", fontsize=9)
        for head, panel in enumerate(row):
            top = float(before.layers[layer][middle, head].max())
            _map(panel, maps[generator], maps[generator].layers[layer][middle, head], top, HEAD)
            if not generator:
                canvas.caption(panel, f"head {head + 1}, up to {top:.2g}")
    _scale(right, 1.0, _meaning(before), "largest\nof the head\nas seen")
    canvas.save(figure, path)


def _tables_of_heads(
    maps: dict[str, PlaceAttention], layers: list[int], middle: int, title: str, path: Path
) -> None:
    """A row per layer, a column per generator; in each panel a row per head, a column per place."""
    before = maps[""]
    heads = min(HEADS, min(layer.shape[1] for layer in before.layers))
    places = before.base.size
    wide = float(np.clip(0.34 * places + 1.0, 2.6, 6.0))
    tall = max(0.34 * heads + 0.9, 1.6)
    top = max(float(before.layers[layer][middle, :heads].max()) for layer in layers)
    all_wide = max(wide * len(maps), 7.5 - SIDE)
    figure = canvas.figure(all_wide + SIDE, max(tall * len(layers) + 0.7, 3.6), title)
    left, right = np.asarray(figure.subfigures(1, 2, width_ratios=[all_wide, SIDE]))
    axes = left.subplots(len(layers), len(maps), squeeze=False)
    for row, layer in zip(axes, layers, strict=True):
        for panel, (generator, after) in zip(row, maps.items(), strict=True):
            _table(panel, after.layers[layer][middle, :heads], top)
            canvas.caption(panel, f"layer {layer + 1}, {_shown_as(generator)}")
        row[0].set_ylabel("head", fontsize=9)
    for panel in axes[-1]:
        panel.set_xlabel("place", fontsize=9)
    _scale(right, top, _meaning(before))
    canvas.save(figure, path)


def _shown_as(generator: str) -> str:
    return f"moved by {generator}" if generator else "as seen"


def _table(axes: Axes, values: np.ndarray, top: float) -> None:
    """Heads (rows) and places (columns), with the numbers where there is room."""
    colours = canvas.heat(values, top)
    axes.imshow(colours, interpolation="nearest", aspect="auto")
    heads, places = values.shape
    canvas.ruled(axes, heads, places)
    axes.set_xticks(range(0, places, -(-places // MAX_NAMED)))
    axes.set_yticks(range(heads), [str(head + 1) for head in range(heads)])
    axes.tick_params(labelsize=8, length=0)
    if places <= 12:
        for (head, place), value in np.ndenumerate(values):
            canvas.write(axes, place, head, f"{value:.2f}", 7, canvas.on(colours[head, place]))
