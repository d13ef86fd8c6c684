"""symmetry_breaking.png and relaxed_weights.png: by how much a network breaks its symmetry,
over training.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from symgen.pictures import canvas as canvas
from symgen.pictures.canvas import FAINT, INK
from symgen.pictures.element_names import element_names

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from symgen.nn.network import Network

MAX_MAPS = 10
"""So many maps are drawn: those that break the symmetry most, or whose weights are spread
out most.
"""
MAX_NAMED = 24
"""Up to so many group elements have their names written."""
PREFIX = "symmetry_breaking/"


class Curves(NamedTuple):
    """Symmetry-breaking norms over time.

    Args:
        steps: environment steps, shape (times,).
        sizes: by what is measured ("" for the distance, else a generator), by step of the plan:
            shape (times,).
    """

    steps: np.ndarray
    sizes: Mapping[str, Mapping[str, np.ndarray]]


class Elements(NamedTuple):
    """What the weights of one bank belong to.

    Args:
        names: a name for each weight.
        part: weights of one part are equal where the map is exact, shape (weights,).
    """

    names: Sequence[str]
    part: np.ndarray


# ------------------------------------------------------------------------------------------------
# symmetry-breaking norms


def curves(rows: Sequence[Mapping[str, float]]) -> Curves:
    """The symmetry-breaking norms in lines of metrics, from the exact start on."""
    measured = [row for row in rows if any(name.startswith(PREFIX) for name in row)]
    sizes: dict[str, dict[str, np.ndarray]] = {}
    for name in measured[0] if measured else ():
        step, _, kind = name.removeprefix(PREFIX).partition("/")
        if name.startswith(PREFIX) and kind != "spread":
            sizes.setdefault(kind, {})[step] = np.array(
                [0.0, *(row.get(name, np.nan) for row in measured)]
            )
    return Curves(np.array([0, *(row["step"] for row in measured)]), sizes)


def draw_symmetry_breaking(norms: Curves, path: Path, run: str = "") -> Path:
    """A panel for the distance from the exact maps and one per generator, a line per step of the
    plan.

    Args:
        norms: at least one measurement.
        path: of the PNG.
        run: whose.
    """
    kinds = ["", *[kind for kind in norms.sizes if kind][: canvas.GENERATORS]]
    distances = norms.sizes[""]
    broken = [step for step in distances if any(norms.sizes[kind][step].any() for kind in kinds)]
    furthest = sorted(broken, key=lambda step: -float(np.nanmax(distances[step])))[:MAX_MAPS]
    steps = [step for step in broken if step in furthest]
    title = f"{run}\nby how much each layer breaks its symmetry"
    figure = canvas.figure(4.2 * len(kinds) + 2.4, 4.6, title)
    panels = np.atleast_1d(np.asarray(figure.subplots(1, len(kinds), sharey=True)))
    colours = 0.86 * canvas.palette(max(len(steps), 1))
    for panel, kind in zip(panels, kinds, strict=True):
        for step, colour in zip(steps, colours, strict=False):
            panel.plot(norms.steps, norms.sizes[kind][step], color=colour, lw=2, label=step)
        _framed(panel, norms.steps)
        if kind:
            canvas.caption(panel, f"change under {kind}\n|ρ({kind}) W − W ρ({kind})| / |W|")
        else:
            canvas.caption(panel, "distance from the nearest exact map\n|W − P W| / |W|")
    panels[0].set_ylim(0, None if steps else 1)
    panels[0].set_ylabel("relative to the size of the weights", fontsize=9)
    if steps:
        less = len(broken) - len(steps)
        exact = len(distances) - len(broken)
        left_out = [f"{less} more: less"] * bool(less) + [f"{exact} more: exact"] * bool(exact)
        handles, names = panels[0].get_legend_handles_labels()
        figure.legend(
            handles,
            names,
            loc="outside right center",
            frameon=False,
            fontsize=9,
            title="layer" + (f" ({', '.join(left_out)})" if left_out else ""),
            title_fontsize=9,
        )
    return canvas.save(figure, path)


def _framed(axes: Axes, steps: np.ndarray) -> None:
    axes.set_xlim(0, max(float(steps[-1]), 1.0))
    canvas.count_steps(axes.xaxis)
    axes.set_xlabel("environment steps", fontsize=9)
    axes.tick_params(labelsize=8.5, colors=INK)
    axes.grid(alpha=0.25, lw=0.6)
    axes.spines[["top", "right"]].set_visible(False)


# -------------------------------------------------------------------------------------------
# weights of banks


def deviations(weights: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Weights (..., elements) less their mean over the elements of each part: what is zero where
    the map is exact.
    """
    result = np.array(weights, dtype=np.float64)
    for number in np.unique(part):
        members = part == number
        result[..., members] -= result[..., members].mean(-1, keepdims=True)
    return result


def draw_relaxed_weights(
    steps: np.ndarray,
    weights: Mapping[str, np.ndarray],
    elements: Mapping[str, Elements],
    path: Path,
    run: str = "",
) -> Path:
    """Heat maps: a row per map, a panel per bank, time to the right, group elements
    downwards.

    Args:
        steps: environment steps, shape (times,).
        weights: for each map shape (times, banks, elements).
        elements: what its weights belong to.
        path: of the PNG.
        run: whose.
    """
    apart = {name: deviations(banks, elements[name].part) for name, banks in weights.items()}
    largest = sorted(apart, key=lambda name: -float(np.abs(apart[name][-1]).max()))[:MAX_MAPS]
    shown = [name for name in apart if name in largest]
    top = max((float(np.abs(apart[name]).max()) for name in shown), default=0.0)
    heights = [0.75 + min(0.17 * apart[name].shape[2], 2.6) for name in shown]
    banks = max(apart[name].shape[1] for name in shown)
    title = f"{run}\nweight of each group element in each bank, less their mean"
    if len(shown) < len(apart):
        title += f"\n(the {MAX_MAPS} that differ most of {len(apart)})"
    figure = canvas.figure(max(8.5, 3.6 * banks + 2.4), 1.7 + sum(heights), title)
    grid = figure.subplots(len(shown), banks, squeeze=False, height_ratios=heights, sharex=True)
    for row, name in zip(grid, shown, strict=True):
        for bank, panel in enumerate(row):
            if bank < apart[name].shape[1]:
                _bank(panel, steps, apart[name][:, bank], top)
                canvas.caption(
                    panel, _caption(name, bank, weights[name][:, bank], apart[name][:, bank])
                )
            else:
                panel.axis("off")
        _named(row[0], elements[name])
        for panel in row[1:]:
            panel.set_yticks([])
    for panel in grid[-1]:
        panel.set_xlabel("environment steps", fontsize=9)
        canvas.count_steps(panel.xaxis)
    _scale(figure, grid, top)
    if any(element.endswith("H") for name in shown for element in elements[name].names):
        figure.supxlabel(
            "rH: all elements that take the first channel of the fibre to where r takes it",
            fontsize=8.5,
        )
    return canvas.save(figure, path)


def _bank(axes: Axes, steps: np.ndarray, apart: np.ndarray, top: float) -> None:
    """One bank: (times, elements) as colours; a measurement fills the time until half-way to the
    next.
    """
    middle = (steps[1:] + steps[:-1]) / 2
    edges = np.concatenate([steps[:1], middle, steps[-1:]]).astype(np.float64)
    if len(steps) == 1:
        edges = np.array([0.0, 1.0])
    rows = np.arange(apart.shape[1] + 1) - 0.5
    axes.pcolormesh(edges, rows, canvas.signed(apart, top).transpose(1, 0, 2))
    axes.set_ylim(rows[-1], rows[0])
    axes.tick_params(labelsize=8.5, colors=INK, length=2.5)
    for spine in axes.spines.values():
        spine.set_color(FAINT)


def _caption(name: str, bank: int, weights: np.ndarray, apart: np.ndarray) -> str:
    mean = f"mean {weights[0].mean():.2f} to {weights[-1].mean():.2f}"
    return f"{name}, bank {bank + 1}\n{mean}, spread {np.ptp(apart[-1]):.2g}"


def _named(axes: Axes, elements: Elements) -> None:
    """Names of the elements, all or every so many."""
    every = -(-len(elements.names) // MAX_NAMED)
    axes.set_yticks(
        range(0, len(elements.names), every), list(elements.names)[::every], fontsize=8.5
    )


def _scale(figure: Figure, grid: np.ndarray, top: float) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap, Normalize

    colours = ListedColormap(canvas.signed(np.linspace(-1, 1, 255), 1.0))
    reach = top or 1.0
    # as wide in a tall picture as in a short one
    aspect = 4.5 * figure.get_size_inches()[1]
    mapped = ScalarMappable(Normalize(-reach, reach), colours)
    bar = figure.colorbar(mapped, ax=grid.ravel().tolist(), aspect=aspect, shrink=0.9, pad=0.02)
    bar.set_label("weight less the mean over the group\n(white everywhere: exact)", fontsize=9)
    bar.ax.tick_params(labelsize=8.5)


# --------------------------------------------------------------------------------------------------
# elements


def elements(network: Network) -> dict[str, Elements]:
    """What the weights of the banks of a network belong to, by the names that `relaxed_weights()`
    gives the maps.
    """
    known = {}
    for name, tied in network.relaxed_maps().items():
        if tied.banks is not None:
            of_output = tied.banks.side == "output"
            names: Sequence[str] = element_names((tied.target if of_output else tied.source).fibre)
            actions = network.action.names
            if name == "policy" and of_output and len(actions) == tied.target.size == len(names):
                names = actions
            known[name] = Elements(names, tied.banks.part.cpu().numpy())
    return known
