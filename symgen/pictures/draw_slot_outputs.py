"""slot_outputs: what the slots of a trained network say in several episodes, in the plane of most
variance: with the sensors in their order, and shuffled.

A network that is invariant gives the same cloud for both: the figure says by how much they differ.
Where actions move with the sensors the episodes differ, for a condition moves no action.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from symgen.compiler import Compiled
from symgen.pictures import canvas as canvas
from symgen.pictures.canvas import AGREES, DISAGREES, FAINT
from symgen.pictures.sensors import Recording, sensor_names

if TYPE_CHECKING:
    from matplotlib.axes import Axes

POINTS = 3000
"""So many moments are drawn at most."""
NUMBERS = 4_000_000
"""So many numbers the plane is made of at most."""
EARLY = 10
ROUNDING = 1e-9
"""In so many steps clouds that are the same differ by less than this, in units of their size. Later
they may not: in a chaotic world what is rounded off grows.
"""
CANDIDATES = 512
PANEL = 4.6  # inches


@dataclass(frozen=True, eq=False)
class Plane:
    """The two directions of most variance of a cloud.

    Args:
        mean: (n,).
        directions: (2, n), orthonormal.
        shares: of the variance, (2,).
    """

    mean: np.ndarray
    directions: np.ndarray
    shares: np.ndarray

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """(..., n) -> (..., 2)."""
        placed: np.ndarray = (points - self.mean) @ self.directions.T
        return placed


def plane(points: np.ndarray) -> Plane:
    """The principal components of points (count, n), signs such that the largest entry of a
    direction is positive.

    >>> plane(np.array([[3.0, 0.0], [-3.0, 0.0], [0.0, 1.0], [0.0, -1.0]])).shares.tolist()
    [0.9, 0.1]
    """
    mean = points.mean(0)
    centred = points - mean
    _, sizes, rows = np.linalg.svd(centred, full_matrices=False)
    directions = np.zeros((2, points.shape[1]))
    shares = np.zeros(2)
    count = min(2, len(rows))
    directions[:count] = rows[:count]
    shares[:count] = (sizes**2 / max(float((sizes**2).sum()), 1e-300))[:count]
    signs = np.sign(np.take_along_axis(directions, np.abs(directions).argmax(1)[:, None], 1))
    return Plane(mean, directions * np.where(signs == 0, 1, signs), shares.round(12))


def draw_slot_outputs(
    compiled: Compiled, trained: Recording, shuffled: Recording, path: Path
) -> Path:
    """Two columns (in their order, shuffled per episode) and two rows, coloured by time and by what
    is seen.
    """
    clouds = {"sensors in their order": trained, "sensors shuffled per episode": shuffled}
    seen = trained.slots[trained.going]
    axes_of = plane(_thinned(seen, min(POINTS, max(NUMBERS // seen.shape[1], 2))))
    what = coloured_by(compiled, trained, axes_of)
    low, high = _range(what.values(trained)[trained.going])
    last = max(float(trained.steps[-1]), 1.0)
    title = f"what the slots say in {trained.going.shape[1]} episodes"
    figure = canvas.figure(2 * PANEL + 1.6, 2 * PANEL + 0.6, title)
    panels = figure.subplots(2, 2, sharex=True, sharey=True)
    for column, (caption, cloud) in enumerate(clouds.items()):
        time, episode = _thinned(np.argwhere(cloud.going), POINTS).T
        placed = axes_of(cloud.slots[time, episode])
        share = (what.values(cloud)[time, episode] - low) / (high - low)
        _scatter(panels[0, column], placed, canvas.shades(cloud.steps[time] / last))
        _scatter(panels[1, column], placed, canvas.shades(share))
        canvas.caption(panels[0, column], caption)
    same = difference(trained, shuffled)
    if compiled.problem.action.is_trivial:
        colour = AGREES if same.agrees else DISAGREES
        canvas.caption(panels[0, 1], f"{caption}\n{same}", colour)
    else:
        canvas.caption(panels[0, 1], f"{caption}, actions not,\nso that the episodes differ")
    colours = canvas.shades(np.linspace(0, 1, 255))
    canvas.colour_bar(list(panels[0]), 0, last, colours, "step of the episode")
    canvas.colour_bar(list(panels[1]), low, high, colours, what.name)
    for panel in panels[1]:
        panel.set_xlabel(f"first component ({axes_of.shares[0]:.0%} of the variance)", fontsize=9)
    for panel in panels[:, 0]:
        panel.set_ylabel(f"second component ({axes_of.shares[1]:.0%})", fontsize=9)
    return canvas.save(figure, path)


@dataclass(frozen=True)
class Difference:
    """How far two clouds are from one another, in units of the deviation of the first.

    Args:
        early: at most, in the first EARLY steps.
        ever: at most, while both episodes go on.
    """

    early: float
    ever: float

    @property
    def agrees(self) -> bool:
        """Whether they are the same."""
        return self.early <= ROUNDING

    def __str__(self) -> str:
        return (
            f"largest difference in {EARLY} steps {self.early:.1e},\n"
            f"in all {self.ever:.1e}, in deviations of the slots"
        )


def difference(first: Recording, second: Recording) -> Difference:
    """How far the slots of two recordings of the same episodes are from one another."""
    unit = max(float(first.slots[first.going].std()), 1e-12)
    times, rows, others = np.intersect1d(first.steps, second.steps, return_indices=True)
    both = first.going[rows] & second.going[others]
    apart = np.abs(first.slots[rows] - second.slots[others]).max(2) / unit
    apart = np.where(both, apart, 0.0)
    return Difference(float(apart[times < EARLY].max()), float(apart.max()))


@dataclass(frozen=True)
class Colouring:
    """What the points of a cloud are coloured by.

    Args:
        name: what it is.
        entry: the sensor and its channel; None for the rewards so far.
    """

    name: str
    entry: tuple[int, int] | None = None

    def values(self, recording: Recording) -> np.ndarray:
        """[time, episode]."""
        if self.entry is None:
            return recording.rewarded
        sensor, channel = self.entry
        return recording.values[:, :, sensor, channel]


def coloured_by(compiled: Compiled, recording: Recording, axes_of: Plane) -> Colouring:
    """The entry of the observation that the plane shows best: that with the largest share of its
    variance explained by a linear map of the two components. Of images the rewards so far, for no
    pixel says much.
    """
    sensors, channels = recording.values.shape[2:]
    if compiled.problem.pipeline.patches is not None or sensors * channels > CANDIDATES:
        return Colouring("rewards so far")
    placed = axes_of(recording.slots[recording.going])
    entries = recording.values[recording.going].reshape(len(placed), -1).astype(np.float64)
    inputs = np.concatenate([placed, np.ones((len(placed), 1))], 1)
    fitted = inputs @ np.linalg.lstsq(inputs, entries, rcond=None)[0]
    variance = entries.var(0)
    explained = 1 - ((entries - fitted) ** 2).mean(0) / np.maximum(variance, 1e-12)
    explained = np.where(variance > 1e-9, explained, 0.0)
    best = int(explained.argmax())
    sensor, channel = divmod(best, channels)
    name = f"sensor {sensor_names(compiled.problem)[sensor]}"
    if channels > 1:
        name += f", channel {channel + 1}"
    return Colouring(
        f"{canvas.short(name, 34)}\n(the plane explains {explained[best]:.0%} of it)",
        (sensor, channel),
    )


def _thinned(rows: np.ndarray, most: int) -> np.ndarray:
    """At most so many of some rows, equally far from one another."""
    return rows[:: -(-len(rows) // most)]


def _range(values: np.ndarray) -> tuple[float, float]:
    low = float(values.min())
    high = float(values.max())
    return low, high if high > low else low + 1


def _scatter(axes: Axes, points: np.ndarray, colours: np.ndarray) -> None:
    axes.scatter(points[:, 0], points[:, 1], s=7, c=colours, lw=0, alpha=0.8)
    axes.tick_params(labelsize=8)
    axes.grid(alpha=0.25, lw=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    for spine in axes.spines.values():
        spine.set_color(FAINT)
