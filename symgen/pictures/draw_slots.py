"""slots: what the slots of a trained network attend to in one episode, sensor by sensor over time,
and slot by slot at a few moments.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from symgen.compiler import Compiled
from symgen.operations.slots import SetPooling, SlotAttention
from symgen.pictures import canvas as canvas
from symgen.pictures.canvas import FAINT, INK
from symgen.pictures.sensors import Recording, read_out, sensor_names, slot_weights
from symgen.plan.plan import Plan

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOMENTS = 6
FEW = 8
"""With more sensors there is no room for names below a panel, but for numbers."""
CURVES = 12
"""With more sensors their values are drawn as a table, not as curves."""
MAX_NAMED = 32
"""With more sensors every second, third, ... one has its name written."""
WIDTH = 12.0
LINE = 0.17
"""Inches of the figure, and of a sensor's row."""
COLOURS = np.linspace(0, 1, 255)


def draw_slots(compiled: Compiled, recording: Recording, path: Path) -> Path | None:
    """The longest episode of a recording; None where the read-out weighs no sensors."""
    episode = recording.longest
    going = recording.going[:, episode]
    weights = slot_weights(compiled.network, recording.keys[going, episode])
    if weights is None:
        return None
    steps = recording.steps[going]
    names = _numbered(sensor_names(compiled.problem))
    # close together at first, while it is found out which sensor is which
    moments = sorted({round(k) - 1 for k in np.geomspace(1, len(steps), MOMENTS)})
    tall = float(np.clip(LINE * len(names) + 0.9, 1.9, 6.0))
    high = float(np.clip(0.08 * weights.shape[2] + 1.7, 2.6, 5.5))
    figure = canvas.figure(WIDTH, 2 * tall + high + 0.6, title(compiled, recording))
    parts = np.asarray(figure.subfigures(2, 1, height_ratios=[2 * tall, high]))
    above, below = parts[0].subplots(2, 1, sharex=True)
    _values(above, steps, recording.values[going, episode], names)
    _over_time(below, steps, np.abs(weights).mean(2), names, size(compiled.plan))
    for k in moments:
        below.axvline(steps[k], color=INK, lw=0.9, ls=":")
    panels = parts[1].subplots(1, len(moments), squeeze=False)[0]
    _at_moments(panels, weights[moments], names, is_signed(compiled.plan))
    for panel, k in zip(panels, moments, strict=True):
        canvas.caption(panel, f"step {steps[k]}")
    return canvas.save(figure, path)


def _numbered(names: Sequence[str]) -> list[str]:
    """Names that a row has room for; of many with their numbers, counted from 1 as specs count
    entries, where they are no numbers themselves.
    """
    shortened = [canvas.short(name, 28) for name in names]
    if len(names) <= FEW or names[0].isdecimal():
        return shortened
    return [f"{name}  {k + 1}" for k, name in enumerate(shortened)]


def title(compiled: Compiled, recording: Recording) -> str:
    """What is drawn, of which episode."""
    what = "the slots attend"
    step = read_out(compiled.plan)
    if step is not None and isinstance(step.operation, SetPooling):
        what = "the seeds attend (mean over heads)"
    return f"what {what} to: {recording}"


def is_signed(plan: Plan) -> bool:
    """Whether the weights are tanh of the logits, which may be negative."""
    step = read_out(plan)
    operation = step.operation if step is not None else None
    return isinstance(operation, SlotAttention) and operation.weighting == "tanh"


def size(plan: Plan) -> str:
    """What the mean over the slots is called."""
    return "mean over slots of |weight|" if is_signed(plan) else "mean over slots of the weight"


def _values(axes: Axes, steps: np.ndarray, values: np.ndarray, names: Sequence[str]) -> None:
    """What the sensors saw (time, sensor, channel): a curve for each of a few, a table of many."""
    logs = np.sign(values) * np.log1p(np.abs(values.astype(np.float64)))
    shown = logs[..., 0]
    what = "sign(o) log(1 + |o|)"
    if values.shape[2] > 1:
        shown = np.sqrt((logs**2).mean(2))
        what += ",\nroot mean square\nover channels"
    canvas.caption(axes, "what the sensors see")
    if len(names) > CURVES:
        top = float(np.abs(shown).max())
        _table(axes, steps, canvas.signed(shown.T, top), names)
        canvas.colour_bar([axes], -top, top, canvas.signed(2 * COLOURS - 1, 1.0), what)
        return
    for name, curve, colour in zip(names, shown.T, canvas.palette(len(names)), strict=True):
        axes.plot(steps, curve, color=0.86 * colour, lw=1.4, label=name)
    axes.axhline(0, color=FAINT, lw=0.6)
    axes.set_ylabel(what, fontsize=8.5)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.figure.legend(loc="outside right upper", frameon=False, fontsize=8.5, title="sensor")


def _over_time(
    axes: Axes, steps: np.ndarray, means: np.ndarray, names: Sequence[str], what: str
) -> None:
    """The mean over slots of the weights' sizes (time, sensor)."""
    top = float(means.max())
    _table(axes, steps, canvas.heat(means.T, top), names)
    canvas.caption(axes, "how much they are attended to")
    axes.set_xlabel("step of the episode (dotted: the moments below)", fontsize=9)
    canvas.colour_bar([axes], 0, top, canvas.heat(COLOURS, 1.0), what.replace(" of ", "\nof "))


def _table(axes: Axes, steps: np.ndarray, colours: np.ndarray, names: Sequence[str]) -> None:
    """Sensors (rows) over time (columns), colours (sensor, time, 3)."""
    every = steps[1] - steps[0] if len(steps) > 1 else 1
    extent = (steps[0] - every / 2, steps[-1] + every / 2, len(names) - 0.5, -0.5)
    axes.imshow(colours, interpolation="nearest", aspect="auto", extent=extent)
    some = np.arange(0, len(names), -(-len(names) // MAX_NAMED))
    axes.set_yticks(some, [names[k] for k in some], fontsize=8)
    if names[0].isdecimal():
        axes.set_ylabel("sensor", fontsize=9)
    axes.tick_params(axis="x", labelsize=8)
    axes.tick_params(axis="y", length=0)
    for spine in axes.spines.values():
        spine.set_color(FAINT)


def _at_moments(
    panels: Sequence[Axes], weights: np.ndarray, names: Sequence[str], signed: bool
) -> None:
    """Slots (rows) and sensors (columns), weights (moment, sensor, slot), all in one scale."""
    top = float(np.abs(weights).max())
    slots = weights.shape[2]
    for panel, table in zip(panels, weights, strict=True):
        colours = canvas.signed(table.T, top) if signed else canvas.heat(table.T, top)
        panel.imshow(colours, interpolation="nearest", aspect="auto")
        canvas.ruled(panel, slots, len(names))
        some = np.arange(0, len(names), -(-len(names) // FEW))
        labels = names if len(names) <= FEW else [name.split()[-1] for name in names]
        numbers = labels[0].isdecimal()
        panel.set_xticks(some, [labels[k] for k in some], fontsize=8, rotation=0 if numbers else 90)
        if numbers:
            panel.set_xlabel("sensor", fontsize=9)
        panel.tick_params(length=0)
    every = -(-slots // 16)
    rows = np.arange(0, slots, every)
    panels[0].set_yticks(rows, [str(row + 1) for row in rows], fontsize=8)
    panels[0].set_ylabel("slot", fontsize=9)
    if signed:
        colours = canvas.signed(2 * COLOURS - 1, 1.0)
        canvas.colour_bar(panels, -top, top, colours, "weight")
    else:
        canvas.colour_bar(panels, 0, top, canvas.heat(COLOURS, 1.0), "weight")
