"""The control suite: what is known without it is true of it, its symmetries are exact, and its
options break them.
"""

import importlib.util
import os
import subprocess
import sys

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from pydantic import ValidationError

from symgen.algebra.catalogue import group
from symgen.compiler import check_spec
from symgen.envs import _dm_control_env, dm_control
from symgen.envs._dm_control_tasks import ANGLES, DOMAINS, Pose, moved
from symgen.envs.dm_control import Options
from symgen.errors import UserError
from symgen.proofs.check_env import check_environment
from tests.envs import drawing

TASKS = [(domain, task) for domain, known in DOMAINS.items() for task in known.tasks]
installed = pytest.mark.skipif(
    importlib.util.find_spec("dm_control") is None,
    reason=f"needs dm_control: {_dm_control_env.INSTALL}",
)
BREAKING = [{"tilt_gravity": 5.0}, {"reflect_action": True}, {"repeat_action": 2}]


draws = pytest.mark.skipif(not drawing.drawable(), reason=drawing.REASON)


def problem(domain, task, symmetry="D1", **environment):
    return check_spec(
        {
            "symgen": 1,
            "environment": {"adapter": "dm_control", "domain": domain, "task": task, **environment},
            "symmetry": {
                "group": symmetry,
                "states": "auto",
                "actions": "auto",
                "constraint": "none",
            },
            "network": {"family": "mlp"},
        }
    )


def asked(samples=5, **about):
    """The verdicts of check-env, by generator."""
    return {
        row.generator: row.verdict
        for row in check_environment(problem(**about), samples=samples).rows
    }


@installed
@pytest.mark.parametrize(("domain", "task"), TASKS)
def test_what_is_known_without_the_suite_is_true_of_it(domain, task):
    options = Options(domain=domain, task=task)
    said = dm_control.interface(options)
    envs = dm_control.make(options, 2, 0)
    space = envs.single_observation_space
    actions = envs.single_action_space
    assert {term.name: (term.shape, term.dtype) for term in said.terms} == {
        name: (inner.shape, str(inner.dtype)) for name, inner in space.items()
    }
    assert [term.name for term in said.terms] == list(space)
    assert said.action.sizes == actions.shape == (len(said.action.names),)
    assert (said.action.low, said.action.high) == (
        tuple(actions.low.tolist()),
        tuple(actions.high.tolist()),
    )
    observation, _ = envs.reset()
    assert all(observation[name] in envs.observation_space[name] for name in space)
    spec = _dm_control_env.suite().load(domain, task)
    assert {
        name: np.prod(part.shape or (1,)) for name, part in spec.observation_spec().items()
    } == {term.name: term.shape[0] for term in said.terms}
    assert spec.action_spec().shape == actions.shape
    envs.close()


@installed
@pytest.mark.parametrize(("domain", "task"), TASKS)
def test_the_mirror_is_exact(domain, task):
    report = check_environment(problem(domain, task), samples=20)
    assert [row.verdict for row in report.rows] == ["holds"]
    assert report.rows[0].deviation == 0.0  # bit by bit
    assert report.rows[0].control == 20


@installed
@pytest.mark.parametrize("domain", DOMAINS)
@pytest.mark.parametrize("broken", BREAKING, ids=lambda broken: next(iter(broken)))
def test_every_option_that_breaks_it_does(domain, broken):
    assert asked(domain=domain, task=DOMAINS[domain].tasks[0], **broken) == {"s": "refuted"}


@installed
def test_a_wrong_sign_is_refuted():
    spec = problem("ball_in_cup", "catch").source.values
    for actions, verdict in (([-1, 2], "holds"), ([-1, -2], "refuted")):
        wrong = {**spec, "symmetry": {**spec["symmetry"], "actions": {"s": actions}}}
        (row,) = check_environment(check_spec(wrong), samples=20).rows
        assert row.verdict == verdict


@installed
def test_tilted_gravity_is_an_option():
    """Equivariance error of one control step under the mirror, relative to how far a step leads:
    linear in the sine.
    """

    def equivariance_error(degrees):
        options = Options(domain="acrobot", task="swingup", tilt_gravity=degrees)
        simulator = dm_control.simulator(options, group("D1"))
        rng = np.random.default_rng(0)
        gaps = []
        for _ in range(20):
            state = simulator.sample(rng)
            action = rng.uniform(-1, 1, 1)
            there = simulator.step(simulator.act("s", state, None), -action).state
            here = simulator.step(state, action).state
            image = simulator.act("s", here, None)
            gaps.append([np.abs(np.subtract(a[0].velocities, b[0].velocities)).mean()
                         for a, b in ((there, image), (here, state))])  # fmt: skip
        gap, step = np.mean(gaps, 0)
        return gap / step

    found = {degrees: equivariance_error(degrees) for degrees in (0.0, 1.0, 15.0)}
    assert found[0.0] == 0.0
    assert 0.005 < found[1.0] < 0.1
    assert found[15.0] / found[1.0] == pytest.approx(
        np.sin(np.deg2rad(15)) / np.sin(np.deg2rad(1)), rel=0.1
    )


def test_auto_is_the_table():
    options = Options(domain="acrobot", task="swingup")
    moved_by = dm_control.states(options, group("D1"))
    assert str(moved_by["orientations"]) == "point: signed(s=-1 -2 3 4)"
    assert str(moved_by["velocity"]) == "point: signed(s=-1 -2)"
    assert str(dm_control.actions(options, group("D1"))) == "signed(s=-1)"
    assert dm_control.states(options, group("C1"))["velocity"].is_trivial
    for name in ("D2", "C2", "S5"):
        assert dm_control.states(options, group(name)) is None
        assert dm_control.actions(options, group(name)) is None


def test_pictures_move_as_pictures():
    options = Options(domain="reacher", task="easy", observe="pixels")
    assert dm_control.interface(options).term("observation").shape == (85, 85, 9)
    assert str(dm_control.states(options, group("D2"))["observation"]) == "grid 85x85: 9 trivial"
    acts = dm_control.actions(options, group("D2"))
    assert acts.act("r", np.ones(2)).tolist() == [1, 1]  # a half turn leaves torques alone
    assert acts.act("s", np.ones(2)).tolist() == [-1, -1]
    cup = Options(domain="ball_in_cup", task="catch", observe="pixels")
    assert dm_control.actions(cup, group("D1")).act("s", np.ones(2)).tolist() == [-1, 1]
    assert dm_control.states(cup, group("D2")) is None  # it does not hang upside down


@pytest.mark.parametrize("move", ANGLES)
def test_poses_of_reacher_turn_with_the_picture(move):
    """The finger's place, by the angles, is moved as a point of the picture is."""
    from symgen.algebra.base import GRID_MOVES

    pose = Pose((0.3, 0.8), (1.0, -2.0), (0.05, 0.15))
    image = moved(DOMAINS["reacher"], move, pose)

    def finger(angles):
        return np.array(
            [np.cos(angles[0]) + np.cos(sum(angles)), np.sin(angles[0]) + np.sin(sum(angles))]
        )

    corners = np.zeros((3, 3), int)
    corners[1, 2], corners[0, 1] = 1, 2  # x to the right, y up
    there = GRID_MOVES[move](corners)
    axes = [np.argwhere(there == k)[0] for k in (1, 2)]
    matrix = np.array([[axis[1] - 1, 1 - axis[0]] for axis in axes]).T
    np.testing.assert_allclose(finger(image.positions), matrix @ finger(pose.positions), atol=1e-12)
    np.testing.assert_allclose(image.target, matrix @ pose.target, atol=1e-12)


@draws
@pytest.mark.parametrize(("domain", "symmetry"), [("cartpole", "D1"), ("reacher", "D2")])
def test_symmetric_pictures_are_moved_with_the_state(domain, symmetry):
    task = DOMAINS[domain].tasks[0]
    about = {"domain": domain, "task": task, "symmetry": symmetry, "observe": "pixels", "size": 43}
    assert set(asked(1, **about, picture="symmetric").values()) == {"holds"}
    assert set(asked(1, **about, picture="suite").values()) == {
        "refuted"
    }  # the stars, and the checks of the floor


@draws
def test_frames_are_stacked_in_channels_oldest_first():
    options = Options(
        domain="pendulum", task="swingup", observe="pixels", size=24, frames=2, action_repeat=4
    )
    envs = dm_control.make(options, 1, 0)
    first, _ = envs.reset(seed=3)
    assert first.shape == (1, 24, 24, 6)
    np.testing.assert_array_equal(first[..., :3], first[..., 3:])
    second = envs.step(np.ones((1, 1), np.float32))[0]
    np.testing.assert_array_equal(second[..., :3], first[..., 3:])
    assert (second[..., 3:] != first[..., 3:]).any()
    envs.close()


@draws
def test_frames_of_a_video():
    envs = dm_control.make(Options(domain="pendulum", task="swingup"), 2, 0, render=True)
    frames = envs.render()
    assert [frame.shape for frame in frames] == [(256, 256, 3)] * 2
    assert np.std(frames[0]) > 0
    envs.close()


@installed
def test_episodes_are_truncated_and_begin_anew():
    options = Options(domain="cartpole", task="swingup", action_repeat=2, episode_length=5)
    envs = dm_control.make(options, 2, 0)
    assert envs.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
    envs.reset()
    told = [envs.step(np.zeros((2, 1), np.float32)) for _ in range(4)]
    assert [step[3].tolist() for step in told] == [
        [False] * 2,
        [False] * 2,
        [True] * 2,
        [False] * 2,
    ]
    assert not any(step[2].any() for step in told)
    assert told[3][1].tolist() == [0.0, 0.0]  # the step that begins the next episode
    envs.close()


@installed
def test_repeated_actions_are_summed_steps():
    def rewards(**options):
        envs = dm_control.make(Options(domain="cartpole", task="balance", **options), 1, 0)
        envs.reset(seed=1)
        steps = [
            envs.step(np.array([[0.3]], np.float32))
            for _ in range(8 // options.get("action_repeat", 1))
        ]
        envs.close()
        return [float(step[1][0]) for step in steps], steps[-1][0]["velocity"]

    (ones, end) = rewards()
    (fours, same_end) = rewards(action_repeat=4)
    np.testing.assert_array_equal(end, same_end)
    np.testing.assert_allclose([sum(ones[:4]), sum(ones[4:])], fours)


@installed
def test_the_same_seed_plays_the_same():
    def play(seed, again=None):
        envs = dm_control.make(Options(domain="reacher", task="easy"), 2, seed)
        envs.reset(seed=again)
        steps = [envs.step(np.full((2, 2), 0.5, np.float32))[0]["to_target"] for _ in range(5)]
        envs.close()
        return np.stack(steps)

    np.testing.assert_array_equal(play(0), play(0))
    np.testing.assert_array_equal(play(0, again=4), play(1, again=4))
    assert not any((a == b).all() for a in play(0)[0] for b in play(1)[0])


@installed
def test_a_state_that_is_set_goes_on_as_the_task_itself():
    simulator = dm_control.simulator(Options(domain="ball_in_cup", task="catch"), group("D1"))
    env = simulator._env
    rng = np.random.default_rng(0)
    env.reset(seed=5)
    for _ in range(30):
        state = env.poses()
        action = rng.uniform(-1, 1, 2)
        seen, reward, *_ = env.step(action)
        following = env.poses()
        outcome = simulator.step(state, action)
        np.testing.assert_allclose(outcome.state[0].positions, following[0].positions, atol=1e-6)
        assert outcome.reward == reward
        np.testing.assert_allclose(
            simulator.observe(following)["position"], seen["position"], atol=1e-6
        )
        env.load(following)
    assert simulator.same(state, state)
    assert not simulator.same(state, following)
    assert "velocities" in simulator.describe(state)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"domain": "cartpole", "task": "catch"}, "cartpole has no task catch; it has: balance"),
        ({"domain": "walker", "task": "walk"}, "acrobot"),
        ({"domain": "cartpole", "task": "swingup", "size": 4}, "greater than or equal to 8"),
        (
            {"domain": "cartpole", "task": "swingup", "tilt_gravity": 120.0},
            "less than or equal to 90",
        ),
    ],
    ids=str,
)
def test_wrong_options_are_told(options, words):
    with pytest.raises(ValidationError, match=words):
        Options(**options)


def test_a_missing_package_is_told_with_the_line_that_installs_it(monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "dm_control"] + [
        "dm_control"
    ]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setattr(os, "environ", dict(os.environ))
    with pytest.raises(UserError, match="missing-package") as told:
        dm_control.make(Options(domain="cartpole", task="swingup"), 1, 0)
    assert told.value.hint == "pip install 'symgen[dm_control]'"


@installed
def test_a_renderer_that_is_missing_is_told():
    code = (
        "from symgen.envs import dm_control as d; from symgen.errors import UserError\n"
        "try: d.make(d.Options(domain='cartpole', task='swingup'), 1, 0)\n"
        "except UserError as error: print(error.code, error.hint)"
    )
    environment = {**os.environ, "MUJOCO_GL": "crayons"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True
    )
    assert done.stdout.startswith("no-renderer set MUJOCO_GL=egl")
