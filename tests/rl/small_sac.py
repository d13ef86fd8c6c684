"""Small learners of SAC."""

from doubles import SmallSoft, identity_action, identity_envs
from gymnasium.vector import AutoresetMode

from symgen.problem.interface import Action
from symgen.rl.sac import Learner, Options

SMALL = {"envs": 2, "warmup": 20, "batch": 16, "report": 20}
FORCE = Action("continuous", ("x", "y"), (2,), (-2.0, 0.0), (2.0, 1.0))


def options(**changes):
    return Options.model_validate({**SMALL, **changes})


def network(seed=0, encoder=False, features=2, action=None):
    return SmallSoft(
        features, action or identity_action("continuous"), hidden=16, seed=seed, encoder=encoder
    )


def learner(steps=100, seed=0, mode=AutoresetMode.NEXT_STEP, encoder=False, **changes):
    envs = identity_envs(2, mode, kind="continuous")
    return Learner(network(encoder=encoder), envs, options(**changes), steps=steps, seed=seed)
