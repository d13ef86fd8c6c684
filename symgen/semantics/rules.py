"""What must hold of a Problem, one function per rule. Resolving has made sure that every name means
something.

A rule notes what is wrong in Findings; `RULES` lists all of them, and `check` runs those that the
problem can break. Those about the bounds of actions stand in `action_rules`.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from symgen import lookup
from symgen.algebra.fieldtype import vector
from symgen.algebra.reach import everything, linear, moved
from symgen.algebra.representation import Representation
from symgen.errors import Refusal, SpecError
from symgen.problem.algorithm import AlgorithmOptions, Declaration
from symgen.problem.fault import Refused
from symgen.problem.output import reads_action
from symgen.problem.problem import Problem
from symgen.semantics.ablate import study_is_possible
from symgen.semantics.action_rules import OF_ACTION_VALUES, OF_CONTINUOUS_ACTIONS
from symgen.semantics.evaluate import conditions_are_possible
from symgen.semantics.moves import described
from symgen.semantics.sensors import training_sensors_are_possible
from symgen.spec.findings import Findings

# Largest group of which every element is looked at.
MAX_LISTED = 64
# Most combinations of observed indices of which the orbits are looked at.
MAX_COMBINATIONS = 4096

Rule = Callable[[Problem, Findings], None]


def check(problem: Problem) -> Problem:
    """The problem itself, where every rule holds.

    Raises:
        SpecError: with everything that is wrong.
    """
    findings = Findings(problem.source)
    terms = problem.frame.interface.terms
    rules = list(OF_EVERY_SPEC)
    if all(term.layout == "discrete" for term in terms):
        rules += OF_INDICES
    if any(field.base.kind == "plane" for field in problem.observation.values()):
        rules += OF_PLANES
    if problem.graph is not None:
        rules += OF_GRAPHS
    if problem.interface.action.kind == "continuous":
        rules += OF_CONTINUOUS_ACTIONS
    if reads_action(problem.outputs):
        rules += OF_ACTION_VALUES
    if problem.spec.train and problem.spec.train.sensors is not None:
        rules += OF_TRAINING_SENSORS
    if problem.spec.evaluate:
        rules += OF_CONDITIONS
    if problem.spec.ablate is not None:
        rules += OF_STUDIES
    rules.append(family_agrees)  # what it says may follow from what was said before
    keyword = problem.algorithm
    if keyword and not lookup.declaration("algorithm", keyword).TRAINS_MEMORY:
        rules += OF_SINGLE_TRANSITIONS
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
    """unavailable-constraint: some constraints want a family whose weights the group binds, or one
    that it leaves free.
    """
    own = "bound" if problem.family.BINDS else "free"
    if problem.constraint.FITS in (own, "any"):
        return
    chosen = problem.spec.symmetry.constraint_name
    message = f"the family {problem.spec.network.family} does not offer the constraint {chosen}"
    keywords = lookup.keywords("constraint")
    offered = [name for name in keywords if own == lookup.declaration("constraint", name).FITS]
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
    pi(g.o) = g.pi(o): it cannot prefer one of the actions that g exchanges. What was done last
    moves with the actions and helps nobody to choose: it is nothing where an episode begins.
    """
    if not problem.constraint.USES_GROUP or problem.action.is_trivial:
        return
    group = problem.group
    small = group.known_order is None or group.known_order <= MAX_LISTED
    for word in group.elements if small else group.generators:
        if problem.action.is_still(word) or not all(
            field.base.is_still(word) and field.fibre.is_still(word)
            for field in problem.frame.observation.values()
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
    if not problem.constraint.USES_GROUP:
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
        if not (problem.action.is_still(g) or moved(reach, g) or seen.is_still(g)):
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
    fields = [field.as_representation for field in problem.frame.observation.values()]
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


def generators_are_automorphisms(problem: Problem, findings: Findings) -> None:
    """not-an-automorphism: every generator must take edges to edges, with their labels."""
    graph = problem.graph
    broken = graph.broken_automorphism() if graph else None
    if graph and broken:
        generator, (i, j) = broken
        places = graph.base.permutation(generator)
        message = (
            f"{generator} is no automorphism of the graph: it takes the edge {i}-{j} to "
            f"{places[i]}-{places[j]}, which is no edge with the same label"
        )
        hint = "add the missing edges, or use a group that keeps this graph"
        if graph.topology == "path":
            hint = (
                "a path has two ends, which a turn does not keep: write topology: cycle, or "
                "use a group that does"
            )
        findings.add("not-an-automorphism", ("graph", "topology"), message, hint)


def plane_is_carried(problem: Problem, findings: Findings) -> None:
    """plane-family: a picture that is turned by interpolation needs a family that can, or one that
    no group binds.
    """
    if problem.family.CARRIES_PLANES:
        return
    name = next(name for name, field in problem.observation.items() if field.base.kind == "plane")
    message = (
        f"{problem.spec.network.family} moves pixels to pixels, and {problem.group} turns "
        f"{described(name)} between them"
    )
    hint = "use family: steerable_conv; or C4 or D4, which take pixels to pixels, and states: grid"
    findings.add("plane-family", ("network", "family"), message, hint)


def family_agrees(problem: Problem, findings: Findings) -> None:
    """What the family itself has to say about its options, and then the constraint: their own
    codes.
    """
    said = {mistake.code for mistake in findings.diagnostics}
    if "plane-family" in said:
        return
    try:
        faults = problem.family.check(problem.design)
        if not faults and "unavailable-constraint" not in said:
            faults = problem.constraint.check(problem, problem.constraint_options)
    except Refused as refused:
        faults = list(refused.faults)
    for code, path, message, hint in faults:
        if code == "no-power" and "blind-policy" in said:
            continue  # no fibre would help
        findings.add(code, tuple(path), message, hint)


def algorithm_agrees(problem: Problem, findings: Findings) -> None:
    """What the algorithm itself has to say about the problem: its own codes."""
    if problem.algorithm is None:
        return
    declared: Declaration[AlgorithmOptions] = lookup.declaration("algorithm", problem.algorithm)
    for code, path, message, hint in declared.check(problem):
        findings.add(code, tuple(path), message, hint)


def memory_is_trained(problem: Problem, findings: Findings) -> None:
    """untrained-memory: an algorithm that trains on single transitions trains no memory.

    Looked at once nothing else is wrong, for it takes the steps of the network.
    """
    if findings.diagnostics:
        return
    steps = problem.family.plan(problem.design)
    remembering = [step.name for step in steps if step.operation.state is not None]
    if remembering:
        message = (
            f"{problem.algorithm} trains on single transitions, and {remembering[0]} remembers "
            "earlier ones"
        )
        hint = "write algorithm: ppo, or use a network without memory"
        findings.add("untrained-memory", ("train", "algorithm"), message, hint)


OF_EVERY_SPEC: tuple[Rule, ...] = (
    constraint_is_offered,
    invariant_policy_fixes_actions,
    actions_move_with_what_is_seen,
    algorithm_agrees,
)
OF_INDICES = (indices_are_told_apart,)
OF_PLANES = (plane_is_carried,)
OF_GRAPHS = (generators_are_automorphisms,)
OF_TRAINING_SENSORS = (training_sensors_are_possible,)
OF_CONDITIONS = (conditions_are_possible,)
OF_STUDIES = (study_is_possible,)
OF_SINGLE_TRANSITIONS = (memory_is_trained,)
RULES: tuple[Rule, ...] = (
    *OF_EVERY_SPEC,
    *OF_INDICES,
    *OF_PLANES,
    *OF_GRAPHS,
    *OF_CONTINUOUS_ACTIONS,
    *OF_ACTION_VALUES,
    *OF_TRAINING_SENSORS,
    *OF_CONDITIONS,
    *OF_STUDIES,
    family_agrees,
    *OF_SINGLE_TRANSITIONS,
)
"""All rules. A spec is checked by those of what it has: an index, a plane, a graph, ..."""
