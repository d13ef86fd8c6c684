"""Freezes what adastop 0.1.3 decides, in an environment of its own:

    python -m venv oracle && oracle/bin/pip install adastop==0.1.3
    oracle/bin/python tests/golden/statistics/freeze_adastop.py

adastop takes its boundary from the signed differences of the permutations and compares the size of
the observed one with it, so that it tells equal arms apart twice as often as its level says (two
arms, one batch of five, level 5 %: in 9.7 % of 600 studies). Half of its level is one
of ours.
"""

import json
from importlib.metadata import version
from pathlib import Path

import numpy as np
from adastop import MultipleAgentsComparator

LEVEL = 0.05
PERMUTATIONS = 20_000


def studies():
    """Arms' means and spreads, batches of how many, how many batches."""
    yield "far apart", {"a": (0.0, 1.0), "b": (5.0, 1.0)}, 5, 4
    yield "alike", {"a": (0.0, 1.0), "b": (0.0, 1.0)}, 5, 4
    yield "somewhat apart", {"a": (0.0, 1.0), "b": (1.1, 1.0)}, 5, 5
    yield "threes", {"a": (0.0, 1.0), "b": (3.0, 1.0)}, 3, 5
    yield "three arms", {"a": (0.0, 1.0), "b": (0.0, 1.0), "c": (2.0, 1.0)}, 5, 4
    yield "four arms", {"a": (0.0, 1.0), "b": (1.0, 1.0), "c": (2.0, 1.0), "d": (6.0, 1.0)}, 5, 5
    yield "unequal spread", {"a": (0.0, 0.2), "b": (0.5, 0.2), "c": (3.0, 2.0)}, 4, 5


def frozen(arms, size, batches, seed):
    """The decisions after each batch, of scores that are kept with them."""
    rng = np.random.default_rng(seed)
    scores = {name: rng.normal(*form, size=(batches, size)).tolist() for name, form in arms.items()}
    comparator = MultipleAgentsComparator(
        n=size, K=batches, B=PERMUTATIONS, alpha=LEVEL / 2, seed=seed
    )
    stages = []
    names = list(scores)
    for batch in range(1, batches + 1):
        # one array per agent, of every score so far
        values = {name: np.ravel(scores[name][:batch]) for name in names}
        comparator.partial_compare(values, verbose=False)
        pairs = [(names[i], names[j]) for i, j in comparator.comparisons]
        said = [comparator.decisions[str(comparison)] for comparison in comparator.comparisons]
        stages.append([[*pair, word] for pair, word in zip(pairs, said, strict=True)])
        if comparator.is_finished:
            break
    return {"scores": scores, "batch": size, "batches": batches, "stages": stages}


def main():
    answers = {
        "adastop": version("adastop"),
        "level": LEVEL,
        "permutations": PERMUTATIONS,
        "studies": {
            f"{name} {seed}": frozen(arms, size, batches, seed)
            for name, arms, size, batches in studies()
            for seed in (0, 1)
        },
    }
    path = Path(__file__).with_name("adastop.json")
    path.write_text(json.dumps(answers, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
