"""Sensor attention on CartPoleSwingUpHarder: a decision, a batch of them, and PPO's updates.

    OMP_NUM_THREADS=1 python tests/benchmarks/bench_sensor_attention.py

decision   milliseconds for one observation, weights held, and how many times as many observations
           per second a batch of 256 decides
training   environment steps per second, learning included: of CPU time, and of the clock, which on
           a busy machine is less. Beside it the same updates with the memory carried step by step
           instead of through the fused kernel
"""

import time
from pathlib import Path
from statistics import median
from unittest import mock

import numpy as np
import torch

from symgen.compiler import compile_spec
from symgen.nn import recurrence
from symgen.rl import ppo

SPEC = Path(__file__).parents[2] / "specs" / "sensors" / "cartpole_swingup_shuffled.yaml"
LATENCY = 0.3
BATCH = 50
TRAINING = 30_000


def decision(network, batch, repeats=1000):
    """Seconds of one decision, the median of many."""
    rng = np.random.default_rng(0)
    seen = {
        "observation": rng.standard_normal((batch, 5)).astype(np.float32),
        "previous_action": np.zeros((batch, 1), np.float32),
    }
    state = network.initial_state(batch)
    times = []
    with torch.no_grad(), network.expanded():
        for _ in range(repeats):
            start = time.perf_counter()
            network.decide(seen, state)
            times.append(time.perf_counter() - start)
    return median(times)


def training(updates=8):
    """Steps per second of CPU time, and of the clock."""
    compiled = compile_spec(SPEC, verify=False, seed=0)
    options = compiled.problem.algorithm_options
    envs = compiled.environment(options.envs, 0)
    learner = iter(ppo.Learner(compiled.network, envs, options, steps=10**8, seed=0))
    before = next(learner)["step"]  # the first one warms up
    clock, cpu = time.perf_counter(), time.process_time()
    for _ in range(updates):
        after = next(learner)["step"]
    clock, cpu = time.perf_counter() - clock, time.process_time() - cpu
    envs.close()
    return (after - before) / cpu, (after - before) / clock


def main():
    torch.set_num_threads(1)
    network = compile_spec(SPEC, verify=False, seed=0).network.eval()
    one, many = decision(network, 1), decision(network, 256, 300)
    met = "met" if one * 1e3 <= LATENCY else "MISSED"
    print(f"decision, batch 1      {one * 1e3:10.3f} ms        target {LATENCY} ms: {met}")
    ratio = 256 * one / many
    met = "met" if ratio >= BATCH else "MISSED"
    print(f"batch 256 to batch 1   {ratio:10.1f} x         target {BATCH} x: {met}")
    cpu, clock = training()
    met = "met" if cpu >= TRAINING else "MISSED"
    print(f"PPO, fused memory      {cpu:10,.0f} steps/s    target {TRAINING:,} of CPU time: {met}")
    print(f"  of the clock         {clock:10,.0f} steps/s")
    with mock.patch.object(
        recurrence, "Cell", tuple
    ):  # nothing is one: all is carried step by step
        slow, _ = training(3)
    print(f"PPO, step by step      {slow:10,.0f} steps/s    {cpu / slow:.1f} times slower")


if __name__ == "__main__":
    main()
