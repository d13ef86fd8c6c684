"""Ask the environment itself: step(g.s, g.a) = g.step(s, a), generator by generator.

The relations of a group cannot tell a valid action from the right one; only the environment can
refute it. Where its state can be set (the adapter has a simulator) every sampled transition is
compared exactly. Elsewhere two samples of transitions, as they come and moved by g, are compared as
distributions; what that assumes is said in the report.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

import numpy as np

from symgen.envs._finite import not_finite
from symgen.envs.guarded import blamed
from symgen.problem.adapter import Outcome, Simulator
from symgen.problem.group_action import act_on_action, act_on_term
from symgen.problem.interface import Action, Interface, Observation
from symgen.problem.problem import Problem
from symgen.proofs.observed import Observed, by_term
from symgen.proofs.transitions import HORIZON, Statistic, random_actions, statistics

Verdict = Literal[
    "holds",
    "refuted",
    "no evidence against (statistical)",
    "start not symmetric",
    "no power",
    "not tested",
]
PASSING = ("holds", "no evidence against (statistical)")
PARTS = ("action", "observation", "next state", "reward", "ending")
"""What can differ: g.a is no action; observe(g.s) is not g.observe(s); and what one step leads to.
"""

TOLERANCE = 1e-5
"""Largest difference of real numbers, relative to 1 + their size, that counts as equal."""
ALPHA = 0.01
"""Chance of a false refutation of the statistical test, over all generators of a report."""
STATES = 8
"""States in which it is asked what a generator of the spec does to the world."""
PER_SAMPLE = 4
"""Transitions of the statistical test for each sample asked for: each one tells less."""


@dataclass(frozen=True)
class Row:
    """What was found for one generator.

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
    """

    method: Literal["exact", "statistical"]
    rows: tuple[Row, ...]
    why: str = ""
    untested: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        """True where nothing speaks against any generator."""
        return all(row.verdict in PASSING for row in self.rows)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "holds": self.holds,
            "method": self.method,
            "why": self.why,
            "untested": {name: list(entries) for name, entries in self.untested.items()},
            "rows": [asdict(row) for row in self.rows],
        }

    def __str__(self) -> str:
        if not self.rows:
            return "the group has no generators: nothing to ask the environment"
        lines = (
            _exact_table(self.rows)
            if self.method == "exact"
            else _statistical_table(self.rows, self.why)
        )
        for name, entries in self.untested.items():
            listed = ", ".join(map(str, entries))
            lines.append(
                f"not tested: what never varied in {name}, entry (counted from 1) {listed}"
            )
        for row in self.rows:
            if row.counterexample:
                lines += ["", f"{row.generator} is refuted, for instance {row.counterexample}"]
        return "\n".join(lines)


def _exact_table(rows: tuple[Row, ...]) -> list[str]:
    lines = ["generator  tested   moved  " + "  ".join(PARTS) + "  deviation  verdict"]
    for row in rows:
        counts = "  ".join(f"{row.mismatches[part]:>{len(part)}}" for part in PARTS)
        lines.append(
            f"{row.generator:<9}  {row.tested:>6}  {row.control:>6.0f}  {counts}  "
            f"{row.deviation:9.1e}  {row.verdict}"
        )
    return lines


def _statistical_table(rows: tuple[Row, ...], why: str) -> list[str]:
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
        problem: a Problem, or anything with its group, interface, field types, action and adapter.
        samples: states tried per generator.
        seed: of states, actions and episodes.

    Raises:
        ValueError, UserError: the environment cannot be made, or fails.
    """
    generators = problem.group.generators
    if not generators:
        return EnvironmentReport("exact", ())
    simulator = problem.adapter.simulator(problem.adapter_options, problem.group)
    observed = Observed(problem.interface)
    if isinstance(simulator, str):
        found = statistics(problem, samples * PER_SAMPLE, seed, observed)
        rows = tuple(_judged(each, ALPHA / len(generators)) for each in found)
    else:
        with blamed("a single step"):
            rows = tuple(_exact(problem, simulator, g, samples, seed, observed) for g in generators)
    why = simulator if isinstance(simulator, str) else ""
    untested = observed.constant()
    if untested:
        rows = tuple(
            replace(row, verdict="not tested") if row.verdict in PASSING else row for row in rows
        )
    return EnvironmentReport("statistical" if why else "exact", rows, why, untested)


def _exact(
    problem: Problem,
    simulator: Simulator[Any],
    generator: str,
    samples: int,
    seed: int,
    observed: Observed,
) -> Row:
    """Compare sampled transitions with those of the moved states."""
    _understand(problem, simulator, generator, seed)
    rng = np.random.default_rng(seed)
    counts = dict.fromkeys(PARTS, 0)
    moved = 0
    worst = 0.0
    example = ""
    for _ in range(samples):
        state = simulator.sample(rng)
        action = random_actions(problem.interface.action, problem.action, rng, 1)
        found, deviation, there = _compare(problem, simulator, generator, state, action, observed)
        moved += there
        worst = max(worst, deviation)
        for part in found:
            counts[part] += 1
        if found and not example:
            part, words = next(iter(found.items()))
            example = f"the {part} in the state\n{simulator.describe(state)}\n{words}"
    verdict: Verdict = "refuted" if any(counts.values()) else "holds" if moved else "no power"
    return Row(generator, samples, moved, verdict, counts, worst, None, example)


def _understand(problem: Problem, simulator: Simulator[Any], g: str, seed: int) -> None:
    """Let g do to the world what the spec has it do to observations, where one of the world's own
    moves does that.

    Group elements have names, and a spec may mean by its s another mirror than the adapter. Where
    no move fits, what the adapter means stays, and the observations will be refuted.
    """
    if not simulator.words:
        return
    rng = np.random.default_rng(seed)
    states = [simulator.sample(rng) for _ in range(STATES)]
    usual = simulator.moves[g]
    for word in (usual, *simulator.words):
        simulator.moves[g] = word
        if all(_fits(problem, simulator, g, state) for state in states):
            return
    simulator.moves[g] = usual


def _fits(problem: Problem, simulator: Simulator[Any], g: str, state: Any) -> bool:
    """Whether observe(g.s) is g.observe(s) in a state."""
    image = _moved(problem, g, simulator.observe(state))
    there = simulator.observe(simulator.act(g, state, image))
    return not _difference(problem.interface, image, there, simulator.grain)[1]


def _compare(
    problem: Problem,
    simulator: Simulator[Any],
    g: str,
    state: Any,
    action: np.ndarray,
    observed: Observed,
) -> tuple[dict[str, str], float, bool]:
    """The parts that differ, in words; the largest difference; and whether g moves the state."""
    acts = problem.interface.action
    there = act_on_action(problem.interface.action, problem.action, g, action)
    said = f"{_named(acts, action[0])} becomes {_named(acts, there[0])} under {g}"
    if not _is_action(acts, there[0]):
        return {"action": f"{said}, which is no action of the environment"}, 0.0, True
    found: dict[str, str] = {}
    seen = simulator.observe(state)
    observed.add(by_term(problem.interface, seen))
    image = _moved(problem, g, seen)
    moved_state = simulator.act(g, state, image)
    deviation, place = _difference(
        problem.interface, image, simulator.observe(moved_state), simulator.grain
    )
    if place:
        found["observation"] = f"g.observe(s) and observe(g.s) differ {place}"
    here = simulator.step(state, action[0])
    ours = simulator.step(moved_state, there[0])
    for outcome in (here, ours):
        if not np.isfinite(outcome.reward):
            raise not_finite(f"the reward is {outcome.reward}")
    after = simulator.observe(here.state)
    observed.add(by_term(problem.interface, after))
    following = _moved(problem, g, after)
    later, _ = _difference(
        problem.interface, following, simulator.observe(ours.state), simulator.grain
    )
    if not simulator.same(ours.state, simulator.act(g, here.state, following)):
        found["next state"] = (
            f"{said}, and leads to\n{simulator.describe(ours.state)}\ninstead of g applied to\n"
            f"{simulator.describe(here.state)}"
        )
    found |= _endings(here, ours, said)
    return (
        found,
        max(deviation, later, abs(here.reward - ours.reward)),
        not simulator.same(moved_state, state),
    )


def _endings(here: Outcome, ours: Outcome, said: str) -> dict[str, str]:
    """Differences of reward and ending, in words."""
    found = {}
    if abs(here.reward - ours.reward) > TOLERANCE * (1.0 + abs(here.reward)):
        found["reward"] = f"{said}, and is rewarded {ours.reward:.6g} instead of {here.reward:.6g}"
    if (here.terminated, here.truncated) != (ours.terminated, ours.truncated):
        words = {True: "ends", False: "goes on"}
        one, other = (outcome.terminated or outcome.truncated for outcome in (ours, here))
        found["ending"] = (
            f"{said}, and the episode {words[one]} where it {words[other]} without "
            f"{said.split()[-1]}"
        )
    return found


def _moved(problem: Problem, g: str, observation: Observation) -> Observation:
    """g.o for one observation."""
    interface = problem.interface
    parts = interface.by_term(observation)
    return interface.as_space(
        {
            term.name: act_on_term(term, problem.observation[term.name], g, parts[term.name][None])[
                0
            ]
            for term in interface.terms
        }
    )


def _difference(
    interface: Interface, expected: Any, found: Any, grain: float = 0.0
) -> tuple[float, str]:
    """The largest difference of two observations, and where it is if it is more than rounding (""
    where not).
    """
    worst, place = 0.0, ""
    for term in interface.terms:
        one, other = (
            np.asarray(o if interface.single else o[term.name], dtype=np.float64)
            for o in (expected, found)
        )
        gap = np.abs(one - other)
        worst = max(worst, float(gap.max(initial=0.0)))
        if term.layout == "image" and gap.mean() <= grain * term.scale:
            continue
        if (gap > TOLERANCE * (1.0 + np.abs(one))).any() and not place:
            index = np.unravel_index(int((gap - TOLERANCE * np.abs(one)).argmax()), gap.shape)
            entry = ", ".join(str(int(i)) for i in index)
            place = f"in {term.name}[{entry}]: {one[index]:.6g} and {other[index]:.6g}"
    return worst, place


def _named(action: Action, value: Any) -> str:
    if action.kind == "discrete":
        return action.names[int(value)]
    return str(np.asarray(value).round(4).tolist())


def _is_action(action: Action, value: Any) -> bool:
    if action.kind != "continuous":
        return True
    slack = TOLERANCE * (1.0 + np.abs(value))
    return bool(
        ((value >= np.array(action.low) - slack) & (value <= np.array(action.high) + slack)).all()
    )


def _judged(found: Statistic, threshold: float) -> Row:
    """The verdict of the statistical test at this chance of a false refutation."""
    verdict: Verdict = "no evidence against (statistical)"
    if found.start <= threshold:
        verdict = "start not symmetric"
    elif found.p <= threshold:
        verdict = "refuted"
    elif found.control > threshold:
        verdict = "no power"
    words = (
        "transitions moved by it are told apart from those that happen"
        if verdict == "refuted"
        else ""
    )
    return Row(found.generator, found.transitions, found.control, verdict, {}, 0.0, found.p, words)
