"""Steerable convolutions beside escnn's own modules in train mode and beside plain ones, forward and backward.

    python tests/benchmarks/bench_steerable.py

Issue: at least twice as fast as escnn's modules in train mode at the same sizes (64 channels 3x3 of D2; 44 channels of
C4). All are timed in turns in one run on one thread, the best of the rounds; ratios do not depend on the machine. Ours
expands its filter in every round here; training does so once per optimiser step.
"""

import time
import warnings

import torch

from symgen.algebra import base as bases
from symgen.algebra.catalogue import group
from symgen.algebra.fieldtype import FieldType
from symgen.algebra.representation import parse
from symgen.algebra.sampling import Sampling
from symgen.nn import steerable
from symgen.nn.steerable_conv import SteerableConv

SIZES = [("D2", 16, 3, 4, 42), ("C4", 11, 3, 4, 42), ("C4", 11, 5, 4, 42)]
ROUNDS = 7


def ours(name: str, copies: int, side: int, pixels: int) -> tuple[torch.nn.Module, float]:
    field = FieldType(bases.grid(group(name), pixels, pixels), parse(group(name), f"{copies} regular"))
    steerable.kernels(field.fibre.blocks[0][1], field.fibre.blocks[0][1], side)  # solved, or read from the cache
    start = time.perf_counter()
    return SteerableConv(field, field, Sampling(side, 1, side // 2)), time.perf_counter() - start


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
    return torch.nn.Sequential(torch.nn.Conv2d(channels, channels, side, padding=side // 2), torch.nn.ReLU())


def seconds(module: torch.nn.Module, x: torch.Tensor) -> float:
    start = time.perf_counter()
    module(x).square().mean().backward()
    return time.perf_counter() - start


def measure(name: str, copies: int, side: int, batch: int, pixels: int) -> None:
    channels = copies * group(name).order
    mine, mine_built = ours(name, copies, side, pixels)
    escnn, escnn_built = theirs(name, copies, side)
    picture = torch.randn(batch, channels, pixels, pixels, requires_grad=True)
    rows = torch.randn(batch, pixels**2, channels, requires_grad=True)
    modules = {"ours": (mine, rows), "escnn": (escnn, picture), "plain": (plain(channels, side), picture)}
    rounds = [{key: seconds(*each) for key, each in modules.items()} for _ in range(ROUNDS)]
    best = {key: min(one[key] for one in rounds) for key in modules}
    print(
        f"{name} {channels} channels {side}x{side}, batch {batch} of {pixels}x{pixels}: "
        + ", ".join(f"{key} {1e3 * best[key]:.1f} ms" for key in modules)
        + f"; escnn / ours {best['escnn'] / best['ours']:.2f}, ours / plain {best['ours'] / best['plain']:.2f}; "
        + f"built in {1e3 * mine_built:.0f} ms, escnn in {1e3 * escnn_built:.0f} ms"
    )


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    for size in SIZES:
        for batch in (size[3], 16):
            measure(*size[:3], batch, size[4])
