"""What run folders hold, as one frozen structure: specs, their arms, the runs of each.

Nothing is played or trained, and no path inside a folder is needed: one copied from a cluster is
as good as any. What is missing (seeds, evaluations, costs) is kept as missing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from symgen.errors import UserError
from symgen.experiment.evaluation import Evaluation
from symgen.experiment.resolved import check_alike, difference
from symgen.experiment.run import Run, find_all
from symgen.experiment.stored import USED
from symgen.report.run_data import RunData, identifier, read_arm, read_run, values_of
from symgen.semantics.evaluate import TRAINING

REFERENCE = "base"
"""The arm that the others are compared with, where nothing else is said."""


@dataclass(frozen=True, eq=False)
class ArmData:
    """One arm: a variant of a spec.

    Args:
        name: the variant's folder.
        label: what it is, in words.
        axis: what it varies; "" where it is not known.
        control: why it is a control; "" where it is none.
        edits: what it changes about the spec, by dotted path; of runs of no study, how its values
            differ from the reference's.
        runs: one per seed, finished or not.
        missing: seeds that other arms of the spec have, or their study wanted, and this one lacks.
    """

    name: str
    label: str
    axis: str
    control: str
    edits: Mapping[str, str]
    runs: tuple[RunData, ...]
    missing: tuple[int, ...] = ()

    @property
    def id(self) -> str:
        """Its anchor in a page."""
        return f"arm-{self.runs[0].spec_id}-{identifier(self.name)}"

    @property
    def evaluated(self) -> tuple[RunData, ...]:
        """The runs that have an evaluation."""
        return tuple(run for run in self.runs if run.evaluation is not None)

    @property
    def resolved(self) -> Mapping[str, object]:
        """Every value in force, of the first run that states it."""
        return next((run.resolved for run in self.runs if run.resolved), {})

    @property
    def constraint(self) -> str | None:
        """The keyword of its constraint, options apart."""
        value = self.said("symmetry", "constraint")
        if isinstance(value, Mapping):
            return str(next(iter(value), ""))
        return None if value is None else str(value)

    def said(self, section: str, key: str) -> object:
        """A value of the resolved spec, None where there is none."""
        values = self.resolved.get(section)
        return values.get(key) if isinstance(values, Mapping) else None


@dataclass(frozen=True, eq=False)
class SpecData:
    """One spec: an environment and its arms.

    Args:
        name: stem of the spec.
        arms: the reference first.
        conditions: that any arm was evaluated under, `training` first.
        settings: how all of its runs were evaluated; empty where none was.
    """

    name: str
    arms: tuple[ArmData, ...]
    conditions: tuple[str, ...]
    settings: Mapping[str, object]

    @property
    def id(self) -> str:
        """Its part of anchors."""
        return identifier(self.name)

    @property
    def reference(self) -> ArmData:
        """What the other arms are compared with."""
        return self.arms[0]

    def arm(self, name: str) -> ArmData | None:
        """The arm of a name."""
        return next((arm for arm in self.arms if arm.name == name), None)


@dataclass(frozen=True, eq=False)
class ReportData:
    """All of it.

    Args:
        specs: each an environment.
        empty: paths that were named and hold no run.
    """

    specs: tuple[SpecData, ...]
    empty: tuple[str, ...] = ()


def gather(paths: Sequence[Path], reference: str = REFERENCE) -> ReportData:
    """What the runs under some paths hold.

    Args:
        paths: folders of seeds, variants or specs.
        reference: name of the arm that the others are compared with.

    Raises:
        UserError: no run is there, one is damaged, or they cannot stand in one report.
    """
    runs, empty = find_all(paths)
    by_spec: dict[str, dict[str, dict[int, Run]]] = {}
    for run in runs:
        seeds = by_spec.setdefault(run.spec, {}).setdefault(run.variant, {})
        earlier = seeds.setdefault(run.seed, run)
        if earlier.folder.resolve() != run.folder.resolve():
            message = f"{run.label} is there twice: {earlier.folder} and {run.folder}"
            raise _not_comparable(message, "name one of them")
    specs = tuple(_spec(name, arms, reference) for name, arms in by_spec.items())
    if len(specs) > 1:
        _check_common_arms(specs)
    return ReportData(specs, tuple(map(str, empty)))


def _spec(name: str, variants: Mapping[str, Mapping[int, Run]], reference: str) -> SpecData:
    if reference not in variants and reference != REFERENCE:
        there = ", ".join(variants)
        message = f"{name} has no arm {reference!r} to compare with"
        raise _not_comparable(message, f"its arms: {there}")
    order = sorted(variants, key=lambda variant: variant != reference)
    seeds = {seed for runs in variants.values() for seed in _wanted(runs)}
    first = values_of(next(iter(variants[order[0]].values())))
    arms = tuple(_arm(variants[variant], seeds, first) for variant in order)
    evaluations = [run.evaluation for arm in arms for run in arm.evaluated if run.evaluation]
    settings = _settings(name, evaluations)
    conditions = dict.fromkeys([TRAINING] if evaluations else [])
    conditions |= dict.fromkeys(c for evaluation in evaluations for c in evaluation.scores)
    return SpecData(name, arms, tuple(conditions), settings)


def _arm(runs: Mapping[int, Run], seeds: set[int], reference: Mapping[str, object]) -> ArmData:
    in_order = [runs[seed] for seed in sorted(runs)]
    stated = [run for run in in_order if (run.folder / "resolved.json").exists()]
    if len(stated) > 1:
        check_alike(stated)
    said = read_arm(in_order[0])
    name = in_order[0].variant
    edits = said.edits
    if not said.known and stated:
        changes = (line.partition(": ") for line in difference(reference, values_of(stated[0])))
        edits = {path: change.rpartition(" -> ")[2] for path, _, change in changes}
    return ArmData(
        name=name,
        label=said.label or ("the spec itself" if name == REFERENCE else name),
        axis=said.axis,
        control=said.control,
        edits=edits,
        runs=tuple(read_run(run) for run in in_order),
        missing=tuple(sorted(seeds - set(runs))),
    )


def _wanted(runs: Mapping[int, Run]) -> set[int]:
    """The seeds that are there, and those that the study of these runs wanted."""
    return {*runs, *(seed for run in runs.values() for seed in read_arm(run).seeds)}


def _settings(name: str, evaluations: Sequence[Evaluation]) -> dict[str, object]:
    """How all runs of a spec were evaluated: in one way, or they cannot be compared."""
    if not evaluations:
        return {}
    first, *rest = evaluations
    keys = [key for key in USED if key != "step"]
    for evaluation in rest:
        for key in keys:
            here = first.settings[key]
            there = evaluation.settings[key]
            if here != there:
                message = (
                    f"the runs of {name} were evaluated differently: {key} {here} for "
                    f"{first.variant}/{first.seeds[0]}, {there} for "
                    f"{evaluation.variant}/{evaluation.seeds[0]}"
                )
                raise _not_comparable(message, "evaluate them alike: symgen evaluate RUNS...")
    return {key: first.settings[key] for key in keys}


def _check_common_arms(specs: Sequence[SpecData]) -> None:
    first, *rest = ({arm.name for arm in spec.arms} for spec in specs)
    if not first.intersection(*rest):
        names = ", ".join(spec.name for spec in specs)
        message = f"no arm is common to {names}"
        raise _not_comparable(message, "make a report of each")


def _not_comparable(message: str, hint: str) -> UserError:
    return UserError("not-comparable", message, hint)
