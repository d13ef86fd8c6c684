"""A video of a trained agent: one episode per condition, one after the other, with a caption."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np
import torch
from gymnasium.error import DependencyNotInstalled
from gymnasium.vector import AutoresetMode, VectorEnv

from symgen.compiler import Compiled, check_spec
from symgen.envs._stepping import autoreset_mode, environment_action
from symgen.errors import UserError
from symgen.experiment import heldout
from symgen.experiment.evaluation import EvaluationSettings
from symgen.experiment.heldout import Changes
from symgen.experiment.imported import imports_hinted
from symgen.experiment.load import loaded
from symgen.experiment.player import network_under, player
from symgen.experiment.run import Run
from symgen.nn.device import forked
from symgen.pictures.caption import captioned, enlarged
from symgen.problem.problem import Problem
from symgen.spec.source import read

LONGEST = 2000
"""Frames of one episode."""
USUAL = 8
"""Frames per second of environments that do not say."""
SLOWEST = 4
FASTEST = 50
"""Frames per second of those that do, at least and at most."""
HOLD = 3
"""So many times the last frame of an episode is shown."""


@dataclass(frozen=True)
class Shot:
    """One picture of an episode.

    Args:
        picture: [row, column, colour], uint8, as the environment draws it.
        step: steps that have been taken.
        returned: sum of the rewards so far.
        ended: "", "terminated" or "truncated".
    """

    picture: np.ndarray
    step: int
    returned: float
    ended: str = ""

    def __str__(self) -> str:
        end = f", {self.ended}" if self.ended else ""
        return f"step {self.step}, return {self.returned:.2f}{end}"


class Episode(NamedTuple):
    """The frames of one episode, and how many of them the environment would show in a second."""

    frames: list[Shot]
    per_second: int


def film(run: Run, settings: EvaluationSettings, path: Path) -> None:
    """Play an episode under each condition and write it to `path`, an .mp4 or .gif.

    Raises:
        UserError: imageio is not installed, the ending is another, or the environment cannot be
            drawn.
    """
    check_path(path)
    compiled, _ = loaded(run, settings.checkpoint, settings.device)
    conditions = settings.conditions(compiled.problem)
    episodes = {name: play(compiled, changes, settings) for name, changes in conditions.items()}
    played = f"training seed {run.seed}, environment seed {settings.seed}"
    pictures = _pictures(episodes, f"{run.spec} {run.variant}", played)
    per_second = next(iter(episodes.values())).per_second
    try:
        _write(path, pictures, per_second)
    except ImportError as error:  # imageio without its ffmpeg
        raise UserError(
            "missing-package",
            f"writing {path.suffix} needs more: {error}",
            "pip install 'symgen[video]'",
        ) from error
    except OSError as error:
        message = f"{path} cannot be written: {str(error).splitlines()[0]}"
        raise UserError("folder-not-writable", message, "name a file in another folder") from error


def _write(path: Path, pictures: Iterator[np.ndarray], per_second: int) -> None:
    """Write the pictures one by one: all of them would take gigabytes."""
    if path.suffix == ".gif":
        from PIL import Image

        images = (Image.fromarray(picture).quantize() for picture in pictures)
        next(images).save(
            path, save_all=True, append_images=images, duration=round(1000 / per_second), loop=0
        )
    else:
        import imageio.v3 as imageio

        # its types know arrays and lists alone, but it goes through anything
        batch = cast("list[np.ndarray]", pictures)
        imageio.imwrite(
            path, batch, is_batch=True, fps=per_second, codec="libx264", macro_block_size=2
        )


def check(run: Run, settings: EvaluationSettings, path: Path) -> None:
    """Raise UserError where no video of a run can be made; asked before anything is played."""
    check_path(path)
    with imports_hinted(run):
        _stage(check_spec(read(run.folder / "spec.yaml")), {}, settings.seed).close()


def check_path(path: Path) -> None:
    """Raise UserError where no video can be written to `path`."""
    if path.suffix not in (".mp4", ".gif"):
        raise UserError(
            "video-format", f"{path} does not end in .mp4 or .gif", "name it, say, agent.mp4"
        )
    try:
        import imageio.v3  # noqa: F401
    except ImportError:
        raise UserError(
            "missing-package", "writing videos needs imageio", "pip install 'symgen[video]'"
        ) from None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"{path.parent} cannot be made: {error.strerror}"
        raise UserError("folder-not-writable", message, "name a file in another folder") from error


def play(compiled: Compiled, changes: Changes, settings: EvaluationSettings) -> Episode:
    """One episode under a condition.

    Raises:
        UserError: the environment cannot be drawn.
    """
    envs = _stage(compiled.problem, changes, settings.seed)
    # after an ending these show the next episode already
    overtakes = autoreset_mode(envs) is AutoresetMode.SAME_STEP
    to_environment = environment_action(envs.single_action_space)
    starts = np.zeros(envs.num_envs, np.bool_)
    try:
        network = network_under(compiled, changes)
        policy = player(network, changes, settings.sample)
        with forked(network.device), torch.no_grad(), network.expanded():
            torch.manual_seed(settings.seed)
            observation, _ = envs.reset(seed=settings.seed)
            policy.reset(envs.num_envs)
            taken = [Shot(_drawn(envs), 0, 0.0)]
            while not taken[-1].ended and len(taken) < LONGEST:
                observation, reward, terminated, truncated, _ = envs.step(
                    to_environment(policy.act(observation, starts))
                )
                ended = _ending(bool(terminated[0]), bool(truncated[0]))
                picture = taken[-1].picture if ended and overtakes else _drawn(envs)
                taken.append(
                    Shot(picture, len(taken), taken[-1].returned + float(reward[0]), ended)
                )
    finally:
        envs.close()
    per_second = int(np.clip(envs.metadata.get("render_fps") or USUAL, SLOWEST, FASTEST))
    return Episode(taken, per_second)


def _ending(terminated: bool, truncated: bool) -> str:
    if terminated:
        return "terminated"
    return "truncated" if truncated else ""


def _stage(problem: Problem, changes: Changes, seed: int) -> VectorEnv:
    """One environment under a condition, reset, that has drawn itself once.

    Raises:
        UserError: it cannot be drawn.
    """
    try:
        envs = heldout.environment(problem, changes, 1, seed, render=True)
    except ValueError as error:  # it takes no render_mode, or not this one
        raise _undrawable(str(error)) from error
    try:
        envs.reset(seed=seed)
        _drawn(envs)
    except BaseException:
        envs.close()
        raise
    return envs


def _drawn(envs: VectorEnv) -> np.ndarray:
    """What the first environment looks like now, [row, column, colour], uint8."""
    try:
        drawn = envs.render()
    except (DependencyNotInstalled, ImportError) as error:
        hint = "pip install 'symgen[classic]', or the package that it names"
        raise UserError(
            "missing-package", f"drawing the environment needs a package: {error}", hint
        ) from error
    except UserError:
        raise
    except Exception as error:  # it is other people's code
        raise _undrawable(f"{type(error).__name__}: {error}".rstrip(": ")) from error
    picture = np.asarray(drawn[0]) if drawn is not None else np.zeros(0)
    if picture.dtype.kind not in "biuf" or picture.ndim not in (2, 3) or 0 in picture.shape:
        raise _undrawable("render() returns no picture")
    colours = picture[..., None] if picture.ndim == 2 else picture
    return np.asarray(np.broadcast_to(colours[..., :3], (*colours.shape[:2], 3)), dtype=np.uint8)


def _undrawable(cause: str) -> UserError:
    hint = 'the environment needs a render_mode "rgb_array", and a render() that returns a picture'
    return UserError("video-format", f"the environment cannot be drawn: {cause}", hint)


def _pictures(episodes: Mapping[str, Episode], *common: str) -> Iterator[np.ndarray]:
    """All frames, of one size and with their captions: the condition, lines that all have in
    common, step and return.
    """
    shapes = [frame.picture.shape for episode in episodes.values() for frame in episode.frames]
    height = max(shape[0] for shape in shapes)
    width = max(shape[1] for shape in shapes)
    for name, episode in episodes.items():
        for frame in [*episode.frames, *[episode.frames[-1]] * (HOLD - 1)]:
            picture = enlarged(_padded(frame.picture, height, width))
            yield captioned(picture, [f"condition {name}", *common, str(frame)])


def _padded(frame: np.ndarray, height: int, width: int) -> np.ndarray:
    """`frame` in the upper left corner of a black picture."""
    picture = np.zeros((height, width, 3), dtype=np.uint8)
    picture[: frame.shape[0], : frame.shape[1]] = frame
    return picture
