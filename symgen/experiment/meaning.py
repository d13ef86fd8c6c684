"""What the numbers in a checkpoint mean: which changes of symgen made the same weights another
function.

A checkpoint keeps the version it was written with. One of an older version is loaded where none of
the changes since concerns its network, and refused with their description where one does.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from symgen.errors import UserError
from symgen.problem.problem import Problem


@dataclass(frozen=True)
class Change:
    """One change.

    Args:
        what: what is different since, in a user's words.
        affects: whether it concerns the network of a problem.
    """

    what: str
    affects: Callable[[Problem], bool]


def _unnormalised_numbers(problem: Problem) -> bool:
    """Whether an observed number may have been larger than 10: those of the grids are 0 or 1, and
    pixels are scaled.
    """
    if problem.spec.environment.adapter not in ("gymnasium_env", "dm_control"):
        return False
    options = problem.algorithm_options
    if options is not None and options.model_dump().get("normalise_observations"):
        return False  # the clamp was at 10 standard deviations, and is
    return any(term.layout != "discrete" and term.scale == 1.0 for term in problem.interface.terms)


def _scaled_pictures(problem: Problem) -> bool:
    """Whether a picture is not of bytes, and is divided by its bound."""
    if problem.spec.environment.adapter != "gymnasium_env":
        return False
    return any(term.scale != 1.0 and term.dtype != "uint8" for term in problem.interface.terms)


CHANGES: Mapping[int, Change] = {
    2: Change(
        "observations that are not normalised are no longer clamped to +-10", _unnormalised_numbers
    ),
    3: Change(
        "pictures that are not of bytes are divided by the bound of their space", _scaled_pictures
    ),
}
"""By version. 1 is everything before versions were written. A change that makes the same numbers
another function adds an entry; tests/experiment/test_same_weights.py notices where a family is
concerned."""

MEANING = max(CHANGES)
"""The version that is written now."""


def check(meaning: int, problem: Problem, label: str) -> None:
    """Raise UserError where the weights of a checkpoint have meant another function.

    Args:
        meaning: the version it was written with.
        problem: what its network is for.
        label: its name, for the message.
    """
    if meaning > MEANING:
        message = (
            f"{label} was written by a newer symgen (its weights are of version {meaning}, "
            f"this reads {MEANING})"
        )
        raise UserError(
            "checkpoint-meaning", message, "install the symgen that versions.json of the run names"
        )
    since = [
        change.what
        for version, change in CHANGES.items()
        if version > meaning and change.affects(problem)
    ]
    if since:
        message = (
            f"{label} was written when its weights meant another function; since then: "
            f"{'; '.join(since)}"
        )
        hint = "train again with --force, or use the symgen that versions.json of the run names"
        raise UserError("checkpoint-meaning", message, hint)
