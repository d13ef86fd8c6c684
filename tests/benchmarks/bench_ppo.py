"""PPO beside stable-baselines3 on CartPole-v1: same network, environments, batch and epochs, in one
process.

    python tests/benchmarks/bench_ppo.py            speed: ratios of steps per second, alternating
    python tests/benchmarks/bench_ppo.py --learn    also train both to the end, three seeds each

The settings are RL-Zoo's for CartPole-v1 (8 environments, 32 steps, one minibatch of 256, 20
epochs, rates falling linearly to zero). Steps are real transitions on both sides: a step that only
starts an episode is not counted.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import gymnasium
import numpy as np
import torch
from gymnasium.vector import VectorEnv
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.evaluation import evaluate_policy

sys.path.insert(0, str(Path(__file__).parents[1] / "rl"))
from doubles import SmallNetwork

from symgen.problem.interface import Action
from symgen.rl.ppo import Learner, Options

OPTIONS = Options.model_validate(
    {
        "envs": 8,
        "rollout": 32,
        "epochs": 20,
        "minibatch": 256,
        "gamma": 0.98,
        "gae_lambda": 0.8,
        "learning_rate": {"from": 1e-3, "to": 0.0},
        "clip": {"from": 0.2, "to": 0.0},
        "entropy": 0.0,
    }
)
STEPS = 100_000


def cartpole(number: int = 8) -> VectorEnv:
    return gymnasium.make_vec("CartPole-v1", number, vectorization_mode="sync")


def ours(seed: int, steps: int, horizon: int = STEPS) -> tuple[SmallNetwork, float]:
    """Train for `steps` of a schedule `horizon` long; the network and the transitions per
    second.
    """
    network = SmallNetwork(4, Action("discrete", ("left", "right"), (2,)), seed=seed)
    learner = Learner(network, cartpole(), OPTIONS, steps=horizon, seed=seed)
    began = time.perf_counter()
    for metrics in learner:
        if metrics["step"] >= steps:
            break
    return network, learner.step / (time.perf_counter() - began)


def theirs(seed: int, steps: int, horizon: int = STEPS) -> tuple[PPO, float]:
    """The same with stable-baselines3; its default network is the same 64-64 tanh pair."""
    model = PPO(
        "MlpPolicy",
        make_vec_env("CartPole-v1", 8, seed=seed),
        n_steps=32,
        n_epochs=20,
        batch_size=256,
        gamma=0.98,
        gae_lambda=0.8,
        learning_rate=lambda left: 1e-3 * (1 - (1 - left) * steps / horizon),
        clip_range=lambda left: 0.2 * (1 - (1 - left) * steps / horizon),
        ent_coef=0.0,
        seed=seed,
        device="cpu",
    )
    began = time.perf_counter()
    model.learn(steps)
    return model, model.num_timesteps / (time.perf_counter() - began)


def our_return(network: SmallNetwork, episodes: int = 32) -> float:
    """Mean return of the most probable actions, one episode per environment."""
    envs = cartpole(episodes)
    observation, _ = envs.reset(seed=10_000)
    running, total = np.ones(episodes, bool), np.zeros(episodes)
    while running.any():
        observation, reward, terminated, truncated, _ = envs.step(network.best(observation))
        total += reward * running
        running &= ~(terminated | truncated)
    return float(total.mean())


def their_return(model: PPO, episodes: int = 32) -> float:
    return float(evaluate_policy(model, make_vec_env("CartPole-v1", 1, seed=10_000), episodes)[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--learn", action="store_true", help="train both to the end, three seeds each"
    )
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--steps", type=int, default=6_000, help="steps per speed run")
    arguments = parser.parse_args()
    torch.set_num_threads(1)

    ours(0, 2_000), theirs(0, 2_000)  # warm up
    pairs = [
        (ours(seed, arguments.steps)[1], theirs(seed, arguments.steps)[1])
        for seed in range(arguments.rounds)
    ]
    for own, baseline in pairs:
        print(
            f"symgen {own:7.0f} steps/s   stable-baselines3 {baseline:7.0f} steps/s   ratio "
            f"{own / baseline:.2f}"
        )
    ratios = [own / baseline for own, baseline in pairs]
    print(f"ratio: median {statistics.median(ratios):.2f}, lowest {min(ratios):.2f}, bar 1.30")
    if not arguments.learn:
        return

    rows = []
    for seed in range(3):
        network, own = ours(seed, STEPS)
        model, baseline = theirs(seed, STEPS)
        rows.append((our_return(network), their_return(model), own / baseline))
        _tell(f"seed {seed}", rows[-1])
    _tell("mean of 3 seeds", [statistics.fmean(column) for column in zip(*rows, strict=True)])


def _tell(what: str, row: Sequence[float]) -> None:
    print(
        f"{what}: return symgen {row[0]:.1f}, stable-baselines3 {row[1]:.1f}, bar 475; ratio "
        f"{row[2]:.2f}"
    )


if __name__ == "__main__":
    main()
