"""Studies whose truth is known: scores as reinforcement learning has them, arms alike and not."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import stats

from symgen.statistics.compare import compare
from symgen.statistics.scores import scores
from symgen.statistics.sequential import Design, decide

ARMS = ("base", "alike", "also alike", "other")
PAIRS = [(name, "base") for name in ARMS[1:]]
LEVEL = 0.05


@dataclass(frozen=True)
class World:
    """How runs score.

    Args:
        draw: (rng, seeds, whether of the arm that differs) -> [seed].
        common: deviation of a part that all arms of one seed share.
    """

    draw: Callable[[np.random.Generator, int, bool], np.ndarray]
    common: float = 0.0


def _normal(rng, seeds, better):
    return rng.normal(2.0 if better else 0.0, 1.0, size=seeds)


def _bimodal(rng, seeds, better):
    """CartPole swing-up: 36 % of seeds never learn it, unless the arm always does."""
    fails = rng.random(seeds) < (0.0 if better else 0.36)
    return np.where(fails, rng.uniform(0, 50, size=seeds), rng.normal(900, 20, size=seeds))


def _skewed(rng, seeds, better):
    return rng.lognormal(1.5 if better else 0.0, 0.8, size=seeds)


def _rare(rng, seeds, better):
    """Most runs score exactly nothing: ties."""
    return (rng.random(seeds) < (0.9 if better else 0.2)).astype(float)


WORLDS = {
    "normal": World(_normal),
    "paired": World(_normal, common=2.0),
    "bimodal": World(_bimodal),
    "skewed": World(_skewed),
    "ties": World(_rare),
}


def study(world, rng, seeds, effect):
    """Scores of every arm, [seed] each; with an effect, the last arm is better."""
    shared = rng.normal(0.0, world.common, size=seeds) if world.common else 0.0
    return {name: shared + world.draw(rng, seeds, effect and name == "other") for name in ARMS}


def fixed(world, rng, seeds, effect):
    """(whether equal arms were told apart, whether the better one was, seeds per arm)."""
    arms = {name: scores(values) for name, values in study(world, rng, seeds, effect).items()}
    verdicts = {c.first: c.decision for c in compare(arms, PAIRS, resamples=999)}
    return _judged(verdicts, effect, float(seeds))


def sequential(world, rng, seeds, effect, paired=False, batches=4):
    """The same, `seeds` at a time."""
    drawn = study(world, rng, seeds * batches, effect)
    whole = {name: values.reshape(batches, seeds).tolist() for name, values in drawn.items()}
    design = Design(seeds, batches, LEVEL, permutations=1_000, paired=paired)
    # what later batches hold changes no decision, so that all can be given at once
    decided = decide(whole, design, PAIRS).verdicts
    verdicts = {verdict.first: verdict.decision for verdict in decided}
    used = [verdict.seeds for verdict in decided]
    return _judged(verdicts, effect, float(np.mean([*used, max(used)])))


def within_seeds(world, rng, seeds, effect):
    """The same, where scores change arms within seeds alone."""
    return sequential(world, rng, seeds, effect, paired=True)


def _judged(verdicts, effect, seeds):
    alike = [verdicts[name] for name in ARMS[1 : 3 if effect else 4]]
    wrong = any(decision in ("better", "worse") for decision in alike)
    wrong = wrong or (effect and verdicts["other"] == "worse")
    return wrong, verdicts["other"] == "better", seeds


def shares(run, world, seeds, effect, studies):
    """Over simulated studies: share with a false difference, share with the true one, seeds."""
    rng = np.random.default_rng(key_of(run.__name__, seeds, effect))
    results = np.array([run(world, rng, seeds, effect) for _ in range(studies)], dtype=float)
    return results.mean(axis=0)


def key_of(name, seeds, effect):
    """A number of its own for every simulation."""
    return [len(name), seeds, int(effect)]


def allowed(studies):
    """False differences that a level of 5 % still allows, in 99 of 100 such simulations."""
    return stats.binom.ppf(0.99, studies, LEVEL) / studies
