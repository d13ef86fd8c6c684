"""How group elements move observations and actions as an environment gives and takes them. No
torch.
"""

from collections.abc import Mapping

import numpy as np

from symgen.algebra.fieldtype import FieldType
from symgen.algebra.representation import Representation
from symgen.problem.interface import Action, Interface, Observation, Term


def to_field(term: Term, field: FieldType, batch: np.ndarray) -> np.ndarray:
    """A batch of one term as (batch, places, channels); a discrete term one-hot."""
    if term.layout == "discrete":
        batch = np.eye(term.size, dtype=np.float64)[batch]
    return batch.reshape(len(batch), *field.shape)


def from_field(term: Term, feature: np.ndarray) -> np.ndarray:
    """The inverse of `to_field`."""
    if term.layout == "discrete":
        return feature.reshape(len(feature), -1).argmax(-1)
    return feature.reshape(len(feature), *term.shape)


def holds_image(field: FieldType, dtype: np.dtype) -> bool:
    """Whether numbers of a dtype can hold what the group makes of them: a fibre may change signs,
    or mix channels.
    """
    kinds = {"permutation": "biuf", "signed": "if", "matrix": "f"}
    return dtype.kind in kinds[field.fibre.kind]


def act_on_term(term: Term, field: FieldType, word: str, batch: np.ndarray) -> np.ndarray:
    """g.x for a batch of one term, in its own shape and dtype; whole numbers that are interpolated
    are rounded.

    Raises:
        ValueError: a fibre that changes signs or mixes channels meets a dtype that cannot hold the
            result.
    """
    batch = np.asarray(batch)
    if term.layout != "discrete" and not holds_image(field, batch.dtype):
        raise ValueError(
            f"{term.name} has dtype {batch.dtype}, which cannot hold its image under {field.fibre}"
        )
    moved = from_field(term, field.act(word, to_field(term, field, batch)))
    if moved.dtype.kind == "f" and batch.dtype.kind in "iu":  # interpolated
        moved = np.rint(moved)
    return moved.astype(batch.dtype)


def act_on_observation(
    interface: Interface, fields: Mapping[str, FieldType], word: str, observation: Observation
) -> Observation:
    """g.o for a batch of observations as the space gives them: an array, or a dict of arrays."""
    parts = interface.by_term(observation)
    return interface.as_space(
        {t.name: act_on_term(t, fields[t.name], word, parts[t.name]) for t in interface.terms}
    )


def act_on_action(
    action: Action, representation: Representation, word: str, batch: np.ndarray
) -> np.ndarray:
    """g.a for a batch of actions: indices (discrete), index vectors (multi_discrete) or vectors
    (continuous).
    """
    batch = np.asarray(batch)
    if action.kind == "continuous":
        return representation.act(word, batch.astype(np.result_type(batch, np.float16)))
    starts = np.cumsum([0, *action.sizes[:-1]])
    columns = batch.reshape(-1, len(starts)) + starts
    chosen = np.zeros((len(columns), action.parameters))
    chosen[np.arange(len(chosen))[:, None], columns] = 1.0
    moved = representation.act(word, chosen)
    parts = np.split(moved, starts[1:], axis=-1)
    indices = np.stack([part.argmax(-1) for part in parts], -1)
    return indices.reshape(batch.shape).astype(batch.dtype)
