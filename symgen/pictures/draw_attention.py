"""attention and attention_heads: what a trained network attends to, before and after a generator.

Where the places are the cells of a picture the attention is drawn on them; elsewhere as bars, and
as a table of heads and places, which can be read for any number of them.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from symgen.compiler import Compiled
from symgen.pictures import canvas as canvas
from symgen.pictures.attention import Seen, equivariance_error, frames, moved, seen
from symgen.pictures.canvas import INK
from symgen.pictures.draw_cells import legend
from symgen.pictures.draw_observation import channel_names, draw_term, is_one_hot, terms

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FRAMES, GENERATORS, HEADS, LAYERS = 3, 2, 8, 4
"""How many of each are drawn at most."""
PANEL, HEAD = 2.5, 1.9  # inches
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
    before = seen(compiled, observation)
    if before is None:
        return []
    images = {}
    afters = {}
    for generator in compiled.group.generators[:GENERATORS]:
        images[generator] = moved(compiled, generator, observation)
        after = seen(compiled, images[generator])
        if after is None:
            raise AssertionError("the same network attends to the same places")
        afters[generator] = after
    maps = {"": before, **afters}
    _frames(compiled, steps, {"": observation, **images}, maps, mean)
    _heads(steps, maps, heads)
    return [mean, heads]


def _said(before: Seen) -> str:
    return f"what {'the class token attends' if before.token else 'all places together attend'} to"


def _meant(before: Seen) -> str:
    """What a colour says."""
    who = "the class token's" if before.token else "the mean place's"
    return f"{who} attention to a place\n(darker: more; all weights of one query add up to 1)"


def _scale(part: Any, top: float, label: str, ends: str = "") -> None:
    """A colour bar, in a part of a figure of its own."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap, Normalize

    axes = part.add_axes((0.12, 0.12, 0.1, 0.48))
    colours = ListedColormap(canvas.heat(np.linspace(0, 1, 255), 1.0))
    bar = axes.figure.colorbar(ScalarMappable(Normalize(0, top), colours), cax=axes)
    if ends:
        bar.set_ticks([0, top], labels=["0", ends])
    else:
        bar.locator = canvas.few_ticks()
        bar.update_ticks()
    bar.set_label(label, fontsize=9, color=INK)
    axes.tick_params(labelsize=8.5)


def _frames(
    compiled: Compiled,
    steps: list[int],
    observations: dict[str, Any],
    maps: dict[str, Seen],
    path: Path,
) -> None:
    """A row per frame: the observation and the last layer's mean over heads, as seen and moved by
    each generator.
    """
    before = maps[""]
    means = before.layers[-1].mean(1)
    title = f"{_said(before)}: last layer, mean over heads"
    made = canvas.figure(2 * len(maps) * PANEL + SIDE, len(steps) * (PANEL + 0.3) + 1.1, title)
    parts = np.asarray(
        made.subfigures(1, len(maps) + 1, width_ratios=[2 * PANEL] * len(maps) + [SIDE])
    )
    for part, (generator, found) in zip(parts, maps.items(), strict=False):
        axes = part.subplots(len(steps), 2, squeeze=False)
        part.suptitle(
            _heading(before, found, generator),
            fontsize=9.5,
            color=_verdict(before, found, generator),
        )
        for row, step in enumerate(steps):
            _observation(compiled, axes[row, 0], observations[generator], row)
            canvas.caption(
                axes[row, 0], f"step {step}" + (f", moved by {generator}" if generator else "")
            )
            _map(axes[row, 1], found, found.layers[-1][row].mean(0), float(means.max()), PANEL)
            canvas.caption(
                axes[row, 1], f"attention, up to {found.layers[-1][row].mean(0).max():.2g}"
            )
    _scale(parts[-1], float(means.max()), _meant(before))
    _legend(compiled, parts[-1], observations[""])
    canvas.save(made, path)


def _heading(before: Seen, after: Seen, generator: str) -> str:
    if not generator:
        return "as seen\n"
    meaning = canvas.meaning(before.base, generator)
    return (
        f"{meaning}\nlargest difference from the moved maps: "
        f"{equivariance_error(before, after, generator):.1e}"
    )


def _verdict(before: Seen, after: Seen, generator: str) -> str:
    exact = not generator or equivariance_error(before, after, generator) <= 1e-9
    if not exact:
        return canvas.DISAGREES
    return canvas.AGREES if generator else INK


def _term(compiled: Compiled) -> Any:
    """The first term with places."""
    problem = compiled.problem
    return next(
        term for term in problem.interface.terms if problem.observation[term.name].base.size > 1
    )


def _observation(compiled: Compiled, axes: Axes, observation: Any, row: int) -> None:
    """The term with places, as the agent saw it."""
    term = _term(compiled)
    batch = terms(compiled.problem.interface, observation)[term.name]
    draw_term(axes, compiled.problem, term, batch[row], float(np.abs(batch).max()), PANEL - 0.3)


def _legend(compiled: Compiled, part: Any, observation: Any) -> None:
    """The channels of a one-hot picture, above the colour bar."""
    term = _term(compiled)
    batch = terms(compiled.problem.interface, observation)[term.name]
    if is_one_hot(term, batch[0]):
        legend(part, batch.max(0), channel_names(compiled.problem, term), loc="upper left")


def _map(axes: Axes, found: Seen, values: np.ndarray, top: float, inches: float) -> None:
    """Attention to each place: on the cells of a picture, elsewhere a bar per place."""
    colours = canvas.heat(values, top)
    if found.base.is_picture:
        canvas.places(axes, canvas.layout(found.base), colours, size=inches)
        return
    axes.barh(range(len(values)), values, color=colours, edgecolor=canvas.FAINT, lw=0.6)
    axes.set_ylim(len(values) - 0.5, -0.5)
    axes.set_xlim(0, 1.05 * max(top, float(values.max())))
    axes.set_yticks(range(0, len(values), -(-len(values) // MAX_NAMED)))
    axes.locator_params(axis="x", nbins=3)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)


# -------------------------------------------------------------------------------------------- head
# by head


def _heads(steps: list[int], maps: dict[str, Seen], path: Path) -> None:
    """The middle frame, head by head."""
    before = maps[""]
    middle = len(steps) // 2
    layers = list(range(len(before.layers))[-LAYERS:])
    title = f"{_said(before)}: head by head, step {steps[middle]}"
    if before.base.is_picture:
        _pictures_of_heads(maps, layers, middle, title, path)
    else:
        _tables_of_heads(maps, layers, middle, title, path)


def _pictures_of_heads(
    maps: dict[str, Seen], layers: list[int], middle: int, title: str, path: Path
) -> None:
    """A row per layer and generator, a column per head; each head in colours of its own scale."""
    before = maps[""]
    heads = min(HEADS, min(each.shape[1] for each in before.layers))
    rows = [(layer, generator) for layer in layers for generator in maps]
    made = canvas.figure(max(heads * HEAD + SIDE + 0.5, 7.5), len(rows) * (HEAD + 0.3) + 0.6, title)
    left, right = np.asarray(
        made.subfigures(1, 2, width_ratios=[max(heads * HEAD + 0.5, 7.5 - SIDE), SIDE])
    )
    axes = left.subplots(len(rows), heads, squeeze=False)
    for row, (layer, generator) in zip(axes, rows, strict=True):
        row[0].set_ylabel(
            f"layer {layer + 1}\n{f'moved by {generator}' if generator else 'as seen'}", fontsize=9
        )
        for head, panel in enumerate(row):
            top = float(before.layers[layer][middle, head].max())
            _map(panel, maps[generator], maps[generator].layers[layer][middle, head], top, HEAD)
            if not generator:
                canvas.caption(panel, f"head {head + 1}, up to {top:.2g}")
    _scale(right, 1.0, _meant(before), "largest\nof the head\nas seen")
    canvas.save(made, path)


def _tables_of_heads(
    maps: dict[str, Seen], layers: list[int], middle: int, title: str, path: Path
) -> None:
    """A row per layer, a column per generator; in each panel a row per head and a column per place."""
    before = maps[""]
    heads = min(HEADS, min(each.shape[1] for each in before.layers))
    places = before.base.size
    wide = float(np.clip(0.34 * places + 1.0, 2.6, 6.0))
    tall = max(0.34 * heads + 0.9, 1.6)
    top = max(float(before.layers[layer][middle, :heads].max()) for layer in layers)
    made = canvas.figure(
        max(wide * len(maps) + SIDE, 7.5), max(tall * len(layers) + 0.7, 3.6), title
    )
    left, right = np.asarray(
        made.subfigures(1, 2, width_ratios=[max(wide * len(maps), 7.5 - SIDE), SIDE])
    )
    axes = left.subplots(len(layers), len(maps), squeeze=False)
    for row, layer in zip(axes, layers, strict=True):
        for panel, (generator, found) in zip(row, maps.items(), strict=True):
            _table(panel, found.layers[layer][middle, :heads], top)
            canvas.caption(
                panel, f"layer {layer + 1}, {f'moved by {generator}' if generator else 'as seen'}"
            )
        row[0].set_ylabel("head", fontsize=9)
    for panel in axes[-1]:
        panel.set_xlabel("place", fontsize=9)
    _scale(right, top, _meant(before))
    canvas.save(made, path)


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
