"""What augment and mirror_loss do to a network that no group binds: how equivariant it is after
training, and what it returns.

    OMP_NUM_THREADS=1 python tests/benchmarks/bench_constraints.py            both tables, 3 seeds
    OMP_NUM_THREADS=1 python tests/benchmarks/bench_constraints.py --only ppo --seeds 5

CartPole-v1 by PPO and Pendulum-v1 by SAC, both with an exact mirror, and an MLP with relu: tanh
without shifts is odd, which by itself is nearly CartPole's mirror. All constraints train for the
same number of environment steps; augment takes twice as many gradient steps in PPO, and the same
number in SAC.

Measured on observations that the trained policy, sampled, meets by itself and on no others:

policy  mean distance of pi(s.o) from s.pi(o): half the sum of absolute differences of the
        probabilities; of Pendulum the difference of the most probable actions, in half widths of
        their box
value   mean |V(s.o) - V(o)|, or |Q(s.o, s.a) - Q(o, a)| of the most probable actions, relative to
        the deviation of the values over these observations
return  mean of 20 episodes, most probable actions
"""

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[2]))
from symgen import lookup
from symgen.compiler import Compiled, compile_spec
from symgen.spec.edit import edit
from symgen.spec.source import Source, read

SPECS = Path(__file__).parents[2] / "specs" / "control"
CONSTRAINTS: dict[str, Mapping[str, Any]] = {
    "ppo": {
        "none": "none",
        "augment, log-probability copied": {"augment": {"log_prob": "copied"}},
        "augment, recomputed": {"augment": {"log_prob": "recomputed"}},
        "mirror_loss": "mirror_loss",
    },
    "sac": {
        "none": "none",
        "augment, random elements": {"augment": {"elements": "random"}},
        "mirror_loss": "mirror_loss",
    },
}
STEPS = {"ppo": 40_000, "sac": 5_000}
NAMES = {"ppo": "cartpole_augment", "sac": "pendulum_mirror_loss"}
TITLES = {"ppo": "CartPole-v1, PPO", "sac": "Pendulum-v1, SAC"}
ENVS, LENGTH, EPISODES = 16, 128, 20


class Outcome(NamedTuple):
    """Of one training.

    Args:
        policy: equivariance error.
        value: equivariance error.
        returned: mean return.
        ratio: largest first_ratio of PPO, else not a number.
    """

    policy: float
    value: float
    returned: float
    ratio: float


def spec(algorithm: str, constraint: Any) -> Source:
    """The shipped example with another constraint, relu, and fewer steps."""
    changes = {
        "symmetry.constraint": constraint,
        "network.activation": "relu",
        "train.steps": STEPS[algorithm],
    }
    return edit(read(SPECS / f"{NAMES[algorithm]}.yaml"), changes)


def train(compiled: Compiled, seed: int) -> list[dict[str, float]]:
    """Train the network in place; all metrics."""
    problem = compiled.problem
    envs = compiled.environment(problem.algorithm_options.envs, seed)
    learner = lookup.module("algorithm", problem.algorithm).Learner(
        compiled.network,
        envs,
        problem.algorithm_options,
        steps=problem.spec.train.steps,
        seed=seed,
        training=problem.constraint.training(problem, problem.constraint_options),
    )
    return list(learner)


@torch.no_grad()
def observed(compiled: Compiled, seed: int) -> np.ndarray:
    """Observations of the policy's own episodes, in the order in which they come."""
    envs = compiled.environment(ENVS, seed)
    torch.manual_seed(seed)
    observation, _ = envs.reset(seed=seed)
    seen = []
    for _ in range(LENGTH):
        seen.append(observation)
        actions = compiled.network.policy(observation).sample().numpy()
        observation, *_ = envs.step(actions)
    return np.concatenate(seen)


@torch.no_grad()
def errors(compiled: Compiled, seen: np.ndarray) -> tuple[float, float]:
    """Of the policy and of the value, or the mean of the action values."""
    network = compiled.network
    moved = compiled.act_on_observation("s", seen)
    here, there = network.policy(seen), network.policy(moved)
    if network.action.kind == "discrete":
        expected = compiled.problem.action.act("s", here.probs.numpy())
        policy = np.abs(there.probs.numpy() - expected).sum(1).mean() / 2
        before, after = network.value(seen), network.value(moved)
    else:
        half = network.box_half.numpy()
        turned = compiled.act_on_action("s", here.mode.numpy())
        policy = (np.abs(there.mode.numpy() - turned) / half).mean()
        before = network.q(seen, here.mode)
        after = network.q(moved, torch.from_numpy(turned))
    value = (after - before).abs().mean() / before.std(0).mean()
    return float(policy), float(value)


@torch.no_grad()
def returned(compiled: Compiled, seed: int) -> float:
    """Mean return of the most probable actions, one episode in each environment."""
    envs = compiled.environment(EPISODES, seed)
    observation, _ = envs.reset(seed=seed)
    total = np.zeros(EPISODES)
    running = np.ones(EPISODES, dtype=bool)
    while running.any():
        observation, rewards, terminated, truncated, _ = envs.step(compiled.act(observation))
        total += np.where(running, rewards, 0.0)
        running &= ~(terminated | truncated)
    return float(total.mean())


def outcome(algorithm: str, constraint: Any, seed: int) -> Outcome:
    """Train once, and measure."""
    compiled = compile_spec(spec(algorithm, constraint), verify=False, seed=seed)
    rows = train(compiled, seed)
    policy, value = errors(compiled, observed(compiled, 1000 + seed))
    ratios = [row["first_ratio"] for row in rows if "first_ratio" in row]
    return Outcome(
        policy, value, returned(compiled, 2000 + seed), max(ratios) if ratios else float("nan")
    )


def table(algorithm: str, seeds: int, tell: Callable[[str], None]) -> str:
    """One row for each constraint: the mean over the seeds, and from the least to the most."""
    ratio = " largest first ratio |" if algorithm == "ppo" else ""
    lines = [
        f"| {TITLES[algorithm]}, {STEPS[algorithm]:,} steps, {seeds} seeds | policy | value | "
        f"return |{ratio}",
        "|---|---:|---:|---:|" + ("---:|" if ratio else ""),
    ]
    for name, constraint in CONSTRAINTS[algorithm].items():
        outcomes = []
        for seed in range(seeds):
            outcomes.append(outcome(algorithm, constraint, seed))
            tell(f"{algorithm} {name}, seed {seed}: {outcomes[-1]}")
        columns = list(zip(*outcomes, strict=True))[: 4 if ratio else 3]
        cells = [
            f"{_short(np.mean(column))} [{_short(min(column))}, {_short(max(column))}]"
            for column in columns
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _short(number: float) -> str:
    """Returns without decimals, errors with three."""
    return f"{number:.0f}" if abs(number) >= 5 else f"{number:.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--only", choices=list(CONSTRAINTS), default=None)
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(1)

    def tell(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    for algorithm in [arguments.only] if arguments.only else CONSTRAINTS:
        print(table(algorithm, arguments.seeds, tell), end="\n\n", flush=True)


if __name__ == "__main__":
    main()
