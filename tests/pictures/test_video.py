"""Videos are large enough to see, say what they show, and are refused before anything is played."""

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector import AutoresetMode
from PIL import Image
from typer.testing import CliRunner

from symgen.cli import app
from symgen.compiler import compile_spec
from symgen.envs.gymnasium_env import Options, make
from symgen.errors import UserError
from symgen.experiment import evaluate, heldout
from symgen.experiment.evaluation import EvaluationSettings
from symgen.experiment.run import Run
from symgen.pictures import caption, video
from symgen.spec.source import read
from tests.experiment.doubles import SPEC, Script
from tests.experiment.test_episodes import Still


class Plain(gymnasium.Env):
    """It takes no render_mode."""

    def __init__(self):
        self.observation_space, self.action_space = spaces.Box(-1, 1, (4,)), spaces.Discrete(2)
        self.render_mode = None

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.zeros(4, np.float32), {}

    def step(self, action):
        return np.zeros(4, np.float32), 0.0, True, False, {}


class Shy(Plain):
    """It knows another render_mode."""

    metadata = {"render_modes": ["human"]}  # noqa: RUF012

    def __init__(self, render_mode=None):
        super().__init__()
        self.render_mode = render_mode

    def render(self):
        raise NotImplementedError


class Silent(Shy):
    """It says that it can, and returns nothing."""

    metadata = {"render_modes": ["rgb_array"]}  # noqa: RUF012

    def render(self):
        return None


class Grey(Silent):
    """The control: it returns a picture, in one colour."""

    def render(self):
        return np.full((5, 7), 9, np.uint8)


@pytest.fixture(scope="module", autouse=True)
def registered():
    names = [f"symgen/{env.__name__}-v0" for env in (Plain, Shy, Silent, Grey)]
    for name, env in zip(names, (Plain, Shy, Silent, Grey), strict=True):
        gymnasium.register(name, env)
    yield
    for name in names:
        del gymnasium.registry[name]


def run_of(name: str, folder) -> Run:
    spec = {
        "symgen": 1,
        "environment": {"adapter": "gymnasium_env", "id": f"symgen/{name}-v0"},
        "symmetry": {
            "group": "D1",
            "states": {"observation": {"s": [-1, -2, -3, -4]}},
            "actions": {"s": [1, 0]},
        },
        "network": {"family": "group_mlp", "hidden": "4 regular"},
    }
    run = Run(folder / "spec" / "base" / "0")
    run.checkpoints.mkdir(parents=True)
    (run.folder / "spec.yaml").write_text(read(spec).text)
    (run.checkpoints / "last.json").write_text("{}")
    return run


@pytest.mark.parametrize("name", ["Plain", "Shy", "Silent"])
@pytest.mark.filterwarnings("ignore:.*render_mode")
def test_what_cannot_be_drawn_is_refused_before_an_episode_is_played(name, tmp_path, monkeypatch):
    run = run_of(name, tmp_path)
    played = []
    monkeypatch.setattr(evaluate, "evaluate_runs", lambda *_: played.append(1))
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(
        app, ["evaluate", str(run.folder), "--video", "a.gif"], catch_exceptions=False
    )
    assert (done.exit_code, played) == (2, [])
    assert "error[video-format]: the environment cannot be drawn" in done.stderr
    assert "rgb_array" in done.stderr


def test_what_can_be_drawn_is_not_refused(tmp_path):
    video.check(run_of("Grey", tmp_path), EvaluationSettings(), tmp_path / "a.gif")
    envs = make(Options(id="symgen/Grey-v0"), 1, 0, render=True)
    envs.reset()
    assert np.array_equal(video._drawn(envs), np.full((5, 7, 3), 9))
    envs.close()


class Painted(Script):
    """Two-step episodes whose picture says how many steps have been taken in this one."""

    def __init__(self, mode):
        super().__init__([[2]], mode)
        self.metadata["render_fps"] = 500

    def render(self):
        return (np.full((4, 4, 3), self.time[0], np.uint8),)


@pytest.mark.parametrize(
    ("mode", "pictures"),
    [(AutoresetMode.NEXT_STEP, [0, 1, 2]), (AutoresetMode.SAME_STEP, [0, 1, 1])],
)
def test_an_episode_sums_its_rewards_and_never_shows_the_next_one(mode, pictures, monkeypatch):
    compiled = compile_spec(SPEC, verify=False)
    monkeypatch.setattr(heldout, "environment", lambda *_, **__: Painted(mode))
    monkeypatch.setattr(video, "player", lambda *_, **__: Still())
    episode = video.play(compiled, {}, EvaluationSettings())
    assert [int(frame.picture[0, 0, 0]) for frame in episode.frames] == pictures
    assert [str(frame) for frame in episode.frames] == [
        "step 0, return 0.00", "step 1, return 1.00", "step 2, return 2.00, terminated",
    ]  # fmt: skip
    assert episode.per_second == video.FASTEST


@pytest.mark.parametrize(
    ("shape", "large"), [((80, 80), (320, 320)), ((7, 3), (322, 138)), ((400, 600), (400, 600))]
)
def test_small_frames_are_enlarged_pixel_by_pixel(shape, large):
    frame = np.random.default_rng(0).integers(256, size=(*shape, 3), dtype=np.uint8)
    large_frame = caption.enlarged(frame)
    times = large[0] // shape[0]
    assert large_frame.shape == (*large, 3)
    assert np.array_equal(large_frame[::times, ::times], frame)


def test_captions_fit_and_can_be_read():
    frame = np.zeros((31, 33, 3), np.uint8)
    empty, short, long = (
        caption.captioned(frame, [text]) for text in ("", "held_out", 40 * "held_out_")
    )
    assert empty.shape == short.shape == long.shape
    assert all(side % 2 == 0 for side in short.shape[:2])
    ink = [(picture[33:] < 128).sum() for picture in (empty, short, long)]
    assert 0 == ink[0] < ink[1] < ink[2]
    assert (long[32:, -3:] == 255).all()  # nothing runs over the edge


def test_a_gif_shows_every_condition_with_its_caption(tmp_path):
    black = np.zeros((8, 8, 3), np.uint8)
    episodes = {
        name: video.Episode([video.Shot(black, 0, 0.0)], 8) for name in ("training", "rotated")
    }
    pictures = list(video._pictures(episodes, "spec base"))
    assert len(pictures) == 2 * video.HOLD
    assert not np.array_equal(pictures[0], pictures[-1])  # the conditions' names
    video._write(tmp_path / "a.gif", iter(pictures), 8)
    with Image.open(tmp_path / "a.gif") as file:
        assert file.size == pictures[0].shape[1::-1]
        assert file.n_frames == 2


def test_other_endings_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"\.mp4 or \.gif"):
        video.check_path(tmp_path / "a.avi")
