"""A run as a teacher: its network says of everything that is observed in training what it would do.

Teacher         the run, its network, and which weights they are
environments    those of a training, with the labels of its teacher where it has one
Taught          environments with labels in their info
"""

import contextlib
import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from gymnasium.vector import AutoresetMode, VectorEnv, VectorWrapper
from torch import Tensor
from torch.distributions import Categorical, Distribution, Independent, Normal

from symgen.compiler import Compiled
from symgen.envs._resumed import INNER, put_into, state_of
from symgen.envs._stepping import Flags, Info, ResetOptions, Stepped, autoreset_mode
from symgen.envs.guarded import bare
from symgen.envs.piped import Between, piped, unchanged
from symgen.envs.tapped import Tapped
from symgen.errors import UserError, shown
from symgen.experiment.checkpoint import Checkpoint
from symgen.experiment.files import Object, read_json, write_json
from symgen.experiment.fit import NETWORK
from symgen.experiment.heldout import sensors
from symgen.experiment.load import loaded
from symgen.experiment.run import Run
from symgen.nn.distributions import MultiCategorical
from symgen.nn.network import Network
from symgen.nn.squashed import LOG_STD, SquashedGaussian
from symgen.problem.algorithm import TeacherRun
from symgen.problem.interface import Observation
from symgen.problem.problem import Problem
from symgen.problem.resumable import Arrays, Resumable, below, prefixed, taken
from symgen.rl._labels import TEACHER, Labels
from symgen.rl._memory import State, forgotten
from symgen.semantics.sensors import trained_with
from symgen.semantics.teacher import teacher_of

__all__ = ["NAME", "Taught", "Teacher", "environments", "labels_of", "refuse_itself"]

NAME = "teacher.json"
"""The file of a run that says by whom it was taught."""
POINTS = 32
"""Of the quadrature over a squashed Gaussian."""


@dataclass(frozen=True)
class Teacher:
    """A trained network that labels what is observed.

    Args:
        run: where it was trained.
        compiled: its spec compiled, with the weights of the checkpoint.
        checkpoint: which.
        name: of the checkpoint, "last" or "best".
    """

    run: Run
    compiled: Compiled
    checkpoint: Checkpoint
    name: str

    @staticmethod
    def of(problem: Problem, device: str) -> "Teacher | None":
        """The teacher of a training, loaded; None where it has none.

        Raises:
            UserError: its files are missing or damaged, or its weights meant something else.
        """
        named = teacher_of(problem)
        if named is None:
            return None
        run = Run(named.folder.absolute())
        compiled, checkpoint = loaded(run, named.checkpoint, device)
        return Teacher(run, compiled, checkpoint, named.checkpoint)

    def to_dict(self) -> Object:
        """Who it is, for the files of a run: folder, checkpoint, step, mean return while it was
        trained, digest of its weights.
        """
        return {
            "folder": str(self.run.folder),
            "checkpoint": self.name,
            "step": self.checkpoint.step,
            "return": self.checkpoint.metrics.get("return"),
            "sha256": digest(self.checkpoint),
        }

    def record(self, run: Run) -> None:
        """Write who it is into the files of a run."""
        write_json(run.folder / NAME, self.to_dict())

    def check(self, run: Run) -> None:
        """Raise UserError where a run was begun with other weights of it."""
        before = read_json(run.folder / NAME)
        if before.get("sha256") != digest(self.checkpoint):
            message = (
                f"{run.folder} was begun with {before.get('folder')} of step {before.get('step')} "
                f"as its teacher, whose weights are others now (step {self.checkpoint.step})"
            )
            hint = "put the teacher's checkpoint back, or start anew with --force"
            raise UserError("teacher-changed", message, hint)


@contextlib.contextmanager
def environments(
    problem: Problem, count: int, seed: int, teacher: Teacher | None
) -> Iterator[VectorEnv]:
    """`count` environments to train in, with what `train.sensors` makes of their tokens, closed
    afterwards; with a teacher, its labels are in their info, and its weights do not change
    meanwhile.

    Raises:
        UserError: they cannot be made.
    """
    with contextlib.ExitStack() as opened:
        envs = bare(problem, count, seed)
        opened.callback(envs.close)
        if teacher is None:
            yield piped(envs, problem.pipeline, _sensors(problem, seed))
            return
        opened.enter_context(teacher.compiled.network.expanded())
        beside = None
        if teacher.compiled.problem.adapter_options != problem.adapter_options:
            beside = bare(teacher.compiled.problem, count, seed)
            opened.callback(beside.close)
        yield _taught(envs, problem, teacher, _sensors(problem, seed), beside)


def _sensors(problem: Problem, seed: int) -> Between:
    """What becomes of the tokens in training; what is for training only reads them as the
    environment gives them.
    """
    beside = any(output.training is not None for output in problem.outputs)
    return sensors(problem, trained_with(problem), seed, beside)


def _taught(
    envs: VectorEnv,
    problem: Problem,
    teacher: Teacher,
    student_sensors: Between,
    beside: VectorEnv | None,
) -> VectorEnv:
    """Environments as the student sees them, with labels by a teacher that sees them as it does
    where it is evaluated: in the order of the environment, whatever the student's sensors do.

    Args:
        envs: the student's.
        problem: the student's.
        teacher: who says what it would do.
        student_sensors: what becomes of the student's tokens.
        beside: the teacher's own environments, where their options are others (a view of the same
            that the student does not have); they go through the same.
    """
    network = teacher.compiled.network
    pipeline = teacher.compiled.problem.pipeline
    if beside is not None:
        view = piped(beside, pipeline, unchanged)
        return Taught(piped(envs, problem.pipeline, student_sensors), network, view)
    if pipeline == problem.pipeline and not trained_with(problem).concerns_tokens:
        return Taught(piped(envs, pipeline, unchanged), network)
    tapped = Tapped(envs)
    view = piped(tapped.again(), pipeline, unchanged)
    return Taught(piped(tapped, problem.pipeline, student_sensors), network, view)


def digest(checkpoint: Checkpoint) -> str:
    """SHA-256 of a network's weights and statistics, by name, whatever else was saved with them."""
    total = hashlib.sha256()
    for name, tensor in sorted(checkpoint.tensors.items()):
        if name.startswith(NETWORK):
            total.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
            total.update(tensor.contiguous().cpu().numpy().tobytes())
    return total.hexdigest()


def refuse_itself(teacher: TeacherRun | None, runs: Sequence[Run]) -> None:
    """Raise UserError where a run that is to be trained is its own teacher: it would be deleted, or
    overwritten while it teaches.
    """
    for run in runs:
        if teacher is not None and run.folder.resolve() == teacher.folder.resolve():
            raise UserError(
                "teacher-itself",
                f"{run.folder} is to be trained, and is its own teacher",
                "write elsewhere with --variant or --runs, or name another teacher",
            )


class Taught(VectorWrapper, Resumable):
    """Environments with a teacher: `info["teacher"]` holds its labels of the observations that are
    returned.

    The teacher remembers each episode from its beginning, as it does when it plays.

    Args:
        envs: environments that reset themselves.
        network: the teacher's.
        view: the same environments as the teacher sees them, see envs/tapped.py, or others that
            go through the same; None where it sees what they give.

    Raises:
        UserError: they do not reset themselves; or, of a step, the view goes through something
            else.
    """

    def __init__(self, envs: VectorEnv, network: Network, view: VectorEnv | None = None) -> None:
        super().__init__(envs)
        self._network = network
        self._view = view
        self._same_step = autoreset_mode(envs) is AutoresetMode.SAME_STEP
        self._resetting: Flags = np.zeros(envs.num_envs, np.bool_)
        self._state: State = {}

    def reset(
        self, *, seed: int | None = None, options: ResetOptions = None
    ) -> tuple[Observation, Info]:
        """See VectorEnv."""
        observation, info = self.env.reset(seed=seed, options=options)
        self._resetting = np.zeros(self.num_envs, np.bool_)
        self._state = self._network.initial_state(self.num_envs)
        starts = np.ones(self.num_envs, np.bool_)
        seen = observation
        if self._view is not None:
            seen, _ = self._view.reset(seed=seed, options=options)
        return observation, {**info, TEACHER: self._labels(seen, starts)}

    def step(self, actions: np.ndarray) -> Stepped[Observation]:
        """See VectorEnv."""
        observation, reward, terminated, truncated, info = self.env.step(actions)
        ended = terminated | truncated
        starts = ended if self._same_step else self._resetting
        self._resetting = ended
        seen = observation
        if self._view is not None:
            seen, *came = self._view.step(actions)
            _check_same((reward, terminated, truncated), came[:3])
        labels = self._labels(seen, starts)
        return observation, reward, terminated, truncated, {**info, TEACHER: labels}

    def under_way(self) -> Arrays | str:
        """See Resumable: the environments, what the teacher sees of them, and what it remembers."""
        inner = state_of(self.env)
        if isinstance(inner, str):
            return inner
        view = {} if self._view is None else state_of(self._view)
        if isinstance(view, str):
            return view
        memory = {name: x.cpu().numpy().copy() for name, x in self._state.items()}
        return {
            **prefixed(INNER, inner),
            **prefixed("view.", view),
            **prefixed("memory.", memory),
            "resetting": self._resetting.copy(),
        }

    def go_on(self, arrays: Arrays) -> None:
        """See Resumable."""
        put_into(self.env, below(INNER, arrays))
        if self._view is not None:
            put_into(self._view, below("view.", arrays))
        device = self._network.device
        memory = below("memory.", arrays)
        self._state = {name: torch.from_numpy(x.copy()).to(device) for name, x in memory.items()}
        self._resetting = taken("resetting", arrays, self._resetting)

    @torch.no_grad()
    def _labels(self, observation: Observation, starts: Flags) -> Labels:
        """What the teacher says of a batch of observations.

        Args:
            observation: as the teacher sees it.
            starts: [env], where an episode begins with it.
        """
        before = forgotten(self._state, starts)
        distribution, self._state = self._network.decide(observation, before)
        return labels_of(distribution)


def _check_same(here: Sequence[np.ndarray], there: Sequence[np.ndarray]) -> None:
    """Refuse a teacher that sees something else than what happens to its student."""
    names = ("rewards", "terminated", "truncated")
    for name, ours, theirs in zip(names, here, there, strict=True):
        if not np.array_equal(ours, theirs, equal_nan=True):
            where = np.flatnonzero(np.asarray(ours) != np.asarray(theirs))
            raise UserError(
                "teacher-elsewhere",
                f"the teacher's environment went another way than the student's: {name} "
                f"{shown(theirs[where[0]].item())} in environment {where[0]}, here "
                f"{shown(ours[where[0]].item())}",
                "train the teacher with the options of the student's environment, so that both "
                "see the same one; or use an environment that a seed determines",
            )


def labels_of(distribution: Distribution) -> Labels:
    """A teacher's distribution of actions as labels.

    Of a squashed Gaussian, as SAC trains it, they are what it plays without noise and the root mean
    square distance from there: of all Gaussians around that point this one is the nearest, by
    KL(teacher, Gaussian).
    """
    if isinstance(distribution, Categorical):
        return Labels(distribution.logits)
    if isinstance(distribution, MultiCategorical):
        return Labels(torch.cat(distribution.logits, -1))
    if isinstance(distribution, SquashedGaussian):
        return Labels(distribution.mode, _deviation(distribution))
    if isinstance(distribution, Independent) and isinstance(distribution.base_dist, Normal):
        return Labels(distribution.mean, distribution.stddev.log())
    raise TypeError(f"no labels are known of a {type(distribution).__name__}")


def _deviation(distribution: SquashedGaussian) -> Tensor:
    """Logarithm of sqrt(E[(a - mode)^2]), [env, dim], by Gauss-Hermite quadrature."""
    mean, log_std = distribution.parameters
    nodes, weights = np.polynomial.hermite_e.hermegauss(POINTS)
    noise = torch.from_numpy(nodes).to(mean)
    share = torch.from_numpy(weights / math.sqrt(2 * math.pi)).to(mean)
    drawn = (mean[..., None] + log_std.exp()[..., None] * noise).tanh()
    away = drawn - mean.tanh()[..., None]
    size = (away.square() * share).sum(-1).sqrt() * distribution.half
    return size.log().clamp(min=LOG_STD[0])
