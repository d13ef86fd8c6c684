"""MuJoCo's own warnings, which it writes to the terminal and into a file of the working folder."""

import contextlib
from collections.abc import Iterator

import gymnasium

MUJOCO = ".mujoco."
"""A part of the entry points of Gymnasium's MuJoCo environments."""


@contextlib.contextmanager
def silent_models(id_: str) -> Iterator[None]:
    """Without warnings about the model that an environment is made of: of models that Gymnasium
    ships a user can change nothing, and every one of 64 environments side by side says the same.

    What a simulation warns of later, such as numbers that are not finite, is said as ever.

    Args:
        id_: of the environment; nothing happens where it is none of MuJoCo's.
    """
    spec = gymnasium.registry.get(id_)
    if spec is None or MUJOCO not in str(spec.entry_point):
        yield
        return
    try:
        import mujoco
    except ImportError:  # which Gymnasium says itself
        yield
        return
    before = mujoco.get_mju_user_warning()
    mujoco.set_mju_user_warning(_drop)
    try:
        yield
    finally:
        mujoco.set_mju_user_warning(before)


def _drop(message: str) -> None:
    """Say nothing."""
