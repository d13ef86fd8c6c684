"""Ask the environment itself: step(g.s, g.a) = g.step(s, a), generator by generator.

The relations of a group cannot tell a valid action from the right one; only the environment can
refute it. Where its state can be set (the adapter has a simulator) every sampled transition is
compared exactly. Elsewhere two samples of transitions, as they come and moved by g, are compared as
distributions; what that assumes is said in the report.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from symgen.envs.guarded import blamed
from symgen.problem.adapter import Simulator
from symgen.problem.problem import Problem
from symgen.proofs.exact_transitions import PARTS, Exact, compared
from symgen.proofs.observed import Observed
from symgen.proofs.single import Cut, following, single
from symgen.proofs.transitions import HORIZON, Statistic, statistics

Verdict = Literal[
    "holds",
    "refuted",
    "no evidence against (statistical)",
    "start not symmetric",
    "no power",
    "not tested",
]
Method = Literal["exact", "statistical"]
PASSING = ("holds", "no evidence against (statistical)")
ALPHA = 0.01
"""Chance of a false refutation of the statistical test, over all generators of a report."""
PER_SAMPLE = 4
"""Transitions of the statistical test for each sample asked for: each one tells less."""


@dataclass(frozen=True)
class Answer:
    """What the environment says of one generator.

    Args:
        generator: its name.
        tested: transitions compared.
        control: exact: tested transitions whose state the generator moves at all. Statistical: p of
            the same test with the actions (or, where they do not move, the next observations) left
            unmoved on purpose.
        verdict: "no power" where the control shows nothing; "start not symmetric" where the first
            observations of episodes are told apart from their images, so that differences later
            prove nothing; "not tested" where nothing speaks against the generator, but entries of
            the observation never varied.
        mismatches: exact only, per part, transitions that differ.
        deviation: exact only, the largest difference of an observation or a reward.
        p: statistical only, the p-value of the transitions.
        counterexample: the first difference, in words.
    """

    generator: str
    tested: int
    control: float
    verdict: Verdict
    mismatches: Mapping[str, int] = field(default_factory=dict)
    deviation: float = 0.0
    p: float | None = None
    counterexample: str = ""


@dataclass(frozen=True)
class EnvironmentReport:
    """The answer of the environment.

    Args:
        method: "exact" or "statistical".
        rows: one per generator.
        why: statistical only, why the method is not exact.
        untested: per term, the entries of vectors that were the same in all observations, counted
            from 1.
        following: what a network sees beside single observations and what was not compared, since
            it moves as they and the actions do.
    """

    method: Method
    rows: tuple[Answer, ...]
    why: str = ""
    untested: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    following: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """True where nothing speaks against any generator."""
        return all(row.verdict in PASSING for row in self.rows)

    def to_dict(self) -> dict[str, object]:
        """Plain values for JSON."""
        return {
            "holds": self.holds,
            "method": self.method,
            "why": self.why,
            "untested": {name: list(entries) for name, entries in self.untested.items()},
            "following": list(self.following),
            "rows": [asdict(row) for row in self.rows],
        }

    def __str__(self) -> str:
        if not self.rows:
            return "the group has no generators: nothing to ask the environment"
        if self.method == "exact":
            lines = _exact_table(self.rows)
        else:
            lines = _statistical_table(self.rows, self.why)
        for name, entries in self.untested.items():
            listed = ", ".join(map(str, entries))
            lines.append(
                f"not tested: what never varied in {name}, entry (counted from 1) {listed}"
            )
        if self.following:
            listed = ", ".join(self.following)
            lines.append(f"single observations were compared; what follows from them: {listed}")
        for row in self.rows:
            if row.counterexample:
                lines += ["", f"{row.generator} is refuted, for instance {row.counterexample}"]
        return "\n".join(lines)


def _exact_table(rows: tuple[Answer, ...]) -> list[str]:
    lines = ["generator  tested   moved  " + "  ".join(PARTS) + "  deviation  verdict"]
    for row in rows:
        counts = "  ".join(f"{row.mismatches[part]:>{len(part)}}" for part in PARTS)
        lines.append(
            f"{row.generator:<9}  {row.tested:>6}  {row.control:>6.0f}  {counts}  "
            f"{row.deviation:9.1e}  {row.verdict}"
        )
    return lines


def _statistical_table(rows: tuple[Answer, ...], why: str) -> list[str]:
    lines = ["generator  transitions       p  control p  verdict"]
    for row in rows:
        lines.append(
            f"{row.generator:<9}  {row.tested:>11}  {row.p:6.3f}  {row.control:9.3f}  {row.verdict}"
        )
    return [
        *lines,
        f"Transitions under random actions, one of the first {HORIZON} steps of an episode each, "
        "against transitions moved by g:",
        "energy distance, permutation p-value. It assumes that episodes start as often in g.s as "
        "in s, which is tested first,",
        "and it sees large differences only.",
        f"There is no exact test: {why}.",
    ]


def check_environment(problem: Problem, *, samples: int = 200, seed: int = 0) -> EnvironmentReport:
    """Ask the environment whether the group acts on it as the spec says.

    Args:
        problem: what the spec states.
        samples: states tried per generator.
        seed: of states, actions and episodes.

    Raises:
        Refusal, UserError: the environment cannot be made, or fails.
    """
    generators = problem.group.generators
    if not generators:
        return EnvironmentReport("exact", ())
    follows = following(problem.pipeline)
    problem = single(problem)
    simulator = _simulator(problem)
    observed = Observed(problem.interface)
    method: Method = "exact"
    why = ""
    if isinstance(simulator, Simulator):
        with blamed("a single step"):
            rows = tuple(
                _exact(g, samples, compared(problem, simulator, g, samples, seed, observed))
                for g in generators
            )
    else:
        method = "statistical"
        why = simulator
        measured = statistics(problem, samples * PER_SAMPLE, seed, observed)
        rows = tuple(_statistical(row, ALPHA / len(generators)) for row in measured)
    untested = observed.constant()
    if untested:
        rows = tuple(
            replace(row, verdict="not tested") if row.verdict in PASSING else row for row in rows
        )
    return EnvironmentReport(method, rows, why, untested, follows)


def _simulator(problem: Problem) -> Simulator[Any] | str:
    """The environment with its state in the open, or why there is none."""
    simulator = problem.adapter.simulator(problem.adapter_options, problem.group)
    side = problem.pipeline.patches
    if side is None or not isinstance(simulator, Simulator):
        return simulator
    raw = problem.adapter.interface(problem.adapter_options)
    return Cut(simulator, raw, problem.interface, side)


def _exact(generator: str, samples: int, compared: Exact) -> Answer:
    """The verdict of the exact test."""
    verdict: Verdict = "holds" if compared.moved else "no power"
    if any(compared.mismatches.values()):
        verdict = "refuted"
    return Answer(
        generator,
        samples,
        compared.moved,
        verdict,
        compared.mismatches,
        compared.deviation,
        None,
        compared.counterexample,
    )


def _statistical(measured: Statistic, threshold: float) -> Answer:
    """The verdict of the statistical test at this chance of a false refutation."""
    verdict: Verdict = "no evidence against (statistical)"
    words = ""
    if measured.start <= threshold:
        verdict = "start not symmetric"
    elif measured.p <= threshold:
        verdict = "refuted"
        words = "transitions moved by it are told apart from those that happen"
    elif measured.control > threshold:
        verdict = "no power"
    return Answer(
        measured.generator,
        measured.transitions,
        measured.control,
        verdict,
        p=measured.p,
        counterexample=words,
    )
