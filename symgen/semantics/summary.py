"""What was understood of a spec, for `symgen check`: as JSON values, and as tables of what moves
where.
"""

import numpy as np
from pydantic import JsonValue

from symgen.algebra.representation import Representation
from symgen.problem.interface import Action
from symgen.problem.problem import Problem

SHOWN = 24  # entries of a permutation that are written out


def values(problem: Problem) -> dict[str, JsonValue]:
    """The problem in JSON's types."""
    symmetry = problem.spec.symmetry
    group = problem.group
    train = problem.spec.train
    return {
        "environment": problem.spec.environment.adapter,
        "group": {
            "name": group.name,
            "order": group.order,
            "generators": list(group.generators),
            "relations": list(group.relations),
        },
        "observation": {name: str(field) for name, field in problem.observation.items()},
        "actions": {
            "representation": str(problem.action),
            "names": list(problem.interface.action.names),
        },
        "constraint": symmetry.constraint_name,
        "output": symmetry.output,
        "graph": None if problem.graph is None else str(problem.graph),
        "network": problem.spec.network.family,
        "train": None if train is None else {"algorithm": train.algorithm, "steps": train.steps},
        "seeds": [] if train is None else list(train.seeds),
        "evaluate": list(problem.spec.evaluate),
    }


def moves(problem: Problem) -> str:
    """What each generator does to every observation term and to the actions, a line each.

    Entries have the numbers that an index list of the spec gives them, which the last line says.
    """
    names = parameter_names(problem.interface.action)
    lines = []
    first = {term: _first(problem, term) for term in problem.observation}
    for generator in problem.group.generators:
        lines.append(f"{generator}:")
        for term, field in problem.observation.items():
            if not field.base.is_exact(generator):
                lines.append(f"  {term} places    between pixels, with interpolation")
            elif field.base.size > 1:
                places = [_place(where, first[term]) for where in field.base.coordinates.tolist()]
                lines.append(
                    f"  {term} places    {_permuted(field.base.permutation(generator), places)}"
                )
            channels = [str(index + first[term]) for index in range(field.fibre.size)]
            lines.append(f"  {term} channels  {_linear(field.fibre, generator, channels)}")
        lines.append(f"  actions  {_linear(problem.action, generator, names)}")
    if not lines:
        return "the group has no generators: nothing moves"
    return "\n".join([*lines, _numbering(problem, first)])


def _first(problem: Problem, term: str) -> int:
    """What the spec calls the first entry of a term: 0 where a list of it says so, or for an index;
    else 1.
    """
    states = problem.spec.symmetry.states
    written = states.get(term) if isinstance(states, dict) else states
    if isinstance(written, dict):
        lists = [move for move in written.values() if isinstance(move, tuple)]
        return 0 if any(0 in entries for entries in lists) else 1
    return 0 if problem.interface.term(term).layout == "discrete" else 1


def _place(where: list[int], first: int) -> str:
    """A place of tokens by its number, a cell by (row, column) from 0."""
    return str(where[0] + first) if len(where) == 1 else str(tuple(where)).replace(" ", "")


def _numbering(problem: Problem, first: dict[str, int]) -> str:
    counted = "; ".join(f"{term} counts from {number}" for term, number in first.items())
    cells = any(len(field.base.shape) == 2 for field in problem.observation.values())
    return f"{counted}, as in the spec" + (", cells are (row, column) from 0" if cells else "")


def parameter_names(action: Action) -> list[str]:
    """A name for each entry of the policy's parameter vector: a choice, or a component and its
    choice.
    """
    if action.kind != "multi_discrete":
        return list(action.names)
    sizes = zip(action.names, action.sizes, strict=True)
    return [f"{name}={choice}" for name, size in sizes for choice in range(size)]


def _linear(representation: Representation, generator: str, names: list[str]) -> str:
    """Where a generator takes each basis vector: "up -> left, left -> down", "x -> -x", or a
    matrix.
    """
    image = representation.matrix(generator)
    targets = np.abs(image).argmax(0)
    signs = np.sign(image).sum(0).astype(int)
    permuted = np.zeros_like(image)
    permuted[targets, np.arange(len(image))] = signs
    if np.array_equal(permuted, image):
        return _permuted(targets, names, signs)
    return "matrix " + np.array2string(
        image, precision=3, suppress_small=True, threshold=40
    ).replace("\n", "\n    ")


def _permuted(targets: np.ndarray, names: list[str], signs: np.ndarray | None = None) -> str:
    """The entries that move, as arrows."""
    minus = ["" if signs is None or signs[index] > 0 else "-" for index in range(len(targets))]
    arrows = [
        f"{names[index]} -> {minus[index]}{names[target]}"
        for index, target in enumerate(targets.tolist())
        if target != index or minus[index]
    ]
    if not arrows:
        return "stay"
    more = f", ... {len(arrows) - SHOWN} more" if len(arrows) > SHOWN else ""
    return ", ".join(arrows[:SHOWN]) + more
