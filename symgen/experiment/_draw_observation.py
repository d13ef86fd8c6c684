"""observation.png: one real observation of the environment, and its image under each generator."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from symgen.actions import act_on_term
from symgen.envs.interface import Interface, Term
from symgen.experiment import _canvas as canvas
from symgen.experiment._canvas import FAINT, GENERATORS
from symgen.semantics.problem import Problem

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HEADINGS = {"heading up": "\u2191", "heading left": "\u2190", "heading down": "\u2193", "heading right": "\u2192"}
MAX_LEGEND = 16
COLOURS = {"wall": "#75808c", "lava": "#f08a3c", "goal": "#57b894", "agent": "#3d5aa8", "mark": "#f4dd5b"}
"""Colours of channels that are known by name."""
PANEL = 3.3  # inches


def observed(problem: Problem, seed: int = 0) -> dict[str, np.ndarray]:
    """The first observation of an episode, a batch of one per term.

    Raises:
        UserError: the environment's package is not installed.
    """
    envs = problem.adapter.make(problem.adapter_options, 1, seed)
    try:
        observation, _ = envs.reset(seed=seed)
    finally:
        envs.close()
    return terms(problem.interface, observation)


def terms(interface: Interface, observation: Any) -> dict[str, np.ndarray]:
    """A batch as the space gives it, as a dict of terms."""
    if isinstance(observation, Mapping):
        return {term.name: np.asarray(observation[term.name]) for term in interface.terms}
    return {interface.terms[0].name: np.asarray(observation)}


def draw_observation(problem: Problem, path: Path, seed: int = 0) -> Path:
    """A row per term: as observed, then moved by each generator."""
    observation, generators = observed(problem, seed), problem.group.generators[:GENERATORS]
    columns, count = 1 + len(generators), len(problem.interface.terms)
    title = f"{_environment(problem)}: an observation and its images"
    made = canvas.figure(max(columns * PANEL + 2.0, 6.5), count * (PANEL + 0.3) + 0.5, title)
    axes = made.subplots(count, columns, squeeze=False)
    for row, term in zip(axes, problem.interface.terms, strict=True):
        field, batch = problem.observation[term.name], observation[term.name]
        top = float(np.abs(batch).max())
        names = channel_names(problem, term)
        draw_term(row[0], term, batch[0], top, names)
        canvas.caption(row[0], f"{term.name} {term.shape}")
        for panel, generator in zip(row[1:], generators, strict=True):
            draw_term(panel, term, act_on_term(term, field, generator, batch)[0], top, names)
            still = field.base.is_still(generator)
            canvas.caption(panel, f"moved by {generator}" if still else canvas.meaning(field.base, generator))
        _legend(row[-1], term, batch, names)
    return canvas.save(made, path)


def _environment(problem: Problem) -> str:
    """The id of the environment, the first of several, or the adapter's name where there is none."""
    named = problem.adapter_options.model_dump().get("id", problem.spec.environment.adapter)
    return named if isinstance(named, str) else str(named[0])


def channel_names(problem: Problem, term: Term) -> list[str]:
    """The names of a picture's channels where the adapter has them (`channels(options)`, or CHANNELS), else numbers."""
    count = term.shape[-1] if term.layout == "image" else 0
    known = vars(problem.adapter)
    names: list[str] = []
    if "channels" in known:
        names = list(known["channels"](problem.adapter_options))
    elif "CHANNELS" in known:
        names = list(known["CHANNELS"])
        if count == len(names) + 3:  # four headings take the place of the agent
            names = [*names[:-1], *(f"heading {name}" for name in ("up", "left", "down", "right"))]
    return names if len(names) == count else [f"channel {k}" for k in range(count)]


def is_one_hot(term: Term, value: np.ndarray) -> bool:
    """Whether a picture's channels are switches that have names or numbers, not colours or readings."""
    return term.layout == "image" and term.scale == 1.0 and bool(np.isin(value, (0, 1)).all())


def draw_term(axes: Axes, term: Term, value: np.ndarray, top: float, names: list[str]) -> None:
    """One term: pictures as pictures, tokens as a table, vectors as bars."""
    if term.layout == "image":
        picture = as_colours(term, value, top, names)
        axes.imshow(picture, interpolation="nearest")
        if is_one_hot(term, value):
            canvas.ruled(axes, *picture.shape[:2])
            _headings(axes, value, names)
        else:
            axes.set_xticks([])
            axes.set_yticks([])
    elif term.layout == "tokens":
        table = value.reshape(len(value), -1).astype(np.float64)
        axes.imshow(canvas.signed(table, top), interpolation="nearest", aspect="auto")
        axes.set_xlabel("channel", fontsize=9)
        axes.set_ylabel("place", fontsize=9)
    else:
        _bars(axes, term, value, top)


def _headings(axes: Axes, value: np.ndarray, names: list[str]) -> None:
    """An arrow where a channel says that somebody looks that way."""
    for row, column, channel in np.argwhere(value).tolist():
        if names[channel] in HEADINGS:
            canvas.write(axes, column, row, HEADINGS[names[channel]], 15)


def as_colours(term: Term, value: np.ndarray, top: float, names: list[str]) -> np.ndarray:
    """A picture (rows, columns, channels) as colours (rows, columns, 3).

    One-hot channels get a colour each, the last one on top; three channels are red, green and blue; of others the mean
    is drawn.
    """
    if is_one_hot(term, value):
        last = len(names) - 1 - value[..., ::-1].argmax(-1)
        return canvas.coloured(np.where(value.any(-1), last, -1), colours(names))
    scaled = value.astype(np.float64) / (term.scale if term.scale != 1.0 else max(top, 1e-12))
    if scaled.shape[-1] == 3 and scaled.min() >= 0:
        return np.clip(scaled, 0, 1)
    mean = scaled.mean(-1)
    return canvas.signed(mean, 1.0) if mean.min() < 0 else np.repeat(np.clip(mean, 0, 1)[..., None], 3, -1)


def colours(names: list[str]) -> np.ndarray:
    """A colour per channel (channels, 3)."""
    plain = canvas.palette(len(names))
    return np.array([canvas.rgb(COLOURS[n]) if n in COLOURS else plain[k] for k, n in enumerate(names)])


def _bars(axes: Axes, term: Term, value: np.ndarray, top: float) -> None:
    heights = np.eye(term.size)[int(value)] if term.layout == "discrete" else value.reshape(-1).astype(np.float64)
    top = 1.0 if term.layout == "discrete" else max(top, 1e-12)
    fills = ["#3d7dca" if height < 0 else "#f2a93b" for height in heights]
    axes.bar(range(1, len(heights) + 1), heights, color=fills, width=0.7)
    axes.axhline(0, color=FAINT, lw=0.8)
    axes.set_ylim(-1.15 * top, 1.15 * top)
    if len(heights) <= 20:
        axes.set_xticks(range(1, len(heights) + 1))
    axes.tick_params(labelsize=8)
    axes.ticklabel_format(axis="y", style="sci", scilimits=(-2, 3), useOffset=False)
    axes.set_xlabel("entry", fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)


def _legend(axes: Axes, term: Term, batch: np.ndarray, names: list[str]) -> None:
    """The channels that this observation shows, beside the last panel."""
    if not is_one_hot(term, batch[0]):
        return
    from matplotlib.patches import Patch

    fills, shown = colours(names), np.flatnonzero(batch[0].any((0, 1)) | (len(names) <= MAX_LEGEND))
    handles = [Patch(facecolor=fills[k], label=names[k]) for k in shown[:MAX_LEGEND]]
    handles.append(Patch(facecolor=canvas.PALE, edgecolor=FAINT, label="nothing"))
    axes.legend(handles=handles, loc="center left", bbox_to_anchor=(1.03, 0.5), frameon=False, fontsize=8.5)
