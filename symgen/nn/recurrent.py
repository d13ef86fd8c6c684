"""Recurrent cells: (input, memory) -> (output, memory), one step at a time.

Law: cell(g.x, g.memory) = g.cell(x, memory) for the output and the memory, where the two maps
commute with the group and it permutes the channels. Zeros, with which an episode begins, are moved
by no element.
"""

import torch
from torch import Tensor, nn

from symgen.nn.build import module
from symgen.nn.tied_linear import TiedLinear
from symgen.operations import recurrent as operations

FORGET = 1.0
"""Added to the forget gate of an LSTM, so that at first it keeps what it has (Jozefowicz et al.
2015, "An empirical exploration of recurrent network architectures", section 2.2)."""


class GRU(nn.Module):
    """A gated recurrent unit (Cho et al. 2014, "Learning phrase representations using RNN
    encoder-decoder for statistical machine translation", equations 5 to 8):

        r  = sigmoid(W_r x + b_r + U_r h)          reset
        z  = sigmoid(W_z x + b_z + U_z h)          update
        h~ = tanh(W x + b + r * U h)
        h' = z * h + (1 - z) * h~

    In the paper it is U (r * h); here r comes after U, as in torch.nn.GRUCell.

    Args:
        read: x -> W x + b of all gates, in this order.
        recall: h -> U h of all gates.
    """

    def __init__(self, read: nn.Module, recall: nn.Module) -> None:
        super().__init__()
        self.read = read
        self.recall = recall

    def forward(self, *inputs: Tensor) -> tuple[Tensor, Tensor]:
        """What `read` reads, and the memory (batch, places, hidden) -> h' twice, as output and as
        memory.
        """
        *rows, h = inputs
        read_r, read_z, read_h = self.read(*rows).chunk(operations.OF_GRU, -1)
        recall_r, recall_z, recall_h = self.recall(h).chunk(operations.OF_GRU, -1)
        r = torch.sigmoid(read_r + recall_r)
        z = torch.sigmoid(read_z + recall_z)
        candidate = torch.tanh(read_h + r * recall_h)
        h = z * h + (1 - z) * candidate
        return h, h


class LSTM(nn.Module):
    """Long short-term memory (Hochreiter and Schmidhuber 1997, "Long short-term memory"; the forget
    gate: Gers et al. 2000, "Learning to forget"):

        i  = sigmoid(W_i x + b_i + U_i h)          input
        f  = sigmoid(W_f x + b_f + U_f h + 1)      forget; 1 is FORGET
        c~ = tanh(W x + b + U h)
        o  = sigmoid(W_o x + b_o + U_o h)          output
        c' = f * c + i * c~
        h' = o * tanh(c')

    Args:
        read: x -> W x + b of all gates, in this order.
        recall: h -> U h of all gates.
        forget: what is added to the forget gate.
    """

    def __init__(self, read: nn.Module, recall: nn.Module, forget: float = FORGET) -> None:
        super().__init__()
        self.read = read
        self.recall = recall
        self.forget = forget

    def forward(self, *inputs: Tensor) -> tuple[Tensor, Tensor]:
        """What `read` reads, and the memory (batch, places, h and c) -> h' and the memory."""
        *rows, memory = inputs
        h, c = memory.chunk(2, -1)
        i, f, candidate, o = (self.read(*rows) + self.recall(h)).chunk(operations.OF_LSTM, -1)
        c = torch.sigmoid(f + self.forget) * c + torch.sigmoid(i) * torch.tanh(candidate)
        h = torch.sigmoid(o) * torch.tanh(c)
        return h, torch.cat([h, c], -1)


def _tied(operation: operations.GRU | operations.LSTM, gates: int) -> tuple[TiedLinear, TiedLinear]:
    """The two equivariant maps to all gates."""
    target = operations.repeated(operation.hidden, gates)
    how = operation.relaxation
    read = TiedLinear(target, operation.source, relaxation=how)
    return read, TiedLinear(target, operation.hidden, bias=False, relaxation=how)


def _dense(
    operation: operations.FreeGRU | operations.FreeLSTM, gates: int
) -> tuple[nn.Linear, nn.Linear]:
    """The two dense layers to all gates, orthogonal for each gate at first."""
    size = operation.hidden.size
    read = nn.Linear(operation.source.size, gates * size)
    recall = nn.Linear(size, gates * size, bias=False)
    with torch.no_grad():
        read.bias.zero_()
        for matrix in (read.weight, recall.weight):
            for gate in matrix.chunk(gates):
                nn.init.orthogonal_(gate)
    return read, recall


@module.register
def _(operation: operations.GRU) -> GRU:
    return GRU(*_tied(operation, operations.OF_GRU))


@module.register
def _(operation: operations.LSTM) -> LSTM:
    return LSTM(*_tied(operation, operations.OF_LSTM))


@module.register
def _(operation: operations.FreeGRU) -> GRU:
    return GRU(*_dense(operation, operations.OF_GRU))


@module.register
def _(operation: operations.FreeLSTM) -> LSTM:
    return LSTM(*_dense(operation, operations.OF_LSTM))
