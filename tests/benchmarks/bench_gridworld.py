"""Steps per second of the lava laboratory, and its ratio to MiniGrid in a SyncVectorEnv.

    OMP_NUM_THREADS=1 python tests/benchmarks/bench_gridworld.py

Random actions, observation building and autoreset included, best of several runs of each.
"""

import gymnasium
from stepping import speed

from symgen.envs import gridworld, minigrid

TARGET = 300_000


def main():
    import minigrid as _  # noqa: F401  (registers the ids)

    id_ = "MiniGrid-LavaCrossingS9N1-v0"
    reference = speed(gymnasium.make_vec(id_, num_envs=16, vectorization_mode="sync"), 100)
    print(f"{'MiniGrid in SyncVectorEnv, 16 envs, its own 7x7 view':58} {reference:12,.0f} steps/s")
    for moves in ("absolute", "turn"):
        ours = speed(minigrid.make(minigrid.Options(id=id_, moves=moves), 16, 0), 400)
        print(
            f"{'symgen minigrid, 16 envs, full view, ' + moves:58} {ours:12,.0f} steps/s "
            f"{ours / reference:8.1f} x"
        )
    for view in ("full", "egocentric", "rgb"):
        for moves in ("absolute", "turn"):
            ours = speed(gridworld.make(gridworld.Options(view=view, moves=moves), 512, 0), 200)
            name = f"gridworld, 512 levels, {view}, {moves}"
            print(f"{name:58} {ours:12,.0f} steps/s {ours / reference:8.1f} x", end="")
            print(
                f"   target {TARGET:,}: {'met' if ours >= TARGET else 'MISSED'}"
                if view == "full"
                else ""
            )


if __name__ == "__main__":
    main()
