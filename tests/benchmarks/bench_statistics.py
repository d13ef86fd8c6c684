"""How often studies of known truth come out right, and how often intervals hold what they say:

    python -m tests.benchmarks.bench_statistics [--studies 200] [--coverage] [--many]

False: share of studies with any pair of equal arms told apart, at 5 %. Power: share with the better
arm told apart from the baseline. Four arms, three comparisons; sequential: four batches at most, of
so many seeds; within seeds: the same, with arms exchanged within seeds alone.
"""

import argparse
import time

import numpy as np
from scipy import stats

from symgen.statistics.aggregate import mean
from symgen.statistics.intervals import bootstrap
from symgen.statistics.scores import scores
from symgen.statistics.sequential import Design, decide
from tests.statistics.simulated import WORLDS, fixed, sequential, shares, within_seeds


def table(studies: int) -> None:
    """One line per world, number of seeds and design."""
    print(
        "scores    design       seeds  false, none differs  false, one differs  power  seeds used"
    )
    for name, world in WORLDS.items():
        for seeds in (3, 5, 10):
            for run in (fixed, sequential, within_seeds):
                null, _, _ = shares(run, world, seeds, False, studies)
                false, power, used = shares(run, world, seeds, True, studies)
                print(
                    f"{name:9} {run.__name__:12} {seeds:6} {null:12.1%} {_upper(null, studies)} "
                    f"{false:18.1%} {power:6.0%} {used:10.1f}",
                    flush=True,
                )


def _upper(share: float, studies: int) -> str:
    """The largest rate that such a share of so many studies does not rule out at 95 %."""
    count = round(share * studies)
    return f"(< {stats.beta.ppf(0.95, count + 1, studies - count):.1%})"


def coverage(studies: int) -> None:
    """One line per number of seeds: how often 95 % intervals hold the true mean."""
    print("seeds  normal  36 % of seeds fail (mean about 585)")
    rng = np.random.default_rng(0)
    truth = {"normal": 0.0, "bimodal": 0.36 * 25 + 0.64 * 900}
    for seeds in (2, 3, 4, 5, 10, 20):
        held = {
            name: np.mean(
                [_holds(WORLDS[name].draw(rng, seeds, False), true) for _ in range(studies)]
            )
            for name, true in truth.items()
        }
        print(f"{seeds:5}  {held['normal']:.3f}   {held['bimodal']:.3f}", flush=True)


def _holds(values: np.ndarray, true: float) -> bool:
    interval = bootstrap(scores(values), mean, resamples=1_000)
    return interval.low <= true <= interval.high


def many(studies: int) -> None:
    """Equal means in other ways: eight arms and 28 pairs; one arm of five times the spread, which is
    the last. Any pair told apart, and any of the arms that are alike in spread, too.
    """
    print("sequential, batches of five, normal    any pair told apart      of equal spread")
    worlds = {
        "eight arms, 28 pairs": [1.0] * 8,
        "spread 1 1 1 5": [1, 1, 1, 5],
        "spread 1 5": [1, 5],
    }
    for label, spreads in worlds.items():
        rng = np.random.default_rng(0)
        design = Design(5, 4, permutations=2_000)
        spread_of = {str(index): spread for index, spread in enumerate(spreads)}
        counts = np.zeros(2)
        for _ in range(studies):
            arms = {name: rng.normal(0, s, (4, 5)).tolist() for name, s in spread_of.items()}
            apart = [
                spread_of[verdict.first] == spread_of[verdict.second]
                for verdict in decide(arms, design).verdicts
                if verdict.decision in ("better", "worse")
            ]
            counts += (bool(apart), any(apart))
        shown = [f"{count / studies:6.1%} {_upper(count / studies, studies)}" for count in counts]
        print(f"{label:38} {shown[0]:22} {shown[1]}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--studies", type=int, default=200)
    parser.add_argument("--coverage", action="store_true")
    parser.add_argument("--many", action="store_true")
    arguments = parser.parse_args()
    began = time.perf_counter()
    if arguments.coverage:
        coverage(arguments.studies)
    elif arguments.many:
        many(arguments.studies)
    else:
        table(arguments.studies)
    print(f"{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
