import json
import math

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from symgen.experiment import metrics
from symgen.experiment.metrics import Metrics


def rows(first: int, last: int) -> list[dict[str, float]]:
    return [{"update": k, "step": 10 * k, "return": 0.1 * k} for k in range(first, last + 1)]


def test_each_line_is_there_as_soon_as_it_is_written(tmp_path):
    with Metrics(tmp_path) as log:
        for row in rows(1, 3):
            log.write(row)
            assert metrics.read(tmp_path)[-1] == row


def test_nan_is_null(tmp_path):
    with Metrics(tmp_path) as log:
        log.write({"update": 1, "step": 1, "return": math.nan})
    assert json.loads((tmp_path / metrics.NAME).read_text())["return"] is None


def test_tensorboard_has_the_same_numbers(tmp_path):
    with Metrics(tmp_path) as log:
        for row in [*rows(1, 3), {"update": 4, "step": 40, "return": math.nan}]:
            log.write(row)
    assert events(tmp_path) == [(10, 0.1), (20, 0.2), (30, 0.3)]


def events(folder) -> list[tuple[int, float]]:
    accumulated = EventAccumulator(str(folder / metrics.EVENTS)).Reload()
    return [(event.step, round(event.value, 4)) for event in accumulated.Scalars("return")]


def test_truncating_leaves_no_line_twice(tmp_path):
    with Metrics(tmp_path) as log:
        for row in rows(1, 5):
            log.write(row)
    with open(tmp_path / metrics.NAME, "a") as file:
        file.write('{"update": 6, "st')  # a kill in the middle of a line
    metrics.truncate(tmp_path, 3)
    with Metrics(tmp_path, step=30) as log:
        for row in rows(4, 6):
            log.write(row)
    assert [row["update"] for row in metrics.read(tmp_path)] == [1, 2, 3, 4, 5, 6]
    assert [step for step, _ in events(tmp_path)] == [
        10,
        20,
        30,
        40,
        50,
        60,
    ]  # TensorBoard purges what is repeated


def test_no_file_is_no_lines(tmp_path):
    assert metrics.read(tmp_path) == []
    metrics.truncate(tmp_path, 0)
    assert metrics.read(tmp_path) == []


def test_names_of_earlier_versions_are_read_as_todays(tmp_path):
    line = '{"update": 1, "step": 10, "departure/policy": 0.1, "departure/policy/r": null}\n'
    (tmp_path / metrics.NAME).write_text(line)
    today = {"update": 1, "step": 10, "symmetry_breaking/policy": 0.1}
    assert metrics.read(tmp_path) == [{**today, "symmetry_breaking/policy/r": math.nan}]
    metrics.truncate(tmp_path, 1)  # a resumed training goes on with one name
    assert "departure" not in (tmp_path / metrics.NAME).read_text()
