"""Freezes what rliable 1.2.0 answers, in an environment of its own (its pins clash with ours):

python -m venv oracle && oracle/bin/pip install rliable==1.2.0 "pandas<3"
oracle/bin/python tests/golden/statistics/freeze_rliable.py
"""

import json
from importlib.metadata import version
from pathlib import Path

import numpy as np
from rliable import library, metrics

SEED = 7
RESAMPLES = 500
TAUS = [-0.5, 0.0, 0.25, 0.5, 1.0, 2.0]
AGGREGATES = {
    "mean": metrics.aggregate_mean,
    "median": metrics.aggregate_median,
    "iqm": metrics.aggregate_iqm,
    "optimality_gap": metrics.aggregate_optimality_gap,
}


def studies():
    """Two arms each: few and many seeds, one and more tasks, ties, bimodal scores."""
    rng = np.random.default_rng(0)
    yield "three seeds", rng.normal(size=(3, 1)), rng.normal(size=(3, 1))
    yield "five seeds", rng.normal(size=(5, 3)), rng.normal(0.5, 1.0, size=(5, 3))
    yield "ten seeds", rng.gamma(2.0, 0.3, size=(10, 4)), rng.gamma(2.0, 0.4, size=(10, 4))
    yield "ties", rng.integers(3, size=(7, 2)) / 2, rng.integers(3, size=(7, 2)) / 2
    solved = rng.random(size=(2, 11, 2)) > 0.36
    low, high = rng.uniform(0, 0.05, size=(2, 11, 2)), rng.normal(0.9, 0.02, size=(2, 11, 2))
    yield "bimodal", *np.where(solved, high, low)
    yield "unequal numbers", rng.normal(size=(6, 2)), rng.normal(size=(9, 2))


def interval(answer, *arms):
    """rliable draws from NumPy's global generator."""
    np.random.seed(SEED)  # noqa: NPY002
    arms = list(arms) if len(arms) > 1 else arms[0]
    _, ends = library.get_interval_estimates({"arm": arms}, answer, reps=RESAMPLES)
    return np.asarray(ends["arm"]).reshape(2, -1).tolist()


def frozen(first, second):
    """Everything asked of one study."""

    def improvement(x, y):
        return np.array([metrics.probability_of_improvement(x, y)])

    aggregated = {
        name: {
            "value": float(answer(first)),
            "interval": interval(lambda x, answer=answer: np.array([answer(x)]), first),
        }
        for name, answer in AGGREGATES.items()
    }
    return {
        "first": first.tolist(),
        "second": second.tolist(),
        "aggregates": aggregated,
        "improvement": {
            "value": float(metrics.probability_of_improvement(first, second)),
            "interval": interval(improvement, first, second),
        },
        "profile": {
            "value": library.score_distributions(first, TAUS).tolist(),
            "interval": interval(lambda x: library.score_distributions(x, TAUS), first),
        },
    }


def main():
    answers = {
        "rliable": version("rliable"),
        "seed": SEED,
        "resamples": RESAMPLES,
        "taus": TAUS,
        "studies": {name: frozen(first, second) for name, first, second in studies()},
    }
    path = Path(__file__).with_name("rliable.json")
    path.write_text(json.dumps(answers, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
