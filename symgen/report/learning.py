"""Learning curves of a spec's arms: on shared grids, under them, across a threshold."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from symgen.report.data import ArmData, SpecData
from symgen.statistics.curves import Band, Curve, Reached, area, band, on_grid, steps_to
from symgen.statistics.intervals import Interval, bootstrap
from symgen.statistics.scores import Scores

Against = Literal["steps", "seconds"]
COLUMN: Mapping[Against, int] = {"steps": 0, "seconds": 1}
POINTS = 61


@dataclass(frozen=True, eq=False)
class Learning:
    """How the arms of one spec learned.

    Args:
        curves: every seed's, by axis and arm.
        bands: their interquartile mean over the range that an arm's seeds share, by axis and arm.
        areas: mean return while learning, over the steps that all arms share, by arm.
        threshold: a return; NaN where the reference has no curve.
        reached: steps after which seeds reached it, by arm.
        reached_seconds: seconds of training likewise.
    """

    curves: Mapping[tuple[Against, str], tuple[Curve, ...]]
    bands: Mapping[tuple[Against, str], Band]
    areas: Mapping[str, Interval]
    threshold: float
    reached: Mapping[str, Reached]
    reached_seconds: Mapping[str, Reached]


def learning(spec: SpecData) -> Learning:
    """The learning curves of a spec, unfinished runs' too, as far as they went."""
    against: tuple[Against, ...] = ("steps", "seconds")
    every = {(axis, arm.name): curves_of(arm, axis) for axis in against for arm in spec.arms}
    curves = {key: value for key, value in every.items() if value}
    bands = {key: shared for key, value in curves.items() if (shared := _band(value)) is not None}
    own = bands.get(("steps", spec.reference.name))
    threshold = math.nan if own is None else _threshold(own)
    known = not math.isnan(threshold)
    by_axis = {
        axis: {
            name: steps_to(value, threshold)
            for (of, name), value in curves.items()
            if of == axis and known
        }
        for axis in against
    }
    return Learning(curves, bands, _areas(curves), threshold, by_axis["steps"], by_axis["seconds"])


def curves_of(arm: ArmData, against: Against) -> tuple[Curve, ...]:
    """The curve of each seed that has one; points that do not rise are left out."""
    curves = []
    for run in arm.runs:
        positions = run.curve[:, COLUMN[against]]
        scores = run.curve[:, 2]
        known = np.isfinite(positions)
        positions, scores = positions[known], scores[known]
        rising = np.flatnonzero(np.diff(np.maximum.accumulate(positions), prepend=-np.inf) > 0)
        if len(rising):
            curves.append(Curve(positions[rising], scores[rising]))
    return tuple(curves)


def _range(curves: tuple[Curve, ...]) -> tuple[float, float]:
    """What all of them cover; empty where the first number is not the smaller."""
    start = max(float(curve.steps[0]) for curve in curves)
    return start, min(float(curve.steps[-1]) for curve in curves)


def _band(curves: tuple[Curve, ...]) -> Band | None:
    start, end = _range(curves)
    if start >= end:
        return None
    grid = np.linspace(start, end, POINTS)
    return band(grid, on_grid(curves, grid), resamples=1_000)


def _threshold(own: Band) -> float:
    low = float(np.nanmin(own.value))
    return low + 0.9 * (float(np.nanmax(own.value)) - low)


def _areas(curves: Mapping[tuple[Against, str], tuple[Curve, ...]]) -> dict[str, Interval]:
    by_arm = {name: value for (axis, name), value in curves.items() if axis == "steps"}
    everything = tuple(curve for value in by_arm.values() for curve in value)
    if not everything:
        return {}
    start, end = _range(everything)
    if start >= end:
        return {}
    grid = np.linspace(start, end, POINTS)
    areas = {name: area(grid, on_grid(value, grid)) for name, value in by_arm.items()}
    return {
        name: bootstrap(Scores(values[:, None], tuple(range(len(values))), ("learning",)))
        for name, values in areas.items()
    }
