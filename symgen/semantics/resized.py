"""A problem with another number of tokens: what a network that shares its weights over tokens plays
when some are missing, or have companions.

Nothing is said of families by name: whether the weights of one depend on the number of tokens is
seen by planning both networks.
"""

from dataclasses import replace

from symgen.algebra import base as bases
from symgen.algebra import catalogue
from symgen.algebra.fieldtype import FieldType
from symgen.algebra.graph import Graph
from symgen.errors import Refusal
from symgen.problem.fault import Refused
from symgen.problem.interface import Term
from symgen.problem.output import lasting
from symgen.problem.problem import Problem
from symgen.semantics.field_types import named, trivial_channels
from symgen.semantics.graph import WITHOUT_PLACES, resolve_graph
from symgen.semantics.moves import described
from symgen.spec.findings import Failed, Findings

SHARED = "use a family whose weights are shared over tokens, or leave their number as it is"


def token_terms(problem: Problem) -> tuple[str, ...]:
    """The observation terms made of tokens that the group moves alike, or, where it moves none, all
    of one number of tokens; () where there are no tokens.
    """
    fields = {
        name: field.base for name, field in problem.observation.items()
        if field.base.kind in ("tokens", "graph") and field.base.size > 1
    }  # fmt: skip
    generators = problem.group.generators
    moved = [base for base in fields.values() if not all(map(base.is_still, generators))]
    first = next(iter(moved or fields.values()), None)
    return tuple(name for name, base in fields.items() if base == first)


def resized(problem: Problem, tokens: int) -> Problem:
    """The same problem with so many tokens, in any order, and without the outputs that are for
    training only: those need not share their weights over tokens.

    Args:
        problem: under S<n>, which permutes its n tokens and moves nothing else.
        tokens: how many there are to be.

    Raises:
        Refusal: the group is another one, moves more than tokens, or the weights of the network
            depend on the number of tokens.

    >>> from symgen.compiler import check_spec
    >>> problem = check_spec({
    ...     "symgen": 1,
    ...     "environment": {"adapter": "gymnasium_env", "id": "Pendulum-v1"},
    ...     "symmetry": {"group": "S3", "states": {"observation": "tokens"}, "actions": "trivial"},
    ...     "network": {"family": "group_mlp", "hidden": "16 trivial"},
    ... })
    >>> str(resized(problem, 7).observation["observation"])
    'tokens 7: trivial'
    """
    terms = token_terms(problem)
    _check(problem, terms)
    group = catalogue.group(f"S{tokens}")
    before = problem.observation[terms[0]].base.size
    shapes = [
        _with_tokens(term, before, tokens) if term.name in terms else term
        for term in problem.interface.terms
    ]
    observation = {
        term.name: FieldType(
            bases.tokens(group, tokens),
            trivial_channels(problem.observation[term.name].fibre.size, group),
        )
        if term.name in terms
        else named("trivial", term, group)
        for term in shapes
    }
    acting = replace(problem, outputs=lasting(problem.outputs))
    changed = replace(
        acting,
        group=group,
        interface=replace(problem.interface, terms=tuple(shapes)),
        observation=observation,
        action=trivial_channels(problem.action.size, group),
        graph=_graph(problem, observation),
        one_frame=None,
    )
    if _weights(changed) != _weights(acting):
        message = (
            f"the weights of the family {problem.spec.network.family} depend on the number of "
            f"tokens: those of {before} cannot play with {tokens}"
        )
        raise Refusal(message, hint=SHARED)
    return changed


def _check(problem: Problem, terms: tuple[str, ...]) -> None:
    """Raise Refusal where another number of tokens would mean nothing."""
    group = problem.group
    count = problem.observation[terms[0]].base.size
    if group.name != f"S{count}" or problem.observation[terms[0]].base.kind != "tokens":
        message = f"{group} says nothing of another number of tokens than {count}"
        raise Refusal(message, hint=f"use group: S{count}, any order of {count} tokens")
    if not problem.action.is_trivial:
        message = "the actions move with the tokens, and their number stays"
        raise Refusal(message, hint="only shuffle is possible here")
    for name, field in problem.observation.items():
        if name in terms and not field.fibre.is_trivial:
            message = f"{group} moves the channels of {described(name)}"
            raise Refusal(message, hint="write states: tokens, whose channels nothing moves")
        if name not in terms and not field.is_trivial:
            message = f"{group} moves {described(name)}, too"
            raise Refusal(message, hint=f"write {name}: trivial, or leave the number as it is")


def _with_tokens(term: Term, before: int, tokens: int) -> Term:
    """The term with so many tokens; a vector holds them one after the other."""
    return replace(term, shape=(term.shape[0] // before * tokens, *term.shape[1:]))


def _graph(problem: Problem, observation: dict[str, FieldType]) -> Graph | None:
    """The graph that the spec asks for, on the other number of tokens. Raises Refusal."""
    if all(field.base.kind in WITHOUT_PLACES for field in observation.values()):
        return None
    findings = Findings(problem.source)
    try:
        chosen = (problem.family, problem.family_options)
        return resolve_graph(problem.spec, observation, *chosen, findings)[1]
    except Failed:
        mistake = findings.diagnostics[0]
        raise Refusal(mistake.message, hint=mistake.hint) from None


def _weights(problem: Problem) -> list[tuple[str, tuple[str, ...], int]]:
    """Steps, what they read, and how many weights they have. Raises Refusal."""
    try:
        exact = problem.family.plan(problem.design)
        steps = problem.constraint.steps(problem, problem.constraint_options, exact)
    except Refused as refused:
        fault = refused.faults[0]
        raise Refusal(fault.message, hint=fault.hint) from refused
    return [(step.name, step.inputs, step.weights) for step in steps]
