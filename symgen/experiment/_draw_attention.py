"""attention.png and attention_heads.png: what a trained network attends to, before and after a generator."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from symgen.compiler import Compiled
from symgen.experiment import _canvas as canvas
from symgen.experiment._attention import Seen, departure, frames, moved, seen
from symgen.experiment._canvas import Layout
from symgen.experiment._draw_observation import channel_names, draw_term, terms

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FRAMES, GENERATORS, HEADS, LAYERS = 3, 2, 8, 4
"""How many of each are drawn at most."""
PANEL = 2.5  # inches


def draw_attention(compiled: Compiled, mean: Path, heads: Path, seed: int = 0) -> list[Path]:
    """Both pictures of one episode; none where the network attends to no places.

    The network is turned into float64, where an exact map moves without rounding to speak of.
    """
    compiled.network.double().eval()
    steps, observation = frames(compiled, FRAMES, seed)
    before = seen(compiled, observation)
    if before is None:
        return []
    images, afters = {}, {}
    for generator in compiled.group.generators[:GENERATORS]:
        images[generator] = moved(compiled, generator, observation)
        after = seen(compiled, images[generator])
        if after is None:
            raise AssertionError("the same network attends to the same places")
        afters[generator] = after
    paths = [mean, heads]
    _frames(compiled, steps, {"": observation, **images}, {"": before, **afters}, paths[0])
    _heads(steps, {"": before, **afters}, paths[1])
    return paths


def _said(before: Seen) -> str:
    return f"what {'the class token attends' if before.token else 'all places together attend'} to"


def _frames(
    compiled: Compiled, steps: list[int], observations: dict[str, Any], maps: dict[str, Seen], path: Path
) -> None:
    """A row per frame: the observation and the last layer's mean over heads, as seen and moved by each generator."""
    before = maps[""]
    columns = 2 * len(maps)
    title = f"{_said(before)}: last layer, mean over heads"
    made = canvas.figure(columns * PANEL + 0.8, len(steps) * (PANEL + 0.25) + 1.0, title)
    parts = np.atleast_1d(np.asarray(made.subfigures(1, len(maps))))
    for part, (generator, found) in zip(parts, maps.items(), strict=True):
        axes = part.subplots(len(steps), 2, squeeze=False)
        part.suptitle(_departed(before, found, generator), fontsize=9.5, color=_verdict(before, found, generator))
        for row, step in enumerate(steps):
            _observation(compiled, axes[row, 0], observations[generator], row)
            canvas.caption(axes[row, 0], f"step {step}" + (f", moved by {generator}" if generator else ""))
            values, top = found.layers[-1][row].mean(0), float(before.layers[-1][row].mean(0).max())
            _map(axes[row, 1], found, values, top)
            canvas.caption(axes[row, 1], f"attention, up to {top:.2g}")
    canvas.save(made, path)


def _departed(before: Seen, after: Seen, generator: str) -> str:
    if not generator:
        return "as seen\n"
    meaning = canvas.meaning(before.base, generator)
    return f"{meaning}\nlargest difference from the moved maps: {departure(before, after, generator):.1e}"


def _verdict(before: Seen, after: Seen, generator: str) -> str:
    exact = not generator or departure(before, after, generator) <= 1e-9
    return canvas.AGREES if exact and generator else canvas.INK if exact else canvas.DISAGREES


def _observation(compiled: Compiled, axes: Axes, observation: Any, row: int) -> None:
    """The term with places, as the agent saw it."""
    problem = compiled.problem
    term = next(term for term in problem.interface.terms if problem.observation[term.name].base.size > 1)
    batch = terms(problem.interface, observation)[term.name]
    draw_term(axes, term, batch[row], float(np.abs(batch).max()), channel_names(problem, term))


def _map(axes: Axes, found: Seen, values: np.ndarray, top: float) -> None:
    where: Layout = canvas.layout(found.base)
    canvas.places(axes, where, canvas.heat(values, top), size=PANEL)


def _heads(steps: list[int], maps: dict[str, Seen], path: Path) -> None:
    """The middle frame: a row per layer and generator, a column per head."""
    before, middle = maps[""], len(steps) // 2
    layers = range(len(before.layers))[-LAYERS:]
    heads = min(HEADS, min(each.shape[1] for each in before.layers))
    rows = [(layer, generator) for layer in layers for generator in maps]
    title = f"{_said(before)}: head by head, step {steps[middle]}"
    made = canvas.figure(heads * 1.7 + 1.5, len(rows) * 1.85 + 0.6, title)
    axes = made.subplots(len(rows), heads, squeeze=False)
    for row, (layer, generator) in zip(axes, rows, strict=True):
        row[0].set_ylabel(f"layer {layer + 1}\n{f'moved by {generator}' if generator else 'as seen'}", fontsize=9)
        for head, panel in enumerate(row):
            top = float(before.layers[layer][middle, head].max())
            _map(panel, maps[generator], maps[generator].layers[layer][middle, head], top)
            if (layer, generator) == rows[0]:
                canvas.caption(panel, f"head {head + 1}")
    canvas.save(made, path)
