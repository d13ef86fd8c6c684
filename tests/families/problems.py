"""Problems from worlds and variants, as resolving a spec would give them, and random observations
of them.
"""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from symgen import lookup
from symgen.algebra import base as bases
from symgen.algebra import fieldtype
from symgen.algebra import graph as graphs
from symgen.algebra import representation as representations
from symgen.algebra.base import Base
from symgen.algebra.fieldtype import FieldType
from symgen.problem.fault import Fault, Refused
from symgen.problem.interface import Action, Interface, Term
from symgen.problem.problem import Problem
from symgen.spec.schema import Spec, parse
from symgen.spec.source import Source, read
from tests.families.examples import VARIANTS, WORLDS, World

LAYOUT: Any = {
    "grid": "image",
    "plane": "image",
    "tokens": "tokens",
    "graph": "tokens",
    "point": "vector",
}


@lru_cache(maxsize=16)
def _written(constraint: str, oriented: bool) -> tuple[Spec, Source]:
    """A spec with this constraint and orientation; its environment is never asked."""
    source = read(
        {
            "symgen": 1,
            "environment": {"adapter": "gridworld"},
            "symmetry": {"group": "C1", "constraint": json.loads(constraint)},
            "network": {"family": "mlp"},
            "graph": {"orientation": "triangles" if oriented else "none"},
        }
    )
    return parse(source), source


def problem(
    world: World | str,
    family: str,
    options: Mapping[str, Any] | None = None,
    constraint: Any = "exact",
    graph: tuple[str, str] | None = None,
    oriented: bool = False,
    algorithm: str = "ppo",
    train: Mapping[str, Any] | None = None,
) -> Problem:
    """The Problem of a world and a family, as resolving a spec would give it.

    Raises:
        ValueError: the family refuses it.
    """
    world = WORLDS[world] if isinstance(world, str) else world
    module = lookup.module("family", family)
    special = {name: _special(text) for name, text in world.terms.items()}
    fields = {
        n: fieldtype.parse(world.acting, t.removeprefix(f"{special[n]} "))
        for n, t in world.terms.items()
    }
    terms = tuple(_term(name, fields[name], special[name]) for name in fields)
    action = representations.parse(world.acting, world.action)
    spec, source = _written(json.dumps(constraint), oriented)
    acted = _action(world, action.size)
    declared = lookup.declaration("algorithm", algorithm)
    name = spec.symmetry.constraint_name
    binding = lookup.declaration("constraint", name)
    written = spec.symmetry.constraint
    settings = {} if isinstance(written, str) else written[name]
    given = _options(module.Options, world, dict(options or {}))
    interface = Interface(terms, acted, single=list(fields) == ["observation"])
    result = Problem(
        spec=spec,
        source=source,
        group=world.acting,
        interface=interface,
        observation=fields,
        action=action,
        graph=_graph(world, fields, given, graph or world.graph) if module.USES_GRAPH else None,
        family=module,
        family_options=given,
        constraint=binding,
        constraint_options=binding.Options.model_validate(settings),
        adapter=lookup.module("adapter", "gridworld"),
        adapter_options=lookup.options("adapter", "gridworld")(),
        algorithm=None,
        algorithm_options=None,
        outputs=declared.outputs(interface, declared.Options(**(train or {}))),
        clip_observations=10.0,
    )
    faults = faults_of(result)
    if faults:
        raise ValueError(f"{family} refuses {world.group}: {faults}")
    return result


def faults_of(problem: Problem) -> list[Fault]:
    """What the family and the constraint have to say."""
    try:
        faults = problem.family.check(problem.design)
    except Refused as refused:
        return list(refused.faults)
    return faults or problem.constraint.check(problem, problem.constraint_options)


def example(family: str, variant: str, world: str, algorithm: str = "ppo") -> Problem:
    """The Problem of one case."""
    row = VARIANTS[family][variant]
    return problem(world, family, row.options, row.constraint, row.graph, row.oriented, algorithm)


def _special(text: str) -> str:
    word = text.split(" ", 1)[0]
    return word if word in ("discrete", "bytes") else ""


def _term(name: str, field: FieldType, special: str) -> Term:
    channels, layout = field.fibre.size, LAYOUT[field.base.kind]
    if special == "discrete":
        return Term(name, (), "int64", "discrete", channels)
    # tokens of one number each come without a channel axis
    shape = (
        field.base.shape if layout == "tokens" and channels == 1 else (*field.base.shape, channels)
    )
    return Term(
        name, shape, "uint8" if special else "float32", layout, scale=255.0 if special else 1.0
    )


def _action(world: World, size: int) -> Action:
    if isinstance(world.kind, tuple):
        return Action(
            "multi_discrete", tuple(f"component_{k}" for k in range(len(world.kind))), world.kind
        )
    return Action(world.kind, tuple(f"action_{k}" for k in range(size)), (size,))


def _options(model: Any, world: World, options: dict[str, Any]) -> Any:
    fields = model.model_fields
    if "hidden" in fields:
        options.setdefault("hidden", world.hidden)
    if "heads" in fields and "width" in fields:
        # four copies of the fibre: LayerNorm leaves little of one or two that are the same on a
        # whole orbit
        options.setdefault("heads", 4)
        options.setdefault("width", world.width or 4 * world.acting.order)
    # as a spec is read: strict JSON takes a list for a tuple
    return model.model_validate_json(json.dumps(options))


def _graph(
    world: World, fields: Mapping[str, FieldType], options: Any, chosen: tuple[str, str]
) -> graphs.Graph | None:
    spatial = [field.base for field in fields.values() if field.base.kind != "point"]
    if not spatial:
        return None
    base, (topology, labels) = _patches(spatial[0], getattr(options, "patch", 1)), chosen
    return graphs.build(
        base, topology, labels or ("offset" if base.kind == "grid" else "absolute"), world.edges
    )


def _patches(base: Base, patch: int) -> Base:
    return (
        base
        if patch == 1 or base.kind != "grid"
        else bases.resize(base, *(side // patch for side in base.shape))
    )


def observations(interface: Interface, batch: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Random observations as the space gives them; reals in float64, so that nothing is rounded
    away.
    """
    random = np.random.default_rng(seed)
    result = {}
    for term in interface.terms:
        if term.layout == "discrete":
            result[term.name] = random.integers(0, term.size, batch)
        elif term.dtype == "uint8":
            result[term.name] = random.integers(0, 256, (batch, *term.shape), dtype=np.uint8)
        else:
            result[term.name] = random.standard_normal((batch, *term.shape))
    return result
