"""learning_curve: mean return of training episodes over environment steps, a thin line per seed and
their mean.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from symgen.experiment import metrics
from symgen.experiment.run import Run
from symgen.pictures import canvas as canvas

NAME = "learning_curve.png"
POINTS = 200


def draw(runs: Sequence[Run], path: Path) -> bool:
    """Draw the runs (the seeds of one variant) to `path`; False, and no picture, where no episode
    has ended yet.
    """
    returns = {run.seed: _returns(metrics.read(run.folder)) for run in runs}
    curves = {seed: curve for seed, curve in returns.items() if len(curve)}
    if not curves:
        return False
    figure = canvas.figure(7, 4.2, f"{runs[0].spec}\n{runs[0].variant}")
    axes = figure.subplots()
    alone = len(curves) == 1
    colours = 0.86 * canvas.palette(len(curves))
    for colour, (seed, curve) in zip(colours, sorted(curves.items()), strict=True):
        axes.plot(
            *curve.T,
            color=colour,
            lw=2 if alone else 1,
            alpha=1 if alone else 0.7,
            label=f"seed {seed}",
        )
    if len(curves) > 1:
        steps, mean = _mean(list(curves.values()))
        axes.plot(steps, mean, color="black", lw=2.2, label=f"mean of {len(curves)} seeds")
    axes.set_xlabel("environment steps")
    axes.set_ylabel("return (mean of recent training episodes)")
    canvas.count_steps(axes.xaxis)
    axes.set_xlim(left=0)
    axes.grid(alpha=0.25, lw=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(
        loc="outside right center", frameon=False, fontsize=9, ncols=1 + len(curves) // 16
    )
    canvas.save(figure, path)
    return True


def _returns(rows: Sequence[Mapping[str, float]]) -> np.ndarray:
    """[updates, 2] of step and return, where a return is known."""
    points = [
        (row["step"], row["return"]) for row in rows if math.isfinite(row.get("return", math.nan))
    ]
    return np.asarray(points, dtype=np.float64).reshape(-1, 2)


def _mean(curves: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The mean over the steps that every seed has reached."""
    first = max(curve[0, 0] for curve in curves)
    last = min(curve[-1, 0] for curve in curves)
    steps = np.linspace(first, max(first, last), POINTS)
    return steps, np.mean([np.interp(steps, *curve.T) for curve in curves], axis=0)
