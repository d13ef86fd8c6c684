"""A video of a trained agent: one episode per condition, one after the other."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gymnasium.error import DependencyNotInstalled

from symgen.compiler import Compiled
from symgen.errors import UserError
from symgen.experiment import evaluate, heldout
from symgen.experiment.run import Run
from symgen.rl._rollout import environment_action

LONGEST = 2000  # frames of one episode


def film(run: Run, settings: evaluate.Settings, path: Path) -> None:
    """Play an episode under each condition and write it to `path`, an .mp4 or .gif.

    Raises:
        UserError: imageio is not installed, the ending is another, or the environment cannot be drawn.
    """
    check_path(path)
    import imageio.v3 as imageio

    compiled, _ = evaluate.loaded(run, settings.checkpoint)
    episodes = [
        frames(compiled, changes, settings) for changes in heldout.conditions(compiled.problem.spec.evaluate).values()
    ]
    height = max(len(frame) for episode in episodes for frame in episode)
    width = max(frame.shape[1] for episode in episodes for frame in episode)
    # even sides, which video codecs ask for
    picture = (height + height % 2, width + width % 2)
    film = np.stack([_padded(frame, *picture) for episode in episodes for frame in episode])
    try:
        if path.suffix == ".gif":
            imageio.imwrite(path, film, duration=125, loop=0)
        else:
            imageio.imwrite(path, film, fps=8, codec="libx264", macro_block_size=2)
    except ImportError as error:  # imageio without its ffmpeg
        raise UserError(
            "missing-package", f"writing {path.suffix} needs more: {error}", "pip install 'symgen[video]'"
        ) from error
    except OSError as error:
        message = f"{path} cannot be written: {str(error).splitlines()[0]}"
        raise UserError("folder-not-writable", message, "name a file in another folder") from error


def check_path(path: Path) -> None:
    """Raise UserError where no video can be written to `path`; asked before anything is played."""
    if path.suffix not in (".mp4", ".gif"):
        raise UserError("video-format", f"{path} does not end in .mp4 or .gif", "name it, say, agent.mp4")
    try:
        import imageio.v3  # noqa: F401
    except ImportError:
        raise UserError("missing-package", "writing videos needs imageio", "pip install 'symgen[video]'") from None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"{path.parent} cannot be made: {error.strerror}"
        raise UserError("folder-not-writable", message, "name a file in another folder") from error


def frames(compiled: Compiled, changes: Mapping[str, Any], settings: evaluate.Settings) -> list[np.ndarray]:
    """The frames of one episode, [row, column, colour], the last one thrice."""
    envs = heldout.environment(compiled.problem, changes, 1, settings.seed, render=True)
    act, to_environment = (
        evaluate.policy(compiled.network, settings.sample),
        environment_action(envs.single_action_space),
    )
    try:
        with torch.random.fork_rng(), torch.no_grad(), compiled.network.expanded():
            torch.manual_seed(settings.seed)
            observation, _ = envs.reset(seed=settings.seed)
            taken, ended = [_frame(envs)], False
            while not ended and len(taken) < LONGEST:
                observation, _, terminated, truncated, _ = envs.step(to_environment(act(observation)))
                taken.append(_frame(envs))
                ended = bool(terminated[0] or truncated[0])
    finally:
        envs.close()
    return [*taken, taken[-1], taken[-1]]


def _frame(envs: Any) -> np.ndarray:
    try:
        drawn = envs.render()
    except (DependencyNotInstalled, ImportError) as error:
        hint = "pip install 'symgen[classic]', or the package that it names"
        raise UserError("missing-package", f"drawing the environment needs a package: {error}", hint) from error
    if drawn is None:
        raise UserError(
            "video-format", "the environment cannot be drawn", "choose an environment with rgb_array rendering"
        )
    return np.asarray(drawn[0], dtype=np.uint8)


def _padded(frame: np.ndarray, height: int, width: int) -> np.ndarray:
    """`frame` in the upper left corner of a black picture."""
    picture = np.zeros((height, width, 3), dtype=np.uint8)
    picture[: frame.shape[0], : frame.shape[1]] = frame[..., :3]
    return picture
