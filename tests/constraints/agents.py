"""Small agents for constraints that change the training: a network, its problem, and a learner."""

import torch

from symgen import lookup
from symgen.compiler import check_spec, plan_spec
from symgen.envs.guarded import environments
from symgen.nn.network import Network, build

CARTPOLE = {
    "symgen": 1,
    "environment": {"adapter": "gymnasium_env", "id": "CartPole-v1"},
    "symmetry": {
        "group": "D1",
        "states": {"observation": {"s": [-1, -2, -3, -4]}},
        "actions": {"s": [1, 0]},
    },
    "network": {"family": "mlp", "width": 16},
    "train": {"algorithm": "ppo", "steps": 512, "envs": 4, "rollout": 32, "minibatch": 64},
}
PENDULUM = {
    "symgen": 1,
    "environment": {"adapter": "gymnasium_env", "id": "Pendulum-v1"},
    "symmetry": {
        "group": "D1",
        "states": {"observation": {"s": [1, -2, -3]}},
        "actions": {"s": [-1]},
    },
    "network": {"family": "mlp", "width": 16},
    "train": {"algorithm": "sac", "steps": 120, "warmup": 100, "batch": 32, "report": 60},
}
EXACT = {"family": "group_mlp", "hidden": "8 regular", "activation": "tanh"}


def with_constraint(spec, constraint, network=None, train=None):
    """A spec with another constraint, network and options of the algorithm."""
    return {
        **spec,
        "symmetry": {**spec["symmetry"], "constraint": constraint},
        "network": network or spec["network"],
        "train": {**spec["train"], **(train or {})},
    }


def network(problem, dtype=torch.float32, seed=0) -> Network:
    torch.manual_seed(seed)
    return build(plan_spec(problem), problem.interface).to(dtype)


def training(problem):
    """What the constraint adds."""
    return problem.constraint.training(problem, problem.constraint_options)


def learner(spec, dtype=torch.float32, seed=0, device="cpu"):
    """Of the spec's algorithm, with what its constraint adds."""
    problem = check_spec(spec)
    options = problem.algorithm_options
    envs = environments(problem, options.envs, seed)
    return lookup.module("algorithm", problem.algorithm).Learner(
        network(problem, dtype, seed).to(device),
        envs,
        options,
        steps=problem.spec.train.steps,
        seed=seed,
        training=training(problem),
    )


def codes(spec):
    """The mistakes in a spec, as code, message and hint."""
    from symgen.errors import SpecError

    try:
        check_spec(spec)
    except SpecError as error:
        return [(each.code, each.message, each.hint) for each in error.diagnostics]
    return []
