"""verify shows a network what the space and the environment give, beside normally distributed
numbers.
"""

import json

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium import spaces
from gymnasium.envs.registration import EnvSpec

from symgen import compiler
from symgen.compiler import Compiled, compile_spec
from symgen.errors import UserError
from symgen.nn.norm import RunningNorm


class Shows(gymnasium.Env):
    """Observes what `look` makes of random numbers between 0 and 1; there is nothing to do."""

    action_space = spaces.Discrete(2)

    def __init__(self, look, low=-np.inf, high=np.inf, shape=(4,)) -> None:
        self.look, self.shape = look, shape
        self.observation_space = spaces.Box(low, high, shape, np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return self.step(None)[0], {}

    def step(self, action):
        seen = np.asarray(self.look(self.np_random.random(self.shape)), np.float32)
        return seen, 0.0, False, False, {}


def failing(numbers):
    raise RuntimeError("the motor is off")


LOOKS = {
    "small": {"look": lambda u: u - 0.5},
    "fast": {"look": lambda u: 20 + 10 * u},
    "wide": {"look": lambda u: u - 0.5, "low": -30.0, "high": 30.0},
    "flipping": {"look": lambda u: np.sign(u[:1] - 0.5).repeat(4)},
    "still": {"look": lambda u: np.ones(4)},
    "infinite": {"look": lambda u: u / 0.0 if u[0] > 0.8 else u},
    "failing": {"look": failing},
    "picture": {"look": lambda u: 255 * u, "low": 0.0, "high": 255.0, "shape": (6, 6, 1)},
}


@pytest.fixture(autouse=True)
def _environments(monkeypatch):
    for name, options in LOOKS.items():
        monkeypatch.setitem(
            gymnasium.registry, f"{name}-v0", EnvSpec(f"{name}-v0", Shows, kwargs=options)
        )


def compiled(name: str, states="4 sign", observe: bool = True, **network) -> Compiled:
    spec = {
        "symgen": 1,
        "environment": {"adapter": "gymnasium_env", "id": f"{name}-v0"},
        "symmetry": {"group": "D1", "states": {"observation": states}, "actions": "regular"},
        "network": {"family": "group_mlp", "hidden": "8 regular", **network},
    }
    with np.errstate(divide="ignore"):
        return compile_spec(spec, seed=0, observe=observe)


def verdicts(made: Compiled, **options) -> set[str]:
    return {row.verdict for row in made.verify(**options).rows}


def test_the_samples_are_named():
    report = compiled("wide").verification
    used = {
        "normally distributed": 8,
        "between the bounds of its space": 8,
        "of the environment": 8,
    }
    assert report.exact
    assert json.loads(json.dumps(report.to_dict()))["observations"] == used
    line = (
        "observations: 8 normally distributed, 8 between the bounds of its space, 8 of the "
        "environment"
    )
    assert str(report).endswith(line)
    assert min(row.sensitivity for row in report.rows) > 1e-3
    assert compiled("small").verification.observations == {
        "normally distributed": 8,
        "of the environment": 8,
    }


def test_a_network_that_ignores_what_the_environment_shows_has_no_power(monkeypatch):
    """What every network did: observations of 20 to 30 were all taken for 10."""
    made = compiled("fast")
    assert verdicts(made, observe=True) == {"exact"}
    monkeypatch.setattr(RunningNorm, "forward", lambda self, x: x.clamp(-10, 10))
    assert verdicts(made) == {"exact"}  # normally distributed ones are told apart
    report = made.verify(observe=True)
    assert {row.verdict for row in report.rows} == {"no power"}
    assert not report.holds
    assert "policy, value: the same for all observations of the environment" in str(report)


@pytest.mark.parametrize("name", ["fast", "wide"])
def test_an_error_at_large_observations_alone_is_found(name, monkeypatch):
    made, entry = compiled(name), torch.tensor([1.0, 0, 0, 0])
    monkeypatch.setattr(RunningNorm, "forward", lambda self, x: x + (x - 8).relu() * entry.to(x))
    assert verdicts(made) == {"exact"}
    assert verdicts(made, observe=True) == {"broken"}


@pytest.mark.parametrize("name", ["flipping", "still"])
def test_observations_that_the_group_takes_to_each_other_need_not_differ(name):
    report = compiled(name).verification
    assert report.exact
    assert {row.sensitivity for row in report.rows} == {None}


def test_an_environment_that_fails_is_told_and_not_verified():
    report = compiled("failing").verification
    assert report.holds
    assert report.observations == {"normally distributed": 8}
    assert "\nnone of the environment: " in str(report)
    assert "the motor is off" in report.to_dict()["missing"]


def test_an_infinite_observation_is_an_error():
    with pytest.raises(UserError, match=r"entry \d of observation is inf in environment") as caught:
        compiled("infinite")
    assert caught.value.code == "environment-not-finite"


def test_the_environment_is_stepped_only_when_asked_for(monkeypatch):
    asked = []
    measure = compiler._measure

    def listening(problem, network, observe):
        asked.append(observe)
        return measure(problem, network, observe)

    monkeypatch.setattr(compiler, "_measure", listening)
    for each in (True, False):
        compiled("small", observe=each)
        assert set(asked) == {each}
        asked.clear()


def test_a_picture_of_real_numbers_keeps_its_pixels_apart():
    options = {"family": "group_conv", "layers": ["4 regular"], "hidden": "8 regular"}
    made = compiled("picture", states="grid", **options)
    assert made.verification.exact
    assert made.problem.interface.terms[0].scale == 255.0
    assert min(row.sensitivity for row in made.verification.rows) > 1e-2
