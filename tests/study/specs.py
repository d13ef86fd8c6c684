"""Small specs to make studies of."""

LAVA = {
    "symgen": 1,
    "environment": {"adapter": "gridworld", "size": 5, "levels": 8},
    "symmetry": {
        "group": "C4",
        "actions": {"r": {"up": "left", "left": "down", "down": "right", "right": "up"}},
    },
    "network": {"family": "group_mlp", "hidden": "8 regular", "depth": 1},
    "train": {"algorithm": "ppo", "steps": 64, "seeds": [0], "envs": 4, "rollout": 8,
              "minibatch": 32, "epochs": 1},
}  # fmt: skip

CARTPOLE = {
    "symgen": 1,
    "environment": {"adapter": "gymnasium_env", "id": "CartPole-v1"},
    "symmetry": {
        "group": "D1",
        "states": {"observation": {"s": [-1, -2, -3, -4]}},
        "actions": {"s": [1, 0]},
    },
    "network": {"family": "group_mlp", "hidden": "8 regular"},
    "train": {"algorithm": "ppo", "steps": 100, "seeds": [0, 1]},
}

PENDULUM = {
    **CARTPOLE,
    "environment": {"adapter": "gymnasium_env", "id": "Pendulum-v1"},
    "symmetry": {
        "group": "D1",
        "states": {"observation": {"s": [1, -2, -3]}},
        "actions": {"s": [-1]},
    },
}
