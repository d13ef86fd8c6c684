"""Numbers that are not finite are refused where an environment returns them: nothing can be learnt
from them.
"""

import numpy as np

from symgen.errors import UserError


def check_finite(observation: object, rewards: object = (), first: int = 0) -> None:
    """Refuse what a vector environment returned, unless every number is finite.

    It is called at every step, so that no network acts on such a number: it costs a few
    microseconds.

    Args:
        observation: a batch of observations, an array or a dict of arrays.
        rewards: one for each environment.
        first: index of the environment that the batch begins with.

    Raises:
        UserError: a number is NaN or infinite; which one, and in which environment.
    """
    by_term = observation if isinstance(observation, dict) else {"observation": observation}
    for name, batch in by_term.items():
        _check(np.asarray(batch), f"of {name} ", first)
    _check(np.asarray(rewards), "", first)


def not_finite(what: str) -> UserError:
    """The error for an environment that returns such a number."""
    hint = (
        "mend its step or reset: look for a division by zero, a logarithm, or a state that grows "
        "without bound"
    )
    return UserError(
        "environment-not-finite",
        f"the environment returns numbers that are not finite: {what}",
        hint,
    )


def _check(batch: np.ndarray, of: str, first: int) -> None:
    if batch.dtype.kind != "f" or np.isfinite(batch).all():
        return
    env, *entry = np.argwhere(~np.isfinite(batch))[0].tolist()
    number = batch[(env, *entry)]
    where = ", ".join(str(k + 1) for k in entry)
    what = f"entry {where} {of}" if of else "the reward "
    raise not_finite(f"{what}is {number:g} in environment {first + env + 1}")
