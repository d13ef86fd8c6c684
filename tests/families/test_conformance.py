"""Every family, crossed with small groups, actions and options: what the plan promises is what the network does."""

import pytest
import torch

from symgen.nn.network import Network, build
from symgen.plan.invariants import validate
from symgen.semantics.problem import Problem
from symgen.verify import verify
from tests.families.examples import VARIANTS, cases
from tests.families.laws import (
    assert_broken,
    assert_equivariant,
    assert_plan,
    assert_uses_everything,
    train,
)
from tests.families.problems import example

QUICK, WIDE = cases(wide=False), cases(wide=True)
MATRIX = [*QUICK, *(pytest.param(*case, marks=pytest.mark.slow) for case in WIDE if case not in QUICK)]

# Law of a constraint: whether the network commutes with the group at the start, and after an asymmetric fit.
COMMUTES = {"exact": (True, True), "relaxed": (True, False), "none": (False, False)}


def network(of: Problem, seed: int = 0) -> Network:
    torch.manual_seed(seed)
    return build(validate(of.family.plan(of)), of.interface)


@pytest.mark.parametrize(("family", "variant", "world"), MATRIX)
def test_conformance(family, variant, world):
    this = example(family, variant, world)
    assert_plan(this.family.plan(this), this)
    built, law = network(this), VARIANTS[family][variant].law
    for commutes in COMMUTES[law]:
        if commutes:
            assert_equivariant(built, this)
        elif this.group.order > 1:
            assert_broken(built, this)
        assert_uses_everything(built, this)
        assert verify(built, this.interface, this.observation, this.action).exact == (commutes or this.group.order == 1)
        train(built, this)
