"""Study: a spec and its arms."""

from dataclasses import dataclass

from symgen.compiler import check_spec
from symgen.problem.problem import Problem
from symgen.semantics.teacher import check_teacher
from symgen.spec.source import Source
from symgen.study import axes, suggest
from symgen.study.arm import Arm, reference, without_study
from symgen.study.width import Hold


@dataclass(frozen=True, eq=False)
class Study:
    """What is compared.

    Args:
        source: the spec of the study, as it was written.
        problem: the Problem that it states.
        arms: the spec itself first, then the others.
        hold: what the arms have in common.
        seeds: of every arm.
        suggested: whether the spec says nothing of what is to be varied.
        notes: what is left out and why.
    """

    source: Source
    problem: Problem
    arms: tuple[Arm, ...]
    hold: Hold
    seeds: tuple[int, ...]
    suggested: bool
    notes: tuple[str, ...] = ()


def study_of(written: Source) -> Study:
    """The study that a spec states, or suggests.

    A suggested one holds the weights: what an arm gains by having more of them is no symmetry.

    Raises:
        SpecError: the spec is wrong.
    """
    problem = check_teacher(check_spec(written))
    spec = problem.spec
    seeds = spec.train.seeds if spec.train else (0,)
    bare = without_study(written)
    if spec.ablate is None:
        arms, notes = suggest.suggested(problem, bare)
        hold: Hold = "weights"
    else:
        arms, notes = axes.arms(spec.ablate, problem, bare)
        hold = spec.ablate.hold
        seeds = spec.ablate.seeds or seeds
    everything = (reference(), *arms)
    return Study(written, problem, everything, hold, seeds, spec.ablate is None, tuple(notes))
