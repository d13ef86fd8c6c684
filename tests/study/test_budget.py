"""What a bound on the time leaves of a study."""

from dataclasses import replace

import pytest

from symgen.errors import UserError
from symgen.spec.source import read
from symgen.study.budget import seconds_of, seconds_of_training, trimmed
from symgen.study.matrix import Matrix, Refused, Row
from symgen.study.study import study_of
from tests.study.specs import LAVA


def planned(seeds: int = 5, seconds: float | None = 0.01) -> Matrix:
    """The spec and one arm, 1,000 steps each, 10 s a seed; and one that does not run."""
    study = study_of(read({**LAVA, "ablate": {"network.depth": [2, 3]}}))
    base, deeper, refused = study.arms
    rows = [Row(arm, steps=1_000, seconds=seconds) for arm in (base, deeper)]
    rows.append(Row(refused, refusal=Refused("width", "too narrow")))
    study = replace(study, arms=(base, deeper), seeds=tuple(range(seeds)))
    return Matrix(study, tuple(rows))


def test_a_study_that_fits_is_left_alone():
    fitting = trimmed(planned(), bound=100, jobs=1)
    assert (fitting.lines, len(fitting.matrix.study.seeds)) == ((), 5)


def test_seeds_go_first():
    fitting = trimmed(planned(), bound=80, jobs=1)
    assert fitting.matrix.study.seeds == (0, 1, 2, 3)
    assert fitting.lines[1] == "  seeds: 5 -> 4"
    assert not any("train.steps" in arm.edits for arm in fitting.matrix.study.arms)


def test_then_steps_and_never_fewer_than_three_seeds():
    fitting = trimmed(planned(), bound=30, jobs=1)
    assert fitting.matrix.study.seeds == (0, 1, 2)
    assert [arm.edits["train.steps"] for arm in fitting.matrix.study.arms] == [500, 500]
    assert "  steps: 50% of what the spec says, 500" in fitting.lines
    assert seconds_of_training(fitting.matrix.rows, 3, 1) == pytest.approx(30)


def test_few_seeds_are_not_made_more():
    fitting = trimmed(planned(seeds=2), bound=10, jobs=1)
    assert fitting.matrix.study.seeds == (0, 1)
    assert [arm.edits["train.steps"] for arm in fitting.matrix.study.arms] == [250, 250]


def test_runs_side_by_side():
    assert seconds_of_training(planned().rows, 5, 2) == pytest.approx(50)
    # a run is not cut in two
    assert seconds_of_training(planned(seeds=1).rows, 1, 100) == pytest.approx(10)


def test_what_was_not_timed_is_not_trimmed():
    with pytest.raises(UserError, match="time that a step takes"):
        trimmed(planned(seconds=None), bound=1, jobs=1)


@pytest.mark.parametrize("text", ["", "half an hour", "30", "30min later", "-5s", "1d"])
def test_what_is_no_time(text):
    with pytest.raises(UserError, match="no time"):
        seconds_of(text)
