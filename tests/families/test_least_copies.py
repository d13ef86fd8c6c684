"""LayerNorm needs several copies of a fibre: where there are too few, the smallest number that
works is said.
"""

import re

import pytest
import torch

from symgen.compiler import plan_spec
from symgen.nn.network import build
from symgen.proofs.verify import Setting, verify
from tests.families.laws import train
from tests.families.problems import problem

GLOBAL = {"global": {"layers": 1}}
# family, world, options with {n} copies of the fibre, and where the mistake is
NORMALISED = {
    "attention": (
        "graph_attention",
        "C4 grid 5x5",
        lambda n: {**GLOBAL, "width": 4 * n, "heads": 1},
        "width",
    ),
    "relaxed attention": (
        "graph_attention",
        "C4 grid 5x5",
        lambda n: {"width": 4 * n, "heads": 1},
        "width",
    ),
    "attention of still channels": (
        "graph_attention",
        "C4 turn moves 4x4",
        lambda n: {"width": n, "heads": 1},
        "width",
    ),
    "attention in windows": (
        "graph_attention",
        "C4 grid 5x5",
        lambda n: {"width": 16, "heads": 4, "local": {"window": 3, "width": 4 * n, "heads": 1}},
        "local",
    ),
    "transformer": ("vit", "C4 grid 5x5", lambda n: {"width": n, "heads": 1}, "width"),
    "convolutions": (
        "group_conv",
        "C4 grid 5x5",
        lambda n: {"layers": [f"{n} regular"], "norm": "layer"},
        "layers",
    ),
    "trivial fields": (
        "group_conv",
        "C4 turn moves 4x4",
        lambda n: {"layers": [f"{n} trivial"], "norm": "layer"},
        "layers",
    ),
    "features of towers": (
        "group_conv",
        "C4 grid 5x5",
        lambda n: {"layers": ["8 regular"], "hidden": f"{n} regular", "towers": ["8 regular"]},
        "hidden",
    ),
    "features of plain towers": (
        "cnn",
        "C4 grid 5x5",
        lambda n: {"width": n, "towers": [8]},
        "width",
    ),
}


def of(case: str, copies: int):
    family, world, options, _ = NORMALISED[case]
    constraint = "none" if family in ("vit", "cnn") else "relaxed" if "relaxed" in case else "exact"
    return problem(world, family, options(copies), constraint)


@pytest.mark.parametrize("copies", [1, 2])
@pytest.mark.parametrize("case", NORMALISED)
def test_too_few_copies_are_refused(case, copies):
    where = NORMALISED[case][3]
    with pytest.raises(
        ValueError, match=rf"code='width', path=\('network', '{where}'.*at least 3 copies"
    ):
        of(case, copies)


@pytest.mark.parametrize("case", NORMALISED)
def test_three_copies_have_power_before_and_after_training(case):
    this, found = of(case, 3), None
    for seed in range(5):  # so few units may all be closed at first
        torch.manual_seed(seed)
        built = build(plan_spec(this), this.interface)
        found = verify(built, Setting.of(this), this.constraint.PROMISE)
        if found.holds:
            break
    assert found.holds, found
    train(built, this)
    assert verify(built, Setting.of(this), this.constraint.PROMISE).holds


def test_the_width_that_is_named_works():
    options = {"width": 16, "heads": 2, "fibre": "regular"}
    with pytest.raises(ValueError, match="use width: 32 or more") as refused:
        problem("D4 grid 5x5", "graph_attention", options)
    named = int(re.search(r"use width: (\d+)", str(refused.value))[1])
    problem("D4 grid 5x5", "graph_attention", {**options, "width": named})
