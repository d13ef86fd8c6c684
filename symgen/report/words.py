"""The first screen: what was asked and what came out, in sentences made from the numbers.

No sentence says more than the statistics carry: an arm differs from the reference only where its
corrected p-value says so, and what was not told apart is not called alike. Names of arms stand in
backticks.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Literal

from symgen.experiment.variant import typed
from symgen.report.data import SpecData
from symgen.report.numbers import count, interval, listed, number, probability, signed
from symgen.report.results import Aggregated, Cell, Results, SpecResults, seeds_needed, undecidable
from symgen.report.run_data import RunData
from symgen.semantics.evaluate import TRAINING
from symgen.statistics.compare import Comparison
from symgen.statistics.intervals import few_seeds

Kind = Literal[
    "asked",
    "outcome",
    "told apart",
    "not told apart",
    "control",
    "held out",
    "symmetry",
    "cost",
    "missing",
    "warning",
]
SHOWN = 8
"""So many sentences of one kind are said; the rest stand in the tables."""
LARGE = 1e-3
"""An equivariance error of the policy that is more than rounding."""


@dataclass(frozen=True)
class Sentence:
    """One sentence, or a few, of one kind; `spec` is the name of the spec that its arms are of, ""
    where it is about several.
    """

    kind: Kind
    text: str
    spec: str = ""


def sentences(results: Results) -> list[Sentence]:
    """All of them, in the order in which they are read."""
    said: list[Sentence] = []
    if len(results.specs) > 1:
        said += _over_specs(results)
    for spec in results.specs:
        own = _of_spec(spec, results.alpha)
        said += [replace(sentence, spec=spec.spec.name) for sentence in own]
    return said


def _of_spec(results: SpecResults, alpha: float) -> Iterator[Sentence]:
    yield Sentence("asked", asked(results))
    yield from outcome(results, alpha)
    yield from controls(results, alpha)
    yield from held_out(results, alpha)
    yield from symmetry(results.spec)
    yield from costs(results.spec)
    yield from missing(results.spec)
    yield from warnings(results)


def asked(results: SpecResults) -> str:
    """What was asked: which arms were compared with which, on what."""
    spec = results.spec
    reference = spec.reference
    others = spec.arms[1:]
    values = [
        reference.said("symmetry", "group"),
        reference.constraint,
        reference.said("network", "family"),
    ]
    what = ", ".join(typed(value) for value in values if value is not None)
    named = f"`{reference.name}`{f' ({what})' if what else ''}"
    if not others:
        return f"How much does {named} of `{spec.name}` return? There is no other arm."
    marked = sum(bool(arm.control) for arm in others)
    controlled = ""
    if marked:
        kind = "a control" if marked == 1 else "controls"
        controlled = f", {_number(marked)} of them {kind},"
    arms = count(len(others), "other arm")
    return (
        f"Does {named}, the reference, return more or less than {arms} of `{spec.name}`"
        f"{controlled} {_where(results.primary)}?"
    )


def _where(condition: str) -> str:
    if condition == TRAINING:
        return "on episodes as in training"
    return f"under the held-out condition `{condition}`"


def outcome(results: SpecResults, alpha: float) -> Iterator[Sentence]:
    """What came out under the primary condition."""
    compared = results.compared
    spec = results.spec
    if not spec.conditions:
        yield Sentence("outcome", "No run has been evaluated, so nothing is compared.")
        return
    if not compared:
        yield Sentence("outcome", _alone(results))
        return
    yield Sentence("outcome", _counted(compared, spec.reference.name, alpha))
    decided = sorted(filter(_decided, compared), key=_size, reverse=True)
    for cell in decided[:SHOWN]:
        yield Sentence("told apart", _difference(cell, spec.reference.name))
    if len(decided) > SHOWN:
        yield Sentence("told apart", f"{len(decided) - SHOWN} more: see the table.")
    open_ = [cell for cell in compared if not _decided(cell)]
    if open_:
        blind = undecidable(compared, alpha)
        yield Sentence("not told apart", _open(open_, spec.reference.name, blind))


def _alone(results: SpecResults) -> str:
    reference = results.cells.get((results.primary, results.spec.reference.name))
    if reference is None:
        name = results.spec.reference.name
        return f"`{name}` has no scores {_where(results.primary)}, so nothing is compared with it."
    seeds = count(len(reference.scores.seeds), "seed")
    value = f"{number(reference.iqm.value)} {interval(reference.iqm.low, reference.iqm.high)}"
    return f"`{reference.arm.name}` returns {value.strip()} over {seeds}; no arm to compare with."


def _decided(cell: Cell) -> bool:
    return cell.comparison is not None and cell.comparison.decision != "not told apart"


def _size(cell: Cell) -> float:
    """Of the difference from the reference."""
    return abs(cell.comparison.difference.value) if cell.comparison else 0.0


def _counted(compared: Sequence[Cell], reference: str, alpha: float) -> str:
    """How many arms were told apart from the reference."""
    if undecidable(compared, alpha):
        fewest = min(len(cell.scores.seeds) for cell in compared)
        needed = seeds_needed(len(compared), alpha)
        return (
            f"Nothing could be decided: with {count(fewest, 'seed')} and "
            f"{count(len(compared), 'comparison')} no difference from `{reference}`, however "
            f"large, could have passed the test. {needed} seeds of each arm would do."
        )
    decisions = [cell.comparison.decision for cell in compared if cell.comparison]
    less = decisions.count("worse")
    more = decisions.count("better")
    level = f"{100 * alpha:.0f} %"
    rest = len(compared) - less - more
    could = f"{_number(rest)} could not be told apart from it"
    if not less + more:
        arms = "The one arm" if rest == 1 else f"None of the {count(rest, 'arm')}"
        verb = "could not" if rest == 1 else "could"
        return f"{arms} {verb} be told apart from `{reference}` (chance of a false one: {level})."
    return (
        f"Of {count(len(compared), 'arm')}, {_number(less)} {_returns(less)} less than "
        f"`{reference}` and {_number(more)} {_returns(more)} more; {could} "
        f"(chance of any false difference: {level})."
    )


def _number(total: int) -> str:
    return "none" if total == 0 else count(total, "arm").split()[0]


def _returns(total: int) -> str:
    return "return" if total > 1 else "returns"


def _difference(cell: Cell, reference: str) -> str:
    comparison = cell.comparison
    if comparison is None:
        raise ValueError(f"{cell.arm.name} is compared with nothing")
    word = "less" if comparison.decision == "worse" else "more"
    control = " (a control)" if cell.arm.control else ""
    return f"`{cell.arm.name}`{control} returns {word} than `{reference}`: {_by(comparison)}."


def _by(comparison: Comparison) -> str:
    """By how much, with the interval and the p-value."""
    difference = comparison.difference
    ends = interval(difference.low, difference.high)
    value = f"{signed(difference.value)} {ends}".strip()
    return f"{value}, {probability(comparison.p)} after correction"


def _open(cells: Sequence[Cell], reference: str, blind: bool) -> str:
    """Arms that were not told apart, and how large their difference may still be."""
    parts = []
    for cell in cells[:SHOWN]:
        difference = cell.comparison.difference if cell.comparison else None
        if difference is not None:
            ends = interval(difference.low, difference.high)
            parts.append(f"`{cell.arm.name}` ({signed(difference.value)} {ends}".rstrip() + ")")
    more = f", and {len(cells) - SHOWN} more" if len(cells) > SHOWN else ""
    if blind:
        return (
            f"Seen, and not decided, beside `{reference}`: {listed(parts)}{more}. Intervals of so "
            "few seeds are narrower than they say."
        )
    return (
        f"Not told apart from `{reference}`: {listed(parts)}{more}. That is no sign that they are "
        "alike: the intervals say which differences these seeds leave open."
    )


def controls(results: SpecResults, alpha: float) -> Iterator[Sentence]:
    """Whether the controls behaved as controls should."""
    reference = results.spec.reference.name
    blind = undecidable(results.compared, alpha)
    for cell in results.compared:
        if not cell.arm.control or cell.comparison is None:
            continue
        name = f"The control `{cell.arm.name}`"
        said = {
            "worse": f"{name} returns less than `{reference}`, as a control does where what it "
            "lacks is what helps.",
            "better": f"{name} returns more than `{reference}`: what it lacks is not what helps "
            "here.",
            "not told apart": f"{name} was not told apart from `{reference}`: these runs do not "
            "show that what it lacks is what helps.",
        }[cell.comparison.decision]
        if blind:
            said = f"{name} says nothing yet: so few seeds could not have told it apart."
        yield Sentence("control", said)
    silent = [arm.name for arm in results.spec.arms[1:] if arm.control and not arm.evaluated]
    for control in silent:
        yield Sentence("control", f"The control `{control}` has no scores, and controls nothing.")


def held_out(results: SpecResults, alpha: float) -> Iterator[Sentence]:
    """What the other conditions say, as a family of comparisons of their own."""
    cells = results.others
    if not cells:
        return
    conditions = [c for c in results.spec.conditions if c != results.primary]
    names = listed([f"`{name}`" for name in conditions])
    family = f"Under {names} ({count(len(cells), 'comparison')}, corrected together)"
    decided = [cell for cell in cells if _decided(cell)]
    if undecidable(cells, alpha):
        text = f"{family} so few seeds could not have told any arm from the reference."
    elif not decided:
        text = f"{family} no arm was told apart from the reference."
    else:
        parts = [f"`{cell.arm.name}` under `{cell.condition}` {_short(cell)}" for cell in decided]
        more = f", and {len(parts) - SHOWN} more (see the tables)" if len(parts) > SHOWN else ""
        text = f"{family} {len(decided)} were told apart: {'; '.join(parts[:SHOWN])}{more}."
    yield Sentence("held out", text)


def _short(cell: Cell) -> str:
    comparison = cell.comparison
    if comparison is None:
        return ""
    return f"{signed(comparison.difference.value)} ({probability(comparison.p)})"


def symmetry(spec: SpecData) -> Iterator[Sentence]:
    """What was measured of the networks, before training and after it."""
    parts = []
    for arm in spec.arms:
        after = [run.after for run in arm.runs if run.after is not None]
        before = [run.before for run in arm.runs if run.before is not None]
        if after and before and max(after) > LARGE:
            parts.append(f"`{arm.name}` {number(max(before))} before, {number(max(after))} after")
    measured = [arm for arm in spec.arms if any(run.after is not None for run in arm.runs)]
    if not measured:
        return
    exact = len(measured) - len(parts)
    text = (
        f"Equivariant under their own group up to rounding after training: the policies of "
        f"{exact} of {count(len(measured), 'arm')}"
    )
    if parts:
        text += f"; the largest error of the others: {'; '.join(parts)}"
    yield Sentence("symmetry", f"{text}.")


def costs(spec: SpecData) -> Iterator[Sentence]:
    """Weights, and time beside the reference's."""
    weights = [run.weights for arm in spec.arms for run in arm.runs if run.weights is not None]
    said = []
    if weights:
        least, most = min(weights), max(weights)
        arms = "Every arm has" if least == most else "Arms have"
        said.append(f"{arms} {least:,}{'' if least == most else f' to {most:,}'} weights.")
    times = {arm.name: _time(arm.runs) for arm in spec.arms}
    own = times.pop(spec.reference.name)
    ratios = [time / own for time in times.values() if not math.isnan(time / own)]
    if not math.isnan(own):
        text = f"A step of training `{spec.reference.name}` took {number(1000 * own)} ms"
        if ratios:
            ends = dict.fromkeys(f"{ratio:.2g}" for ratio in (min(ratios), max(ratios)))
            longer = "as long" if list(ends) == ["1"] else f"{' to '.join(ends)} times as long"
            text += f"; the others took {longer}"
        said.append(f"{text}. Runs side by side slow one another down.")
    if said:
        yield Sentence("cost", " ".join(said))


def _time(runs: Sequence[RunData]) -> float:
    """Median seconds per step of training."""
    times = [run.seconds_per_step for run in runs if not math.isnan(run.seconds_per_step)]
    return median(times) if times else math.nan


def missing(spec: SpecData) -> Iterator[Sentence]:
    """Runs without scores, and seeds that are not there."""
    parts = []
    for arm in spec.arms:
        parts += [
            f"`{arm.name}`, seed {run.seed}: {run.why_not}"
            for run in arm.runs
            if run.evaluation is None
        ]
        if arm.missing:
            seeds = ", ".join(map(str, arm.missing))
            parts.append(f"`{arm.name}` has no run of seed {seeds}")
    if parts:
        more = f"; {len(parts) - SHOWN} more" if len(parts) > SHOWN else ""
        text = f"Without scores: {'; '.join(parts[:SHOWN])}{more}. "
        text += "What broke off is left out of every number, which can flatter an arm."
        yield Sentence("missing", text)


def warnings(results: SpecResults) -> Iterator[Sentence]:
    """What is to be said beside the numbers."""
    cells = results.under(results.primary)
    if not cells:
        return
    warning = few_seeds(min(len(cell.scores.seeds) for cell in cells))
    notes = [
        f"`{cell.arm.name}` is {note}"
        for cell in results.compared
        if cell.comparison
        for note in cell.comparison.difference.notes
        if note.startswith("not paired")
    ]
    for text in filter(None, [warning, *notes]):
        yield Sentence("warning", f"{text[:1].upper()}{text[1:]}.")


def _over_specs(results: Results) -> Iterator[Sentence]:
    names = listed([f"`{spec.spec.name}`" for spec in results.specs])
    yield Sentence("asked", f"How do the arms compare over {len(results.specs)} specs: {names}?")
    aggregated = results.aggregated
    if aggregated is None:
        text = (
            "Scores of different environments are not put together, because no range was stated "
            "for each: --range SPEC=LOW,HIGH. Each spec stands for itself below."
        )
        yield Sentence("outcome", text)
        return
    yield Sentence("outcome", _together(aggregated))


def _together(aggregated: Aggregated) -> str:
    ranges = listed(
        [
            f"`{name}` {number(low)} to {number(high)}"
            for name, (low, high) in aggregated.ranges.items()
        ]
    )
    parts = []
    for comparison in aggregated.comparisons:
        if comparison.decision != "not told apart":
            word = "less" if comparison.decision == "worse" else "more"
            parts.append(f"`{comparison.first}` returns {word} ({_by(comparison)})")
    said = "; ".join(parts) if parts else "no arm was told apart from the reference"
    return f"Normalised by the ranges stated ({ranges}), over environments: {said}."
