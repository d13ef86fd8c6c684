"""The tables of a report, for HTML and Markdown alike."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from symgen.report.data import ArmData, SpecData
from symgen.report.learning import Learning
from symgen.report.numbers import ABSENT, interval, number, signed, with_interval
from symgen.report.results import Aggregated, Cell, SpecResults
from symgen.report.run_data import RunData, identifier
from symgen.statistics.estimate import estimate


@dataclass(frozen=True)
class Entry:
    """One entry of a table.

    Args:
        text: what it says.
        link: the anchor that it leads to; "" where it leads nowhere.
        control: whether it names a control.
    """

    text: str
    link: str = ""
    control: bool = False


@dataclass(frozen=True)
class Table:
    """A table; its first column names the row.

    Args:
        id: its anchor.
        title: what it shows.
        header: of the columns.
        rows: of entries.
        note: what its numbers are.
    """

    id: str
    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[Entry, ...], ...]
    note: str = ""


def arms(spec: SpecData) -> Table:
    """What varied."""
    rows = []
    for arm in spec.arms:
        changes = ", ".join(f"{path}={value}" for path, value in arm.edits.items())
        words = arm.label + (f". Control: {arm.control}" if arm.control else "")
        texts = (words, arm.axis or ABSENT, changes or "nothing")
        rows.append((_name(arm), *map(Entry, texts)))
    header = ("arm", "what it is", "axis", "changes")
    return Table(f"table-{spec.id}-arms", "Arms", header, tuple(rows))


def condition(results: SpecResults, name: str) -> Table:
    """The scores of every arm under one condition, beside the reference's."""
    cells = results.under(name)
    successes = any(not math.isnan(cell.success) for cell in cells)
    header = (
        "arm",
        "seeds",
        "IQM return",
        "mean",
        *["success"] * successes,
        "runs lie within",
        "difference of means",
        "P(improvement)",
        "p, corrected",
        "returns",
    )
    rows = [_scored(cell, successes) for cell in cells]
    rows += [
        (_name(arm), Entry("0"), *[Entry(ABSENT)] * (len(header) - 2))
        for arm in results.spec.arms
        if (name, arm.name) not in results.cells
    ]
    return Table(
        f"table-{results.spec.id}-{identifier(name)}",
        f"Return under {name}" + (", the primary condition" if name == results.primary else ""),
        header,
        tuple(rows),
        _scored_note(results, name),
    )


def _scored_note(results: SpecResults, name: str) -> str:
    family = "arms" if name == results.primary else "arms and conditions other than the primary one"
    held = {
        f"{100 * cell.spread.held:.0f} %" for cell in results.under(name) if cell.spread is not None
    }
    return (
        "Interquartile mean over seeds with a 95 % bootstrap interval; the extremes of the runs or "
        "order statistics within them, which hold "
        f"{' or '.join(sorted(held)) or 'no stated share'} of all runs with 95 % confidence; "
        "difference of means from the reference with an interval of its own, uncorrected; "
        "probability that a run returns more than one of "
        f"the reference; p of a permutation test, corrected after Holm for all {family}."
    )


def _scored(cell: Cell, successes: bool) -> tuple[Entry, ...]:
    spread = interval(cell.spread.low, cell.spread.high) if cell.spread else ABSENT
    texts = [
        str(len(cell.scores.seeds)),
        with_interval(cell.iqm.value, cell.iqm.low, cell.iqm.high),
        number(cell.mean),
        *[number(cell.success)] * successes,
        spread,
    ]
    comparison = cell.comparison
    if comparison is None or cell.improvement is None:
        return (_name(cell.arm), *map(Entry, texts), *[Entry(ABSENT)] * 4)
    difference = comparison.difference
    chance = cell.improvement
    texts += [
        f"{signed(difference.value)} {interval(difference.low, difference.high)}".strip(),
        with_interval(chance.value, chance.low, chance.high),
        f"{comparison.p:.2g}",
        {"better": "more", "worse": "less"}.get(comparison.decision, "not told apart"),
    ]
    return (_name(cell.arm), *map(Entry, texts))


def aggregated(together: Aggregated, spec: SpecData) -> Table:
    """Arms over environments."""
    by_name = {comparison.first: comparison for comparison in together.comparisons}
    rows = []
    for name, value in together.iqm.items():
        arm = spec.arm(name)
        comparison = by_name.get(name)
        texts = [with_interval(value.value, value.low, value.high), ABSENT, ABSENT, ABSENT]
        if comparison is not None:
            difference = comparison.difference
            ends = interval(difference.low, difference.high)
            texts[1:] = [
                f"{signed(difference.value)} {ends}".strip(),
                f"{comparison.p:.2g}",
                {"better": "more", "worse": "less"}.get(comparison.decision, "not told apart"),
            ]
        rows.append((_name(arm) if arm else Entry(name), *map(Entry, texts)))
    header = ("arm", "IQM", "difference of means", "p, corrected", "returns")
    note = "Scores divided by the ranges stated, 0 to 1; seeds resampled per environment. Ranges: "
    note += ", ".join(
        f"{name} {low:g} to {high:g}" for name, (low, high) in together.ranges.items()
    )
    return Table("table-together", "Over environments", header, tuple(rows), note)


def learning(spec: SpecData, learnt: Learning) -> Table:
    """How fast the arms learned."""
    rows = []
    for arm in spec.arms:
        area = learnt.areas.get(arm.name)
        reached = learnt.reached.get(arm.name)
        seconds = learnt.reached_seconds.get(arm.name)
        texts = (
            with_interval(area.value, area.low, area.high) if area else ABSENT,
            str(reached) if reached else ABSENT,
            str(seconds) if seconds else ABSENT,
        )
        rows.append((_name(arm), *map(Entry, texts)))
    header = (
        "arm",
        "mean return while learning",
        f"steps to {number(learnt.threshold)}",
        f"seconds to {number(learnt.threshold)}",
    )
    note = (
        "Area under the learning curve over the steps that all arms have in common, divided by "
        "them: IQM over seeds with its interval. The threshold is 90 % of the way from the lowest "
        "to the highest point of the reference's mean curve: chosen from these runs, so it tests "
        "nothing. Median over seeds."
    )
    return Table(f"table-{spec.id}-learning", "Learning", header, tuple(rows), note)


def costs(spec: SpecData) -> Table:
    """What an arm costs."""
    reference = _median([run.seconds_per_step for run in spec.reference.runs])
    rows = []
    for arm in spec.arms:
        time = _median([run.seconds_per_step for run in arm.runs])
        memory = _largest(arm.runs, lambda run: run.memory)
        texts = (
            _whole(_largest(arm.runs, lambda run: run.weights)),
            _whole(_largest(arm.runs, lambda run: run.flops)),
            f"{number(1000 * time)} ms" if not math.isnan(time) else ABSENT,
            number(time / reference),
            number(_median([run.seconds for run in arm.runs])),
            f"{memory / 2**20:,.0f} MiB" if memory else ABSENT,
        )
        rows.append((_name(arm), *map(Entry, texts)))
    header = (
        "arm", "weights", "FLOPs, one forward pass", "time per step", "of the reference's",
        "seconds of training", "memory",
    )  # fmt: skip
    note = (
        "Medians over runs, collecting included, on the machines that the appendix names; runs "
        "side by side slow one another down. A dash where nothing was stored."
    )
    return Table(f"table-{spec.id}-costs", "Costs", header, tuple(rows), note)


def equivariance(spec: SpecData) -> Table:
    """What was measured of the networks."""
    rows = []
    for arm in spec.arms:
        layers = [_furthest(run) for run in arm.runs]
        measured = [size for size in layers if size is not None]
        claims = {run.claimed for run in arm.runs}
        texts = (
            {True: "yes", False: "no"}[next(iter(claims))] if len(claims) == 1 else ABSENT,
            number(_largest(arm.runs, lambda run: run.before)),
            number(_largest(arm.runs, lambda run: run.after)),
            str(estimate(measured)) if measured else ABSENT,
        )
        rows.append((_name(arm), *map(Entry, texts)))
    header = (
        "arm", "claimed equivariant", "error before training", "error after training",
        "furthest layer",
    )  # fmt: skip
    note = (
        "Largest equivariance error of the policy under any generator of the arm's own group, over "
        "all seeds, in float32. Of networks that may break their symmetry the symmetry-breaking "
        "norm of the layer that does so most: mean over seeds."
    )
    return Table(f"table-{spec.id}-symmetry", "Equivariance", header, tuple(rows), note)


def _furthest(run: RunData) -> float | None:
    breaking = run.evaluation.symmetry_breaking if run.evaluation else None
    return max(breaking.layers.values(), default=None) if breaking else None


def _name(arm: ArmData) -> Entry:
    return Entry(arm.name, arm.id, bool(arm.control))


def _largest(runs: Sequence[RunData], value: Callable[[RunData], float | None]) -> float | None:
    known = [number for number in map(value, runs) if number is not None]
    return max(known, default=None)


def _whole(value: float | None) -> str:
    return ABSENT if value is None else f"{value:,.0f}"


def _median(values: Sequence[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return float(np.median(known)) if known else math.nan
