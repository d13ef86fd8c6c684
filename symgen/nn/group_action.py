"""How group elements move batches of tensors, each row by an element of its own: the torch side of
problem/group_action.py.

Tables of all elements are computed once. Law: a row moved by element k is what numpy's functions
make of it with the k-th word, in every world of the tests.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np
import torch
from torch import Tensor

from symgen.algebra.base import Base, Plane
from symgen.algebra.fieldtype import FieldType
from symgen.algebra.representation import Representation
from symgen.nn.device import widest
from symgen.problem.group_action import act_on_action, act_on_term, holds_image
from symgen.problem.interface import Action, Interface, Term
from symgen.problem.output import Output, moved_by

if TYPE_CHECKING:
    from symgen.problem.training import Observations

__all__ = ["GroupAction", "Vectors", "crossed", "rows_of"]

Moving: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""From elements [row] and what they are to move [row, ...] to what is moved."""


class GroupAction:
    """g.o, g.a and g.y for rows of observations, actions and outputs of a network.

    An element is the number of its word. Tables are made for a device when it is first met.

    Args:
        interface: the environment's terms and action.
        observation: field type of every term.
        action: how the group moves the policy's parameters.
        outputs: of the network.
        words: the elements.

    Raises:
        ValueError: a term's dtype cannot hold what the group makes of it.
    """

    def __init__(
        self,
        interface: Interface,
        observation: Mapping[str, FieldType],
        action: Representation,
        outputs: Iterable[Output],
        words: Sequence[str],
    ) -> None:
        for term in interface.terms:
            field = observation[term.name]
            if term.layout != "discrete" and not holds_image(field, np.dtype(term.dtype)):
                raise ValueError(
                    f"{term.name} has dtype {term.dtype}, which cannot hold its image under "
                    f"{field.fibre}"
                )
        self.words = tuple(words)
        self._interface = interface
        self._observation = observation
        self._action = action
        self._outputs = {output.name: moved_by(output, action) for output in outputs}
        self._tables: dict[torch.device, _Tables] = {}

    def on_observations(self, element: Tensor, observations: "Observations") -> "Observations":
        """g.o.

        Args:
            element: [row].
            observations: as the space gives them, [row, ...] or a dict of such.
        """
        terms = self._on(element.device).terms
        if isinstance(observations, dict):
            return {name: terms[name](element, x) for name, x in observations.items()}
        (move,) = terms.values()
        return move(element, observations)

    def on_actions(self, element: Tensor, actions: Tensor) -> Tensor:
        """g.a.

        Args:
            element: [row].
            actions: [row] indices, [row, component] indices, or [row, component] reals in units of
                the environment, which are moved about 0.
        """
        return self._on(element.device).action(element, actions)

    def on_outputs(self, element: Tensor, outputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """g.y.

        Args:
            element: [row].
            outputs: by name, each [row, size].
        """
        tables = self._on(element.device).outputs
        return {name: tables[name](element, x) for name, x in outputs.items()}

    def _on(self, device: torch.device) -> "_Tables":
        if device not in self._tables:
            terms = {
                term.name: _of_term(term, self._observation[term.name], self.words, device)
                for term in self._interface.terms
            }
            action = _of_action(self._interface.action, self._action, self.words, device)
            outputs = {
                name: Vectors(representation, self.words, device)
                for name, representation in self._outputs.items()
            }
            self._tables[device] = _Tables(terms, action, outputs)
        return self._tables[device]


class _Tables(NamedTuple):
    """What moves the rows on one device."""

    terms: dict[str, Moving]
    action: Moving
    outputs: dict[str, "Vectors"]


def crossed(rows: int, elements: Tensor) -> tuple[Tensor, Tensor]:
    """Every one of so many rows with every element: which row, and which element; both [row of the
    result].

    >>> crossed(2, torch.tensor([3, 4]))
    (tensor([0, 1, 0, 1]), tensor([3, 3, 4, 4]))
    """
    index = torch.arange(rows, device=elements.device).repeat(len(elements))
    return index, elements.repeat_interleave(rows)


def rows_of(observations: "Observations", index: Tensor) -> "Observations":
    """Some rows of observations, in this order."""
    if isinstance(observations, dict):
        return {name: x[index] for name, x in observations.items()}
    return observations[index]


class Vectors:
    """rho(g) x for rows of vectors.

    Args:
        representation: rho.
        words: the elements.
        device: where the rows are.
    """

    def __init__(
        self, representation: Representation, words: Sequence[str], device: torch.device
    ) -> None:
        self._index: Tensor | None = None  # where each entry comes from, [element, entry]
        self._sign: Tensor | None = None  # of each entry afterwards, [element, entry]
        self._matrix: Tensor | None = None  # [element, entry, entry]
        if all(representation.is_still(word) for word in words):
            return
        if not representation.is_signed_permutation:
            matrices = np.stack([representation.matrix(word) for word in words])
            # float64 where the device has it, so that no more is rounded than by numpy
            self._matrix = torch.from_numpy(matrices).to(widest(device)).to(device)
            return
        moves = [representation.signed_permutation(word) for word in words]
        sources = np.stack([np.argsort(target) for target, _ in moves])
        signs = np.stack([sign for _, sign in moves])
        self._index = torch.from_numpy(sources).to(device)
        if (signs < 0).any():
            signs = np.take_along_axis(signs, sources, 1)
            self._sign = torch.from_numpy(signs.astype(np.int8)).to(device)

    def __call__(self, element: Tensor, x: Tensor) -> Tensor:
        """Rows [row, ..., entry], moved by the elements [row], in their own dtype."""
        if self._matrix is not None:
            return torch.einsum("rij,r...j->r...i", self._matrix[element].to(x.dtype), x)
        if self._index is not None:
            x = x.gather(-1, _spread(self._index[element], x))
        if self._sign is not None:
            x = x * _spread(self._sign[element], x).to(x.dtype)
        return x


class _Places:
    """The places of features [row, place, channel] moved, their channels left alone.

    Args:
        base: the places.
        words: the elements.
        device: where the rows are.
    """

    def __init__(self, base: Base, words: Sequence[str], device: torch.device) -> None:
        self._source: Tensor | None = None  # where each place comes from, [element, place, part]
        self._weight: Tensor | None = None  # of each part, where there are several
        if all(base.is_still(word) for word in words):
            return
        if isinstance(base, Plane) and not all(base.is_exact(word) for word in words):
            pairs = [_parts(base, word) for word in words]
            weights = np.stack([weight for _, weight in pairs])
            self._source = torch.from_numpy(np.stack([index for index, _ in pairs])).to(device)
            self._weight = torch.from_numpy(weights).to(widest(device)).to(device)
            return
        sources = np.stack([np.argsort(base.permutation(word)) for word in words])
        self._source = torch.from_numpy(sources[:, :, None]).to(device)

    def __call__(self, element: Tensor, x: Tensor) -> Tensor:
        """Features moved by the elements [row]; whole numbers that are interpolated become real."""
        if self._source is None:
            return x
        rows, places, channels = x.shape
        flat = x.reshape(rows * places, channels)
        starts = torch.arange(rows, device=x.device)[:, None] * places
        sources = [
            flat.index_select(0, (source + starts).view(-1)).view(x.shape)
            for source in self._source[element].unbind(-1)
        ]
        if self._weight is None:
            return sources[0]
        dtype = x.dtype if x.is_floating_point() else self._weight.dtype
        weights = self._weight[element].to(dtype).unsqueeze(-1).unbind(2)
        moved = sources[0] * weights[0]
        for source, weight in zip(sources[1:], weights[1:], strict=True):
            moved = moved + source * weight
        return moved


def _parts(base: Plane, word: str) -> tuple[np.ndarray, np.ndarray]:
    """For each pixel the four that it is made of, and their weights; both (pixels, 4)."""
    if not base.is_exact(word):
        return base.interpolation(word)
    source = np.argsort(base.permutation(word))
    first = np.array([1.0, 0.0, 0.0, 0.0])
    return np.repeat(source[:, None], 4, 1), np.tile(first, (base.size, 1))


def _of_term(term: Term, field: FieldType, words: Sequence[str], device: torch.device) -> Moving:
    """g.x for rows of one term, in their own shape and dtype."""
    if term.layout == "discrete":
        values = np.arange(term.size)
        return _looked_up([act_on_term(term, field, word, values) for word in words], device)
    channels = Vectors(field.fibre, words, device)
    places = _Places(field.base, words, device)

    def move(element: Tensor, x: Tensor) -> Tensor:
        feature = x.reshape(len(x), *field.shape)
        moved = places(element, channels(element, feature)).view(x.shape)
        if moved.dtype != x.dtype:  # whole numbers that were interpolated
            moved = moved.round().to(x.dtype)
        return moved

    return move


def _of_action(
    action: Action, representation: Representation, words: Sequence[str], device: torch.device
) -> Moving:
    """g.a for rows of actions."""
    if action.kind == "continuous":
        return Vectors(representation, words, device)
    if action.kind == "multi_discrete":
        return _of_choices(action, representation, words, device)
    choices = np.arange(action.sizes[0])
    moved = [act_on_action(action, representation, word, choices) for word in words]
    return _looked_up(moved, device)


def _looked_up(images: Sequence[np.ndarray], device: torch.device) -> Moving:
    """Indices of which each element takes i to the i-th number of its row of `images`."""
    table = torch.from_numpy(np.stack(images)).to(device)

    def move(element: Tensor, x: Tensor) -> Tensor:
        return table[element, x.long()].to(x.dtype)

    return move


def _of_choices(
    action: Action, representation: Representation, words: Sequence[str], device: torch.device
) -> Moving:
    """Rows of one choice per component: the choice goes to the component that its logit goes to."""
    targets = [representation.signed_permutation(word)[0] for word in words]
    target = torch.from_numpy(np.stack(targets)).to(device)
    sizes = torch.tensor(action.sizes, device=device)
    start = sizes.cumsum(0) - sizes
    component = torch.arange(len(sizes), device=device).repeat_interleave(sizes)

    def move(element: Tensor, x: Tensor) -> Tensor:
        logit = target[element].gather(1, x.long() + start)
        owner = component[logit]
        return torch.zeros_like(x).scatter(1, owner, (logit - start[owner]).to(x.dtype))

    return move


def _spread(table: Tensor, x: Tensor) -> Tensor:
    """A row of a table [row, entry] for every vector of its row of x [row, ..., entry]."""
    between = (1,) * (x.dim() - 2)
    return table.view(len(table), *between, table.shape[1]).expand(x.shape)
