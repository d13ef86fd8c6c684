"""What `train:` accepts under `algorithm: discrete_sac`. No torch: a spec is checked without it."""

from typing import TYPE_CHECKING

from pydantic import Field

from symgen.problem.fault import Fault
from symgen.problem.interface import Interface
from symgen.problem.output import Output
from symgen.rl._soft_options import SoftOptions

if TYPE_CHECKING:
    from symgen.problem.problem import Problem

__all__ = ["TRAINS_MEMORY", "Options", "check", "clip_observations", "outputs", "teacher"]

TRAINS_MEMORY = False


def outputs(interface: Interface, options: SoftOptions) -> tuple[Output, ...]:
    """A policy, and two critics with a value for every action, of which the smaller is trusted.

    What the group does to an action it does to its value: Q(g.s, g.a) = Q(s, a).
    """
    return (
        Output("policy", "action", "actor", gain=0.1),
        Output("q1", "action", "critic"),
        Output("q2", "action", "critic"),
    )


class Options(SoftOptions):
    """What `train:` accepts under `algorithm: discrete_sac`, for discrete actions."""

    target_entropy: float = Field(
        0.98,
        ge=0,
        le=1,
        description="entropy that a learnt temperature aims at, as a share of that of uniformly "
        "random actions, log(number of actions)",
    )


def check(problem: "Problem") -> list[Fault]:
    """action-kind: the critics have a value for every single action."""
    kind = problem.interface.action.kind
    if kind == "discrete":
        return []
    named = kind.replace("_", "-")
    message = f"discrete_sac needs a discrete action, and this environment's is {named}"
    offered = "ppo or sac" if kind == "continuous" else "ppo"
    hint = f"write algorithm: {offered}, or choose an environment with discrete actions"
    return [Fault("action-kind", ("train", "algorithm"), message, hint)]


def clip_observations(options: Options) -> float | None:
    """Observations are not normalised; this is what the steps that could do it are made with."""
    return 10.0


def teacher(options: Options) -> None:
    """None: it learns from rewards."""
