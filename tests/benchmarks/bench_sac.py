"""SAC beside stable-baselines3 on Pendulum-v1: same networks, batch and rates, in one process.

    python tests/benchmarks/bench_sac.py            speed: ratios of steps per second, alternating
    python tests/benchmarks/bench_sac.py --learn    also train both, three seeds each, and the D1
                                                    network of specs/control/pendulum_d1_sac.yaml

The settings are RL-Zoo's for Pendulum-v1 (rates 1e-3, else the defaults of both: batches of 256,
one gradient step per environment step) with hidden layers of 64. The first 100 transitions are
random on both sides.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import torch
from gymnasium.vector import VectorEnv
from stable_baselines3 import SAC
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.evaluation import evaluate_policy

sys.path.insert(0, str(Path(__file__).parents[1] / "rl"))
from doubles import SmallSoft

from symgen.compiler import compile_spec
from symgen.problem.interface import Action
from symgen.rl.sac import Learner, Options

RATES = {"actor_rate": 1e-3, "critic_rate": 1e-3, "temperature_rate": 1e-3}
OPTIONS = Options.model_validate({**RATES, "warmup": 100, "report": 250})
SPEC = Path(__file__).parents[2] / "specs" / "control" / "pendulum_d1_sac.yaml"
STEPS = 6_000
BAR = -250.0
"""Mean return over the episodes of an evaluation that counts as solved; random torques get about
-1,200.
"""


def pendulum(number: int = 1) -> VectorEnv:
    return gymnasium.make_vec("Pendulum-v1", number, vectorization_mode="sync")


def ours(seed: int, steps: int, network: Any = None) -> tuple[Any, float]:
    """Train for `steps`; the network and the transitions per second."""
    torque = Action("continuous", ("torque",), (1,), (-2.0,), (2.0,))
    network = network or SmallSoft(3, torque, hidden=64, seed=seed)
    learner = Learner(network, pendulum(), OPTIONS, steps=steps, seed=seed)
    began = time.perf_counter()
    for _ in learner:
        pass
    return network, learner.step / (time.perf_counter() - began)


def compiled(seed: int) -> Any:
    """The network of SPEC."""
    return compile_spec(SPEC, seed=seed).network


def theirs(seed: int, steps: int) -> tuple[SAC, float]:
    """The same with stable-baselines3."""
    model = SAC(
        "MlpPolicy",
        make_vec_env("Pendulum-v1", 1, seed=seed),
        learning_rate=1e-3,
        learning_starts=100,
        policy_kwargs={"net_arch": [64, 64]},
        seed=seed,
        device="cpu",
    )
    began = time.perf_counter()
    model.learn(steps)
    return model, model.num_timesteps / (time.perf_counter() - began)


def our_return(network: Any, episodes: int = 16) -> float:
    """Mean return of the policy's mode, one episode per environment."""
    envs = pendulum(episodes)
    observation, _ = envs.reset(seed=10_000)
    total = np.zeros(episodes)
    for _ in range(200):
        with torch.no_grad():
            mean = network(observation)[0]["policy"]
        observation, reward, *_ = envs.step(
            (network.box_centre + network.box_half * mean.tanh()).numpy()
        )
        total += reward
    return float(total.mean())


def their_return(model: SAC, episodes: int = 16) -> float:
    return float(evaluate_policy(model, make_vec_env("Pendulum-v1", 1, seed=10_000), episodes)[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--learn", action="store_true", help="train both to the end, three seeds each"
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=400, help="steps per speed run")
    arguments = parser.parse_args()
    torch.set_num_threads(1)

    ours(0, 200), theirs(0, 200)  # warm up
    rounds = range(arguments.rounds)
    for name, make in (("plain", lambda seed: None), ("D1 group_mlp", compiled)):
        pairs = [
            (ours(seed, arguments.steps, make(seed))[1], theirs(seed, arguments.steps)[1])
            for seed in rounds
        ]
        ratios = [own / baseline for own, baseline in pairs]
        best = [max(column) for column in zip(*pairs, strict=True)]
        print(
            f"{name}: symgen {best[0]:.0f} steps/s, stable-baselines3 {best[1]:.0f} steps/s "
            "at best; "
            f"ratio median {statistics.median(ratios):.2f}, lowest {min(ratios):.2f}"
        )
    if not arguments.learn:
        return

    rows = []
    for seed in range(3):
        (network, _), (model, _), (group, _) = (
            ours(seed, STEPS),
            theirs(seed, STEPS),
            ours(seed, STEPS, compiled(seed)),
        )
        rows.append((our_return(network), their_return(model), our_return(group)))
        _tell(f"seed {seed}", rows[-1])
    _tell("mean of 3 seeds", [statistics.fmean(column) for column in zip(*rows, strict=True)])


def _tell(what: str, row: Sequence[float]) -> None:
    print(
        f"{what}: return after {STEPS} steps symgen {row[0]:.1f}, stable-baselines3 {row[1]:.1f}, "
        f"D1 {row[2]:.1f}, "
        f"bar {BAR:.0f}"
    )


if __name__ == "__main__":
    main()
