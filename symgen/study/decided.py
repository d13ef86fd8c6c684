"""Seeds in batches, until arms are told from the reference or there are as many as there may be.

What the scores so far decide is said by symgen.statistics.sequential. It depends on the scores
alone, which the run folders keep: the same command again decides the same.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from symgen.errors import UserError
from symgen.experiment.stored import stored_evaluation
from symgen.experiment.train import TrainingSettings
from symgen.statistics.sequential import Design, Standing, decide
from symgen.study.arm import Arm
from symgen.study.engine import ArmOutcome, Execute, run_study
from symgen.study.progress import Watch
from symgen.study.study import Study


@dataclass(frozen=True)
class Decided:
    """What became of a study whose seeds are added in batches.

    Args:
        outcomes: of every arm, all its batches.
        standing: what is decided; None where no batch is complete.
        left_out: why arms are not compared, by name.
    """

    outcomes: tuple[ArmOutcome, ...]
    standing: Standing | None
    left_out: Mapping[str, str]

    def lines(self) -> list[str]:
        """For people."""
        lines = [f"not compared: {name}: {why}" for name, why in self.left_out.items()]
        if self.standing is None:
            return lines
        for verdict in self.standing.verdicts:
            lines.append(
                f"{verdict.first} against {verdict.second}: {verdict.decision} after "
                f"{verdict.seeds} seeds, mean return {verdict.difference:+.4g}"
            )
        return [*lines, *([self.standing.note] if self.standing.note else [])]

    def to_dict(self) -> dict[str, object]:
        """Plain values for JSON."""
        verdicts = self.standing.verdicts if self.standing else ()
        return {
            "verdicts": [vars(verdict) for verdict in verdicts],
            "note": self.standing.note if self.standing else "",
            "left_out": dict(self.left_out),
        }


def seeds_of(said: Sequence[int], count: int) -> tuple[int, ...]:
    """The first of the seeds that are said, and further ones where there are fewer.

    >>> seeds_of((5, 1), 4)
    (5, 1, 0, 2)
    """
    unused = (seed for seed in itertools.count() if seed not in said)
    return (*said, *itertools.islice(unused, max(0, count - len(said))))[:count]


def design_of(study: Study, max_seeds: int) -> Design:
    """As many seeds at a time as the study has, and so many at most.

    Raises:
        UserError: fewer than one batch, nothing to compare with, or too few seeds to tell any two
            arms apart.
    """
    batch = len(study.seeds)
    if batch > max_seeds:
        message = f"--max-seeds {max_seeds} is fewer than the {batch} seeds of the first batch"
        raise UserError("undecidable", message, "raise --max-seeds, or lower --seeds")
    if len(study.arms) < 2 or not study.arms[0].is_reference:
        message = "there are no two arms to tell apart"
        raise UserError("undecidable", message, "see the arms with --dry-run")
    design = Design(batch=batch, batches=max_seeds // batch)
    if design.first_decisive is None:
        message = f"{design.batch * design.batches} seeds cannot tell any two arms apart"
        hint = "raise --max-seeds, or --seeds, the seeds of a batch: 5 can in the first one"
        raise UserError("undecidable", message, hint)
    return design


def run_until_decided(
    study: Study,
    settings: TrainingSettings,
    watch: Watch,
    max_seeds: int,
    execute: Execute | None = None,
) -> Decided:
    """Run batches of seeds until every arm is told from the reference, or `max_seeds` are trained.

    The score of a run is its mean return over the conditions that all arms play. An arm with a run
    that fails is not compared.

    Args:
        study: the seeds are the first batch, and the size of all.
        settings: see `run_study`; with an evaluation.
        watch: hears how far the present batch is.
        max_seeds: of an arm.
        execute: see `run_study`.

    Raises:
        UserError: see `design_of` and `run_study`; or nothing is evaluated.
    """
    design = design_of(study, max_seeds)
    if settings.evaluation is None:
        raise UserError("undecidable", "arms are told apart by evaluations", "raise --episodes")
    seeds = seeds_of(study.seeds, design.batch * design.batches)
    outcomes: dict[str, ArmOutcome] = {}
    left_out: dict[str, str] = {}
    standing: Standing | None = None
    arms: tuple[Arm, ...] = study.arms
    for first in range(0, len(seeds), design.batch):
        batch = replace(study, arms=arms, seeds=seeds[first : first + design.batch])
        done = run_study(batch, settings, watch, execute)
        outcomes |= {one.arm.name: _joined(outcomes.get(one.arm.name), one) for one in done}
        if any(outcome.is_interrupted for outcome in done):
            break
        left_out |= {one.arm.name: one.failure for one in done if one.failure}
        compared = [arm.name for arm in study.arms if arm.name not in left_out]
        reference = study.arms[0].name
        if reference in left_out or len(compared) < 2:
            break
        scores = _scores({name: outcomes[name] for name in compared}, settings, design)
        pairs = [(name, reference) for name in compared if name != reference]
        standing = decide(scores, design, pairs)
        arms = tuple(arm for arm in study.arms if arm.name in standing.needed)
        if standing.ended:
            break
    return Decided(tuple(outcomes[arm.name] for arm in study.arms), standing, left_out)


def _joined(before: ArmOutcome | None, now: ArmOutcome) -> ArmOutcome:
    if before is None:
        return now
    return ArmOutcome(
        now.arm,
        (*before.runs, *now.runs),
        (*before.outcomes, *now.outcomes),
        {**before.failures, **now.failures},
    )


def _scores(
    outcomes: Mapping[str, ArmOutcome], settings: TrainingSettings, design: Design
) -> dict[str, list[list[float]]]:
    """Per arm its batches, a number per run: the mean return over the conditions of all arms."""
    if settings.evaluation is None:
        raise AssertionError("checked before anything runs")
    played = {
        name: [stored_evaluation(run, settings.evaluation).scores for run in outcome.runs]
        for name, outcome in outcomes.items()
    }
    conditions = set.intersection(
        *(set(scores) for evaluations in played.values() for scores in evaluations)
    )
    batches: dict[str, list[list[float]]] = {}
    for name, evaluations in played.items():
        numbers = [
            sum(scores[key].returns.mean for key in sorted(conditions)) / len(conditions)
            for scores in evaluations
        ]
        size = design.batch
        batches[name] = [numbers[k : k + size] for k in range(0, len(numbers), size)]
    return batches
