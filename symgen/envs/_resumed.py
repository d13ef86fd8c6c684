"""Vector environments whose state goes into a checkpoint, and wrappers that add their own."""

from abc import abstractmethod

from gymnasium.vector import VectorEnv, VectorWrapper

from symgen.problem.resumable import Arrays, Resumable, below, prefixed

INNER = "envs."
"""Before the names of what the environments within a wrapper gave."""


def state_of(envs: VectorEnv) -> Arrays | str:
    """The present state of environments, or why it cannot be saved."""
    if isinstance(envs, Resumable):
        return envs.under_way()
    return f"the state of {type(envs.unwrapped).__name__} cannot be saved"


def put_into(envs: VectorEnv, arrays: Arrays) -> None:
    """Put environments into a state that `state_of` gave.

    Raises:
        KeyError, ValueError: it was another's; or theirs cannot be set.
    """
    if not isinstance(envs, Resumable):
        raise ValueError(f"the state of {type(envs.unwrapped).__name__} cannot be set")
    envs.go_on(arrays)


class ResumableWrapper(VectorWrapper, Resumable):
    """A wrapper whose own state, which may be none, is saved beside that of what is within it."""

    def under_way(self) -> Arrays | str:
        """See Resumable; its own names must not begin as INNER does."""
        inner = state_of(self.env)
        if isinstance(inner, str):
            return inner
        return {**prefixed(INNER, inner), **self.own_state()}

    def go_on(self, arrays: Arrays) -> None:
        """See Resumable."""
        put_into(self.env, below(INNER, arrays))
        self.take_state(arrays)

    @abstractmethod
    def own_state(self) -> Arrays:
        """What the wrapper itself remembers from step to step, copied; {} where that is nothing."""

    @abstractmethod
    def take_state(self, arrays: Arrays) -> None:
        """Take in what `own_state` gave, among other arrays."""


class StatelessWrapper(ResumableWrapper):
    """A wrapper that remembers nothing from step to step."""

    def own_state(self) -> Arrays:
        """Nothing."""
        return {}

    def take_state(self, arrays: Arrays) -> None:
        """Nothing."""
