"""What a network is measured on, and how the group moves that."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from symgen.algebra import plane as planes
from symgen.algebra.fieldtype import FieldType
from symgen.algebra.group import Group
from symgen.algebra.pixels import Plane
from symgen.algebra.representation import Representation
from symgen.problem.group_action import act_on_term
from symgen.problem.interface import Interface, Term
from symgen.problem.problem import Problem

__all__ = ["Array", "Setting", "Terms", "drawn"]

Array: TypeAlias = NDArray[np.float64]
Terms: TypeAlias = Mapping[str, NDArray[np.generic]]
"""A batch of every observation term: float64, or indices."""


@dataclass(frozen=True)
class Setting:
    """What a network observes and does, and how the group moves both.

    Args:
        interface: the environment's terms and action.
        observation: field type of every term.
        action: how the group moves the policy's parameters.
    """

    interface: Interface
    observation: Mapping[str, FieldType]
    action: Representation

    @classmethod
    def of(cls, problem: Problem) -> "Setting":
        """That of a problem."""
        return cls(problem.interface, problem.observation, problem.action)

    def moved(self, element: str, terms: Terms) -> Terms:
        """g.o for a batch of every term."""
        return {
            term.name: act_on_term(term, self.observation[term.name], element, terms[term.name])
            for term in self.interface.terms
        }

    def drawn(self, batch: int, *seed: int) -> Terms:
        """Normally distributed observations, see `drawn`."""
        return {
            term.name: drawn(
                term, self.observation[term.name], batch, np.random.default_rng([*seed, k])
            )
            for k, term in enumerate(self.interface.terms)
        }

    @property
    def elements(self) -> dict[str, bool]:
        """The words of the group that are measured, and whether each moves observations exactly."""
        return {
            word: all(field.base.is_exact(word) for field in self.observation.values())
            for word in elements(self.action.group, self.observation)
        }


def elements(group: Group, observation: Mapping[str, FieldType]) -> tuple[str, ...]:
    """The generators; on a plane also a rotation by another angle (near 0.38 of a full one), and
    one that takes pixels to pixels.

    >>> from symgen.algebra.catalogue import group
    >>> from symgen.algebra.fieldtype import parse
    >>> elements(group("D8"), {"": parse(group("D8"), "plane 5x5: trivial")})
    ('r', 's', 'r^3', 'r^2')
    """
    bases = (field.base for field in observation.values())
    base = next((base for base in bases if isinstance(base, Plane)), None)
    if base is None or "r" not in group.generators:
        return group.generators
    order = group.letter_order("r")
    words = list(group.generators)
    between = [k for k in range(2, order) if not base.is_exact(f"r^{k}")]
    if between:
        words.append(f"r^{min(between, key=lambda k: abs(k / order - 0.38))}")
    words += [f"r^{k}" for k in range(2, order // 2 + 1) if base.is_exact(f"r^{k}")][:1]
    return tuple(words)


def drawn(
    term: Term, field: FieldType, batch: int, rng: np.random.Generator
) -> NDArray[np.generic]:
    """Observations that use every entry; float64, so that nothing is rounded away (discrete terms
    stay indices).
    """
    if term.layout == "discrete":
        return _indices(field, batch, rng)
    if isinstance(field.base, Plane):
        return planes.smooth(term.shape, batch, rng) * term.scale
    return rng.standard_normal((batch, *term.shape)) * term.scale


def _indices(field: FieldType, batch: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Values of a discrete term: one of every orbit first, for on an orbit an invariant is
    constant.
    """
    values = rng.permutation(field.size)
    orbits = field.entry_orbits.reshape(-1)[values]
    earlier = [int((orbits[:k] == orbit).sum()) for k, orbit in enumerate(orbits)]
    return np.resize(values[np.argsort(earlier, kind="stable")], batch)
