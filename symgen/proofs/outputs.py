"""Rows for the outputs of a network: each compared with what the group makes of it."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from symgen.algebra.representation import Representation
from symgen.nn.network import Network
from symgen.problem.output import lasting, moved_by
from symgen.proofs.claim import Claim
from symgen.proofs.inputs import Array, Setting, Terms
from symgen.proofs.verification import Row

__all__ = ["moves", "output_rows", "row", "said"]


def said(network: Network, terms: Terms, acts: Array) -> dict[str, Tensor]:
    """What a network says of observations and, where outputs read them, of actions, by name.

    Outputs that read nothing are weights, and left out; so is what is for training only.

    Args:
        network: to be asked.
        terms: a batch of observations.
        acts: a batch of actions.
    """
    seen, _ = network(terms)
    names = [output.name for output in lasting(network.outputs) if output.reads == "observation"]
    outputs = {name: seen[name] for name in names}
    judging = tuple(output.name for output in network.outputs if output.reads == "action")
    if judging:
        outputs |= network.heads(network.encode(terms), judging, torch.from_numpy(acts))
    return {name: x.cpu() for name, x in outputs.items()}


def output_rows(
    network: Network,
    setting: Setting,
    element: str,
    claim: Claim,
    terms: Terms,
    acts: Array,
    before: Mapping[str, Tensor],
) -> list[Row]:
    """Compare g.f(x) with f(g.x), for each output f; the control beside it.

    Args:
        network: to be measured.
        setting: how the group moves what it observes and does.
        element: g.
        claim: what is claimed of it.
        terms: a batch of observations.
        acts: a batch of actions.
        before: f(x), what the network says of them.
    """
    moved = setting.moved(element, terms)
    after = said(network, moved, setting.action.act(element, acts))
    reads_action = any(output.reads == "action" for output in network.outputs)
    # the control of what reads the action: the observation moved, and the action not
    judges_moved = reads_action and moves(setting.action, element)
    unmoved = said(network, moved, acts) if judges_moved else {}
    rows = []
    for output in network.outputs:
        if output.name not in before:
            continue
        x = before[output.name]
        representation = moved_by(output, setting.action)
        if moves(representation, element):
            expected = torch.from_numpy(representation.act(element, x.numpy()))
            contrast = x
        else:
            expected = x
            contrast = x.roll(1, 0)  # an invariant must not be a constant
        if output.reads == "action":
            contrast = unmoved.get(output.name, contrast)
        scale = x.abs().max().clamp_min(claim.floor)
        error = (after[output.name] - expected) / scale
        control = (contrast - expected) / scale
        rows.append(row(element, output.name, network.dtype, claim, error, control))
    return rows


def row(
    element: str, name: str, dtype: torch.dtype, claim: Claim, error: Tensor, control: Tensor
) -> Row:
    """One measurement, from relative differences."""
    largest = float(error.abs().max())
    contrast = float(control.abs().max())
    verdict = claim.verdict(largest, contrast)
    kind = str(dtype).removeprefix("torch.")
    return Row(element, name, kind, largest, contrast, claim.tolerance, verdict)


def moves(representation: Representation, element: str) -> bool:
    """Whether an element of the group moves a vector at all."""
    probe = np.random.default_rng(0).standard_normal(representation.size)
    return not np.allclose(representation.act(element, probe), probe)
