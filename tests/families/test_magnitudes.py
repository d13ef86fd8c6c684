"""Large observations are told apart: by every family, normalised or not, in the policy, the value
and both Q.
"""

from itertools import combinations

import numpy as np
import pytest
import torch

from symgen.compiler import plan_spec
from symgen.nn.network import Network, build
from symgen.nn.norm import RunningNorm
from symgen.problem.problem import Problem
from tests.families.examples import VARIANTS, WORLDS
from tests.families.laws import outputs
from tests.families.problems import example, observations

SIZES = (10.1, 15.0, 28.2)
"""What an angular velocity may well be, and beyond the ten standard deviations at which outliers
are clipped.
"""
APART = 1e-6
"""Least difference of two outputs, relative to the largest."""


def first_world(family: str, variant: str, kinds: tuple[str, ...]) -> str | None:
    """A world that the variant fits, with an observation of real numbers and such an action."""
    fits = VARIANTS[family][variant].fits
    for name, world in WORLDS.items():
        real = any(not text.startswith(("bytes", "discrete")) for text in world.terms.values())
        if (
            real
            and fits(world)
            and (world.kind if isinstance(world.kind, str) else "multi") in kinds
        ):
            return name
    return None


CASES = [
    (family, variant, world, critic)
    for critic, kinds in (("ppo", ("discrete", "continuous", "multi")), ("sac", ("continuous",)))
    for family, variants in VARIANTS.items()
    for variant, row in variants.items()
    if not (row.remembers and critic == "sac") and (world := first_world(family, variant, kinds))
]


def of_sizes(this: Problem) -> dict[str, np.ndarray]:
    """Observations that differ in one number of one term, which is as large as SIZES."""
    given = {
        name: np.repeat(x, len(SIZES), 0)
        for name, x in observations(this.interface, 1, seed=3).items()
    }
    name = next(term.name for term in this.interface.terms if term.dtype == "float32")
    given[name].reshape(len(SIZES), -1)[:, given[name][0].size // 2] = SIZES
    return given


def gaps(network: Network, this: Problem) -> dict[str, float]:
    """The smallest difference of two outputs, relative to the largest output."""
    acts = np.repeat(np.random.default_rng(1).standard_normal((1, this.action.size)), len(SIZES), 0)
    with torch.no_grad():
        found = outputs(network.eval(), of_sizes(this), acts)
    pairs = list(combinations(range(len(SIZES)), 2))
    return {
        name: min(float((x[i] - x[j]).abs().max() / x.abs().max()) for i, j in pairs)
        for name, x in found.items()
    }


def made(
    family: str, variant: str, world: str, critic: str, normalise: bool
) -> tuple[Problem, Network]:
    this = example(family, variant, world, critic)
    torch.manual_seed(1)
    network = build(plan_spec(this), this.interface)
    if normalise:
        seen = observations(this.interface, 64, seed=4)
        network.update_normalisation(
            {name: 3 * x if x.dtype.kind == "f" else x for name, x in seen.items()}
        )
    return this, network


@pytest.mark.parametrize("normalise", [False, True])
@pytest.mark.parametrize(("family", "variant", "world", "critic"), CASES)
def test_large_observations_are_told_apart(family, variant, world, critic, normalise):
    this, network = made(family, variant, world, critic, normalise)
    found = gaps(network, this)
    assert min(found.values()) > APART, found


def test_what_is_clamped_is_not_told_apart():
    """The control: what every network did to every observation."""
    this, network = made("group_mlp", "two trunks", "D1 cart", "ppo", normalise=False)
    norm = network.steps["normal_observation"]
    norm.forward = lambda x: x.clamp(-10, 10)
    assert isinstance(norm, RunningNorm)
    assert max(gaps(network, this).values()) < APART


def test_every_family_is_tried():
    assert {(family, critic) for family, _, _, critic in CASES} == {
        (f, c) for f in VARIANTS for c in ("ppo", "sac")
    }
