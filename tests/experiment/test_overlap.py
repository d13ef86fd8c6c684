"""No condition that is called held out shares a level with training, measured by what the levels
are.
"""

from pathlib import Path

import pytest

from symgen.compiler import check_spec
from symgen.errors import SpecError
from symgen.experiment.heldout import conditions
from symgen.experiment.overlap import Overlap, overlap
from tests.experiment.doubles import SPEC

SPECS = Path(__file__).parents[2] / "specs"
LEVELS = [
    path for path in sorted(SPECS.glob("*/*.yaml")) if path.parent.name in ("gridworld", "minigrid")
]


def problem(environment, **evaluate):
    options = {"adapter": "gridworld", "split": "train", **environment}
    return check_spec({**SPEC, "environment": options, "evaluate": evaluate})


def held_out(path, trained, tested):
    """(condition, its overlap) of every condition of a shipped spec but training's own."""
    spec = check_spec(path)
    for name, changes in conditions(spec.spec.evaluate).items():
        if name != "training":
            yield name, overlap(spec, changes, trained, tested)


@pytest.mark.parametrize("path", LEVELS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_no_shipped_condition_shares_a_level_with_training(path):
    measured = dict(held_out(path, 300, 100))
    assert measured
    assert {name: levels.trained_on for name, levels in measured.items()} == dict.fromkeys(
        measured, 0
    )


@pytest.mark.slow
@pytest.mark.parametrize("path", LEVELS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_no_shipped_condition_shares_one_of_many_levels(path):
    for name, levels in held_out(path, 20_000, 2_000):
        assert levels.trained_on == 0, name


def test_training_shares_all_levels_with_itself():
    spec = problem({"levels": 100})
    measured = overlap(spec, {})
    assert measured == Overlap(measured.levels, measured.levels, measured.levels)
    assert str(overlap(spec, {"environment.split": "test"})).endswith(" 0 trained on")


def test_a_turned_level_was_trained_on():
    spec = problem({"levels": 50})
    measured = overlap(spec, {"environment.orientation": 1, "environment.mirror": True})
    assert measured.trained_on == measured.levels


def test_where_no_levels_are_made_there_is_nothing_to_say():
    cartpole = check_spec(SPECS / "control" / "cartpole_group.yaml")
    assert overlap(cartpole, {}) is None


@pytest.mark.parametrize(
    ("environment", "condition"),
    [
        ({}, {"seed_range": [5000, 5100]}),
        ({}, {"environment.seed_range": [5000, 5100]}),
        ({}, {"levels": 10}),
        ({}, {"environment.split": "all"}),
        ({"split": "all"}, {"environment.split": "test"}),
        ({"split": "test"}, {"environment.split": "test"}),
        ({}, {"environment.split": "test", "environment.test_share": 0.5}),
    ],
    ids=str,
)
def test_levels_that_may_have_been_trained_on_are_refused(environment, condition):
    with pytest.raises(SpecError) as caught:
        problem(environment, unseen=condition)
    assert [mistake.code for mistake in caught.value.diagnostics] == ["level-overlap"]
    measured = overlap(problem(environment), condition)  # and rightly so
    assert measured.trained_on > 0


@pytest.mark.parametrize(
    ("environment", "condition"),
    [
        ({}, {"environment.split": "test"}),
        ({"split": "test"}, {"environment.split": "train", "seed_range": [0, 50]}),
        ({"split": "all"}, {"environment.crossings": 2}),
    ],
    ids=str,
)
def test_other_levels_are_accepted(environment, condition):
    assert overlap(problem(environment, unseen=condition), condition).trained_on == 0


def procgen(environment, **evaluate):
    options = {
        "adapter": "procgen",
        "name": "caveflyer",
        "distribution_mode": "easy",
        "reduce": 4,
        **environment,
    }
    symmetry = {"group": "C4", "constraint": "none"}
    return check_spec({**SPEC, "environment": options, "symmetry": symmetry, "evaluate": evaluate})


@pytest.mark.parametrize(
    ("environment", "condition", "says"),
    [
        ({"levels": 100}, {"seed_range": [50, 150]}, "50 of the 100 level seeds"),
        ({}, {"seed_range": [50, 150]}, "all there are"),
    ],
    ids=str,
)
def test_level_seeds_that_were_trained_on_are_refused(environment, condition, says):
    with pytest.raises(SpecError) as caught:
        procgen(environment, unseen=condition)
    (mistake,) = caught.value.diagnostics
    assert (mistake.code, says in mistake.message) == ("level-overlap", True)


def test_other_level_seeds_of_procgen_are_other_levels():
    spec = procgen({"levels": 100}, unseen={"seed_range": [100, 150]}, turned={"observation": "r"})
    assert overlap(spec, {"seed_range": [100, 150]}, 400, 200).trained_on == 0
    same = overlap(spec, {"observation": "r"}, 400, 400)
    assert same.trained_on == same.levels > 90
