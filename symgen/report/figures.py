"""The figures of a report. Matplotlib is imported when one is made (see pictures/canvas.py).

An arm has one colour everywhere: the reference is black, and controls have dashed lines and open
marks.
"""

from __future__ import annotations

import html
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from symgen.algebra.catalogue import group
from symgen.algebra.representation import parse
from symgen.errors import Refusal
from symgen.pictures import canvas
from symgen.pictures.element_names import channel_names
from symgen.report.data import ArmData, SpecData
from symgen.report.draw_arms import draw_arms
from symgen.report.learning import Against, Learning
from symgen.report.results import Cell, SpecResults
from symgen.report.run_data import RunData
from symgen.statistics.profile import profile

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS = 3
MAPS = 6
LEGEND = 16
NAMES = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
LABEL = {"steps": "environment steps", "seconds": "seconds of training"}


@dataclass(frozen=True, eq=False)
class Drawing:
    """A figure and what stands beside it.

    Args:
        id: its anchor, and the name of its file.
        caption: what it shows.
        figure: the figure.
        section: of the report, see html.py.
    """

    id: str
    caption: str
    figure: Figure
    section: str

    def svg(self) -> str:
        """As part of a page: no XML declaration, no size of its own, and no id that another figure
        may have.
        """
        import matplotlib

        content = io.StringIO()
        # text stays text: it can be read out, searched, and needs no outlines
        with matplotlib.rc_context({"svg.hashsalt": self.id, "svg.fonttype": "none"}):
            self.figure.savefig(content, format="svg", metadata={"Date": None})
        drawn = content.getvalue()
        drawn = drawn[drawn.index("<svg") :]
        # a style sheet in one drawing would be that of the whole page
        drawn = re.sub(r"<(metadata|style)\b.*?</\1>", "", drawn, flags=re.DOTALL)
        drawn = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{self.id}-", drawn)
        width = re.search(r'viewBox="0 0 ([\d.]+)', drawn)
        pixels = float(width[1]) * 4 / 3 if width else 800.0
        box = re.search(r'viewBox="[^"]*"', drawn)
        opening = (
            f'<svg {NAMES} {box[0] if box else ""} role="img" '
            f'aria-label="{html.escape(self.caption)}" '
            f'style="max-width:{pixels:.0f}px;min-width:{0.75 * pixels:.0f}px;'
            f'stroke-linejoin:round;stroke-linecap:butt">'
        )
        return opening + drawn.partition(">")[2]


def drawings(results: SpecResults, learnt: Learning) -> Iterator[Drawing]:
    """All figures of one spec that there is anything to draw for."""
    spec = results.spec
    yield _drawing(
        spec,
        "arms",
        "What varied: group, actions, constraint, network and weights of every arm; what differs "
        "from the reference is bold.",
        draw_arms(spec),
        "varied",
    )
    if results.cells:
        text = (
            "Interquartile mean return with its 95 % interval, a dot per seed; the line is the "
            "reference. Open marks are controls."
        )
        yield _drawing(spec, "scores", text, draw_scores(results), "scores")
    axes: tuple[Against, ...] = ("steps", "seconds")
    for axis in axes:
        if any(of == axis for of, _ in learnt.curves):
            text = (
                f"Return of recent training episodes against {LABEL[axis]}: interquartile mean "
                "over seeds where all of them have been, pointwise 95 % interval, and every seed "
                "as a thin line; the reference is dotted in the panels of the others."
            )
            yield _drawing(spec, axis, text, draw_learning(spec, learnt, axis), "learning")
    if len(results.under(results.primary)) > 0:
        text = (
            f"Performance profile under {results.primary}: the share of runs that return more "
            "than a score, with pointwise 95 % bands."
        )
        yield _drawing(spec, "profile", text, draw_profile(results), "scores")
    for arm in spec.arms:
        runs = [run for run in arm.runs if run.relaxed]
        if runs:
            text = (
                f"Relaxed weights of {arm.name}: for each map, the weight of every group element "
                "over that of the start, mean over banks; bold the mean over seeds. The lines of a "
                "map that is exact are one."
            )
            name = f"relaxed-{arm.id}"
            yield _drawing(spec, name, text, draw_relaxed(runs), "symmetry")


def _drawing(spec: SpecData, name: str, text: str, figure: Figure, section: str) -> Drawing:
    return Drawing(f"figure-{spec.id}-{name}", text, figure, section)


def colours(spec: SpecData) -> dict[str, str]:
    """A colour for every arm, by name."""
    others = spec.arms[1:]
    shades = np.clip(0.86 * canvas.palette(len(others)), 0, 1)
    hexes = ["#" + "".join(f"{round(255 * part):02x}" for part in shade) for shade in shades]
    named = {arm.name: colour for arm, colour in zip(others, hexes, strict=True)}
    return {spec.reference.name: canvas.INK, **named}


def draw_scores(results: SpecResults) -> Figure:
    """A panel per condition, a row per arm."""
    spec = results.spec
    conditions = spec.conditions
    columns = 2 if len(conditions) == 4 else min(COLUMNS, len(conditions))
    rows = -(-len(conditions) // columns)
    height = 0.85 + 0.3 * len(spec.arms)
    figure = canvas.figure(3 + 2.4 * columns, max(2.0, rows * height), "")
    panels = figure.subplots(rows, columns, squeeze=False, sharey=True)
    for panel in panels.flat[len(conditions) :]:
        panel.set_axis_off()
    for panel, condition in zip(panels.flat, conditions, strict=False):
        _forest(panel, spec, {cell.arm.name: cell for cell in results.under(condition)})
        primary = " (primary)" if condition == results.primary and len(conditions) > 1 else ""
        panel.set_title(condition + primary, fontsize=10)
    return figure


def _forest(panel: Axes, spec: SpecData, cells: dict[str, Cell]) -> None:
    shades = colours(spec)
    reference = cells.get(spec.reference.name)
    if reference is not None:
        panel.axvline(reference.iqm.value, color=canvas.FAINT, lw=0.8, ls=(0, (4, 3)), zorder=0)
    for row, arm in enumerate(spec.arms):
        cell = cells.get(arm.name)
        if cell is None:
            continue
        colour = shades[arm.name]
        values = cell.scores.values[:, 0]
        panel.scatter(values, np.full(len(values), row + 0.22), s=9, color=colour, alpha=0.45, lw=0)
        panel.plot([cell.iqm.low, cell.iqm.high], [row, row], color=colour, lw=2.2)
        face = "white" if arm.control else colour
        panel.plot(cell.iqm.value, row, "o", ms=6, mfc=face, mec=colour, mew=1.6)
    labels = [f"{arm.name}{' (control)' if arm.control else ''}" for arm in spec.arms]
    panel.set_yticks(range(len(labels)), [canvas.short(label, 34) for label in labels])
    panel.set_ylim(len(labels) - 0.4, -0.6)
    panel.set_xlabel("return", fontsize=9)
    _plain(panel)


def draw_learning(spec: SpecData, learnt: Learning, axis: Against) -> Figure:
    """All arms together, then a panel per arm."""
    shades = colours(spec)
    arms = [arm for arm in spec.arms if (axis, arm.name) in learnt.curves]
    count = len(arms) + 1
    rows = -(-count // COLUMNS)
    figure = canvas.figure(9.6, 2.45 * rows + 0.2, "")
    panels = figure.subplots(rows, min(COLUMNS, count), squeeze=False, sharex=True, sharey=True)
    together, *single = panels.flat
    for arm in arms:
        _line(together, learnt, axis, arm, shades[arm.name])
    together.set_title("all arms", fontsize=10)
    for panel, arm in zip(single, arms, strict=False):
        _curves(panel, learnt, axis, arm, shades[arm.name])
        if arm is not spec.reference:
            _line(panel, learnt, axis, spec.reference, canvas.INK, dotted=True)
        control = " (control)" if arm.control else ""
        panel.set_title(canvas.short(arm.name + control, 36), fontsize=10)
    for panel in panels.flat:
        _plain(panel)
        panel.set_xlim(left=0)
    canvas.count_steps(together.xaxis)
    for panel in panels.flat[count:]:
        panel.set_axis_off()
    figure.supxlabel(LABEL[axis], fontsize=9.5)
    figure.supylabel("return", fontsize=9.5)
    return figure


def _line(
    panel: Axes, learnt: Learning, axis: Against, arm: ArmData, colour: str, dotted: bool = False
) -> None:
    band = learnt.bands.get((axis, arm.name))
    if band is None:
        return
    style = ":" if dotted else "-"
    if arm.control and not dotted:
        style = "--"
    panel.plot(band.grid, band.value, color=colour, ls=style, lw=1.2 if dotted else 1.8)


def _curves(panel: Axes, learnt: Learning, axis: Against, arm: ArmData, colour: str) -> None:
    for curve in learnt.curves[axis, arm.name]:
        panel.plot(curve.steps, curve.scores, color=colour, lw=0.6, alpha=0.5)
    band = learnt.bands.get((axis, arm.name))
    if band is not None:
        panel.fill_between(band.grid, band.low, band.high, color=colour, alpha=0.2, lw=0)
    _line(panel, learnt, axis, arm, colour)


def draw_profile(results: SpecResults) -> Figure:
    """Shares of runs above scores, under the primary condition."""
    cells = results.under(results.primary)
    shades = colours(results.spec)
    everything = np.concatenate([cell.scores.values[:, 0] for cell in cells])
    margin = 0.03 * max(float(np.ptp(everything)), 1e-9)
    thresholds = np.linspace(everything.min() - margin, everything.max() + margin, 121)
    figure = canvas.figure(7.4, 3.3, "")
    panel = figure.subplots()
    for cell in cells:
        drawn = profile(cell.scores, thresholds, resamples=1_000)
        colour = shades[cell.arm.name]
        style = "--" if cell.arm.control else "-"
        name = canvas.short(cell.arm.name, 34) + (" (control)" if cell.arm.control else "")
        panel.plot(thresholds, drawn.shares, color=colour, ls=style, lw=1.8, label=name)
        panel.fill_between(thresholds, drawn.low, drawn.high, color=colour, alpha=0.1, lw=0)
    panel.set_xlabel("score", fontsize=9.5)
    panel.set_ylabel("share of runs above it", fontsize=9.5)
    panel.set_ylim(-0.02, 1.02)
    _plain(panel)
    figure.legend(loc="outside right center", frameon=False, fontsize=9)
    return figure


def draw_relaxed(runs: Sequence[RunData]) -> Figure:
    """A panel per map, a line per group element; thin lines are seeds."""
    names = list(runs[0].relaxed)[:MAPS]
    rows = -(-len(names) // COLUMNS)
    figure = canvas.figure(9.6, 2.3 * rows + 0.2, "")
    panels = figure.subplots(rows, min(COLUMNS, len(names)), squeeze=False, sharex=True)
    for panel in panels.flat[len(names) :]:
        panel.set_axis_off()
    for panel, name in zip(panels.flat, names, strict=False):
        _relaxed_map(panel, [run for run in runs if name in run.relaxed], name)
        panel.set_title(canvas.short(name, 36), fontsize=10)
        _plain(panel)
    elements = element_names(runs[0])
    for element, line in zip(elements, panels.flat[0].lines[-len(elements) :], strict=False):
        line.set_label(element)
    if elements:
        figure.legend(loc="outside right center", frameon=False, fontsize=9)
    canvas.count_steps(panels.flat[0].xaxis)
    figure.supxlabel("environment steps", fontsize=9.5)
    figure.supylabel("weight over that of the start", fontsize=9.5)
    return figure


def element_names(run: RunData) -> list[str]:
    """The group elements that the relaxed weights of a run belong to; empty where the group is not
    given by name, or the weights are of other channels than one per element.
    """
    symmetry = run.resolved.get("symmetry")
    name = symmetry.get("group") if isinstance(symmetry, Mapping) else None
    try:
        named = group(name) if isinstance(name, str) else None
    except Refusal:
        return []
    first = next(iter(run.relaxed.values()))
    if named is None or named.order != first.shape[-1] or named.order > LEGEND:
        return []
    return channel_names(parse(named, "regular"))


def _relaxed_map(panel: Axes, runs: Sequence[RunData], name: str) -> None:
    curves = []
    for run in runs:
        weights = run.relaxed[name]
        # [time, element]: banks are scaled by their first weights, which are equal and not 0
        start = np.where(weights[:1] == 0, 1.0, weights[:1])
        curves.append((weights / start).mean(axis=1))
    shades = 0.86 * canvas.palette(curves[0].shape[1])
    for run, curve in zip(runs, curves, strict=True):
        for element, colour in enumerate(shades):
            panel.plot(run.relaxed_steps, curve[:, element], color=colour, lw=0.6, alpha=0.5)
    shortest = min(map(len, curves))
    mean = np.mean([curve[:shortest] for curve in curves], axis=0)
    for element, colour in enumerate(shades):
        panel.plot(runs[0].relaxed_steps[:shortest], mean[:, element], color=colour, lw=1.8)


def _plain(panel: Axes) -> None:
    panel.grid(alpha=0.25, lw=0.6)
    panel.spines[["top", "right"]].set_visible(False)
    panel.tick_params(labelsize=8.5)
