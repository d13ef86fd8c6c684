import io

import pytest
from rich.console import Console

from symgen.experiment.evaluation import ConditionScores, Evaluation
from symgen.pictures import table
from symgen.statistics.estimate import Estimate

USED = {
    "episodes": 100,
    "actions": "most probable",
    "checkpoint": "last",
    "evaluation_seed": 1_000_000,
}
NINE = Estimate(0.9, 0.88, 0.92, 3)
LONG = Estimate(12.0, 11.0, 13.0, 3)


def an_evaluation(
    spec="lava", variant="base", conditions=("training", "rotated"), **options
) -> Evaluation:
    rows = {name: ConditionScores(NINE, LONG) for name in conditions}
    return Evaluation(spec, variant, (0, 1, 2), "seeds", rows, {**USED, **options})


def text(shown) -> str:
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(shown)
    return console.export_text()


def test_the_markdown_table():
    compared = [
        an_evaluation(),
        an_evaluation(variant="network.family=cnn|x", conditions=("training",)),
    ]
    assert table.markdown(compared).splitlines() == [
        "| variant | training | rotated |",
        "| --- | ---: | ---: |",
        "| base | 0.90 [0.88, 0.92] | 0.90 [0.88, 0.92] |",
        "| network.family=cnn\\|x | 0.90 [0.88, 0.92] | - |",
        "",
        "Mean return over 100 episodes per seed, 3 seeds, most probable actions, last checkpoint; "
        "in brackets a 95% "
        "bootstrap interval over seeds.",
    ]


def test_rows_are_told_apart_by_spec_and_variant():
    compared = [an_evaluation("a"), an_evaluation("b"), an_evaluation("b", "network.width=8")]
    labels = [line.split("|")[1].strip() for line in table.markdown(compared).splitlines()[2:5]]
    assert labels == ["a", "b", "b/network.width=8"]


@pytest.mark.parametrize(
    ("name", "value", "column"),
    [
        ("episodes", 10, "episodes"),
        ("actions", "sampled", "actions"),
        ("checkpoint", "best", "checkpoint"),
        ("evaluation_seed", 7, "evaluation seed"),
    ],
)
def test_what_was_done_differently_has_a_column(name, value, column):
    compared = [an_evaluation(**{name: value}), an_evaluation(variant="wide")]
    header, _, first, second = (
        line.split(" | ") for line in table.markdown(compared).splitlines()[:4]
    )
    assert (header[1], first[1], second[1]) == (column, str(value), str(USED[name]))
    assert str(value) not in table.caption(compared)
    assert " or " not in table.caption(compared)
    alike = table.markdown([an_evaluation(), an_evaluation(variant="wide")])  # control
    assert alike.splitlines()[0] == "| variant | training | rotated |"


def test_numbers_of_seeds_that_differ_have_a_column():
    alone = Evaluation(
        "lava", "one", (0,), "episodes", {"training": ConditionScores(NINE, LONG)}, USED
    )
    header, _, first, second = (
        line.split(" | ") for line in table.markdown([alone, an_evaluation()]).splitlines()[:4]
    )
    assert (header[1], first[1], second[1]) == ("seeds", "1", "3")


def test_success_has_a_column_where_it_is_reported():
    assert "success" not in text(table.detail(an_evaluation()))
    reporting = Evaluation(
        "lava", "base", (0,), "episodes", {"training": ConditionScores(NINE, LONG, NINE)}, USED
    )
    shown = text(table.detail(reporting))
    assert "success" in shown
    assert "12.0 [11.0, 13.0]" in shown


def test_the_comparison_has_a_row_per_variant():
    shown = text(table.comparison([an_evaluation(), an_evaluation(variant="wide")]))
    assert "base" in shown
    assert "wide" in shown
