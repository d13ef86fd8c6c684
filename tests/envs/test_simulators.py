"""What check-env steps is what training steps: from a state that is set, the episode goes on as it
did.
"""

import numpy as np
import pytest

from symgen.algebra.catalogue import group
from symgen.envs import dm_control, gridworld, minigrid
from symgen.problem.adapter import Simulator

LAVA = "MiniGrid-LavaCrossingS9N1-v0"
DOOR = "MiniGrid-DoorKey-6x6-v0"
GRIDWORLDS = {
    "absolute": {"crossings": 2},
    "several numbers of rivers": {"crossings": (1, 2, 3), "seed_range": (50, 60)},
    "turning": {"moves": "turn", "goal": "random"},
    "ahead": {"moves": "turn", "heading": "ahead"},
    "absolute, heading shown": {"heading": "shown"},
    "turned and mirrored": {"orientation": 1, "mirror": True, "goal": "top_right"},
    "egocentric": {"moves": "turn", "view": "egocentric", "orientation": 3},
    "rgb": {"view": "rgb", "resolution": 14, "orientation": 2},
    "walls": {"obstacle": "wall", "mirror": True},
    "maze": {"kind": "maze", "size": 7},
    "chiral maze": {"kind": "chiral_maze", "size": 7, "orientation": 1},
    "chiral maze, mirrored": {"kind": "chiral_maze", "size": 7, "mirror": True, "moves": "turn"},
}
MINIGRIDS = {
    "absolute": {"id": LAVA},
    "turning": {"id": LAVA, "moves": "turn", "orientation": 1},
    "egocentric": {"id": LAVA, "moves": "turn", "view": "egocentric", "mirror": True},
    "goal moved": {"id": LAVA, "goal": "random"},
    "rgb": {"id": LAVA, "view": "rgb", "resolution": 18},
    "doors": {"id": DOOR, "mirror": True},
    "doors, turning": {"id": DOOR, "moves": "turn", "orientation": 3},
    "two ids": {"id": ["MiniGrid-LavaCrossingS9N1-v0", "MiniGrid-LavaCrossingS9N2-v0"]},
}
CASES = {
    **{
        f"gridworld: {name}": (gridworld, {"max_steps": 25, **given})
        for name, given in GRIDWORLDS.items()
    },
    **{f"minigrid: {name}": (minigrid, given) for name, given in MINIGRIDS.items()},
}


def disagreements(adapter, given, simulated, steps=120):
    """How many steps of an environment a simulator takes otherwise, and how many episodes ended."""
    simulator = adapter.simulator(adapter.Options.model_validate(simulated), group("D1"))
    assert isinstance(simulator, Simulator)
    envs = adapter.make(adapter.Options.model_validate(given), 1, 0)
    rng = np.random.default_rng(0)
    observation, _ = envs.reset(seed=3)
    wrong = endings = 0
    for _ in range(steps):
        state = envs.states()[0]
        action = int(rng.integers(envs.single_action_space.n))
        seen = simulator.observe(state)
        outcome = simulator.step(state, action)
        before = observation[0]
        observation, reward, terminated, truncated, _ = envs.step(np.array([action]))
        told = (outcome.reward, outcome.terminated, outcome.truncated) == (
            reward[0],
            terminated[0],
            truncated[0],
        )
        wrong += not (
            told
            and np.array_equal(seen, before)
            and simulator.same(outcome.state, envs.states()[0])
        )
        if terminated[0] or truncated[0]:
            endings += 1
            observation, _ = envs.reset()
    return wrong, endings


@pytest.mark.parametrize("name", CASES)
def test_levels_go_on_from_a_state_that_is_set(name):
    adapter, given = CASES[name]
    wrong, endings = disagreements(adapter, given, given)
    assert wrong == 0
    assert endings or adapter is minigrid


@pytest.mark.parametrize(
    "other", [{"max_steps": 24}, {"heading": "hidden"}, {"orientation": 1, "view": "egocentric"}]
)
def test_other_options_go_on_otherwise(other):
    given = {"max_steps": 25, "heading": "shown"}
    assert disagreements(gridworld, given, {**given, **other})[0]


CONTROL = {
    "acrobot": {"domain": "acrobot", "task": "swingup"},
    "tilted": {"domain": "acrobot", "task": "swingup", "tilt_gravity": 20.0},
    "reflected": {
        "domain": "cartpole",
        "task": "swingup",
        "reflect_action": True,
        "action_repeat": 2,
    },
    "slower": {"domain": "ball_in_cup", "task": "catch", "repeat_action": 3},
    "planar": {"domain": "reacher", "task": "hard", "tilt_gravity": -10.0, "reflect_action": True},
}


@pytest.mark.parametrize("name", CONTROL)
def test_bodies_go_on_from_a_state_that_is_set(name):
    pytest.importorskip("dm_control")
    options = dm_control.Options.model_validate(CONTROL[name])
    simulator = dm_control.simulator(options, group("D1"))
    assert isinstance(simulator, Simulator)
    envs = dm_control.make(options, 1, 0)
    rng = np.random.default_rng(0)
    observation, _ = envs.reset(seed=3)
    for _ in range(30):
        state = envs.envs[0].poses()
        action = rng.uniform(-1, 1, envs.action_space.shape).astype(np.float32)
        seen = simulator.observe(state)
        for term, value in observation.items():
            np.testing.assert_allclose(seen[term], value[0], atol=1e-6)
        observation, reward, *_ = envs.step(action)
        outcome = simulator.step(state, action[0])
        assert outcome.reward == pytest.approx(reward[0], abs=1e-6)
        assert simulator.same(outcome.state, envs.envs[0].poses())
    envs.close()
