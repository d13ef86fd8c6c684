"""observation.png: one real observation of the environment, and its image under each generator."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from symgen.algebra.fieldtype import FieldType
from symgen.envs.guarded import environments
from symgen.pictures import canvas as canvas
from symgen.pictures.canvas import FAINT, GENERATORS, INK
from symgen.pictures.draw_cells import draw_cells, legend
from symgen.pictures.patches import together
from symgen.problem.group_action import act_on_term
from symgen.problem.interface import Interface, Observation, Term
from symgen.problem.pipeline import ACTION, REWARD
from symgen.problem.problem import Problem
from symgen.semantics.summary import parameter_names

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PANEL = 3.3  # inches
MAX_TERMS = 8
EARLY = 20
"""Steps of an episode in which an observation is looked for that the group moves: many begin in the
middle.
"""
MAX_BARS = 40
"""With more entries every second, third, ... one has its name written."""
MAX_WRITTEN = 80
"""Entries of a table that have their values written."""


def observed(problem: Problem, seed: int = 0) -> dict[str, np.ndarray]:
    """An early observation of an episode that the group moves, a batch of one per term; the
    earliest, if it moves none. Where earlier observations or actions are seen, there are such.

    Raises:
        UserError: the environment's package is not installed.
    """
    envs = environments(problem, 1, seed)
    try:
        envs.action_space.seed(seed)
        observation, _ = envs.reset(seed=seed)
        early = current = _copied(problem.interface, observation)
        past = max(problem.pipeline.frames - 1, len(problem.pipeline.terms[:1]))
        for time in range(past + EARLY):
            if time == past:
                early = current
            if time >= past and _moves(problem, current):
                return current
            observation, _, terminated, truncated, _ = envs.step(envs.action_space.sample())
            if terminated[0] or truncated[0]:
                break
            current = _copied(problem.interface, observation)
        return early
    finally:
        envs.close()


def _copied(interface: Interface, observation: Observation) -> dict[str, np.ndarray]:
    return {name: batch.copy() for name, batch in interface.by_term(observation).items()}


def _moves(problem: Problem, observation: Mapping[str, np.ndarray]) -> bool:
    """Whether every generator that moves anything at all moves some term of an observation."""
    fields = problem.observation
    active = [
        generator
        for generator in problem.group.generators
        if not all(_is_fixed(field, generator) for field in fields.values())
    ]

    def moves(generator: str, term: Term) -> bool:
        batch = observation[term.name]
        return not np.array_equal(act_on_term(term, fields[term.name], generator, batch), batch)

    return all(
        any(moves(generator, term) for term in problem.interface.terms) for generator in active
    )


def _is_fixed(field: FieldType, generator: str) -> bool:
    """Whether a generator moves nothing of a field."""
    same = np.array_equal(field.fibre.matrix(generator), np.eye(field.fibre.size))
    return same and field.base.is_still(generator)


def draw_observation(problem: Problem, path: Path, seed: int = 0) -> Path:
    """A row per term: as observed, then moved by each generator."""
    observation = observed(problem, seed)
    generators = problem.group.generators[:GENERATORS]
    columns = 1 + len(generators)
    shown = problem.interface.terms[:MAX_TERMS]
    title = f"{problem.adapter.title(problem.adapter_options)}: an observation and its images"
    if len(shown) < len(observation):
        title += f" ({len(shown)} of {len(problem.interface.terms)} terms)"
    heights = [height(term, problem) for term in shown]
    figure = canvas.figure(max(columns * PANEL + 2.0, 6.5), sum(heights) + 0.5, title)
    axes = figure.subplots(len(shown), columns, squeeze=False, height_ratios=heights)
    for row, term in zip(axes, shown, strict=True):
        field = problem.observation[term.name]
        batch = observation[term.name]
        top = float(np.abs(batch).max())
        draw_term(row[0], problem, term, batch[0], top)
        shape, seen = together(problem, term, batch[0])
        several = _of_several(shape, problem.pipeline.frames)
        canvas.caption(row[0], f"{canvas.short(term.name, 20)} {term.shape or ''}{several}")
        for panel, generator in zip(row[1:], generators, strict=True):
            draw_term(panel, problem, term, act_on_term(term, field, generator, batch)[0], top)
            in_place = field.base.is_still(generator)
            canvas.caption(
                panel,
                f"moved by {generator}" if in_place else canvas.meaning(field.base, generator),
            )
        for panel in row[1:]:
            if is_listed(term):
                panel.set_yticklabels([])
        if is_one_hot(shape, seen):
            legend(row[-1], *newest(problem, shape, seen))
    return canvas.save(figure, path)


def height(term: Term, problem: Problem) -> float:
    """Inches of a row of pictures of a term."""
    if not is_listed(term):
        return PANEL + 0.3
    return float(np.clip(0.19 * np.prod(term.shape) + 1.0, 1.6, 8.0))


def is_listed(term: Term) -> bool:
    """Whether a term is drawn as bars one below the other."""
    return term.layout == "vector"


def _of_several(term: Term, frames: int = 1) -> str:
    """Of pictures stacked in the channels the newest is drawn."""
    if term.layout != "image":
        return ""
    channels = term.shape[-1] // frames
    count = channels // 3 if _is_stacked_colours(term, channels) else 1
    return f": the newest of {frames * count}" if frames * count > 1 else ""


def _is_stacked_colours(term: Term, channels: int) -> bool:
    """Whether an adapter has stacked pictures of three colours itself."""
    return term.scale != 1.0 and channels > 3 and channels % 3 == 0


def newest(problem: Problem, term: Term, value: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """The last frame of a picture (rows, columns, channels), and what its channels are called."""
    names = channel_names(problem, term)
    return value[..., -len(names) :], names


def channel_names(problem: Problem, term: Term) -> list[str]:
    """The names of the channels of one frame of an image where the adapter knows them, else numbers
    from 1.
    """
    count = term.shape[-1] // problem.pipeline.frames if term.layout == "image" else 0
    names = list(problem.adapter.names(problem.adapter_options).get(term.name, ()))
    return names if len(names) == count else [f"channel {k + 1}" for k in range(count)]


def is_one_hot(term: Term, value: np.ndarray) -> bool:
    """Whether a picture's channels are switches that have names or numbers, not colours or
    readings.
    """
    return term.layout == "image" and term.scale == 1.0 and bool(np.isin(value, (0, 1)).all())


def entry_names(problem: Problem, term: Term) -> list[str]:
    """The entries of a vector, counted from 1 as specs count them, with their names where the
    adapter has them.
    """
    names = _names_of_entries(problem, term)
    count = int(np.prod(term.shape))
    if len(names) != count:
        return [str(k + 1) for k in range(count)]
    return [f"{canvas.short(name, 28)}  {k + 1}" for k, name in enumerate(names)]


def _names_of_entries(problem: Problem, term: Term) -> list[str]:
    """What is known of them; of earlier frames with the number of steps since."""
    added = {ACTION: parameter_names(problem.interface.action), REWARD: ["reward"]}
    if term.name in problem.pipeline.terms:
        return added[term.name]
    names = problem.adapter.names(problem.adapter_options).get(term.name, ())
    ago = range(problem.pipeline.frames - 1, -1, -1)
    return [f"{canvas.short(name, 20)} (-{k})" if k else name for k in ago for name in names]


def draw_term(
    axes: Axes,
    problem: Problem,
    term: Term,
    value: np.ndarray,
    top: float,
    inches: float = PANEL - 0.4,
) -> None:
    """One term: pictures as pictures, also where they were cut into patches, other tokens as a
    table, vectors as bars, states as cells of which one is marked.

    Args:
        axes: where to.
        problem: whose term it is.
        term: what is drawn.
        value: of one environment.
        top: the largest size of an entry in the figure.
        inches: of the panel.
    """
    term, value = together(problem, term, value)
    if term.layout == "image" and is_one_hot(term, value):
        draw_cells(axes, *newest(problem, term, value), inches)
    elif term.layout == "image":
        frame, _ = newest(problem, term, value)
        axes.imshow(as_colours(term, frame, top), interpolation="nearest")
        axes.set_xticks([])
        axes.set_yticks([])
    elif term.layout == "tokens":
        _table(axes, value.reshape(len(value), -1).astype(np.float64), top)
    elif term.layout == "discrete":
        base = problem.observation[term.name].base
        shape = base.shape if base.is_picture else _wrapped(term.size)
        _state(axes, int(value), shape, term.size, inches)
    else:
        _bars(axes, value.reshape(-1).astype(np.float64), entry_names(problem, term), top)


def as_colours(term: Term, value: np.ndarray, top: float) -> np.ndarray:
    """A picture (rows, columns, channels) that is not one-hot as colours (rows, columns, 3).

    Three channels are red, green and blue, of pictures stacked in the channels the last three; of
    others the mean is drawn.
    """
    scaled = value.astype(np.float64) / (term.scale if term.scale != 1.0 else max(top, 1e-12))
    if _is_stacked_colours(term, scaled.shape[-1]):
        scaled = scaled[..., -3:]
    if scaled.shape[-1] == 3 and scaled.min() >= 0:
        return np.clip(scaled, 0, 1)
    mean = scaled.mean(-1)
    if mean.min() < 0:
        return canvas.signed(mean, 1.0)
    return np.repeat(np.clip(mean, 0, 1)[..., None], 3, -1)


def _table(axes: Axes, table: np.ndarray, top: float) -> None:
    """Tokens: a row per place, numbered from 0 as in the picture of the graph, a column per
    channel.
    """
    axes.imshow(canvas.signed(table, top), interpolation="nearest", aspect="auto")
    places, channels = table.shape
    axes.set_xlabel("channel", fontsize=9)
    axes.set_ylabel("place", fontsize=9)
    axes.set_xticks(range(0, channels, -(-channels // 16)))
    axes.set_xticklabels([str(k + 1) for k in axes.get_xticks()], fontsize=8)
    axes.set_yticks(range(0, places, -(-places // 24)))
    axes.tick_params(labelsize=8, length=0)
    if table.size <= MAX_WRITTEN:
        for (row, column), number in np.ndenumerate(table):
            canvas.write(
                axes, column, row, f"{number:.2g}", 7.5, canvas.on(canvas.signed(number, top))
            )


def _wrapped(count: int) -> tuple[int, int]:
    """Rows and columns of states that lie on no grid."""
    columns = min(count, 16)
    return -(-count // columns), columns


def _state(axes: Axes, state: int, shape: tuple[int, ...], count: int, inches: float) -> None:
    """All states as cells, numbered from 0 as the environment does, with the one that is observed
    marked.
    """
    rows, columns = shape
    colours = np.ones((rows * columns, 3))
    colours[:count] = canvas.rgb(canvas.PALE)
    colours[state] = canvas.rgb("#f2a93b")
    axes.imshow(colours.reshape(rows, columns, 3), interpolation="nearest")
    canvas.ruled(axes, rows, columns, colour="#b5b5b5")
    axes.set_xlabel(f"state {state} of {count}, counted from 0", fontsize=9)
    font = min(10.0, 0.45 * 72 * inches / max(shape))
    if font >= 4.5:
        for k in range(count):
            canvas.write(axes, k % columns, k // columns, str(k), font, INK)


def _bars(axes: Axes, values: np.ndarray, names: list[str], top: float) -> None:
    """A bar per entry, one below the other."""
    reach = top if top > 0 else 1.0
    places = np.arange(len(values))
    axes.barh(places, values, color=np.where(values < 0, "#3d7dca", "#f2a93b"), height=0.7)
    axes.axvline(0, color=FAINT, lw=0.8)
    axes.set_xlim(-1.1 * reach, 1.1 * reach)
    axes.set_ylim(len(values) - 0.4, -0.6)
    every = -(-len(values) // MAX_BARS)
    axes.set_yticks(places[::every], names[::every], fontsize=8)
    axes.locator_params(axis="x", nbins=5)
    axes.tick_params(axis="x", labelsize=8)
    axes.tick_params(axis="y", length=0)
    axes.ticklabel_format(axis="x", style="sci", scilimits=(-2, 3), useOffset=False)
    axes.set_xlabel("value", fontsize=8.5)
    axes.spines[["top", "right", "left"]].set_visible(False)
