"""A process for each environment, whose mistakes come with their place and not as a log."""

from collections.abc import Iterable

from gymnasium.vector import AsyncVectorEnv
from gymnasium.vector.async_vector_env import AsyncState

from symgen.envs.guarded import failed


class Processes(AsyncVectorEnv):
    """Gymnasium's, which would print the traceback of a process and raise its exception anew,
    without the place.
    """

    def _raise_if_errors(self, successes: Iterable[bool]) -> None:
        count = sum(not success for success in successes)
        if not count:
            return
        reports = [self.error_queue.get() for _ in range(count)]
        for index, *_ in reports:
            self.parent_pipes[index].close()
            vars(self)["parent_pipes"][index] = None  # as Gymnasium does, against its own types
        self._state = AsyncState.DEFAULT
        index, kind, value, text = min(reports, key=lambda report: int(report[0]))
        raise failed(f"process {index}", f"{kind.__name__}: {value}", text)
