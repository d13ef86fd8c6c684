"""The run that an algorithm learns from, looked at before a training: is it there, and can it say
what is to be done in this environment?

This is no rule of the spec, whose place beside other files may change: a trained student is loaded,
evaluated and verified without its teacher.
"""

from symgen import lookup
from symgen.errors import SpecError, shown
from symgen.problem.algorithm import AlgorithmOptions, Declaration, TeacherRun
from symgen.problem.interface import Action
from symgen.problem.problem import Problem
from symgen.semantics.resolve import option_mistakes, resolve
from symgen.spec.findings import Findings
from symgen.spec.schema import parse
from symgen.spec.source import Place, read

__all__ = ["check_teacher", "teacher_of"]

PATH: Place = ("train", "teacher")
SEED = "a teacher is the folder of one seed, such as runs/<spec>/<variant>/0"


def teacher_of(problem: Problem) -> TeacherRun | None:
    """The run that the algorithm learns from; None where it learns from rewards."""
    if problem.algorithm is None or problem.algorithm_options is None:
        return None
    declared: Declaration[AlgorithmOptions] = lookup.declaration("algorithm", problem.algorithm)
    return declared.teacher(problem.algorithm_options)


def check_teacher(problem: Problem) -> Problem:
    """The problem itself, where it needs no teacher, or its teacher can teach. No torch.

    Raises:
        SpecError: teacher-not-found, teacher-actions, teacher-environment.
    """
    teacher = teacher_of(problem)
    if teacher is None:
        return problem
    findings = Findings(problem.source)
    if findings.attempt(_check_files, teacher, findings) is not None:
        taught = findings.attempt(_problem, teacher, findings)
        findings.attempt(_check_actions, taught, problem, findings)
        if not findings.diagnostics:
            findings.attempt(_check_environment, taught, problem, findings)
    findings.raise_any()
    return problem


def _check_files(teacher: TeacherRun, findings: Findings) -> bool:
    """Whether the run and its checkpoint are there. Raises Failed."""
    folder = teacher.folder
    code = "teacher-not-found"
    if not (folder / "spec.yaml").exists():
        below = sorted(folder.glob("*/spec.yaml")) + sorted(folder.glob("*/*/spec.yaml"))
        runs = ", ".join(str(path.parent) for path in below[:5])
        hint = f"name one of its seeds: {runs}" if runs else f"{SEED}; train it first"
        what = "holds runs, and is none itself" if runs else "is not a run"
        raise findings.add(code, PATH, f"{shown(str(folder), 200)} {what}", hint)
    checkpoints = folder / "checkpoints"
    if not (checkpoints / f"{teacher.checkpoint}.json").exists():
        there = ", ".join(path.stem for path in sorted(checkpoints.glob("*.json")))
        message = f"{folder} has no checkpoint called {teacher.checkpoint!r}"
        hint = f"there is: {there}" if there else "train it first: symgen train SPEC"
        raise findings.add(code, PATH, message, hint)
    return True


def _problem(teacher: TeacherRun, findings: Findings) -> Problem:
    """What the teacher was trained on. Raises Failed."""
    path = teacher.folder / "spec.yaml"
    try:
        source = read(path)
        return resolve(parse(source, option_mistakes), source)
    except SpecError as error:
        first = error.diagnostics[0]
        message = f"what the teacher was trained on cannot be had here: {first.message}"
        hint = f"symgen check {path} says more; it may need the same --import"
        raise findings.add("teacher-environment", PATH, message, hint) from error


def _check_actions(taught: Problem, problem: Problem, findings: Findings) -> None:
    """teacher-actions: what the teacher says must be something to do here. Raises Failed."""
    difference = _difference(taught.interface.action, problem.interface.action)
    if difference:
        message = f"the teacher acts otherwise: {difference}"
        hint = "clone a run of an environment with the same actions"
        raise findings.add("teacher-actions", PATH, message, hint)


def _difference(teacher: Action, own: Action) -> str:
    """In what two actions differ; "" where they do not."""
    if teacher.kind != own.kind:
        kinds = [action.kind.replace("_", "-") for action in (teacher, own)]
        return f"its action is {kinds[0]}, here it is {kinds[1]}"
    if teacher.names != own.names:
        return f"its actions are {_some(teacher.names)}, here they are {_some(own.names)}"
    if teacher.sizes != own.sizes:
        return f"its actions have {teacher.sizes} choices, here they have {own.sizes}"
    if (teacher.low, teacher.high) != (own.low, own.high):
        theirs = f"{shown(teacher.low)} to {shown(teacher.high)}"
        return f"its bounds are {theirs}, here they are {shown(own.low)} to {shown(own.high)}"
    return ""


def _some(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return ", ".join(names[:8]) + more


def _check_environment(taught: Problem, problem: Problem, findings: Findings) -> None:
    """teacher-environment: what the teacher sees must be what happens here. Raises Failed."""
    code = "teacher-environment"
    views = problem.adapter.views(problem.adapter_options)
    names = ", ".join(("patches", "frames", *(name for name in views if name != "frames")))
    hint = f"write the teacher's environment section; only {names} and previous may be others"
    theirs = taught.spec.environment.adapter
    own = problem.spec.environment.adapter
    if theirs != own:
        message = f"the teacher was trained in another environment: adapter: {theirs}, here {own}"
        raise findings.add(code, PATH, message, hint)
    here = problem.adapter_options.model_dump(mode="json", by_alias=True)
    there = taught.adapter_options.model_dump(mode="json", by_alias=True)
    lines = [
        f"{name}: {shown(there[name])}, here {shown(value)}"
        for name, value in here.items()
        if there[name] != value and name not in views
    ]
    if lines:
        message = f"the teacher was trained in another environment: {'; '.join(lines)}"
        raise findings.add(code, PATH, message, hint)
