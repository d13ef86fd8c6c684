"""The symmetry breaking of a relaxed run: logged, drawn, and stated by its evaluation."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread
from typer.testing import CliRunner

from symgen.algebra.catalogue import group
from symgen.algebra.representation import parse
from symgen.cli import app
from symgen.compiler import compile_spec
from symgen.constraints import relaxed
from symgen.experiment import evaluation, files, metrics, relaxed_weights
from symgen.experiment.run import Run
from symgen.experiment.stored import stored_evaluation
from symgen.experiment.symmetry_breaking import SymmetryBreaking, mean
from symgen.experiment.train import TrainingSettings, train, train_seed
from symgen.pictures import draw_relaxation as draw
from symgen.rl.ppo import METRICS
from symgen.spec.source import read

SPEC = {
    "symgen": 1,
    "environment": {"adapter": "gridworld", "size": 5, "crossings": 0, "levels": 20},
    "symmetry": {
        "group": "C4",
        "actions": {"r": {"up": "left", "left": "down", "down": "right", "right": "up"}},
        "constraint": "relaxed",
    },
    "network": {
        "family": "graph_attention", "width": 32, "heads": 1, "readout": "both",
        "global": {"layers": 1},
    },
    "train": {
        "algorithm": "ppo", "steps": 900, "seeds": [0, 1], "envs": 8, "rollout": 8,
        "minibatch": 64, "epochs": 1,
        "learning_rate": 3e-3,
    },
}  # fmt: skip


def run(*words: object):
    return CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)


def colours(path: Path) -> int:
    """How many clearly different colours a picture has, greys apart: text and axes have none."""
    pixels = (imread(path)[..., :3] * 15).round().astype(int)
    return len(np.unique(pixels[np.ptp(pixels, axis=-1) > 1], axis=0))


@pytest.fixture(scope="module")
def variant(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("runs")
    train(
        read(SPEC),
        TrainingSettings(root=root, evaluation=evaluation.EvaluationSettings(episodes=2)),
        lambda _: None,
    )
    return root / "dict" / "base"


# --------------------------------------------------------------------------------------------------
# a whole run


def test_norms_are_logged(variant):
    rows = metrics.read(variant / "0")
    measured = [row for row in rows if "symmetry_breaking/policy" in row]
    assert [row["update"] for row in measured] == [1, 10, len(rows)]
    assert {relaxed.documented(name) for row in rows for name in row} <= {
        *METRICS,
        *relaxed.METRICS,
        "seconds",
    }
    assert {
        "symmetry_breaking/policy/r",
        "symmetry_breaking/attention1",
        "symmetry_breaking/attention1/r",
    } <= set(measured[0])
    assert (
        0 < measured[0]["symmetry_breaking/policy"] < measured[-1]["symmetry_breaking/policy"] < 1
    )


def test_they_are_drawn(variant, tmp_path):
    drawn = json.loads(run("show", variant / "0", "--out", tmp_path, "--json").stdout)
    assert str(tmp_path / "symmetry_breaking.png") in drawn["pictures"]
    assert colours(tmp_path / "symmetry_breaking.png") > 5
    assert any("no map has banks" in note for note in drawn["notes"])


def test_a_run_that_was_not_measured_says_so(variant, tmp_path):
    lines = metrics.read(variant / "1")
    plain = [
        {name: value for name, value in row.items() if not name.startswith("symmetry_breaking")}
        for row in lines
    ]
    (variant / "1" / metrics.NAME).write_text("".join(json.dumps(row) + "\n" for row in plain))
    done = run("show", variant / "1", "--out", tmp_path)
    assert "no symmetry-breaking norm has been measured" in done.stdout
    assert not (tmp_path / "symmetry_breaking.png").exists()


def test_the_evaluation_states_them(variant):
    stored = stored_evaluation(Run(variant / "0"), evaluation.EvaluationSettings(episodes=2))
    assert stored.symmetry_breaking is not None
    assert set(stored.symmetry_breaking.outputs) == {"policy", "value"}
    last = metrics.read(variant / "0")[-1]
    assert stored.symmetry_breaking.layers["policy"] == pytest.approx(
        last["symmetry_breaking/policy"]
    )
    done = run("evaluate", variant, "--stored")
    assert "equivariance error: policy" in done.stdout
    both = json.loads(run("evaluate", variant, "--stored", "--json").stdout)["evaluations"][0]
    second = stored_evaluation(
        Run(variant / "1"), evaluation.EvaluationSettings(episodes=2)
    ).symmetry_breaking
    assert second is not None
    middle = (stored.symmetry_breaking.layers["policy"] + second.layers["policy"]) / 2
    assert both["symmetry_breaking"]["layers"]["policy"] == pytest.approx(middle)


def test_of_an_exact_network_nothing_is_said():
    exact = evaluation.Evaluation("spec", "base", (0,), "episodes", {})
    assert "symmetry_breaking" not in exact.to_dict()
    far = SymmetryBreaking({"policy": 0.1}, {"a": 0.5})
    assert mean([far, None]) is None
    assert mean([far, SymmetryBreaking({"policy": 0.3}, {"a": 0.1})]) == SymmetryBreaking(
        {"policy": 0.2}, {"a": 0.3}
    )
    assert SymmetryBreaking.from_dict(far.to_dict()) == far


def test_an_evaluation_of_an_earlier_version_is_read(variant):
    settings = evaluation.EvaluationSettings(episodes=2)
    path = variant / "0" / settings.file
    values = files.read_json(path)
    before = stored_evaluation(Run(variant / "0"), settings)
    norms = values.pop("symmetry_breaking")
    files.write_json(path, {**values, "departed": norms})
    assert stored_evaluation(Run(variant / "0"), settings) == before
    files.write_json(path, values)  # control
    assert stored_evaluation(Run(variant / "0"), settings).symmetry_breaking is None
    files.write_json(path, {**values, "symmetry_breaking": norms})


def test_the_furthest_layers_are_named():
    far = SymmetryBreaking({"policy": 0.1, "value": 0.02}, {f"layer{k}": k / 10 for k in range(6)})
    first, second = str(far).splitlines()
    assert first == "equivariance error: policy 0.1, value 0.02 (as verify measures)"
    assert second.endswith("layer5 0.5, layer4 0.4, layer3 0.3, layer2 0.2, 2 more less")


# -------------------------------------------------------------------------------------------- a run
# with banks


BANKS = {
    **SPEC,
    "symmetry": {**SPEC["symmetry"], "constraint": {"relaxed": {"banks": 3, "regulariser": 1e-3}}},
    "network": {"family": "group_mlp", "hidden": "2 regular", "depth": 1},
    "train": {**SPEC["train"], "steps": 1600, "seeds": [0]},
}


@pytest.fixture(scope="module")
def resumed(tmp_path_factory) -> Run:
    """Stopped after a third of its updates, after which a kill left lines behind, and resumed."""
    root, seen = tmp_path_factory.mktemp("resumed"), []
    settings = TrainingSettings(root=root, evaluation=None)
    run = Run(root / "dict" / "base" / "0")
    train_seed((read(BANKS), run, settings), seen.append, lambda: len(seen) > 12)
    assert not run.finished
    with open(run.folder / relaxed_weights.NAME, "a") as file:
        file.write(
            json.dumps({**relaxed_weights.lines(run.folder)[-1], "update": 20, "step": 1280}) + "\n"
        )
    train(read(BANKS), replace(settings, resume=True), lambda _: None)
    assert run.finished
    return run


def test_relaxed_weights_are_kept_with_each_measurement(resumed):
    measured = [
        row["update"] for row in metrics.read(resumed.folder) if "symmetry_breaking/policy" in row
    ]
    assert [line["update"] for line in relaxed_weights.lines(resumed.folder)] == [0, *measured]
    assert measured == sorted(set(measured))
    assert {1, 10, 20} < set(measured)
    steps, weights = relaxed_weights.read(resumed.folder)
    assert np.diff(steps).min() > 0
    assert set(weights) == {"policy_hidden1", "value_hidden1", "policy", "value"}
    assert weights["policy_hidden1"].shape == (len(steps), 3, 4)
    assert np.allclose(weights["policy_hidden1"][0], 1 / 3)
    assert np.ptp(weights["policy_hidden1"][-1]) > 1e-4
    row = metrics.read(resumed.folder)[0]
    assert {relaxed.documented(name) for name in row} == {
        *METRICS,
        *relaxed.METRICS,
        "seconds",
    }
    assert row["penalty"] > 0


def test_relaxed_weights_are_drawn(resumed, tmp_path):
    drawn = json.loads(run("show", resumed.folder, "--out", tmp_path, "--json").stdout)
    assert {str(tmp_path / "symmetry_breaking.png"), str(tmp_path / "relaxed_weights.png")} < set(
        drawn["pictures"]
    )
    assert colours(tmp_path / "relaxed_weights.png") > 15
    shown = json.loads(
        run("show", resumed.folder / "spec.yaml", "--out", tmp_path / "spec", "--json").stdout
    )
    stems = {Path(path).stem for path in shown["pictures"]}  # a spec has learnt nothing
    assert "weights" in stems
    assert not stems & {"symmetry_breaking", "relaxed_weights"}


def test_weights_of_actions_have_their_names():
    compiled = compile_spec(BANKS, verify=False, seed=0)
    elements = draw.elements(compiled.network)
    assert list(elements["policy"].names) == ["up", "left", "down", "right"]
    assert list(elements["policy_hidden1"].names) == ["e", "r", "r²", "r³"]
    assert {name: len(element.part) for name, element in elements.items()} == {
        name: banks.shape[1] for name, banks in compiled.network.relaxed_weights().items()
    }


# -------------------------------------------------------------------------------------------------
# its pictures


def test_curves_begin_at_the_exact_network():
    rows = [
        {"step": 10, "return": 1.0},
        {
            "step": 20,
            "symmetry_breaking/a": 0.1,
            "symmetry_breaking/a/r": 0.2,
            "symmetry_breaking/a/spread": 7.0,
            "penalty": 1.0,
        },
        {
            "step": 30,
            "symmetry_breaking/a": 0.3,
            "symmetry_breaking/a/r": np.nan,
            "symmetry_breaking/a/spread": 7.0,
        },
    ]
    norms = draw.curves(rows)
    assert norms.steps.tolist() == [0, 20, 30]
    assert set(norms.sizes) == {"", "r"}
    assert norms.sizes[""]["a"].tolist() == [0.0, 0.1, 0.3]
    assert np.isnan(norms.sizes["r"]["a"][-1])
    assert not draw.curves(rows[:1]).sizes


def test_white_is_exact_and_broken_symmetry_is_seen(tmp_path):
    atoms = parse(group("D4"), "2 regular + trivial + quotient(s)")
    names = draw.element_names(atoms)
    elements = draw.Elements(names, np.repeat([0, 1, 2], [8, 1, 4]))
    steps = np.array([0, 10, 40])
    still = np.broadcast_to(np.repeat([0.5, 0.9, 0.2], [8, 1, 4]), (3, 2, 13))
    moved = np.array(still)
    moved[1:, 0, 3] += np.array([0.1, 0.4])
    seen = {}
    for name, weights in {"still": still, "moved": moved}.items():
        path = draw.draw_relaxed_weights(
            steps, {"policy": weights}, {"policy": elements}, tmp_path / f"{name}.png"
        )
        seen[name] = colours(path)
    # both have the scale of colours beside them
    assert seen["moved"] > seen["still"]
    assert np.abs(draw.deviations(still, elements.part)).max() < 1e-12
    apart = draw.deviations(moved, elements.part)
    assert apart[2, 0, 3] == pytest.approx(0.4 * 7 / 8)
    assert apart[2, 0, :8].sum() == pytest.approx(0)
    assert not apart[:, 1].round(12).any()


def test_many_maps_and_one_time_fit_a_picture(tmp_path):
    weights = {f"map{k}": np.full((1, 1 + k % 3, 4), 0.5) for k in range(14)}
    elements = {name: draw.Elements(["e", "r", "r²", "r³"], np.zeros(4, int)) for name in weights}
    path = draw.draw_relaxed_weights(np.array([0]), weights, elements, tmp_path / "many.png")
    assert path.stat().st_size > 4000
    assert imread(path).shape[0] < 3000


@pytest.mark.parametrize(
    ("name", "fibre", "expected"),
    [
        ("C4", "regular", ["e", "r", "r²", "r³"]),
        ("D1", "3 regular + trivial + regular", ["e", "s", "trivial"]),
        ("D2", "quotient(s)", ["H", "rH"]),
        ("D1", "signed(s=2 1)", ["e", "s"]),
        ("C2", "sign", ["sign(r)"]),
        ("C3", "standard", ["standard 1", "standard 2"]),
    ],
)
def test_elements_have_names(name, fibre, expected):
    assert draw.element_names(parse(group(name), fibre)) == expected


def test_channels_that_are_not_joined_are_numbered():
    names = draw.element_names(parse(group("D1"), "permutation(s=1 0 2)"))
    assert len(names) == 3
    assert [name.rpartition(" ")[2] for name in names] == ["1", "2", "3"]
