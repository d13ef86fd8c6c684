"""What one forward pass costs, in floating-point operations.

Counted are products of matrices and convolutions, a multiplication and an addition as two
operations (torch.utils.flop_counter); what is done entry by entry, such as an activation, is not.
Tied matrices are written out once between two updates, so that what an environment step costs is a
product with the whole matrix: sharing weights saves none of it.
"""

import math

import torch
from torch.utils.flop_counter import FlopCounterMode

from symgen.nn.network import Network
from symgen.problem.problem import Problem
from symgen.proofs.inputs import Setting

aten = torch.ops.aten


def _vector(matrix: tuple[int, ...], vector: tuple[int, ...], **_: object) -> int:
    """A matrix times a vector."""
    return 2 * math.prod(matrix)


def _added(
    start: tuple[int, ...], matrix: tuple[int, ...], vector: tuple[int, ...], **_: object
) -> int:
    """A matrix times a vector, and a vector."""
    return 2 * math.prod(matrix)


def _dot(left: tuple[int, ...], right: tuple[int, ...], **_: object) -> int:
    return 2 * math.prod(left)


UNCOUNTED = {aten.mv: _vector, aten.addmv: _added, aten.dot: _dot, aten.vdot: _dot}
"""Products that torch does not count, which one observation alone may lead to."""


@torch.no_grad()
def forward_flops(network: Network, problem: Problem) -> int:
    """The operations of one forward pass of one observation: of every output that a step of the
    environment asks for, the value among them where the algorithm has one.

    Args:
        network: of the problem; left unchanged.
        problem: what it observes.
    """
    observation = Setting.of(problem).drawn(1, 0)
    was_training = network.training
    network.eval()
    try:
        with network.expanded():
            network(observation)
            with FlopCounterMode(display=False, custom_mapping=UNCOUNTED) as counter:
                network(observation)
    finally:
        network.train(was_training)
    return counter.get_total_flops()
