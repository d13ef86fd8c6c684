"""What must hold of a Problem, one function per rule. Resolving has made sure that every name means
something.

A rule notes what is wrong in Findings; `RULES` is the list of all of them, and `check` runs it.
"""

import math
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import numpy as np

from symgen.algebra.fieldtype import FieldType, vector
from symgen.algebra.group import Group
from symgen.algebra.reach import everything, linear, moved
from symgen.algebra.representation import Representation
from symgen.errors import Refusal, SpecError
from symgen.plan.plan import ACTION
from symgen.problem.problem import Problem
from symgen.semantics.evaluate import check_condition
from symgen.semantics.findings import Findings
from symgen.semantics.states import described
from symgen.spec.source import Place

# Largest group of which every element is looked at.
MAX_LISTED = 64
# Constraints that leave the network free; no algorithm carries them out.
OF_TRAINING = ("augment", "mirror_loss")

# Most combinations of observed indices of which the orbits are looked at.
MAX_COMBINATIONS = 4096

Rule = Callable[[Problem, Findings], None]


def check(problem: Problem, rules: Iterable[Rule]) -> Problem:
    """The problem itself, where every rule holds.

    Raises:
        SpecError: with everything that is wrong.
    """
    findings = Findings(problem.source)
    with np.errstate(all="ignore"):
        for rule in rules:
            rule(problem, findings)
    findings.raise_any()
    return problem


@contextmanager
def sizes_refused(problem: Problem) -> Iterator[None]:
    """Tell what is refused for its size as the mistake in `network:` that it is; any other error is
    a bug.
    """
    try:
        yield
    except Refusal as error:
        if error.code != "too-large":
            raise
        hint = "use a smaller width, hidden fibre or picture"
        raise SpecError(
            [problem.source.diagnostic(error.code, ("network",), str(error), hint, key=True)]
        ) from error


def constraint_is_offered(problem: Problem, findings: Findings) -> None:
    """unavailable-constraint: the family builds only the constraints it names."""
    chosen = problem.spec.symmetry.constraint_name
    offered = problem.family.CONSTRAINTS
    if chosen not in offered:
        family = problem.spec.network.family
        message = f"the family {family} does not offer the constraint {chosen}"
        if chosen in OF_TRAINING:
            message = (
                f"{chosen} is a way to train, not to build a network, and no algorithm "
                "offers it yet"
            )
        hint = f"write constraint: {' or '.join(offered)}"
        findings.add("unavailable-constraint", ("symmetry", "constraint"), message, hint)


def invariant_policy_fixes_actions(problem: Problem, findings: Findings) -> None:
    """invariant-policy: an invariant policy would ignore that the group moves its actions."""
    if problem.spec.symmetry.output == "invariant" and not problem.action.is_trivial:
        message = f"the policy is to be invariant, and {problem.group} moves the actions"
        hint = (
            "write output: equivariant; or actions: trivial, where the same action is right in "
            "every orientation"
        )
        findings.add("invariant-policy", ("symmetry", "output"), message, hint)


def actions_move_with_what_is_seen(problem: Problem, findings: Findings) -> None:
    """blind-policy: an element that moves the actions must move something observed.

    For an element g that leaves every observation o alone, an equivariant policy has pi(o) =
    pi(g.o) = g.pi(o): it cannot prefer one of the actions that g exchanges.
    """
    if problem.spec.symmetry.constraint_name == "none" or problem.action.is_trivial:
        return
    for word in _words(problem.group):
        if _still(problem.action, word) or not all(
            _unmoved(field, word) for field in problem.observation.values()
        ):
            continue
        message = (
            f"{word} moves the actions and nothing that is observed: the policy would "
            "choose among them blindly"
        )
        hint = f"say in states: how {word} moves the observation; or write actions: trivial"
        findings.add("blind-policy", ("symmetry", "actions"), message, hint)
        return


def indices_are_told_apart(problem: Problem, findings: Findings) -> None:
    """one-orbit, blind-policy: where only indices are observed, the stabiliser of each says what
    can be done there.

    Values of one orbit are all alike to an invariant. And what leaves a value x alone must leave
    pi(x) alone: where that is so of every x for what a generator does to the actions, the policy
    cannot follow it.
    """
    indices = all(term.layout == "discrete" for term in problem.interface.terms)
    if not indices or problem.spec.symmetry.constraint_name == "none":
        return
    seen = _combinations(problem)
    if seen is None:
        return
    if vector(seen).entry_orbits.max() == 0:
        message = (
            f"every value that is observed is taken to every other by {problem.group}: all "
            "are alike"
        )
        hint = "use a smaller group, or say in states: how it really moves the observation"
        findings.add("one-orbit", ("symmetry", "states"), message, hint)
        return
    reach = linear(problem.action, *everything(vector(seen)))
    for g in problem.group.generators:
        if not _still(problem.action, g) and not moved(reach, g) and not _still(seen, g):
            message = (
                "every value that is observed is left alone by an element that exchanges "
                f"actions as {g} does"
            )
            hint = "write actions: trivial, or use a group that moves the values apart"
            findings.add("blind-policy", ("symmetry", "actions"), message, hint)
            return


def _combinations(problem: Problem) -> Representation | None:
    """How the group permutes the combinations of all indices; None where they are too many to look
    at.
    """
    fields = [field.as_representation for field in problem.observation.values()]
    count = math.prod(field.size for field in fields)
    if count > MAX_COMBINATIONS:
        return None
    moves = []
    for generator in problem.group.generators:
        targets = np.zeros(1, dtype=np.int64)
        for field in fields:
            targets = (
                targets[:, None] * field.size + field.signed_permutation(generator)[0]
            ).reshape(-1)
        moves.append(targets + 1)
    return Representation(problem.group, "combinations", count, tuple(moves))


def _words(group: Group) -> tuple[str, ...]:
    """All elements of a small group, shortest words first; the generators of a larger one."""
    small = group.known_order is None or group.known_order <= MAX_LISTED
    return tuple(word for word in group.elements if word) if small else group.generators


def _unmoved(field: FieldType, word: str) -> bool:
    return field.base.is_still(word) and _still(field.fibre, word)


def _still(representation: Representation, word: str) -> bool:
    return representation.is_trivial or np.allclose(
        representation.matrix(word), np.eye(representation.size)
    )


def generators_are_automorphisms(problem: Problem, findings: Findings) -> None:
    """not-an-automorphism: every generator must take edges to edges, with their labels."""
    graph = problem.graph
    broken = graph.broken_automorphism() if graph else None
    if graph and broken:
        generator, (i, j) = broken
        places = graph.base.permutation(generator)
        message = (
            f"{generator} is no automorphism of the graph: it takes the edge {i}-{j} to "
            f"{places[i]}-{places[j]}, "
            "which is no edge with the same label"
        )
        hint = "add the missing edges, or use a group that keeps this graph"
        if graph.topology == "path":
            hint = (
                "a path has two ends, which a turn does not keep: write topology: cycle, or "
                "use a group that does"
            )
        findings.add("not-an-automorphism", ("graph", "topology"), message, hint)


def action_keeps_its_bounds(problem: Problem, findings: Findings) -> None:
    """action-bounds: the group must take the box of possible actions to itself, or clipping breaks
    the symmetry.

    A condition with `transform:` plays moved actions, whatever is claimed of the network.
    """
    action = problem.interface.action
    claimed = problem.spec.symmetry.constraint_name != "none"
    played = any("transform" in changes for changes in problem.spec.evaluate.values())
    if action.kind != "continuous" or not len(action.low) or not (claimed or played):
        return
    if claimed and problem.critic == "q" and not problem.action.is_signed_permutation:
        return  # squashed_actions_commute says more
    low = np.array(action.low)
    high = np.array(action.high)
    for generator in problem.group.generators:
        k = _leaves_box(problem.action.matrix(generator), low, high)
        if k is None:
            continue
        message = (
            f"{generator} does not keep the bounds of the action: {action.names[k]} lies between "
            f"{low[k]:g} and "
            f"{high[k]:g}, and its image does not"
        )
        hint = (
            "exchange only components with the same bounds, and give a sign only to symmetric "
            "bounds; Gymnasium's "
            "wrapper RescaleAction can make them so"
        )
        if _mixes(problem.action.matrix(generator)):
            hint = f"{_unmixed(problem.group)}; or an action space without bounds"
        path: Place = ("symmetry", "actions", generator)
        findings.add("action-bounds", path, message, hint)
        return


def _mixes(image: np.ndarray) -> bool:
    """Whether a component becomes a sum of several."""
    return bool((np.abs(image) > 1e-9).sum(1).max(initial=0) > 1)


def _unmixed(group: Group) -> str:
    """The hint for a group that turns the components of the action into each other."""
    found = re.fullmatch(r"(C|D|SO|O)([0-9]+)", group.name)
    if found is None:
        return "use a group that permutes the components up to sign"
    turns = int(found[2]) if found[1] in "CD" else 4
    letter = "C" if found[1] in ("C", "SO") else "D"
    kept = next(f"{letter}{n}" for n in (4, 2, 1) if turns % n == 0)
    return f"use a group that permutes the components up to sign ({kept} in place of {group})"


def _leaves_box(image: np.ndarray, low: np.ndarray, high: np.ndarray) -> int | None:
    """The first component that an orthogonal matrix takes out of the box, whose bounds may be
    infinite on one side.
    """
    for k, row in enumerate(image):
        sources = np.flatnonzero(np.abs(row) > 1e-9)
        if len(sources) > 1:  # where coordinates are mixed no box is kept but the whole space
            bounded = np.isfinite(low) | np.isfinite(high)
            if bounded[k] or bounded[sources].any():
                return int(k if bounded[k] else sources[bounded[sources]][0])
            continue
        (source,) = sources
        bounds = (low[source], high[source]) if row[source] > 0 else (-high[source], -low[source])
        if not np.allclose(bounds, (low[k], high[k]), atol=1e-6):
            return k
    return None


def plane_is_carried(problem: Problem, findings: Findings) -> None:
    """plane-family: a picture that is turned by interpolation needs a family that can, or one that
    no group binds.
    """
    planes = [name for name, field in problem.observation.items() if field.base.kind == "plane"]
    if planes and not _carries_planes(problem):
        family = problem.spec.network.family
        message = (
            f"{family} moves pixels to pixels, and {problem.group} turns "
            f"{described(planes[0])} between them"
        )
        hint = (
            "use family: steerable_conv; or C4 or D4, which take pixels to pixels, and states: grid"
        )
        findings.add("plane-family", ("network", "family"), message, hint)


def _carries_planes(problem: Problem) -> bool:
    unbound = problem.family.CONSTRAINTS == ("none",)
    return unbound or getattr(problem.family, "CARRIES_PLANES", False)


def judged_actions_are_real(problem: Problem, findings: Findings) -> None:
    """action-kind: an algorithm whose critics judge actions needs an action of real numbers."""
    if problem.critic == "q" and problem.interface.action.kind != "continuous":
        kind = problem.interface.action.kind.replace("_", "-")
        message = f"{problem.algorithm} needs a continuous action, and this environment's is {kind}"
        path: Place = ("train", "algorithm")
        findings.add(
            "action-kind", path, message, "write algorithm: ppo, or choose a continuous environment"
        )


def squashed_actions_are_bounded(problem: Problem, findings: Findings) -> None:
    """unbounded-action: a squashed policy acts inside a box, so every component needs bounds."""
    action = problem.interface.action
    if problem.critic != "q" or action.kind != "continuous":
        return
    finite = np.isfinite(action.low) & np.isfinite(action.high)
    if not finite.all():
        name = action.names[int(np.flatnonzero(~finite)[0])]
        message = f"{problem.algorithm} acts inside the bounds of the action, and {name} has none"
        hint = "write algorithm: ppo, or give the environment's action space finite bounds"
        findings.add("unbounded-action", ("train", "algorithm"), message, hint)


def squashed_actions_commute(problem: Problem, findings: Findings) -> None:
    """squashed-action: tanh of every component commutes with signed permutations of the components
    and nothing else.
    """
    if problem.critic != "q" or problem.interface.action.kind != "continuous":
        return
    if problem.action.is_signed_permutation or problem.spec.symmetry.constraint_name == "none":
        return
    mixing = (g for g in problem.group.generators if _mixes(problem.action.matrix(g)))
    message = (
        f"{problem.algorithm} squashes the action into its bounds, component by component, and "
        f"{next(mixing, 'a generator')} mixes components: the policy would not be equivariant"
    )
    hint = f"{_unmixed(problem.group)}; or algorithm: ppo, and an action space without bounds"
    findings.add("squashed-action", ("symmetry", "actions"), message, hint)


def no_term_is_called_action(problem: Problem, findings: Findings) -> None:
    """term-name: critics that judge actions read them under this name."""
    if problem.critic == "q" and ACTION in problem.observation:
        message = (
            f"an observation is called {ACTION}, which is what the critics of "
            f"{problem.algorithm} call what they judge"
        )
        hint = "give the observation another key, with a wrapper around the environment"
        findings.add("term-name", ("environment",), message, hint, key=True)


def family_agrees(problem: Problem, findings: Findings) -> None:
    """What the family itself has to say about its options: its own codes."""
    if any(
        field.base.kind == "plane" for field in problem.observation.values()
    ) and not _carries_planes(problem):
        return  # it has been told already
    blind = any(each.code == "blind-policy" for each in findings.diagnostics)
    for code, path, message, hint in problem.family.check(problem):
        if blind and code == "no-power":
            continue  # no fibre would help
        findings.add(code, tuple(path), message, hint)


def conditions_are_possible(problem: Problem, findings: Findings) -> None:
    """Every held-out condition must be one that the environment and the group can produce."""
    for name in problem.spec.evaluate:
        check_condition(name, problem, findings)


RULES: tuple[Rule, ...] = (
    constraint_is_offered,
    invariant_policy_fixes_actions,
    actions_move_with_what_is_seen,
    indices_are_told_apart,
    generators_are_automorphisms,
    action_keeps_its_bounds,
    plane_is_carried,
    judged_actions_are_real,
    squashed_actions_are_bounded,
    squashed_actions_commute,
    no_term_is_called_action,
    family_agrees,
    conditions_are_possible,
)
