"""Stand-ins with a memory: a policy that counts the steps of an episode, and a network whose last
feature is a leaky sum of what it has seen.
"""

import dataclasses
from dataclasses import dataclass

import torch
from torch import nn
from torch.distributions import Categorical

from symgen.algebra.catalogue import group
from symgen.algebra.fieldtype import FieldType, parse
from symgen.nn.build import module
from symgen.nn.network import Network
from symgen.operations.operation import Operation
from symgen.plan.plan import Step

CHOICES = 64


class Counter:
    """Does what its memory says: the number of steps since the episode began."""

    def __init__(self):
        self.states = {"count": parse(group("C1"), "point: trivial")}

    def initial_state(self, batch):
        return {"count": torch.zeros(batch, 1, 1)}

    def decide(self, observation, state=None):
        state = self.initial_state(len(observation)) if state is None else state
        count = state["count"].expand(len(observation), 1, 1)
        chosen = count.flatten().long() % CHOICES
        logits = 100.0 * nn.functional.one_hot(chosen, CHOICES)
        return Categorical(logits=logits), {"count": count + 1}


class Leaky(nn.Module):
    """state' = tanh(x + state / 2): it commutes with every permutation of entries.

    Args:
        slip: what is added to the first channel of the state, which breaks that.
    """

    def __init__(self, slip=0.0):
        super().__init__()
        self.slip = slip

    def forward(self, x, state):
        first = nn.functional.pad(state[..., :1], (0, state.shape[-1] - 1))
        state = (x + state / 2 + self.slip * first).tanh()
        return state, state


@dataclass(frozen=True)
class Remember(Operation):
    """The leaky sum as an operation."""

    field: FieldType
    slip: float = 0.0

    @property
    def inputs(self):
        return (self.field,)

    @property
    def output(self):
        return self.field

    @property
    def state(self):
        return self.field


@module.register
def _(operation: Remember) -> Leaky:
    return Leaky(operation.slip)


def remembering(plan, interface, after="hidden1", slip=0.0) -> Network:
    """A network of this plan with a leaky sum between step `after` and what reads it."""
    at = [step.name for step in plan.steps].index(after)
    memory = Step("memory", (after,), Remember(plan.step(after).operation.output, slip))
    later = [_reads_memory(step, after) for step in plan.steps[at + 1 :]]
    steps = (*plan.steps[: at + 1], memory, *later)
    return Network(dataclasses.replace(plan, steps=steps), interface)


def _reads_memory(step: Step, after: str) -> Step:
    inputs = tuple("memory" if name == after else name for name in step.inputs)
    return dataclasses.replace(step, inputs=inputs)
