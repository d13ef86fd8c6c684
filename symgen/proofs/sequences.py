"""Rows for a network with memory: pi_t(g.o_1, ..., g.o_t) = g.pi_t(o_1, ..., o_t) at every step t,
and the memory itself moves as its field type says.

The control of an output is what the network says after half of the sequence if its memory is not
moved by then. That of the memory is the memory left unmoved. Where the element does not move the
output, the memory, or anything that is observed, it is the memory of another sequence instead: what
is said must depend on what is remembered, and that must not be a constant.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from symgen.algebra.fieldtype import FieldType
from symgen.nn.network import Network, State
from symgen.problem.output import lasting, moved_by
from symgen.proofs.claim import Claim
from symgen.proofs.inputs import Setting, Terms
from symgen.proofs.outputs import moves, row
from symgen.proofs.verification import Row

__all__ = ["Played", "play", "sequence_rows"]


class Played(NamedTuple):
    """What a network says and remembers, step after step.

    Args:
        outputs: by name, [step, sequence, size].
        states: by name of the step, after each step, [step, sequence, place, channel].
    """

    outputs: dict[str, Tensor]
    states: dict[str, Tensor]

    def state(self, step: int) -> State:
        """The memory after a step."""
        return {name: states[step] for name, states in self.states.items()}


def play(network: Network, sequence: Sequence[Terms], state: State | None = None) -> Played:
    """Show a network a sequence of batches; `state` is what it remembers before, None at the start
    of an episode.
    """
    outputs: list[dict[str, Tensor]] = []
    states: list[State] = []
    for terms in sequence:
        said, state = network(terms, state)
        outputs.append(said)
        states.append(state)
    return Played(_stacked(outputs), _stacked(states))


def sequence_rows(
    network: Network,
    setting: Setting,
    element: str,
    claim: Claim,
    sequence: Sequence[Terms],
    before: Played,
) -> list[Row]:
    """A row for each output that depends on the memory, and one for each memory.

    Args:
        network: to be measured.
        setting: how the group moves what it observes.
        element: g.
        claim: what is claimed of it.
        sequence: batches of observations, at least two.
        before: what the network makes of them.
    """
    moved = [setting.moved(element, terms) for terms in sequence]
    after = play(network, moved)
    half = len(sequence) // 2
    remembered = before.state(half - 1)
    another = {name: x.roll(1, 0) for name, x in remembered.items()}
    unmoved = play(network, moved[half:], remembered)
    mistaken = play(network, moved[half:], another)
    sees = _sees(element, setting, sequence[0])
    moves_memory = any(_is_moved(field, element) for field in network.states.values())
    rows = []
    for output in lasting(network.outputs):
        if output.name not in network.remembering:
            continue
        x = before.outputs[output.name].cpu()
        representation = moved_by(output, setting.action)
        expected = torch.from_numpy(representation.act(element, x.numpy()))
        scale = x.abs().max().clamp_min(claim.floor)
        error = (after.outputs[output.name].cpu() - expected) / scale
        told = sees and moves_memory and moves(representation, element)
        forgetful = unmoved if told else mistaken
        control = (forgetful.outputs[output.name].cpu() - expected[half:]) / scale
        name = f"{output.name} over {len(sequence)} steps"
        rows.append(row(element, name, network.dtype, claim, error, control))
    for name, field in network.states.items():
        x = before.states[name].cpu()
        expected = _acted(field, element, x)
        scale = x.abs().max().clamp_min(claim.floor)
        error = (after.states[name].cpu() - expected) / scale
        contrast = x if sees and _is_moved(field, element) else x.roll(1, 1)
        control = (contrast - expected) / scale
        rows.append(row(element, f"state of {name}", network.dtype, claim, error, control))
    return rows


def _sees(element: str, setting: Setting, terms: Terms) -> bool:
    """Whether an element moves anything that is observed."""
    moved = setting.moved(element, terms)
    return any(not np.array_equal(x, moved[name]) for name, x in terms.items())


def _acted(field: FieldType, element: str, x: Tensor) -> Tensor:
    """g.x for features [step, sequence, place, channel]."""
    flat = field.act(element, x.flatten(0, 1).numpy())
    return torch.from_numpy(flat).view(x.shape)


def _is_moved(field: FieldType, element: str) -> bool:
    probe = np.random.default_rng(0).standard_normal((1, *field.shape))
    return not np.allclose(field.act(element, probe), probe)


def _stacked(rows: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    return {name: torch.stack([row[name] for row in rows]) for name in rows[0]}
