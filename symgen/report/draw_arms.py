"""What varied, as a picture: a row per arm, a column per thing that arms vary in."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from symgen.experiment.variant import typed
from symgen.pictures import canvas
from symgen.report.data import ArmData, SpecData

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 10.4
ROW = 0.4
COLUMNS = (
    ("arm", 0.0, 30),
    ("group", 3.1, 12),
    ("actions", 4.55, 22),
    ("constraint", 6.3, 14),
    ("network", 7.55, 20),
    ("weights", 9.25, 12),
)
"""Title, place in inches, letters."""
CONTROL = "#b0343c"
SPOKES = 12


def draw_arms(spec: SpecData) -> Figure:
    """The picture."""
    count = len(spec.arms)
    figure = canvas.figure(WIDTH, ROW * (count + 1) + 0.35, "")
    panel = figure.subplots()
    panel.set_axis_off()
    panel.set_xlim(-0.1, WIDTH)
    panel.set_ylim(count - 0.4, -1.5)
    panel.set_aspect(ROW, adjustable="box")
    for title, left, _ in COLUMNS:
        panel.text(left, -1, title, fontsize=9, color=canvas.FAINT, va="center")
    own = _values(spec.reference)
    most = max((weights for arm in spec.arms if (weights := _weights(arm))), default=None)
    for row, arm in enumerate(spec.arms):
        if row % 2 == 0:
            panel.axhspan(row - 0.5, row + 0.5, color=canvas.PALE, alpha=0.7, lw=0)
        _row(panel, row, arm, own)
        if most:
            _bar(panel, row, _weights(arm) or 0, most)
    return figure


def _row(panel: Axes, row: int, arm: ArmData, own: Sequence[str]) -> None:
    colour = CONTROL if arm.control else canvas.INK
    _write(panel, 0, row - 0.14 * bool(arm.control), arm.name, colour, True)
    if arm.control:
        panel.text(0, row + 0.26, "control", fontsize=7, color=CONTROL, va="center")
    values = _values(arm)
    _glyph(panel, COLUMNS[1][1] + 0.12, row, values[0])
    for column, (value, reference) in enumerate(zip(values, own, strict=True), 1):
        indent = 0.35 if column == 1 else 0
        _write(panel, column, row, value, canvas.INK, value != reference, indent)


def _write(
    panel: Axes, column: int, row: float, text: str, colour: str, bold: bool, indent: float = 0
) -> None:
    _, left, letters = COLUMNS[column]
    weight = "bold" if bold else "normal"
    panel.text(
        left + indent,
        row,
        canvas.short(text, letters).replace("$", r"\$"),
        fontsize=8.5,
        color=colour,
        va="center",
        fontweight=weight,
    )


def _values(arm: ArmData) -> tuple[str, str, str, str]:
    """Group, actions, constraint, network."""
    network = arm.said("network", "family")
    size = next(
        (arm.said("network", key) for key in ("hidden", "width", "channels")
         if arm.said("network", key) is not None), ""
    )  # fmt: skip
    return (
        _text(arm.said("symmetry", "group")),
        _moved(arm),
        _text(arm.constraint),
        f"{_text(network)} {_text(size)}".strip(),
    )


def _moved(arm: ArmData) -> str:
    actions = _text(arm.said("symmetry", "actions"))
    output = arm.said("symmetry", "output")
    return f"{actions}, invariant" if output == "invariant" else actions


def _text(value: object) -> str:
    return "" if value is None else re.sub("[{}]", "", typed(value))


def _weights(arm: ArmData) -> int | None:
    return next((run.weights for run in arm.runs if run.weights is not None), None)


def _bar(panel: Axes, row: int, weights: int, most: int) -> None:
    left = COLUMNS[5][1]
    panel.barh(row + 0.24, 1.0 * weights / most, 0.16, left=left, color="#4e9fd8", lw=0)
    panel.text(left, row - 0.12, f"{weights:,}", fontsize=8.5, color=canvas.INK, va="center")


def _glyph(panel: Axes, x: float, y: float, group: str) -> None:
    """A wheel with a spoke per rotation, bent to one side where there are no reflections; nothing
    for a group that is no rotation or reflection group.
    """
    named = re.fullmatch(r"([CD])(\d+)", group)
    if not named:
        return
    spokes = int(named[2])
    radius = 0.13
    if group == "C1":
        panel.plot(x, y, "o", ms=4, color="#3d5aa8")
        return
    if spokes > SPOKES:
        angles = np.linspace(0, 2 * np.pi, 60)
        panel.plot(x + radius * np.cos(angles), y + _tall(radius * np.sin(angles)), color="#3d5aa8")
        return
    for angle in np.pi / 2 + 2 * np.pi * np.arange(spokes) / spokes:
        bends = (0.55, -0.55) if named[1] == "D" else (0.55,)
        for bend in bends:
            along = np.array([0, angle, angle + bend])
            reach = radius * np.array([0, 0.75, 1.1])
            panel.plot(
                x + reach * np.cos(along), y - _tall(reach * np.sin(along)), color="#3d5aa8", lw=1.3
            )


def _tall(size: np.ndarray) -> np.ndarray:
    """Inches in rows."""
    return size / ROW
