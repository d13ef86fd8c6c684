"""What `train:` accepts under `algorithm: sac`. No torch: a spec is checked without it."""

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
    """A squashed Gaussian policy, and two action values, of which the smaller is trusted."""
    return (
        Output("policy", "action", "actor", gain=0.1, squashed=True),
        Output("log_std", "deviation", "actor", gain=0.1),
        Output("q1", "invariant", "critic", reads="action"),
        Output("q2", "invariant", "critic", reads="action"),
    )


class Options(SoftOptions):
    """What `train:` accepts under `algorithm: sac`, for continuous actions."""

    target_entropy: float | None = Field(
        None,
        description="entropy, in units of the action's box, that a learnt temperature aims at; by "
        "default minus the number of components",
    )


def check(problem: "Problem") -> list[Fault]:
    """action-kind: the critics read an action of real numbers."""
    kind = problem.interface.action.kind
    if kind == "continuous":
        return []
    named = kind.replace("_", "-")
    message = f"sac needs a continuous action, and this environment's is {named}"
    hint = "write algorithm: ppo, or choose a continuous environment"
    return [Fault("action-kind", ("train", "algorithm"), message, hint)]


def clip_observations(options: Options) -> float | None:
    """Observations are not normalised; this is what the steps that could do it are made with."""
    return 10.0


def teacher(options: Options) -> None:
    """None: it learns from rewards."""
