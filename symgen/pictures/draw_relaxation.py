"""symmetry_breaking.png and relaxed_weights.png: by how much a relaxed network breaks its symmetry,
over training.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from symgen.pictures import canvas as canvas
from symgen.pictures.canvas import FAINT, INK
from symgen.pictures.element_names import element_names

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from symgen.nn.network import Network

MAX_MAPS = 10
"""So many relaxed maps are drawn: those that break the symmetry, or whose weights are spread out, most.
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


def draw_symmetry_breaking(found: Curves, path: Path, run: str = "") -> Path:
    """A panel for the distance from the exact maps and one per generator, a line per step of the
    plan.

    Args:
        found: at least one measurement.
        path: of the PNG.
        run: whose.
    """
    kinds = ["", *[kind for kind in found.sizes if kind][: canvas.GENERATORS]]
    broken = [
        step for step in found.sizes[""] if any(found.sizes[kind][step].any() for kind in kinds)
    ]
    furthest = sorted(broken, key=lambda step: -float(np.nanmax(found.sizes[""][step])))[:MAX_MAPS]
    steps = [step for step in broken if step in furthest]
    still = len(found.sizes[""]) - len(broken)
    less = len(broken) - len(steps)
    made = canvas.figure(
        4.2 * len(kinds) + 2.4, 4.6, f"{run}\nby how much each layer breaks its symmetry"
    )
    panels = np.atleast_1d(np.asarray(made.subplots(1, len(kinds), sharey=True)))
    colours = 0.86 * canvas.palette(max(len(steps), 1))
    for panel, kind in zip(panels, kinds, strict=True):
        for step, colour in zip(steps, colours, strict=False):
            panel.plot(found.steps, found.sizes[kind][step], color=colour, lw=2, label=step)
        _framed(panel, found.steps)
        if kind:
            canvas.caption(panel, f"change under {kind}\n|ρ({kind}) W − W ρ({kind})| / |W|")
        else:
            canvas.caption(panel, "distance from the nearest exact map\n|W − P W| / |W|")
    panels[0].set_ylim(0, None if steps else 1)
    panels[0].set_ylabel("relative to the size of the weights", fontsize=9)
    if steps:
        others = [f"{less} more: less"] * bool(less) + [f"{still} more: exact"] * bool(still)
        title = "layer" + (f" ({', '.join(others)})" if others else "")
        handles, names = panels[0].get_legend_handles_labels()
        made.legend(
            handles,
            names,
            loc="outside right center",
            frameon=False,
            fontsize=9,
            title=title,
            title_fontsize=9,
        )
    return canvas.save(made, path)


def _framed(axes: Axes, steps: np.ndarray) -> None:
    axes.set_xlim(0, max(float(steps[-1]), 1.0))
    axes.xaxis.set_major_formatter(_counted)
    axes.set_xlabel("environment steps", fontsize=9)
    axes.tick_params(labelsize=8.5, colors=INK)
    axes.grid(alpha=0.25, lw=0.6)
    axes.spines[["top", "right"]].set_visible(False)


def _counted(value: float, _position: float) -> str:
    """1500000 as "1.5M"."""
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:g}{unit}"
    return f"{value:g}"


# -------------------------------------------------------------------------------------------
# relaxed weights


def deviations(weights: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Weights (..., elements) less their mean over the elements of each part: what is zero where
    the map is exact.
    """
    result = np.array(weights, dtype=np.float64)
    for each in np.unique(part):
        result[..., part == each] -= result[..., part == each].mean(-1, keepdims=True)
    return result


def draw_relaxed_weights(
    steps: np.ndarray,
    weights: Mapping[str, np.ndarray],
    elements: Mapping[str, Elements],
    path: Path,
    run: str = "",
) -> Path:
    """Heat maps: a row per relaxed map, a panel per bank, time to the right, group elements
    downwards.

    Args:
        steps: environment steps, shape (times,).
        weights: for each relaxed map shape (times, banks, elements).
        elements: what its weights belong to.
        path: of the PNG.
        run: whose.
    """
    apart = {name: deviations(each, elements[name].part) for name, each in weights.items()}
    largest = sorted(apart, key=lambda name: -float(np.abs(apart[name][-1]).max()))[:MAX_MAPS]
    shown = [name for name in apart if name in largest]
    top = max((float(np.abs(apart[name]).max()) for name in shown), default=0.0)
    heights = [0.75 + min(0.17 * apart[name].shape[2], 2.6) for name in shown]
    banks = max(apart[name].shape[1] for name in shown)
    left_out = (
        f"\n(the {MAX_MAPS} that differ most of {len(apart)})" if len(shown) < len(apart) else ""
    )
    width = max(8.5, 3.6 * banks + 2.4)
    title = f"{run}\nweight of each group element in each bank, less their mean{left_out}"
    made = canvas.figure(width, 1.7 + sum(heights), title)
    grid = made.subplots(len(shown), banks, squeeze=False, height_ratios=heights, sharex=True)
    for row, name in zip(grid, shown, strict=True):
        for bank, panel in enumerate(row):
            if bank < apart[name].shape[1]:
                _bank(panel, steps, weights[name][:, bank], apart[name][:, bank], top)
                canvas.caption(
                    panel, _told(name, bank, weights[name][:, bank], apart[name][:, bank])
                )
            else:
                panel.axis("off")
        _named(row[0], elements[name])
        for panel in row[1:]:
            panel.set_yticks([])
    for panel in grid[-1]:
        panel.set_xlabel("environment steps", fontsize=9)
        panel.xaxis.set_major_formatter(_counted)
    _scale(made, grid, top)
    if any(each.endswith("H") for name in shown for each in elements[name].names):
        made.supxlabel(
            "rH: all elements that take the first channel of the fibre to where r takes it",
            fontsize=8.5,
        )
    return canvas.save(made, path)


def _bank(
    axes: Axes, steps: np.ndarray, weights: np.ndarray, apart: np.ndarray, top: float
) -> None:
    """One bank: (times, elements) as colours; a measurement fills the time until half-way to the
    next.
    """
    middle = (steps[1:] + steps[:-1]) / 2
    edges = np.concatenate([steps[:1], middle, steps[-1:]]).astype(np.float64)
    if len(steps) == 1:
        edges = np.array([0.0, 1.0])
    rows = np.arange(weights.shape[1] + 1) - 0.5
    axes.pcolormesh(edges, rows, canvas.signed(apart, top).transpose(1, 0, 2))
    axes.set_ylim(rows[-1], rows[0])
    axes.tick_params(labelsize=8.5, colors=INK, length=2.5)
    for spine in axes.spines.values():
        spine.set_color(FAINT)


def _told(name: str, bank: int, weights: np.ndarray, apart: np.ndarray) -> str:
    mean = f"mean {weights[0].mean():.2f} to {weights[-1].mean():.2f}"
    return f"{name}, bank {bank + 1}\n{mean}, spread {np.ptp(apart[-1]):.2g}"


def _named(axes: Axes, elements: Elements) -> None:
    """Names of the elements, all or every so many."""
    every = -(-len(elements.names) // MAX_NAMED)
    axes.set_yticks(
        range(0, len(elements.names), every), list(elements.names)[::every], fontsize=8.5
    )


def _scale(made: Any, grid: np.ndarray, top: float) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap, Normalize

    colours = ListedColormap(canvas.signed(np.linspace(-1, 1, 255), 1.0))
    reach = top or 1.0
    # as wide in a tall picture as in a short one
    aspect = 4.5 * made.get_size_inches()[1]
    mapped = ScalarMappable(Normalize(-reach, reach), colours)
    bar = made.colorbar(mapped, ax=grid.ravel().tolist(), aspect=aspect, shrink=0.9, pad=0.02)
    bar.set_label("weight less the mean over the group\n(white everywhere: exact)", fontsize=9)
    bar.ax.tick_params(labelsize=8.5)


# --------------------------------------------------------------------------------------------------
# elements


def elements(network: Network) -> dict[str, Elements]:
    """What the relaxed weights of a network belong to, by the names that `relaxed_weights()` gives
    the maps.
    """
    found = {}
    for name, each in network.relaxed_maps().items():
        if each.banks is not None:
            output = each.banks.side == "output"
            names = element_names((each.target if output else each.source).fibre)
            actions = network.action.names
            acts = name == "policy" and output and len(actions) == each.target.size == len(names)
            found[name] = Elements(actions if acts else names, each.banks.part.cpu().numpy())
    return found
