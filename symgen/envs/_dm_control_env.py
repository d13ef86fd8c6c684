"""One task of dm_control as a Gymnasium environment whose state can be read and set."""

import os
import sys
from collections import deque
from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from symgen.envs._dm_control_tasks import DOMAINS, Pose
from symgen.errors import UserError

INSTALL = "pip install 'symgen[dm_control]'"
OVERSAMPLING = 2
"""A symmetric picture is drawn this many times as large and averaged."""
HIDDEN = 5
"""A group of bodies that MuJoCo does not draw unless it is told to."""
REMEMBERED = 32
"""Pictures of poses that are kept."""
FRAME = 256
"""Pixels per side of the frames of a video."""
RENDERERS = (
    "set MUJOCO_GL=egl (a graphics card, or Mesa) or MUJOCO_GL=osmesa, and install that library"
)
FAILURES = (ImportError, AttributeError, RuntimeError)
"""What dm_control raises at import where the chosen way of drawing is not there."""


def suite() -> Any:
    """The package dm_control.suite, imported with a way of drawing that needs no window where there
    is no display.

    Raises:
        UserError: it is missing, or MUJOCO_GL names a way of drawing that this machine has not.
    """
    given = os.environ.get("MUJOCO_GL")
    display = any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
    headless = (
        sys.platform == "linux" and not given and not display and "dm_control" not in sys.modules
    )
    for way in (
        ("egl", "off") if headless else (given,)
    ):  # without EGL the state can still be observed
        if way:
            os.environ["MUJOCO_GL"] = way
        try:
            from dm_control import suite as found
        except FAILURES as error:
            if isinstance(error, ModuleNotFoundError) and (error.name or "").split(".")[0] in (
                "dm_control",
                "mujoco",
            ):
                raise UserError(
                    "missing-package", "the adapter dm_control needs its package", INSTALL
                ) from error
            if way != "egl" or given:
                message = f"dm_control cannot draw with MUJOCO_GL={way}: {error}"
                raise UserError("no-renderer", message, RENDERERS) from error
        else:
            return found
    raise AssertionError("the last way either works or is told")


class ControlEnv(gymnasium.Env):
    """A task with its dials.

    Args:
        domain: key of DOMAINS.
        task: name of the task.
        pixels: observe a picture (size, size, 3 * frames) uint8, oldest frame first; else a dict of
            float32 vectors.
        size: pixels per side.
        symmetric: draw pictures whose only asymmetry is the body's, see `_without_asymmetries`.
        frames: pictures side by side in the channels.
        action_repeat: control steps per action; rewards are summed.
        episode_length: control steps until an episode is truncated. No task terminates.
        tilt_gravity: degrees by which gravity leans to +x (for reacher, which lies flat: to +x and
            +y alike).
        reflect_action: in the half-space of `side` actions act with the opposite sign.
        repeat_action: in that half-space actions are repeated this many times as often.
        render: whether `render` will be called.
    """

    def __init__(
        self,
        domain: str,
        task: str,
        *,
        pixels: bool,
        size: int,
        symmetric: bool,
        frames: int,
        action_repeat: int,
        episode_length: int,
        tilt_gravity: float,
        reflect_action: bool,
        repeat_action: int,
        render: bool,
    ) -> None:
        self.metadata = {"render_modes": ["rgb_array"], "render_fps": 50}
        self.domain = DOMAINS[domain]
        self.render_mode = "rgb_array" if render else None
        self._random = np.random.RandomState(0)  # dm_control draws from this legacy generator
        self._env = suite().load(
            domain, task, task_kwargs={"random": self._random, "time_limit": float("inf")}
        )
        self._physics = self._env.physics
        self._size = size
        self._repeat = action_repeat
        self._length = episode_length
        self._symmetric = symmetric
        if symmetric:
            _without_asymmetries(self._physics.model)
        self._reflect = reflect_action
        self._slower = repeat_action
        self._steps = 0
        self._frames: deque[np.ndarray] | None = deque(maxlen=frames) if pixels else None
        self._drawings: dict[Pose, np.ndarray] = {}
        self._poses: deque[Pose] = deque(maxlen=frames if pixels else 1)
        self._physics.model.opt.gravity[:] = _tilted(
            self._physics.model.opt.gravity, tilt_gravity, self.domain.planar
        )
        terms = {
            name: spaces.Box(-np.inf, np.inf, (len(signs),))
            for name, signs in self.domain.terms.items()
        }
        picture = spaces.Box(0, 255, (size, size, 3 * frames), np.uint8)
        self.observation_space: spaces.Space[Any] = picture if pixels else spaces.Dict(dict(terms))
        self.action_space = spaces.Box(-1.0, 1.0, (len(self.domain.action),))
        self._env.reset()

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
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

    def step(self, action: np.ndarray) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """One action, repeated as the dials say; the half-space is that of the state in which it is
        taken.
        """
        action, beyond, reward = (
            np.clip(np.asarray(action, np.float64), -1.0, 1.0),
            self.side(),
            0.0,
        )
        if beyond and self._reflect:
            action = -action
        for _ in range(self._repeat * (self._slower if beyond else 1)):
            reward += float(self._env.step(action).reward)
            self._steps += 1
            if self._steps >= self._length:
                break
        if self._frames is not None:
            self._frames.append(self._picture())
        self._poses.append(self._pose())
        return self._observation(), reward, False, self._steps >= self._length, {}

    def side(self) -> bool:
        """Whether the state is in the half-space of the dials, which every symmetry of the task
        moves.

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

    def load(self, poses: Sequence[Pose]) -> Any:
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
        """The picture of a pose, remembered: check-env asks for the same ones many times."""
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

    def _observation(self) -> Any:
        if self._frames is not None:
            return np.concatenate(self._frames, -1)
        seen = self._env.task.get_observation(self._physics)
        return {name: np.array(seen[name], np.float32).reshape(-1) for name in self.domain.terms}

    def _picture(self) -> np.ndarray:
        """The picture of the present state, (size, size, 3) uint8; a symmetric one averages squares
        of pixels.
        """
        if not self._symmetric:
            return self._drawn(self._size)
        k = OVERSAMPLING
        side = self._size
        summed = self._drawn(k * side).reshape(side, k, side, k, 3).sum((1, 3), dtype=np.uint32)
        return ((summed + k * k // 2) // (k * k)).astype(np.uint8)

    def render(self) -> np.ndarray:
        """A frame for a video."""
        return self._drawn(FRAME)

    def _drawn(self, side: int) -> np.ndarray:
        try:
            flags = {"skybox": False} if self._symmetric else {}
            picture: np.ndarray = self._physics.render(
                side, side, camera_id=0, render_flag_overrides=flags
            )
        except Exception as error:  # what fails depends on the library that draws
            raise UserError("no-renderer", f"dm_control cannot draw: {error}", RENDERERS) from error
        return picture

    def close(self) -> None:
        """Free the simulation."""
        self._env.close()


def _without_asymmetries(model: Any) -> None:
    """Leave out what mirrors of the world do not mirror in its picture.

    The sky (stars at random, see `_drawn`) and the floor (checks, and light that is interpolated
    over triangles) are black, and instead of several samples per pixel at places that are not
    symmetric there is one in the middle, of a larger picture.
    """
    checked = model.mat_texid.reshape(len(model.mat_rgba), -1).max(1) >= 0
    model.geom_group[(model.geom_matid >= 0) & checked[model.geom_matid]] = HIDDEN
    model.vis.quality.offsamples = 0


def _tilted(gravity: np.ndarray, degrees: float, planar: bool) -> np.ndarray:
    """Gravity turned from straight down by an angle."""
    size = np.linalg.norm(gravity)
    angle = np.deg2rad(degrees)
    sideways = np.array([np.sqrt(0.5), np.sqrt(0.5), 0.0]) if planar else np.array([1.0, 0.0, 0.0])
    tilted: np.ndarray = size * (
        np.sin(angle) * sideways - np.cos(angle) * np.array([0.0, 0.0, 1.0])
    )
    return tilted
