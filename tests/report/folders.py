"""Synthetic run folders: as a training writes them, with scores that a test chooses."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from symgen.experiment.evaluation import ConditionScores, Evaluation
from symgen.experiment.files import sealed, write_json, write_text
from symgen.experiment.run import Run
from symgen.statistics.estimate import estimate

ARMS = {
    "base": ("the spec itself", "reference", "", {}),
    "group=C2": ("C2 in place of C4", "group", "", {"symmetry.group": "C2"}),
    "group=wrong": (
        "C4, wrong: rotations turn the actions the other way round",
        "group",
        "the same group acts as the environment does not",
        {"symmetry.actions": {"r": {"up": "right"}}},
    ),
    "constraint=relaxed": ("relaxed", "constraint", "", {"symmetry.constraint": "relaxed"}),
}
SETTINGS = {
    "episodes": 100,
    "actions": "most probable",
    "evaluation_seed": 1_000_000,
    "checkpoint": "last",
    "step": 10_000,
}


def resolved(edits: Mapping[str, object]) -> dict[str, object]:
    values = {
        "symgen": 1,
        "environment": {"adapter": "gridworld", "size": 7},
        "symmetry": {"group": "C4", "states": "auto", "actions": "auto", "constraint": "exact"},
        "network": {"family": "group_mlp", "hidden": "16 regular"},
        "train": {"algorithm": "ppo", "steps": 10_000, "seeds": [0, 1, 2]},
    }
    for path, value in edits.items():
        section, key = path.split(".")
        values[section][key] = value
    return values


def write_arm(
    root: Path,
    name: str,
    scores: Mapping[str, Sequence[float]],
    spec: str = "rotations",
    seeds: Sequence[int] | None = None,
    known: bool = True,
    wanted: Sequence[int] = (),
) -> list[Path]:
    """The runs of one arm.

    Args:
        root: of all runs.
        name: of ARMS, or any other.
        scores: by condition, a number per seed.
        spec: its stem.
        seeds: 0, 1, ... where nothing is said.
        known: whether arm.json is written.
        wanted: the seeds of its study.
    """
    label, axis, control, edits = ARMS.get(name, (name, "", "", {}))
    count = len(next(iter(scores.values())))
    folders = []
    for index, seed in enumerate(range(count) if seeds is None else seeds):
        run = Run(root / spec / name / str(seed))
        (run.folder / "checkpoints").mkdir(parents=True)
        write_text(run.folder / "spec.yaml", sealed(f"symgen: 1  # {spec}, {name} <&>\n"))
        write_json(run.folder / "resolved.json", resolved(edits))
        write_text(run.folder / "plan.txt", "group_mlp under C4: 1,937 weights\n")
        write_json(run.folder / "verification.json", verification(2e-7))
        versions = {"symgen": "0.1.0", "commit": "abc123", "torch": "2.13.0", "command": ["symgen"]}
        write_json(run.folder / "versions.json", versions)
        if known:
            arm = {"name": name, "label": label, "axis": axis, "control": control, "edits": edits}
            write_json(run.folder / "arm.json", arm | {"flops": 40_000, "seeds": list(wanted)})
        by_condition = {condition: values[index] for condition, values in scores.items()}
        write_curve(run, next(iter(by_condition.values())))
        write_evaluation(run, by_condition, 0.02 if "relaxed" in name else 3e-7)
        if "relaxed" in name:
            write_relaxed(run)
        folders.append(run.folder)
    return folders


def verification(error: float) -> dict[str, object]:
    row = {
        "generator": "r", "output": "policy", "dtype": "float32", "error": error, "control": 1.0,
        "tolerance": 1e-5, "verdict": "exact", "sensitivity": 1.0,
    }  # fmt: skip
    return {"holds": True, "claimed": True, "rows": [row], "observations": {}, "device": "cpu"}


def write_curve(run: Run, end: float) -> None:
    rows = []
    for update in range(1, 21):
        value = end * (1 - np.exp(-update / 5)) + 0.02 * np.sin(3 * update + run.seed)
        row = {"update": update, "step": 500 * update, "seconds": 0.7 * update + 0.1 * run.seed}
        rows.append({**row, "return": None if update == 1 else float(value)})
    write_text(run.folder / "metrics.jsonl", "".join(json.dumps(row) + "\n" for row in rows))


def write_evaluation(
    run: Run, scores: Mapping[str, float], after: float, episodes: int = 100
) -> None:
    conditions = {
        name: ConditionScores(estimate([value, value]), estimate([10.0, 12.0]))
        for name, value in scores.items()
    }
    settings = SETTINGS | {"episodes": episodes}
    evaluation = Evaluation(run.spec, run.variant, (run.seed,), "episodes", conditions, settings)
    values = evaluation.to_dict() | {"verification": verification(after)}
    name = "evaluation.json" if episodes == 100 else f"evaluation.episodes={episodes}.json"
    write_json(run.folder / name, values)


def write_relaxed(run: Run) -> None:
    times = np.linspace(0, 1, 6)
    lines = [
        {
            "update": k,
            "step": 2000 * k,
            "weights": {"policy_hidden1": [[1, 1 + time, 1 - time / 2, 1], [1, 1, 1 - time, 1]]},
        }
        for k, time in enumerate(times.tolist())
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    write_text(run.folder / "relaxed_weights.jsonl", text)


def broken_off(folder: Path) -> None:
    """Take the last update of a run away."""
    path = folder / "metrics.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    write_text(path, "".join(lines[:-1]))


def noisy(mean: float, count: int, seed: int, deviation: float = 0.05) -> list[float]:
    """Scores of seeds: normal numbers."""
    return np.random.default_rng(seed).normal(mean, deviation, count).round(4).tolist()


def write_study(root: Path, seeds: int = 10, effect: float = 0.4, spec: str = "rotations") -> Path:
    """A study of four arms under two conditions.

    Args:
        root: of all runs.
        seeds: of every arm.
        effect: what the wrong group costs under training, and C2 under the other condition.
        spec: its stem.
    """
    costs = {"base": (0, 0), "group=C2": (0, effect), "group=wrong": (effect, effect)}
    costs["constraint=relaxed"] = (0, 0)
    for index, (name, (training, rotated)) in enumerate(costs.items()):
        scores = {
            "training": noisy(0.9 - training, seeds, 10 * index),
            "rotated": noisy(0.8 - rotated, seeds, 10 * index + 1),
        }
        write_arm(root, name, scores, spec)
    return root / spec
