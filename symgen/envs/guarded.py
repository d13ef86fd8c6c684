"""Environments are other people's code: what they raise is told in a user's words, with the place
in their files.

What symgen's own code raises is a bug, and keeps its traceback.
"""

import contextlib
import re
import traceback
from collections.abc import Iterator
from multiprocessing import Process
from pathlib import Path

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AsyncVectorEnv, SyncVectorEnv, VectorEnv, VectorWrapper

from symgen.envs._resumed import put_into
from symgen.envs._stepping import Info, ResetOptions, Stepped
from symgen.envs.piped import Between, piped, unchanged
from symgen.errors import Refusal, SpecError, UserError, shown
from symgen.problem.interface import Observation
from symgen.problem.problem import Problem
from symgen.problem.resumable import Arrays, Resumable

PACKAGE = str(Path(__file__).parent.parent)
NOT_ITS_OWN = (PACKAGE, str(Path(gymnasium.__file__).parent), str(Path(np.__file__).parent))
SHOWN = 3
"""So many places in the environment's code are named, the innermost last."""
HINT = (
    "mend the environment; a training that was under way goes on from its last checkpoint with "
    "--resume"
)


def environments(
    problem: Problem,
    count: int,
    seed: int,
    render: bool = False,
    between: Between = unchanged,
) -> VectorEnv:
    """`count` environments of a spec, reset, that observe what a network sees and answer for what
    they do.

    Args:
        problem: what the spec states.
        count: how many.
        seed: of their random numbers.
        render: whether frames will be asked for.
        between: what changes sensors; see `piped`.

    Raises:
        UserError: see `bare`.
    """
    return piped(bare(problem, count, seed, render), problem.pipeline, between)


def bare(problem: Problem, count: int, seed: int, render: bool = False) -> VectorEnv:
    """The same with the environments' own observations, before anything becomes of them.

    Raises:
        UserError: they cannot be made, raise, or give something else than their spaces say; also
            later, in every reset and step.
    """
    with blamed("being made"):
        try:
            made = problem.adapter.make(problem.adapter_options, count, seed, render)
        except Refusal as error:  # an adapter says so what it cannot make
            raise _failure(f"the environment cannot be made: {error}") from error
    return Guarded(made, problem.adapter.title(problem.adapter_options))


class Guarded(VectorWrapper, Resumable):
    """Environments whose mistakes are a user's, not symgen's.

    Args:
        envs: the environments.
        title: what they are called.
    """

    def __init__(self, envs: VectorEnv, title: str = "these environments") -> None:
        super().__init__(envs)
        self._title = title
        self._failed = False

    def reset(
        self, *, seed: int | None = None, options: ResetOptions = None
    ) -> tuple[Observation, Info]:
        """See VectorEnv."""
        with self._blamed("reset"):
            observation, info = self.env.reset(seed=seed, options=options)
            self._check(observation)
        return observation, info

    def step(self, actions: np.ndarray) -> Stepped[Observation]:
        """See VectorEnv."""
        with self._blamed("step"):
            observation, reward, terminated, truncated, info = self.env.step(actions)
            self._check(observation)
        return observation, reward, terminated, truncated, info

    def close(self, **options: object) -> None:
        """See VectorEnv. Processes of an environment that failed are ended, not asked to end."""
        processes = self._processes()
        if not self._failed or not processes:
            return self.env.close(**options)
        for process in processes:
            process.terminate()
            process.join()
        self.env.unwrapped.closed = True
        return None

    def under_way(self) -> Arrays | str:
        """See Resumable: the state of the environments, or that theirs cannot be saved."""
        if isinstance(self.env, Resumable):
            return self.env.under_way()
        return f"the state of {self._title} cannot be saved"

    def go_on(self, arrays: Arrays) -> None:
        """See Resumable."""
        put_into(self.env, arrays)

    def _processes(self) -> list[Process]:
        """Those that the environments run in; none where they run in this one."""
        unwrapped = self.env.unwrapped
        return unwrapped.processes if isinstance(unwrapped, AsyncVectorEnv) else []

    @contextlib.contextmanager
    def _blamed(self, doing: str) -> Iterator[None]:
        try:
            with blamed(doing):
                try:
                    yield
                except (EOFError, ConnectionError) as error:  # the other end of a pipe is gone
                    raise _failure(self._dead()) from error
                except (TypeError, ValueError) as error:
                    if words := self._misfit():
                        raise _failure(words) from error
                    raise
        except BaseException:
            self._failed = True
            raise

    def _dead(self) -> str:
        processes = self._processes()
        for process in processes:
            process.join(0.2)
        statuses = (process.exitcode for process in processes)
        status = next((status for status in statuses if status is not None), "unknown")
        return (
            f"a process of the environment has died (exit status {status}); memory may have run out"
        )

    def _misfit(self) -> str:
        """What one of the environments gave that its space does not say; "" where nothing is wrong
        with that.
        """
        unwrapped = self.env.unwrapped
        observations = unwrapped._env_obs if isinstance(unwrapped, SyncVectorEnv) else ()
        for index, observation in enumerate(observations):
            if words := misfit(self.single_observation_space, observation):
                return f"environment {index} gave another observation than its space says: {words}"
        return ""

    def _check(self, observation: object) -> None:
        """Raise UserError where a batch is not of its space: vector environments of one's own may
        give whatever they like.
        """
        if words := misfit(self.observation_space, observation):
            raise _failure(f"the environments gave other observations: {words}")


def misfit(space: spaces.Space, observation: object) -> str:
    """In what an observation differs from its space, in shape, kind, or as an index; "" where it
    does not.

    >>> misfit(spaces.Box(-1, 1, (4,)), np.zeros(5))
    'its shape is (5,), not (4,)'
    """
    if isinstance(space, spaces.Dict):
        if not isinstance(observation, dict):
            return f"it is a {type(observation).__name__}, not a dict"
        for name, inner in space.items():
            if words := misfit(inner, observation.get(name)):
                return f"{name}: {words}"
        return ""
    try:
        array = np.asarray(observation)
    except ValueError:  # rows of different lengths
        return f"it is no array: {shown(observation)}"
    if array.shape != space.shape:
        return f"its shape is {array.shape}, not {space.shape}"
    if not np.can_cast(array.dtype, space.dtype, "same_kind"):
        return f"it is of {array.dtype}, not {space.dtype}"
    is_index = isinstance(space, spaces.Discrete | spaces.MultiDiscrete)
    if is_index and not space.contains(observation):
        return f"{shown(array.tolist())} is no index of {space}"
    return ""


@contextlib.contextmanager
def blamed(doing: str) -> Iterator[None]:
    """Within it, what an environment raises becomes a UserError.

    Args:
        doing: what it was asked to do, for the message.
    """
    try:
        yield
    except (SpecError, UserError):
        raise
    except (Exception, SystemExit) as error:
        text = traceback.format_exc()
        if _is_ours(text):
            raise
        cause = f"{type(error).__name__}: {error}".rstrip(": ")
        raise failed(doing, cause, text) from error


def failed(doing: str, cause: str, text: str) -> UserError:
    """The mistake of an environment.

    Args:
        doing: what it was asked to do.
        cause: what it raised.
        text: the traceback.
    """
    places = _places(text)
    own = [place for place in places if not place[0].startswith(NOT_ITS_OWN)] or places
    lines = [f"\n    {file}:{line}, in {function}" for file, line, function in own[-SHOWN:]]
    return _failure(f"the environment failed in {doing}: {cause}" + "".join(lines))


def _failure(message: str) -> UserError:
    return UserError("environment-failed", message, HINT)


def _places(text: str) -> list[tuple[str, str, str]]:
    """File, line and function of the frames of a traceback, the innermost last."""
    return re.findall(r'^  File "(.+)", line (\d+), in (.+)$', text, re.MULTILINE)


def _is_ours(text: str) -> bool:
    """Whether an exception was raised by symgen itself, perhaps through numpy."""
    inner = [file for file, _, _ in _places(text) if not file.startswith(NOT_ITS_OWN[2])]
    return bool(inner) and inner[-1].startswith(PACKAGE)
