"""Steps per second of carts with poles side by side, and their ratio to Gymnasium's own CartPole.

    OMP_NUM_THREADS=1 python tests/benchmarks/bench_cartpole_swingup.py

Random actions, observations and autoreset included, best of several runs of each.
"""

import gymnasium
from stepping import speed

from symgen.envs import cartpole_swingup
from symgen.envs.cartpole_swingup import Options

TARGET = 1_000_000


def main():
    synchronous = gymnasium.make_vec("CartPole-v1", num_envs=16, vectorization_mode="sync")
    reference = speed(synchronous, 200)
    print(f"{'CartPole-v1 in SyncVectorEnv, 16 envs':46} {reference:12,.0f} steps/s")
    for count in (16, 128, 512, 2048):
        ours = speed(cartpole_swingup.make(Options(harder=True), count, 0), 500)
        line = f"cartpole_swingup, harder, {count} envs"
        print(f"{line:46} {ours:12,.0f} steps/s {ours / reference:8.1f} x", end="")
        met = "met" if ours >= TARGET else "MISSED"
        print(f"   target {TARGET:,}: {met}" if count == 512 else "")


if __name__ == "__main__":
    main()
