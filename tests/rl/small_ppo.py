"""Small learners of PPO."""

from doubles import identity_envs, identity_network

from symgen.rl.ppo import Learner, Options

SMALL = {"envs": 4, "rollout": 16, "minibatch": 32, "epochs": 2}
KINDS = ["discrete", "multi_discrete", "continuous"]


def options(**changes):
    return Options.model_validate({**SMALL, **changes})


def learner(kind="discrete", steps=400, seed=0, as_dict=False, **changes):
    network = identity_network(kind, as_dict)
    return Learner(
        network,
        identity_envs(4, kind=kind, as_dict=as_dict),
        options(**changes),
        steps=steps,
        seed=seed,
    )
