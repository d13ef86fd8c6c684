"""Every family, crossed with small groups, actions and options: what the plan promises is what the
network does.
"""

import copy
import dataclasses

import pytest
import torch

from symgen import lookup
from symgen.compiler import plan_spec
from symgen.nn.network import Network, build
from symgen.problem.problem import Problem
from symgen.proofs.verify import Setting, verify
from tests.families.examples import VARIANTS, WORLDS, cases, judged_cases
from tests.families.laws import (
    assert_broken,
    assert_equivariant,
    assert_plan,
    assert_uses_everything,
    has_power,
    train,
)
from tests.families.problems import example, problem

QUICK, WIDE = cases(wide=False), cases(wide=True)
MATRIX = [
    *QUICK,
    *(pytest.param(*case, marks=pytest.mark.slow) for case in WIDE if case not in QUICK),
]

# Law of a constraint: whether the network commutes with the group at the start, and after an
# asymmetric fit.
COMMUTES = {"exact": (True, True), "relaxed": (True, False), "none": (False, False)}


def network(of: Problem, seed: int = 0) -> Network:
    torch.manual_seed(seed)
    return build(plan_spec(of), of.interface)


def powerful(of: Problem) -> Network:
    """The first of a few initialisations whose controls are large, before training and after it; a
    family that has none fails by its controls.
    """
    for seed in range(5):
        start = network(of, seed)
        if has_power(start, of):
            trained = copy.deepcopy(start)
            train(trained, of)
            if has_power(trained, of):
                return start
    return network(of)


@pytest.mark.parametrize(("family", "variant", "world"), MATRIX)
def test_conformance(family, variant, world):
    this = example(family, variant, world)
    assert_plan(plan_spec(this), this)
    built, law = powerful(this), VARIANTS[family][variant].law
    for commutes in COMMUTES[law]:
        if commutes:
            assert_equivariant(built, this)
        elif this.group.order > 1:
            assert_broken(built, this)
        assert_uses_everything(built, this)
        report = verify(built, Setting.of(this))
        assert report.exact == (commutes or this.group.order == 1), report
        train(built, this)


REAL = judged_cases()
"""Every family and variant without memory in every world with a continuous action."""
QUICK_REAL = {
    (family, world): (family, variant, world) for family, variant, world in reversed(REAL)
}.values()


@pytest.mark.parametrize(
    ("family", "variant", "world"),
    [case if case in QUICK_REAL else pytest.param(*case, marks=pytest.mark.slow) for case in REAL],
)
def test_conformance_of_critics_that_judge_actions(family, variant, world):
    this = example(family, variant, world, algorithm="sac")
    assert_plan(plan_spec(this), this)
    built, law = powerful(this), VARIANTS[family][variant].law
    for commutes in COMMUTES[law]:
        if commutes:
            assert_equivariant(built, this)
        elif this.group.order > 1:
            assert_broken(built, this)
        assert_uses_everything(built, this)
        report = verify(built, Setting.of(this))
        assert report.exact == commutes, report
        assert {row.output for row in report.rows} == {"policy", "log_std", "q1", "q2"}
        train(built, this)


def test_the_matrix_is_complete():
    assert set(VARIANTS) == set(lookup.keywords("family"))
    for family, variants in VARIANTS.items():
        offered = {"exact", "relaxed"} if lookup.module("family", family).BINDS else {"none"}
        assert {row.law for row in variants.values()} == offered, f"{family} offers {offered}"
        aliases = {
            field.alias or name
            for name, field in lookup.options("family", family).model_fields.items()
        }
        given = {name for row in variants.values() for name in row.options}
        assert aliases <= given | {"width", "hidden"}, (
            f"{family}: no variant sets {aliases - given}"
        )
    for chosen in (QUICK, WIDE):
        assert {(f, v) for f, v, _ in chosen} == {(f, v) for f in VARIANTS for v in VARIANTS[f]}
        assert {w for _, _, w in chosen} == set(WORLDS)
    assert {
        str(world.kind) if isinstance(world.kind, str) else "multi" for world in WORLDS.values()
    } == {
        "discrete",
        "continuous",
        "multi",
    }
    assert {family for family, _, _ in QUICK_REAL} == set(VARIANTS)


# Actions that satisfy all relations and are nevertheless not the ones the network was built for.
WRONG = {
    "the picture turns the other way": (
        "C4 grid 5x5",
        {"observation": "grid 5x5(r=turn_back): 3 trivial"},
        None,
    ),
    "the actions turn the other way": ("C4 grid 5x5", {}, "permutation(r=3 0 1 2)"),
    "two actions change places": ("C4 grid 5x5", {}, "permutation(r=1 3 0 2)"),
    "the heading stays": ("C4 heading 6x6", {"observation": "grid 6x6: 5 trivial"}, None),
    "the mirror is upside down": (
        "D1 grid 3x5",
        {"observation": "grid 3x5(s=flip): 2 trivial"},
        None,
    ),
    "the mirror of the actions is another": (
        "D4 grid 5x5",
        {},
        "permutation(r=1 2 3 0, s=2 1 0 3)",
    ),
    "one entry keeps its sign": ("D1 cart", {"observation": "point: 3 sign + trivial"}, None),
    "the force keeps its sign": ("D1 pendulum", {}, "trivial"),
    "the tokens go round backwards": (
        "S5 choice",
        {"observation": "graph 5(s=1 0 2 3 4, c=4 0 1 2 3): 2 trivial"},
        None,
    ),
    "the plane is mirrored": (
        "C3 plane",
        {},
        "matrix(r=-0.5 0.8660254037844386; -0.8660254037844386 -0.5)",
    ),
    "the components stay": ("C2 two components", {}, "6 trivial"),
    "the index stays": ("C4 dict", {"heading": "point: 5 trivial"}, None),
}
FAMILY = {
    "C4 grid 5x5": "graph_attention",
    "D4 grid 5x5": "graph_attention",
    "S5 choice": "graph_attention",
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_action_is_refuted(wrong):
    name, fields, action = WRONG[wrong]
    family = FAMILY.get(name, "group_mlp")
    options = {"fibre": "permutation", "width": 20} if name == "S5 choice" else {}
    right = problem(name, family, options)
    world = WORLDS[name]
    terms = {term: fields.get(term, text) for term, text in world.terms.items()}
    claimed = _moves(dataclasses.replace(world, terms=terms, action=action or world.action))
    built = network(right)
    assert verify(built, Setting.of(right)).exact
    report = verify(built, Setting(right.interface, claimed.observation, claimed.action))
    assert not report.holds
    broken = {
        (row.dtype, row.generator)
        for row in report.rows
        if row.verdict == "broken" and row.error > 1e-3
    }
    assert {dtype for dtype, _ in broken} == {"float32", "float64"}, report


def _moves(world):
    """The field types and the action of a world that need not suit any exact family."""
    return problem(world, "mlp", constraint="none")


REFUSED = {
    "actions of a still fibre": (
        "graph_attention",
        "C4 grid 5x5",
        {"fibre": "trivial"},
        "hidden-fibre",
    ),
    "and read out patches": (
        "graph_attention",
        "C4 grid 5x5",
        {"fibre": "trivial", "readout": "patches"},
        "hidden-fibre",
    ),
    "nothing knows directions": (
        "graph_attention",
        "C4 grid 5x5",
        {"matrices": ["q", "k"]},
        "hidden-fibre",
    ),
    "a heading is lost": (
        "graph_attention",
        "C4 heading 6x6",
        {"fibre": "trivial"},
        "hidden-fibre",
    ),
    "the fibre is a sum": (
        "graph_attention",
        "C4 grid 5x5",
        {"fibre": "2 regular"},
        "hidden-fibre",
    ),
    "the fibre has signs": (
        "graph_attention",
        "C4 grid 5x5",
        {"fibre": "standard"},
        "pointwise-nonlinearity",
    ),
    "heads tear the fibre": ("graph_attention", "C4 grid 5x5", {"width": 20, "heads": 4}, "width"),
    "patches overlap the border": ("graph_attention", "C4 grid 5x5", {"patch": 2}, "patch-size"),
    "patches of tokens": ("graph_attention", "S5 tokens", {"patch": 2}, "patch-size"),
    "no places": ("graph_attention", "D1 cart", {}, "no-picture"),
    "two bases": ("graph_attention", "C4 dict of everything", {}, "no-picture"),
    "a sign is lost": ("group_mlp", "D1 cart", {"hidden": "8 trivial"}, "hidden-fibre"),
    "relu of a sign": ("group_mlp", "D1 cart", {"hidden": "8 sign"}, "pointwise-nonlinearity"),
    "tanh of a plane": (
        "group_mlp",
        "C3 plane",
        {"hidden": "8 standard", "activation": "tanh"},
        "pointwise-nonlinearity",
    ),
    "the value is a constant": (
        "group_mlp",
        "D1 cart",
        {"hidden": "8 sign", "activation": "tanh"},
        "no-power",
    ),
    "even with trivial fields": (
        "group_mlp",
        "D1 cart",
        {"hidden": "8 sign + 8 trivial", "activation": "tanh"},
        "no-power",
    ),
    "no such fibre": ("group_mlp", "D1 cart", {"hidden": "8 irregular"}, "hidden-fibre"),
    "windows left over": (
        "group_conv",
        "C4 heading 6x6",
        {"layers": [{"fields": "regular", "stride": 2}]},
        "stride",
    ),
    "tiles left over": (
        "group_conv",
        "C4 grid 5x5",
        {"layers": [{"fields": "regular", "pool": 2}]},
        "stride",
    ),
    "a window too large": (
        "group_conv",
        "C4 grid 5x5",
        {"layers": ["regular", {"fields": "regular", "kernel": 6, "padding": 0}]},
        "stride",
    ),
    "no such field": ("group_conv", "C4 grid 5x5", {"layers": ["8 irregular"]}, "hidden-fibre"),
    "relu of signed fields": (
        "group_conv",
        "C2 grid 4x6",
        {"layers": ["2 sign"]},
        "pointwise-nonlinearity",
    ),
    "the largest of signs": (
        "group_conv",
        "C2 grid 4x6",
        {"layers": [{"fields": "2 sign", "pool": 2}], "activation": "tanh"},
        "pointwise-nonlinearity",
    ),
    "the norm of signs": (
        "group_conv",
        "C2 grid 4x6",
        {"layers": ["2 sign"], "activation": "tanh", "norm": "layer"},
        "pointwise-nonlinearity",
    ),
    "signs over the group": (
        "group_conv",
        "C2 grid 4x6",
        {"layers": ["2 sign"], "activation": "tanh", "group_pool": "mean"},
        "pointwise-nonlinearity",
    ),
    "pixels know no direction": (
        "group_conv",
        "C4 grid 5x5",
        {"layers": [{"fields": "4 regular", "kernel": 1}], "readout": "pool"},
        "hidden-fibre",
    ),
    "invariants know none": (
        "group_conv",
        "C4 grid 5x5",
        {"layers": ["4 regular"], "group_pool": "max", "readout": "pool"},
        "hidden-fibre",
    ),
    "trivial fields know none": (
        "group_conv",
        "C4 grid 5x5",
        {"layers": ["4 regular", "4 trivial"], "readout": "pool"},
        "hidden-fibre",
    ),
    "a heading is lost in a pixel": (
        "group_conv",
        "C4 heading 6x6",
        {"layers": [{"fields": "4 trivial", "kernel": 1}]},
        "hidden-fibre",
    ),
    "the dense layer loses it": ("group_conv", "C4 dict", {"hidden": "8 trivial"}, "hidden-fibre"),
    "a dense layer too large": (
        "group_conv",
        "C4 grid 5x5",
        {"hidden": "16000 regular"},
        "too-large",
    ),
    "kernels of the usual action": ("steerable_conv", "D1 flip 4x6", {}, "plane-action"),
    "kernels of another group": ("steerable_conv", "C2 x C2 grid 3x5", {}, "plane-action"),
    "stride of kernels": (
        "steerable_conv",
        "C4 heading 6x6",
        {"layers": [{"fields": "regular", "stride": 2}]},
        "stride",
    ),
    "no such steered field": (
        "steerable_conv",
        "C4 grid 5x5",
        {"layers": ["8 irregular"]},
        "hidden-fibre",
    ),
    "steered fields lose directions": (
        "steerable_conv",
        "C4 grid 5x5",
        {"layers": ["8 trivial"]},
        "hidden-fibre",
    ),
    "a steered kernel too large": (
        "steerable_conv",
        "C4 grid 5x5",
        {"layers": ["4000 regular", "4000 regular"]},
        "too-large",
    ),
    "no picture to steer": ("steerable_conv", "D1 cart", {}, "no-picture"),
    "vectors only": ("group_conv", "D1 cart", {}, "no-picture"),
    "no picture": ("cnn", "D1 cart", {}, "no-picture"),
    "two pictures": ("vit", "C4 two pictures", {}, "no-picture"),
    "no channels": ("cnn", "C4 grid 5x5", {"channels": [4, 0]}, "width"),
    "heads of a vit": ("vit", "C4 grid 5x5", {"width": 9, "heads": 2}, "width"),
}


@pytest.mark.parametrize("refused", REFUSED)
def test_a_family_refuses_what_it_cannot_carry(refused):
    family, world, options, code = REFUSED[refused]
    constraint = "exact" if lookup.module("family", family).BINDS else "none"
    with pytest.raises(ValueError, match=f"code='{code}'"):
        problem(world, family, options, constraint)


@pytest.mark.parametrize(
    "world", [name for name, world in WORLDS.items() if world.kind == "continuous"]
)
def test_the_scale_of_an_action_is_constant_on_orbits(world):
    this = problem(world, "group_mlp")
    built = network(this)
    train(built, this)
    with torch.no_grad():
        built.steps["scale"].weight.copy_(torch.arange(1.0, 1 + len(built.steps["scale"].weight)))
        scale = built.double().steps["scale"]().numpy()
    # the covariance diag(exp(2 log_std)) commutes with every generator
    for matrix in this.action.images:
        assert abs(matrix * scale - scale[:, None] * matrix).max() < 1e-12
    orbits = len(set(scale.tolist()))
    assert orbits == {"C4 two pictures": 2, "D1 flip 4x6": 2, "D3 plane": 2}.get(world, 1)
