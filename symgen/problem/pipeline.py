"""What becomes of an environment's observations before a network sees them: the keys `patches`,
`frames` and `previous` of `environment:`, which all adapters share. No torch, no Gymnasium.

cut             pictures become patches: one observation, called a frame here
seen            the last frames side by side, and what was done and rewarded: what a network sees
patches_of      a picture's patches as tokens; `picture_of` is its inverse

`symgen/envs/piped.py` does the same to environments.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from pydantic import BaseModel

from symgen.algebra import representation as representations
from symgen.algebra.fieldtype import FieldType, vector
from symgen.algebra.representation import Representation
from symgen.errors import Refusal
from symgen.problem.interface import Interface, Term
from symgen.spec.schema import Environment

Previous = Literal["action", "reward"]

KEYS = ("patches", "frames", "previous")
ACTION = "previous_action"
"""Name of the term that holds what was executed last."""
REWARD = "previous_reward"
"""Name of the term that holds what was rewarded last."""
TERM_OF: dict[Previous, str] = {"action": ACTION, "reward": REWARD}


@dataclass(frozen=True)
class Pipeline:
    """What becomes of observations, in this order.

    Args:
        patches: pixels per side of the squares that pictures are cut into; None for none.
        frames: how many of the last observations are seen side by side.
        previous: what else is seen.
    """

    patches: int | None = None
    frames: int = 1
    previous: tuple[Previous, ...] = ()

    def __str__(self) -> str:
        """As a spec has it; "" where nothing becomes of observations."""
        said = [f"patches: {self.patches}"] if self.patches else []
        said += [f"frames: {self.frames}"] if self.frames > 1 else []
        said += [f"previous: [{', '.join(self.previous)}]"] if self.previous else []
        return ", ".join(said)

    @property
    def terms(self) -> tuple[str, ...]:
        """The terms that it adds, in their order: the action's, then the reward's."""
        return tuple(term for kind, term in TERM_OF.items() if kind in self.previous)


NOTHING = Pipeline()
"""Of environments that are seen as they are."""


def shared_keys(options: type[BaseModel]) -> tuple[str, ...]:
    """The keys that are not the business of an adapter with these Options: those that it has itself
    (dm_control stacks its own pictures, whose states it can set) are its own.
    """
    own = {field.alias or name for name, field in options.model_fields.items()}
    return tuple(key for key in KEYS if key not in own)


def pipeline_of(environment: Environment, options: type[BaseModel]) -> Pipeline:
    """What a spec says, of an adapter with these Options."""
    given = {key: value for key, value in environment if key in shared_keys(options)}
    return Pipeline(**{key: value for key, value in given.items() if value is not None})


def cut(interface: Interface, pipeline: Pipeline) -> Interface:
    """One frame: pictures as tokens, each of them a patch; the other terms as they are.

    Args:
        interface: of the environment itself.
        pipeline: what becomes of its observations.

    Raises:
        Refusal: there is no picture, or the patches do not divide it.
    """
    side = pipeline.patches
    if side is None:
        return interface
    if all(term.layout != "image" for term in interface.terms):
        names = ", ".join(term.name for term in interface.terms)
        raise Refusal(
            f"the environment observes no picture that could be cut into patches, only {names}",
            code="bad-patches",
            hint="leave patches out, or let the environment observe pixels",
        )
    terms = (_cut(term, side) if term.layout == "image" else term for term in interface.terms)
    return replace(interface, terms=tuple(terms))


def _cut(term: Term, side: int) -> Term:
    rows, columns, channels = term.shape
    if rows % side or columns % side:
        both = [k for k in range(2, min(rows, columns) + 1) if rows % k == columns % k == 0]
        sides = ", ".join(map(str, both))
        raise Refusal(
            f"patches of {side}x{side} pixels do not divide {term.name}, which is {rows}x{columns}",
            code="bad-patches",
            hint=f"possible here: {sides}" if both else "use a picture whose sides have a divisor",
        )
    shape = (rows // side * (columns // side), side * side * channels)
    return replace(term, shape=shape, layout="tokens")


def seen(frame: Interface, pipeline: Pipeline) -> Interface:
    """What a network sees.

    Frames stand along the channels, the oldest first: a vector (n,) becomes (frames n,), tokens
    (n, c) become (n, frames c), a picture (h, w, c) becomes (h, w, frames c). An index has no
    channels, and stays the last one.

    Args:
        frame: what `cut` gives.
        pipeline: what becomes of its observations.

    Raises:
        Refusal: the environment has a term of such a name, or nothing but indices to stack.
    """
    terms = tuple(_stacked(term, pipeline.frames) for term in frame.terms)
    if pipeline.frames > 1 and terms == frame.terms:
        raise Refusal(
            "there is nothing to stack: the environment observes nothing but indices",
            hint="leave frames out; a network with memory remembers indices",
        )
    for name in pipeline.terms:
        if any(term.name == name for term in terms):
            raise Refusal(
                f"the environment itself observes {name}",
                hint=f"leave {name.removeprefix('previous_')} out of previous",
            )
    sizes = {ACTION: frame.action.parameters, REWARD: 1}
    added = tuple(Term(name, (sizes[name],)) for name in pipeline.terms)
    return Interface((*terms, *added), frame.action, frame.single and not added)


def _stacked(term: Term, frames: int) -> Term:
    if term.layout == "discrete":
        return term
    return replace(term, shape=(*term.shape[:-1], frames * term.shape[-1]))


def field_seen(term: Term, field: FieldType, frames: int) -> FieldType:
    """How the last frames of a term move, side by side: the fibre once for each.

    Args:
        term: one frame.
        field: how one frame moves.
        frames: how many are seen.

    Raises:
        Refusal: the entries of a vector are places, whose frames would not stand side by side.
    """
    if frames == 1 or term.layout == "discrete":
        return field
    if term.layout == "vector" and field.base.size > 1:
        raise Refusal(
            f"the entries of {term.name} are places ({field.base}), and the frames of a vector are "
            "not stacked place by place",
            code="bad-field-type",
            hint="leave frames out, and give the network a memory; or say how the entries move as "
            "a representation, such as permutation",
        )
    return FieldType(field.base, representations.direct_sum((frames, field.fibre)))


def previous_fields(pipeline: Pipeline, action: Representation) -> dict[str, FieldType]:
    """How the terms that are added move: the action as actions do, the reward not at all."""
    fields = {
        ACTION: vector(action),
        REWARD: vector(representations.trivial(action.group)),
    }
    return {name: fields[name] for name in pipeline.terms}


def patches_of(pictures: np.ndarray, side: int) -> np.ndarray:
    """Pictures (..., row, column, channel) as tokens (..., patch, channel).

    The patches go row by row; within one the order is (row, column, channel).

    >>> patches_of(np.arange(16).reshape(4, 4, 1), 2).tolist()
    [[0, 1, 4, 5], [2, 3, 6, 7], [8, 9, 12, 13], [10, 11, 14, 15]]
    """
    *batch, rows, columns, channels = pictures.shape
    split = pictures.reshape(*batch, rows // side, side, columns // side, side, channels)
    patches = np.swapaxes(split, -4, -3)
    count = rows // side * (columns // side)
    return np.ascontiguousarray(patches).reshape(*batch, count, side * side * channels)


def picture_of(tokens: np.ndarray, shape: tuple[int, ...], side: int) -> np.ndarray:
    """The inverse of `patches_of`, for pictures of a shape (rows, columns, channels).

    >>> picture_of(patches_of(np.arange(16).reshape(4, 4, 1), 2), (4, 4, 1), 2)[1, :, 0].tolist()
    [4, 5, 6, 7]
    """
    rows, columns, channels = shape
    batch = tokens.shape[:-2]
    split = tokens.reshape(*batch, rows // side, columns // side, side, side, channels)
    return np.ascontiguousarray(np.swapaxes(split, -4, -3)).reshape(*batch, *shape)
