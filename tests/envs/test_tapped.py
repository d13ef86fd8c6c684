"""What happened once is seen by two, each in its own way, as if it were alone with it."""

from functools import partial

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from symgen.compiler import check_spec
from symgen.envs.guarded import bare
from symgen.envs.piped import piped, unchanged
from symgen.envs.tapped import Tapped
from symgen.problem.pipeline import Pipeline

MODES = [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP]
PIPELINES = [
    Pipeline(frames=3),
    Pipeline(previous=("action", "reward")),
    Pipeline(frames=2, previous=("action",)),
    Pipeline(),
]


def carts(mode):
    """Three carts, whose episodes end at different times."""
    make = lambda: gymnasium.make("CartPole-v1", max_episode_steps=9)  # noqa: E731
    return SyncVectorEnv([make] * 3, autoreset_mode=mode)


def grids():
    """Three levels, seen as images."""
    spec = {
        "symgen": 1,
        "environment": {"adapter": "gridworld", "size": 9, "max_steps": 9},
        "symmetry": {"group": "C4"},
        "network": {"family": "group_conv"},
    }
    return bare(check_spec(spec), 3, seed=5)


def equal(one, other):
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(equal(one[name], other[name]) for name in one)
    return np.array_equal(one, other)


def both(made, first, second, otherwise=False):
    """Whether, at every step, two views of one environment are the views of two such environments
    alone; `otherwise` tells one of them that something else was done.
    """
    tapped = Tapped(made())
    here, there = piped(tapped, first, unchanged), piped(tapped.again(), second, unchanged)
    alone = [piped(made(), pipeline, unchanged) for pipeline in (first, second)]
    said = [here.reset(seed=5)[0], there.reset(seed=5)[0]]
    same = [equal(a, b.reset(seed=5)[0]) for a, b in zip(said, alone, strict=True)]
    endings = 0
    rng = np.random.default_rng(0)
    for _ in range(60):
        actions = rng.integers(2, size=3)
        mine = here.step(actions)
        theirs = there.step(1 - actions if otherwise else actions)
        for got, envs in zip((mine, theirs), alone, strict=True):
            expected = envs.step(actions)
            same.append(all(equal(a, b) for a, b in zip(got[:4], expected[:4], strict=True)))
        endings += int((mine[2] | mine[3]).sum())
    assert endings > 10
    return all(same)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("first", PIPELINES, ids=str)
@pytest.mark.parametrize("second", PIPELINES, ids=str)
def test_two_see_what_each_would_see_alone(mode, first, second):
    assert both(partial(carts, mode), first, second)


@pytest.mark.parametrize("first", [Pipeline(frames=4), Pipeline(patches=3, frames=2)], ids=str)
def test_one_sees_an_image_and_the_other_its_patches(first):
    assert both(grids, first, Pipeline(patches=3, previous=("action",)))
    assert both(grids, Pipeline(), first)


def test_the_comparison_can_fail():
    assert not both(
        partial(carts, MODES[0]), Pipeline(), Pipeline(previous=("action",)), otherwise=True
    )


def test_nothing_is_shown_before_it_happened():
    tapped = Tapped(carts(MODES[0]))
    again = tapped.again()
    with pytest.raises(ValueError, match="not reset just now"):
        again.reset()
    tapped.reset(seed=0)
    with pytest.raises(ValueError, match="not stepped just now"):
        again.step(np.zeros(3, int))
    tapped.step(np.zeros(3, int))
    again.step(np.zeros(3, int))
    with pytest.raises(ValueError, match="not reset just now"):
        again.reset()
