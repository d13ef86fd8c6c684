"""Pictures of sensors and slots: what is recorded is what the network computes, and what is drawn
can be read.
"""

import json
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium import spaces
from typer.testing import CliRunner

from symgen.cli import app
from symgen.compiler import Compiled, compile_spec
from symgen.experiment.train import TrainingSettings, train
from symgen.nn.sensors import PlaceLSTM
from symgen.nn.slots import SetPooling, SlotAttention
from symgen.pictures import (
    draw_identity,
    draw_slot_outputs,
    draw_slots,
    sensors,
)
from symgen.pictures.attention import AttentionRecorder
from symgen.pictures.sensors import SHUFFLED, Recording, record
from symgen.pictures.show import Album, _sensors
from symgen.spec.source import read
from tests.pictures.examples import PATCHES, SENSORS, edited, is_png
from tests.pictures.legible import complaints

RING: dict[str, Any] = {
    **SENSORS,
    "environment": {
        "adapter": "gymnasium_env",
        "id": "Tokens-v0",
        "kwargs": {"count": 5, "channels": 2, "actions": 5},
    },
    "symmetry": {
        "group": "C5",
        "states": {"observation": "tokens"},
        "actions": "permutation",
    },
}
MANY: dict[str, Any] = {
    **RING,
    "environment": {
        **RING["environment"],
        "kwargs": {"count": 30, "channels": 1, "actions": 2},
    },
    "symmetry": {**SENSORS["symmetry"], "group": "S30"},
}


class Tokens(gymnasium.Env):
    """Random numbers at some tokens, 30 times."""

    def __init__(self, count: int, channels: int, actions: int) -> None:
        self.observation_space = spaces.Box(-9, 9, (count, channels), np.float32)
        self.action_space = spaces.Discrete(actions)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self._time = 0
        return self._seen(), {}

    def step(self, action):
        self._time += 1
        return self._seen(), 0.0, self._time == 30, False, {}

    def _seen(self):
        shape = self.observation_space.shape
        return self.np_random.uniform(-9, 9, shape).astype(np.float32)


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """Short episodes, and environments for tests."""
    spec = gymnasium.envs.registration.EnvSpec("Tokens-v0", Tokens)
    monkeypatch.setitem(gymnasium.registry, "Tokens-v0", spec)
    monkeypatch.setattr(sensors, "LONGEST", 40)
    monkeypatch.setattr(sensors, "LONGEST_IMAGES", 12)


def compiled(base: dict[str, Any], seed: int = 0, **options: Any) -> Compiled:
    spec = edited(base, network=options)
    ready = compile_spec(spec, verify=False, seed=seed)
    ready.network.double().eval()
    return ready


def flat(recording: Recording) -> tuple[np.ndarray, ...]:
    """Values, keys and slots of all moments that belong to an episode."""
    going = recording.going
    return recording.values[going], recording.keys[going], recording.slots[going]


def symlog(x: np.ndarray) -> np.ndarray:
    return np.sign(x) * np.log1p(np.abs(x))


# --------------------------------------------------------------------------------------------------
# what is recorded


@pytest.mark.parametrize(
    "options", [{"pooling": "sum"}, {"pooling": "mean"}, {"weights": "softmax"}], ids=str
)
def test_the_weights_that_are_drawn_made_the_slots(options):
    """m = sum_i w_i v_i of every slot, with what the network said while it played."""
    this = compiled(SENSORS, **options)
    values, keys, slots = flat(record(this, {}))
    weights = sensors.slot_weights(this.network, keys)
    assert weights is not None
    assert weights.shape == (len(keys), 5, 6)
    inputs = symlog(values[..., 0].astype(np.float64))
    assert np.abs(np.einsum("tns,tn->ts", weights, inputs) - slots).max() < 1e-12
    later = np.roll(weights, 1, axis=0)  # the control: of another moment
    assert np.abs(np.einsum("tns,tn->ts", later, inputs) - slots).max() > 1e-3
    assert draw_slots.is_signed(this.plan) == ("weights" not in options)


def test_the_weights_of_pooling_are_those_of_the_kernel():
    this = compiled(SENSORS, readout="pma", key_size=8, key_heads=2)
    module = this.network.steps["policy_slots"]
    assert isinstance(module, SetPooling)
    keys = np.random.default_rng(0).standard_normal((3, 5, 8))
    with torch.no_grad(), AttentionRecorder() as recorder:
        module(torch.from_numpy(keys))
    expected = recorder.maps[0].mean(1).transpose(1, 2).numpy()
    weights = sensors.slot_weights(this.network, keys)
    assert weights is not None
    assert np.allclose(weights, expected, atol=1e-12)
    assert np.allclose(weights.sum(1), 1)
    assert not np.allclose(weights, np.flip(expected, 1))  # the control


def test_memory_is_carried_along_an_episode():
    """The cell, step after step from zero, on what the sensors saw."""
    this = compiled(SENSORS, sees_previous_action=False)
    recording = record(this, {}, episodes=2)
    cell = this.network.steps["policy_memory"]
    assert isinstance(cell, PlaceLSTM)
    assert recording.memory is not None
    state = torch.zeros(2, 5, 16, dtype=torch.float64)
    fresh = state
    for k, values in enumerate(recording.values):
        x = torch.from_numpy(symlog(values.astype(np.float64)))
        with torch.no_grad():
            said, state = cell(x, state)
            forgotten, _ = cell(x, fresh)
        going = recording.going[k]
        assert np.abs(recording.memory[k] - said.numpy())[going].max() < 1e-12
    assert np.abs(recording.memory[k] - forgotten.numpy())[going].max() > 1e-3  # the control


def test_shuffled_sensors_are_put_back():
    this = compiled(SENSORS)
    trained, shuffled = record(this, {}), record(this, SHUFFLED)
    assert np.array_equal(trained.going, shuffled.going)
    values, keys, slots = flat(trained)
    again, moved, same = flat(shuffled)
    assert np.array_equal(values, again)
    assert np.abs(slots - same).max() < 1e-9
    assert np.abs(keys - moved).max() > 1e-3  # the control: the network saw another order
    assert draw_slot_outputs.difference(trained, shuffled).agrees


def test_a_network_that_knows_places_gives_another_cloud():
    base = {**SENSORS, "symmetry": {"group": "C1", "states": {"observation": "tokens"}}}
    this = compiled(base, position_codes=True)
    trained, shuffled = record(this, {}), record(this, SHUFFLED)
    assert not draw_slot_outputs.difference(trained, shuffled).agrees


def test_of_long_episodes_steps_equally_far_apart_are_kept(monkeypatch):
    this = compiled(SENSORS)
    whole = record(this, {}, episodes=2)
    monkeypatch.setattr(sensors, "NUMBERS", 1)
    monkeypatch.setattr(sensors, "FEWEST", 12)
    thin = record(this, {}, episodes=2)
    assert list(whole.steps) == list(range(40))
    assert list(thin.steps) == list(range(0, 40, 4))
    assert np.array_equal(thin.slots, whole.slots[::4])
    assert np.array_equal(thin.returns, whole.returns)


def test_nothing_is_left_in_the_network():
    this = compiled(SENSORS)
    record(this, {}, episodes=1)
    module = this.network.steps["policy_slots"]
    assert isinstance(module, SlotAttention)
    assert not module._forward_hooks


# --------------------------------------------------------------------------------------------------
# what is worked out of it


def recording_of(memory: np.ndarray) -> Recording:
    """Episodes with this memory (time, episode, place, channel)."""
    time, episodes, places = memory.shape[:3]
    nothing = np.zeros((time, episodes, places, 1))
    return Recording(
        steps=np.arange(time),
        going=np.ones((time, episodes), np.bool_),
        values=nothing,
        keys=nothing,
        slots=np.zeros((time, episodes, 2)),
        rewarded=np.zeros((time, episodes)),
        returns=np.zeros(episodes),
        ended=np.ones(episodes, np.bool_),
        memory=memory,
    )


def test_a_memory_that_settles_is_seen_to():
    rng = np.random.default_rng(0)
    own = 5 * rng.standard_normal((6, 4))
    noise = rng.standard_normal((200, 3, 6, 4))
    known = np.minimum(np.arange(200) / 50, 1)[:, None, None, None]
    settled = recording_of(known * own + 0.1 * noise)
    distance = draw_identity.settling(settled)
    assert distance.shape == (200, 6)
    assert distance[:5].mean() > 0.5
    assert distance[60:].mean() < 0.1
    share = draw_identity.recognised(settled)
    assert share.shape == (200,)
    assert share[0] < 0.7
    assert (share[60:] == 1).all()
    never = draw_identity.recognised(recording_of(noise))  # the control
    assert abs(never.mean() - 1 / 6) < 0.1


def test_a_memory_that_moves_with_the_gait_is_recognised():
    """However far: it never settles, and still says whose it is."""
    rng = np.random.default_rng(0)
    own = rng.standard_normal((6, 4))
    along = 5 * rng.standard_normal((6, 4))
    phase = 2 * np.pi * (np.arange(200)[:, None] / 20 + rng.random(3))
    memory = own + along * np.sin(phase)[:, :, None, None]
    moving = recording_of(memory)
    assert draw_identity.settling(moving)[100:].mean() > 0.5
    assert draw_identity.recognised(moving)[100:].mean() > 0.95
    # the control: in every episode another sensor has each of these memories
    apart = np.stack([np.roll(memory[:, k], k, axis=1) for k in range(3)], axis=1)
    assert draw_identity.recognised(recording_of(apart))[100:].mean() < 0.05


def test_the_memories_of_one_episode_are_compared_with_no_others(tmp_path):
    one = recording_of(np.zeros((200, 1, 6, 4)))
    assert draw_identity.draw_identity(compiled(SENSORS), one, tmp_path / "a.png") is None


def test_the_plane_holds_the_most_variance():
    rng = np.random.default_rng(0)
    points = rng.standard_normal((500, 5)) * [1, 5, 2, 0.1, 0.1] + 7
    plane = draw_slot_outputs.plane(points)
    assert np.abs(plane.directions) @ np.eye(5)[1] == pytest.approx([1, 0], abs=0.05)
    assert plane.shares[0] == pytest.approx(25 / 30, abs=0.05)
    assert np.allclose(plane(points).mean(0), 0)
    flat_cloud = draw_slot_outputs.plane(np.ones((4, 1)))
    assert np.array_equal(flat_cloud(np.ones((4, 1))), np.zeros((4, 2)))


# --------------------------------------------------------------------------------------------------
# what is drawn


@pytest.mark.parametrize(
    ("base", "options", "names"),
    [
        (SENSORS, {"pooling": "sum", "slots": 16}, {"slots", "identity", "slot_outputs"}),
        (SENSORS, {"readout": "pma", "memory": "gru"}, {"slots", "identity", "slot_outputs"}),
        (SENSORS, {"readout": "deep_sets"}, {"identity", "slot_outputs"}),
        (SENSORS, {"memory": "none"}, {"slots", "slot_outputs"}),
        (PATCHES, {}, {"slots", "slot_outputs"}),
        (PATCHES, {"weights": "tanh", "memory": "gru"}, {"slots", "identity", "slot_outputs"}),
        (
            PATCHES,
            {"grid": [2, 3], "votes": 2, "head_memory": "lstm"},
            {"slots", "slot_outputs"},
        ),
        (RING, {}, {"slots", "identity", "slot_outputs"}),
        (MANY, {"slots": 40}, {"slots", "identity", "slot_outputs"}),
    ],
    ids=[
        "lstm",
        "pma",
        "deep sets",
        "no memory",
        "patches",
        "patches, tanh",
        "votes",
        "ring",
        "many",
    ],
)
def test_pictures_can_be_read(base, options, names, figures, tmp_path):
    drawn = _sensors(compiled(base, **options), Album(tmp_path), 0)
    assert {path.stem for path in drawn.pictures} == names
    assert len(drawn.notes) == 3 - len(names)
    assert len(figures) == len(names)
    for figure in figures:
        assert complaints(figure) == []


def test_sensors_are_called_by_their_names(figures, tmp_path):
    this = compiled(SENSORS)
    draw_slots.draw_slots(this, record(this, {}), tmp_path / "a.png")
    below = next(axes for axes in figures[0].axes if axes.images)
    names = [text.get_text() for text in below.get_yticklabels()]
    assert names == ["position", "velocity", "cos angle", "sin angle", "angular velocity"]
    many = draw_slots._numbered([f"name {k}" for k in range(9)])
    assert many[4] == "name 4  5"  # the number is what the panels below have room for
    assert sensors.sensor_names(compiled(PATCHES).problem) == [str(k) for k in range(9)]


def test_other_weights_give_another_picture(tmp_path):
    pictures = {}
    for name, seed in (("one", 0), ("same", 0), ("other", 1)):
        this = compiled(SENSORS, seed)
        path = draw_slots.draw_slots(this, record(this, {}), tmp_path / f"{name}.png")
        assert path is not None
        assert is_png(path)
        pictures[name] = path.read_bytes()
    assert pictures["one"] == pictures["same"]
    assert pictures["one"] != pictures["other"]


# --------------------------------------------------------------------------------------------------
# the command


def test_a_run_is_shown(tmp_path):
    spec = edited(
        SENSORS,
        train={
            "algorithm": "ppo", "steps": 256, "seeds": [0], "envs": 4, "rollout": 32,
            "minibatch": 64, "epochs": 1,
        },
    )  # fmt: skip
    train(read(spec), TrainingSettings(root=tmp_path, evaluation=None), lambda _: None)
    done = CliRunner().invoke(app, ["show", str(tmp_path / "dict" / "base" / "0"), "--json"])
    assert done.exit_code == 0, done.output
    drawn = json.loads(done.stdout)
    names = [path.rpartition("/")[2] for path in drawn["pictures"]]
    assert {"slots.png", "identity.png", "slot_outputs.png"} <= set(names)
    assert not any("attends to no places" in note for note in drawn["notes"])
    assert any("all places share the maps" in note for note in drawn["notes"])
