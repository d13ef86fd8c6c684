"""identity: how long it takes until the memory of each sensor says which one it is.

What a sensor's memory gives has no name. Two curves show that the sensor is known: how far the
memory is from its own mean, which is little once it has settled; and how often it is like the same
sensor's memory in another episode, for where a body runs the memories go on moving with its gait.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from symgen.compiler import Compiled
from symgen.pictures import canvas as canvas
from symgen.pictures.canvas import FAINT, INK
from symgen.pictures.draw_slots import CURVES
from symgen.pictures.sensors import Recording, sensor_names

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LEAST = 8
"""Steps of an episode that is taken into account."""
REFERENCES = 2000
"""Memories, of all sensors together, that each one is compared with."""
WINDOWS = 60
"""Steps are averaged in windows that grow with time."""


def draw_identity(compiled: Compiled, recording: Recording, path: Path) -> Path | None:
    """The mean over the episodes; None where sensors remember nothing, or no two episodes are long
    enough.
    """
    count = int((recording.going.sum(0) >= LEAST).sum())
    if recording.memory is None or count < 2:
        return None
    distance = settling(recording)
    known = recognised(recording)
    seen = recording.steps[: len(distance)] + 1
    times, distance, known = (windowed(seen, x) for x in (seen, distance, known))
    names = [canvas.short(name, 24) for name in sensor_names(compiled.problem)]
    title = f"when the sensors' memories settle: mean over {count} episodes"
    figure = canvas.figure(9.5, 6.0, title)
    above, below = figure.subplots(2, 1, sharex=True)
    canvas.caption(above, "distance of a memory from its own mean")
    _curves(above, times, distance, names)
    above.axhline(1, color=INK, lw=0.8, ls=":")
    above.set_ylim(bottom=0)
    above.set_ylabel("1 (dotted): as far as\nthe means of two sensors", fontsize=9)
    canvas.caption(below, "memories whose nearest in another episode is of the same sensor")
    below.plot(times, known, color=INK, lw=1.6)
    below.axhline(1 / len(names), color=FAINT, lw=0.8, ls=":")
    below.set_ylim(0, 1.03)
    below.set_ylabel(f"share (dotted: chance, 1/{len(names)})", fontsize=9)
    below.set_xlabel("steps seen (means and other episodes: their last half)", fontsize=9)
    below.set_xscale("log")
    below.xaxis.set_major_formatter(canvas.thousands)
    for axes in (above, below):
        axes.tick_params(labelsize=8.5)
        axes.grid(alpha=0.25, lw=0.6)
        axes.spines[["top", "right"]].set_visible(False)
    heading = "sensor" if len(names) <= CURVES else None
    figure.legend(loc="outside right upper", frameon=False, fontsize=8.5, title=heading)
    return canvas.save(figure, path)


def settling(recording: Recording) -> np.ndarray:
    """How far each memory is from its own mean of the last half of its episode, [time, sensor], in
    units of the mean distance between the means of two sensors.

    It is a mean over the episodes of LEAST kept steps or more that are still going.
    """
    memories = _memories(recording)
    total = max(len(memory) for memory in memories)
    sensors = memories[0].shape[1]
    distances = np.full((len(memories), total, sensors), np.nan)
    for episode, memory in enumerate(memories):
        means = memory[len(memory) // 2 :].mean(0)
        apart = np.linalg.norm(means[:, None] - means[None], axis=-1)
        unit = apart.sum() / max(sensors * (sensors - 1), 1)
        own = np.linalg.norm(memory - means, axis=-1)
        distances[episode, : len(memory)] = own / max(unit, 1e-12)
    return np.nanmean(distances, 0)


def recognised(recording: Recording) -> np.ndarray:
    """The share of memories, [time], whose nearest among those of the last halves of the other
    episodes is of the same sensor.

    It is a mean over the episodes of LEAST kept steps or more that are still going, of which there
    must be two.
    """
    memories = _memories(recording)
    sensors = memories[0].shape[1]
    many = max(REFERENCES // (len(memories) * sensors), 2)
    late = [_late(memory, many) for memory in memories]
    shares = np.full((len(memories), max(len(memory) for memory in memories)), np.nan)
    for episode, memory in enumerate(memories):
        known = np.concatenate([x for k, x in enumerate(late) if k != episode])
        sizes = (known**2).sum(-1)
        for time, row in enumerate(memory):  # all at once would be places x references x time
            nearest = (sizes - 2 * row @ known.T).argmin(1)
            shares[episode, time] = (nearest % sensors == np.arange(sensors)).mean()
    return np.nanmean(shares, 0)


def _memories(recording: Recording) -> list[np.ndarray]:
    """Those of every episode that is long enough, [time, sensor, channel]."""
    if recording.memory is None:
        raise ValueError("no memory was recorded")
    lengths = recording.going.sum(0)
    some = np.flatnonzero(lengths >= LEAST)
    return [recording.memory[: lengths[episode], episode] for episode in some]


def _late(memory: np.ndarray, many: int) -> np.ndarray:
    """`many` moments of the last half of an episode, sensor after sensor in each: [moment * sensor,
    channel].
    """
    moments = np.linspace(len(memory) // 2, len(memory) - 1, many).astype(int)
    return memory[np.unique(moments)].reshape(-1, memory.shape[2])


def windowed(times: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Means (window, ...) of values (time, ...) over windows that are equally long on a logarithmic
    axis.

    >>> windowed(np.arange(1, 5), np.array([1.0, 2.0, 3.0, 5.0])).tolist()
    [1.0, 2.0, 3.0, 5.0]
    """
    edges = np.geomspace(times[0], times[-1] + 1, WINDOWS)
    window = np.searchsorted(edges, times, side="right")
    return np.array([values[window == k].mean(0) for k in np.unique(window)])


def _curves(axes: Axes, times: np.ndarray, distance: np.ndarray, names: list[str]) -> None:
    """A curve per sensor; of many the median, and bands that hold half and nine tenths of them."""
    if len(names) <= CURVES:
        for name, curve, colour in zip(names, distance.T, canvas.palette(len(names)), strict=True):
            axes.plot(times, curve, color=0.86 * colour, lw=1.5, label=name)
        return
    low, lower, middle, upper, high = np.quantile(distance, (0.05, 0.25, 0.5, 0.75, 0.95), axis=1)
    colour = canvas.palette(1)[0]
    axes.fill_between(times, low, high, color=colour, alpha=0.2, lw=0, label="90% of the sensors")
    axes.fill_between(times, lower, upper, color=colour, alpha=0.4, lw=0, label="half of them")
    axes.plot(times, middle, color=0.7 * colour, lw=1.6, label="median sensor")
