"""One task of dm_control as a Gymnasium environment whose state can be read and set."""

import os
import sys
from collections import deque
from collections.abc import Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Protocol

import gymnasium
import numpy as np
from gymnasium import spaces

from symgen.envs._dm_control_tasks import DOMAINS, Pose
from symgen.envs._stepping import Info, ResetOptions
from symgen.errors import UserError
from symgen.problem.interface import Observation

if TYPE_CHECKING:
    from symgen.envs.dm_control import Options

INSTALL = "pip install 'symgen[dm_control]'"
OVERSAMPLING = 2
"""A symmetric image is drawn this many times as large and averaged."""
HIDDEN = 5
"""A group of bodies that MuJoCo does not draw unless it is told to."""
REMEMBERED = 32
"""Images of poses that are kept."""
FRAME = 256
"""Pixels per side of the frames of a video."""
RENDERERS = (
    "set MUJOCO_GL=egl (a graphics card, or Mesa) or MUJOCO_GL=osmesa, and install that library"
)
FAILURES = (ImportError, AttributeError, RuntimeError)
"""What dm_control raises at import where the chosen way of drawing is not there."""


def suite() -> ModuleType:
    """The package dm_control.suite, imported with a way of drawing that needs no window where there
    is no display.

    Raises:
        UserError: it is missing, or MUJOCO_GL names a way of drawing that this machine has not.
    """
    given = os.environ.get("MUJOCO_GL")
    display = any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
    if given or display or sys.platform != "linux" or "dm_control" in sys.modules:
        return _imported(given)
    try:
        return _imported("egl")
    except UserError as error:
        if error.code != "no-renderer":
            raise
        return _imported("off")  # without EGL the state can still be observed


def _imported(way: str | None) -> ModuleType:
    """The suite, drawn in this way (a value of MUJOCO_GL; None for dm_control's own choice)."""
    if way:
        os.environ["MUJOCO_GL"] = way
    try:
        from dm_control import suite
    except FAILURES as error:
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        if (missing or "").split(".")[0] in ("dm_control", "mujoco"):
            message = "the adapter dm_control needs its package"
            raise UserError("missing-package", message, INSTALL) from error
        message = f"dm_control cannot draw with MUJOCO_GL={way}: {error}"
        raise UserError("no-renderer", message, RENDERERS) from error
    return suite


class ControlEnv(gymnasium.Env):
    """A task, observed and disturbed as the options say.

    Args:
        options: the adapter's.
        render: whether `render` will be called.
    """

    def __init__(self, options: "Options", render: bool = False) -> None:
        self.metadata = {"render_modes": ["rgb_array"], "render_fps": 50}
        self.domain = DOMAINS[options.domain]
        self.render_mode = "rgb_array" if render else None
        self._options = options
        self._random = np.random.RandomState(0)  # dm_control draws from this legacy generator
        task_kwargs = {"random": self._random, "time_limit": float("inf")}
        self._env = suite().load(options.domain, options.task, task_kwargs=task_kwargs)
        self._physics = self._env.physics
        self._symmetric = options.picture == "symmetric"
        if self._symmetric:
            _leave_out_asymmetries(self._physics.model)
        self._steps = 0
        frames = options.frames if options.pixels else 1
        self._frames: deque[np.ndarray] | None = deque(maxlen=frames) if options.pixels else None
        self._drawings: dict[Pose, np.ndarray] = {}
        self._poses: deque[Pose] = deque(maxlen=frames)
        gravity = self._physics.model.opt.gravity
        gravity[:] = _tilted(gravity, options.tilt_gravity, self.domain.planar)
        self.observation_space = self._space()
        self.action_space = spaces.Box(-1.0, 1.0, (len(self.domain.action),))
        self._env.reset()

    def _space(self) -> spaces.Space:
        size = self._options.size
        if self._options.pixels:
            return spaces.Box(0, 255, (size, size, 3 * self._options.frames), np.uint8)
        return spaces.Dict(
            {
                name: spaces.Box(-np.inf, np.inf, (len(signs),))
                for name, signs in self.domain.terms.items()
            }
        )

    def reset(
        self, *, seed: int | None = None, options: ResetOptions = None
    ) -> tuple[Observation, Info]:
        """Begin an episode; a seed restarts the random numbers."""
        super().reset(seed=seed)
        if seed is not None:
            self._random.seed(seed % 2**32)
        self._env.reset()
        self._steps = 0
        if self._frames is not None:
            self._frames.extend([self._picture()] * (self._frames.maxlen or 1))
        self._poses.extend([self._pose()] * (self._poses.maxlen or 1))
        return self._observation(), {}

    def step(self, action: np.ndarray) -> tuple[Observation, float, bool, bool, Info]:
        """One action, repeated as the options say; the half-space is that of the state in which it
        is taken.
        """
        options = self._options
        beyond = self.side()
        action = np.clip(np.asarray(action, np.float64), -1.0, 1.0)
        if beyond and options.reflect_action:
            action = -action
        reward = 0.0
        for _ in range(options.action_repeat * (options.repeat_action if beyond else 1)):
            reward += float(self._env.step(action).reward)
            self._steps += 1
            if self._steps >= options.episode_length:
                break
        if self._frames is not None:
            self._frames.append(self._picture())
        self._poses.append(self._pose())
        return self._observation(), reward, False, self._steps >= options.episode_length, {}

    def side(self) -> bool:
        """Whether the state is in the half-space of `reflect_action` and `repeat_action`, which
        every symmetry of the task moves.

        It is where the first observed entry that the mirror negates is positive (acrobot: the upper
        arm leans to +x, cartpole and ball_in_cup: the cart or cup is at x > 0, pendulum: the pole
        leans to +x); for reacher, where the finger has x + y > 0.
        """
        if self.domain.planar:
            return bool(self._physics.named.data.geom_xpos["finger", :2].sum() > 0)
        seen = np.concatenate(
            [np.ravel(part) for part in self._env.task.get_observation(self._physics).values()]
        )
        signs = [sign for signs in self.domain.terms.values() for sign in signs]
        return bool(seen[signs.index(-1)] > 0)

    def poses(self) -> tuple[Pose, ...]:
        """The physical states of the frames observed, oldest first; of a state-observing task the
        one.
        """
        return tuple(self._poses)

    def load(self, poses: Sequence[Pose]) -> Observation:
        """Put the task into the last of these states, as if the others had been seen before;
        returns the observation.

        Everything else begins anew: the clock, and what the solver remembers.
        """
        for pose in poses:
            self._poses.append(pose)
            if self._frames is not None:
                self._frames.append(self._seen(pose))
        self._set(poses[-1])
        self._steps = 0
        return self._observation()

    def _set(self, pose: Pose) -> None:
        with self._physics.reset_context():
            self._physics.data.qpos[:] = pose.positions
            self._physics.data.qvel[:] = pose.velocities
            if pose.target:
                self._physics.named.model.geom_pos["target", :2] = pose.target

    def _seen(self, pose: Pose) -> np.ndarray:
        """The image of a pose, remembered: check-env asks for the same ones many times."""
        if pose not in self._drawings:
            if len(self._drawings) >= REMEMBERED:
                self._drawings.clear()
            self._set(pose)
            self._drawings[pose] = self._picture()
        return self._drawings[pose]

    def _pose(self) -> Pose:
        data = self._physics.data
        target = (
            self._physics.named.model.geom_pos["target", :2].tolist() if self.domain.planar else ()
        )
        return Pose(tuple(data.qpos.tolist()), tuple(data.qvel.tolist()), tuple(target))

    def _observation(self) -> Observation:
        if self._frames is not None:
            return np.concatenate(self._frames, -1)
        seen = self._env.task.get_observation(self._physics)
        return {name: np.array(seen[name], np.float32).reshape(-1) for name in self.domain.terms}

    def _picture(self) -> np.ndarray:
        """The image of the present state, (size, size, 3) uint8; a symmetric one averages squares
        of pixels.
        """
        side = self._options.size
        if not self._symmetric:
            return self._drawn(side)
        k = OVERSAMPLING
        summed = self._drawn(k * side).reshape(side, k, side, k, 3).sum((1, 3), dtype=np.uint32)
        return ((summed + k * k // 2) // (k * k)).astype(np.uint8)

    def render(self) -> np.ndarray:
        """A frame for a video."""
        return self._drawn(FRAME)

    def _drawn(self, side: int) -> np.ndarray:
        try:
            flags = {"skybox": False} if self._symmetric else {}
            image: np.ndarray = self._physics.render(
                side, side, camera_id=0, render_flag_overrides=flags
            )
        except Exception as error:  # what fails depends on the library that draws
            raise UserError("no-renderer", f"dm_control cannot draw: {error}", RENDERERS) from error
        return image

    def close(self) -> None:
        """Free the simulation."""
        self._env.close()


class _Quality(Protocol):
    offsamples: int


class _Visual(Protocol):
    @property
    def quality(self) -> _Quality: ...


class _Model(Protocol):
    """What is changed of a model of MuJoCo."""

    mat_texid: np.ndarray
    mat_rgba: np.ndarray
    geom_group: np.ndarray
    geom_matid: np.ndarray

    @property
    def vis(self) -> _Visual: ...


def _leave_out_asymmetries(model: _Model) -> None:
    """Leave out what mirrors of the world do not mirror in its image.

    The sky (stars at random, see `_drawn`) and the floor (checks, and light that is interpolated
    over triangles) are black, and instead of several samples per pixel at places that are not
    symmetric there is one in the middle, of a larger image.
    """
    checked = model.mat_texid.reshape(len(model.mat_rgba), -1).max(1) >= 0
    model.geom_group[(model.geom_matid >= 0) & checked[model.geom_matid]] = HIDDEN
    model.vis.quality.offsamples = 0


def _tilted(gravity: np.ndarray, degrees: float, planar: bool) -> np.ndarray:
    """Gravity turned from straight down by an angle."""
    size = np.linalg.norm(gravity)
    angle = np.deg2rad(degrees)
    sideways = np.array([np.sqrt(0.5), np.sqrt(0.5), 0.0]) if planar else np.array([1.0, 0.0, 0.0])
    upwards = np.array([0.0, 0.0, 1.0])
    return np.asarray(size * (np.sin(angle) * sideways - np.cos(angle) * upwards))
