"""Steerable convolutions beside escnn's own modules in train mode and beside plain ones, forward
and backward.

    python tests/benchmarks/bench_steerable.py

Against escnn's modules in train mode at the same sizes: 64 channels 3x3 of D2, 44 channels of C4,
and 1024 channels of C4 at a point. On large pictures all three spend their time in the same
convolution, and the plain one is the bound. All are timed in turns in one run on one thread, the
best of the rounds. Ours expands its filter in every round here, as escnn does in every forward;
training does so once per optimiser step, and collecting experience not at all.
"""

import time
import warnings
from collections.abc import Callable

import torch

from symgen.algebra import base as bases
from symgen.algebra import steerable
from symgen.algebra.catalogue import group
from symgen.algebra.fieldtype import FieldType, vector
from symgen.algebra.representation import parse
from symgen.algebra.sampling import Sampling
from symgen.nn.steerable_conv import SteerableConv
from symgen.nn.tied_linear import TiedLinear
from symgen.operations import steerable_conv as operations

SIZES = [
    # group, copies of the regular fibre, side of the kernel, batch, pixels per side
    ("D2", 16, 3, 4, 42),
    ("C4", 11, 3, 4, 42),
    ("D2", 16, 3, 16, 9),
    ("C4", 11, 3, 16, 9),
    ("D2", 16, 3, 1, 9),
    ("C4", 11, 3, 1, 9),
]
ROUNDS = 7


def ours(name: str, copies: int, side: int, pixels: int) -> tuple[torch.nn.Module, float]:
    field = FieldType(
        bases.grid(group(name), pixels, pixels), parse(group(name), f"{copies} regular")
    )
    steerable.kernels(
        field.fibre.blocks[0][1], field.fibre.blocks[0][1], side
    )  # solved, or read from the cache
    start = time.perf_counter()
    operation = operations.SteerableConv(field, field, Sampling(side, 1, side // 2))
    return SteerableConv(operation), time.perf_counter() - start


def theirs(name: str, copies: int, side: int) -> tuple[torch.nn.Module, float]:
    from escnn import gspaces, nn

    turns = int(name[1:])
    space = gspaces.rot2dOnR2(turns) if name[0] == "C" else gspaces.flipRot2dOnR2(turns)
    field = nn.FieldType(space, [space.regular_repr] * copies)
    start = time.perf_counter()
    made = nn.SequentialModule(nn.R2Conv(field, field, side, padding=side // 2), nn.ReLU(field))
    built = time.perf_counter() - start

    class Wrapped(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.made = made

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.made(nn.GeometricTensor(x, field)).tensor

    return Wrapped(), built


def plain(channels: int, side: int) -> torch.nn.Module:
    return torch.nn.Sequential(
        torch.nn.Conv2d(channels, channels, side, padding=side // 2), torch.nn.ReLU()
    )


def seconds(module: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor) -> float:
    start = time.perf_counter()
    module(x).square().mean().backward()
    return time.perf_counter() - start


def measure(name: str, copies: int, side: int, batch: int, pixels: int) -> None:
    channels = copies * group(name).order
    mine, mine_built = ours(name, copies, side, pixels)
    escnn, escnn_built = theirs(name, copies, side)
    picture = torch.randn(batch, channels, pixels, pixels, requires_grad=True)
    rows = torch.randn(batch, pixels**2, channels, requires_grad=True)
    modules = {
        "ours": (mine, rows),
        "escnn": (escnn, picture),
        "plain": (plain(channels, side), picture),
    }
    rounds = [{key: seconds(*each) for key, each in modules.items()} for _ in range(ROUNDS)]
    best = {key: min(one[key] for one in rounds) for key in modules}
    print(
        f"{name} {channels} channels {side}x{side}, batch {batch} of {pixels}x{pixels}: "
        + ", ".join(f"{key} {1e3 * best[key]:.1f} ms" for key in modules)
        + f"; escnn / ours {best['escnn'] / best['ours']:.2f}, ours / plain "
        f"{best['ours'] / best['plain']:.2f}; "
        + f"built in {1e3 * mine_built:.0f} ms, escnn in {1e3 * escnn_built:.0f} ms"
    )


def linear(name: str, copies: int, batch: int) -> None:
    """Maps of vectors, as in actor and critic."""
    from escnn import gspaces, nn

    field = vector(parse(group(name), f"{copies} regular"))
    space = gspaces.no_base_space(gspaces.rot2dOnR2(int(name[1:])).fibergroup)
    foreign = nn.FieldType(space, [space.regular_repr] * copies)
    layer = nn.Linear(foreign, foreign)
    rows = torch.randn(batch, field.size, requires_grad=True)
    mine = TiedLinear(field, field)
    modules = {
        "ours": lambda x: mine(x.unsqueeze(1)),
        "escnn": lambda x: layer(nn.GeometricTensor(x, foreign)).tensor,
        "plain": torch.nn.Linear(field.size, field.size),
    }
    rounds = [
        {key: seconds(module, rows) for key, module in modules.items()} for _ in range(ROUNDS)
    ]
    best = {key: min(one[key] for one in rounds) for key in modules}
    print(
        f"{name} {field.size} channels at a point, batch {batch}: "
        + ", ".join(f"{key} {1e3 * best[key]:.1f} ms" for key in modules)
        + f"; escnn / ours {best['escnn'] / best['ours']:.2f}, ours / plain "
        f"{best['ours'] / best['plain']:.2f}"
    )


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    for size in SIZES:
        measure(*size)
    linear("C4", 256, 64)
