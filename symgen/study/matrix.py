"""The matrix of a study: every arm compiled and verified before anything runs."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from symgen.compiler import Compiled, compile_spec, plan_spec
from symgen.errors import Diagnostic, SpecError, UserError
from symgen.proofs.verification import Verification
from symgen.study.alike import alike
from symgen.study.arm import Arm
from symgen.study.conditions import checked
from symgen.study.flops import forward_flops
from symgen.study.study import Study
from symgen.study.width import Width, matched

Tell = Callable[[str], None]
"""Hears which arm is compiled."""


@dataclass(frozen=True)
class Refused:
    """Why an arm does not run.

    Args:
        code: of the mistake, see `symgen explain`.
        message: the cause.
        hint: the way out; may be empty.
    """

    code: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        return f"error[{self.code}]: {self.message}"


@dataclass(frozen=True)
class Row:
    """One arm, compiled.

    Args:
        arm: with everything it changes, its widths included.
        group: the group.
        constraint: how it binds the network.
        weights: numbers that are trained, for training only apart.
        flops: of one forward pass, see flops.py.
        verification: in a few words.
        steps: of training.
        seconds: of training per environment step; None where there was no probe.
        notes: widths that do not match, conditions that the arm cannot play, an equal arm.
        refusal: why it does not run; None where it does.
        same_as: the name of an earlier arm that is the same; "" where there is none.
    """

    arm: Arm
    group: str = ""
    constraint: str = ""
    weights: int | None = None
    flops: int | None = None
    verification: str = ""
    steps: int = 0
    seconds: float | None = None
    notes: tuple[str, ...] = ()
    refusal: Refused | None = None
    same_as: str = ""

    @property
    def runs(self) -> bool:
        """Whether it is run."""
        return self.refusal is None and not self.same_as

    def to_dict(self) -> dict[str, object]:
        """Plain values for JSON."""
        return {
            **self.arm.to_dict(),
            "group": self.group,
            "constraint": self.constraint,
            "weights": self.weights,
            "flops": self.flops,
            "verification": self.verification,
            "steps": self.steps,
            "seconds_per_step": self.seconds,
            "notes": list(self.notes),
            "refusal": None if self.refusal is None else vars(self.refusal),
            "same_as": self.same_as,
        }


@dataclass(frozen=True, eq=False)
class Matrix:
    """All arms.

    Args:
        study: with the arms as they run: those that are refused, or equal to another, left out.
        rows: of every arm, those left out too.
    """

    study: Study
    rows: tuple[Row, ...]

    def to_dict(self) -> dict[str, object]:
        """Plain values for JSON."""
        study = self.study
        return {
            "spec": study.source.name,
            "suggested": study.suggested,
            "hold": study.hold,
            "seeds": list(study.seeds),
            "arms": [row.to_dict() for row in self.rows],
            "notes": list(study.notes),
        }


def matrix(study: Study, tell: Tell = lambda name: None) -> Matrix:
    """Compile and verify every arm of a study.

    Raises:
        SpecError: the spec itself does not compile; an arm that does not is a row.
        UserError: something outside the spec is missing.
    """
    wanted = plan_spec(study.problem).weights
    kept: list[Compiled] = []
    rows: list[Row] = []
    for arm in study.arms:
        tell(arm.name)
        row, compiled = _row(arm, study, wanted)
        earlier = [r for r in rows if r.runs]
        if compiled is not None and row.runs:
            for other, before in zip(earlier, kept, strict=True):
                if alike(before, compiled):
                    note = f"the same network and training as {other.arm.name}: not run twice"
                    row = replace(row, same_as=other.arm.name, notes=(*row.notes, note))
                    break
            else:
                kept.append(compiled)
        rows.append(row)
    running = tuple(row.arm for row in rows if row.runs)
    return Matrix(replace(study, arms=running), tuple(rows))


def _row(arm: Arm, study: Study, wanted: int) -> tuple[Row, Compiled | None]:
    try:
        problem, arm, notes = checked(arm, study)
        if study.hold == "weights" and not arm.is_reference:
            width = matched(problem, wanted, arm.fixed)
            arm = replace(arm, edits={**arm.edits, **width.edits})
            notes += _about(width)
        compiled = compile_spec(arm.source(study.source), seed=study.seeds[0])
    except SpecError as error:
        if arm.is_reference:
            raise
        return Row(arm, refusal=_refused(error.diagnostics)), None
    except UserError as error:
        if arm.is_reference:
            raise
        return Row(arm, refusal=Refused(error.code, error.message, error.hint)), None
    problem = compiled.problem
    verification = compiled.verification
    if verification is None:
        raise AssertionError("compile_spec verifies unless told otherwise")
    row = Row(
        arm,
        group=str(problem.group),
        constraint=problem.spec.symmetry.constraint_name,
        weights=compiled.plan.weights,
        flops=forward_flops(compiled.network, problem),
        verification=in_words(verification),
        steps=problem.spec.train.steps if problem.spec.train else 0,
        notes=notes,
    )
    if not verification.holds:
        why = "the network is not what the arm claims, so it is not trained"
        hint = "see symgen verify with the edits of the arm"
        return replace(row, refusal=Refused("unverified-arm", why, hint)), None
    return row, compiled


def _refused(diagnostics: tuple[Diagnostic, ...]) -> Refused:
    first = diagnostics[0]
    more = f" (and {len(diagnostics) - 1} more)" if len(diagnostics) > 1 else ""
    return Refused(first.code, first.message + more, first.hint)


def in_words(verification: Verification) -> str:
    """The largest error of a network under its group, beside what it is to be compared with.

    >>> in_words(Verification(()))
    'nothing to verify'
    """
    if not verification.rows:
        return "nothing to verify"
    worst = max(verification.rows, key=lambda row: row.error / row.tolerance)
    if verification.promise == "none":
        return f"claims nothing, off by {worst.error:.2g}"
    return f"{worst.words}, {worst.error:.0e}" if worst.verdict == "exact" else worst.words


def _about(width: Width) -> tuple[str, ...]:
    """What is to be said of a width that does not match."""
    if width.matches:
        return ()
    off = (width.weights - width.wanted) / width.wanted
    why = f": {width.why}" if width.why else ", the nearest that its widths allow"
    return (f"{width.weights:,} weights, {off:+.0%} of {width.wanted:,}{why}",)
