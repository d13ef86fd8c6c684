"""slots, where the sensors are patches of an image: what is seen at a few moments of an episode,
and where the slots of a trained network look.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from symgen.compiler import Compiled
from symgen.pictures import canvas as canvas
from symgen.pictures.draw_cells import legend
from symgen.pictures.draw_observation import draw_term, is_one_hot, newest
from symgen.pictures.draw_slots import COLOURS, MOMENTS, size, title
from symgen.pictures.patches import patch_grid, together
from symgen.pictures.sensors import Recording, sensor_term, slot_weights

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST = 10
"""So many patches are outlined at most, all of them above the average."""
FRAME = "#0077dd"
PANEL = 2.1  # inches
VEIL = 0.75
"""How much of the image the darkest colour hides."""


def draw_patches(compiled: Compiled, recording: Recording, path: Path) -> Path | None:
    """The longest episode of a recording: images, and below them the same under the mean over slots
    of the weights' sizes; None where the read-out weighs no patches.
    """
    problem = compiled.problem
    term = sensor_term(problem)
    grid = patch_grid(problem, term)
    episode = recording.longest
    going = np.flatnonzero(recording.going[:, episode])
    moments = sorted({int(k) for k in going[np.linspace(0, len(going) - 1, MOMENTS).astype(int)]})
    weights = slot_weights(compiled.network, recording.keys[moments, episode])
    if weights is None or grid is None:
        return None
    means = np.abs(weights).mean(2)
    # where all is alike, nothing is coloured
    average = float(means.mean())
    top = max(float(means.max()), 2 * average)
    seen = recording.values[moments, episode]
    wide = len(moments) * PANEL + 2.2
    figure = canvas.figure(wide, 2 * PANEL + 0.9, title(compiled, recording))
    axes = figure.subplots(2, len(moments), squeeze=False)
    brightest = float(np.abs(seen).max())
    for panels, value, mean, k in zip(axes.T, seen, means, moments, strict=True):
        for panel in panels:
            draw_term(panel, problem, term, value, brightest, PANEL - 0.3)
        canvas.caption(panels[0], f"step {recording.steps[k]}")
        image, _ = together(problem, term, value)
        share = np.clip((mean - average) / max(top - average, 1e-12), 0, 1)
        _overlay(panels[1], share.reshape(grid), image.shape[:2])
        _outline(panels[1], mean, grid, image.shape[:2])
    axes[0, 0].set_ylabel("what is seen", fontsize=9)
    axes[1, 0].set_ylabel(f"attention; outlined:\nmost of all (up to {MOST})", fontsize=9)
    image, first = together(problem, term, seen.max(0))
    if is_one_hot(image, first):
        legend(figure, *newest(problem, image, first), loc="outside right upper")
    label = size(compiled.plan).replace(" of ", "\nof ") + "\n(clear: average or less)"
    canvas.colour_bar(list(axes[1]), average, top, canvas.heat(COLOURS, 1.0), label)
    return canvas.save(figure, path)


def _overlay(axes: Axes, share: np.ndarray, shape: tuple[int, ...]) -> None:
    """Attention from 0 to 1 (row, column) over an image of so many pixels: the more, the less of it
    is seen.
    """
    colours = np.concatenate([canvas.heat(share, 1.0), VEIL * share[..., None] ** 0.5], -1)
    extent = (-0.5, shape[1] - 0.5, shape[0] - 0.5, -0.5)
    axes.imshow(colours, interpolation="nearest", extent=extent, zorder=8)


def _outline(axes: Axes, mean: np.ndarray, grid: tuple[int, int], shape: tuple[int, ...]) -> None:
    """A frame around each of the patches (patch,) with most attention."""
    from matplotlib.patches import Rectangle

    tall = shape[0] / grid[0]
    wide = shape[1] / grid[1]
    for patch in most(mean):
        row, column = divmod(int(patch), grid[1])
        corner = (column * wide - 0.5, row * tall - 0.5)
        frame = Rectangle(corner, wide, tall, fill=False, edgecolor=FRAME, lw=1.8, zorder=9)
        axes.add_patch(frame)


def most(mean: np.ndarray) -> np.ndarray:
    """The patches with most attention, MOST at most; of those that have equally much none, where
    that is not enough for all.

    >>> most(np.array([1.0, 3.0, 1.0, 2.0])).tolist()
    [1, 3]
    """
    order = np.argsort(-mean, kind="stable")
    left_out = mean[order[MOST]] if len(mean) > MOST else -np.inf
    least = max(float(left_out), float(mean.mean())) * (1 + 1e-6)
    return order[:MOST][mean[order[:MOST]] > least]
