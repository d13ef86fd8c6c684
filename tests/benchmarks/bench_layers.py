"""Equivariant layers beside the plain layers of the same size, forward and backward, one thread, in
one process.

    OMP_NUM_THREADS=1 python tests/benchmarks/bench_layers.py

Both sides alternate, so that they share the machine's load; the ratio is the median over rounds.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from symgen.algebra import base as bases
from symgen.algebra import graph as graphs
from symgen.algebra import representation as representations
from symgen.algebra.catalogue import group
from symgen.algebra.fieldtype import FieldType, parse
from symgen.nn.attention import GraphAttention
from symgen.nn.plain import Attention
from symgen.nn.tied_linear import TiedLinear
from symgen.operations import attention as operations

BATCH, WIDTH, HEADS, SIDE = 32, 64, 8, 8


def attention(
    symmetry: str, fibre: str, labels: str = "offset", **options: Any
) -> tuple[nn.Module, Tensor]:
    """A global block on 64 patches and a class token."""
    where = bases.grid(group(symmetry), SIDE, SIDE)
    atom = representations.parse(where.group, fibre)
    copies = representations.direct_sum((WIDTH // atom.size, atom))
    field = FieldType(bases.union(bases.point(where.group), where), copies)
    graph = graphs.build(where, "complete", labels)
    operation = operations.GraphAttention(field, graph, HEADS, **options)
    return GraphAttention(operation), torch.randn(BATCH, 1 + SIDE**2, WIDTH)


def linear(
    symmetry: str, target: str, source: str, batch: int = BATCH
) -> tuple[nn.Module, Tensor, nn.Module]:
    """A tied map and the dense one of the same shape."""
    to, of = (parse(group(symmetry), text) for text in (target, source))
    dense = nn.Sequential(nn.Flatten(), nn.Linear(of.size, to.size))
    return TiedLinear(to, of), torch.randn(batch, *of.shape), dense


def step(layer: nn.Module, x: Tensor) -> Callable[[], float]:
    """Seconds of one forward and backward."""
    x = x.clone().requires_grad_()

    def run() -> float:
        start = time.perf_counter()
        layer.zero_grad(set_to_none=True)
        layer(x).sum().backward()
        return time.perf_counter() - start

    return run


def compare(name: str, ours: nn.Module, plain: nn.Module, x: Tensor, rounds: int) -> None:
    """One line: milliseconds of both, and their ratio."""
    one, other = step(ours, x), step(plain, x)
    for _ in range(5):
        one(), other()
    pairs = [(one(), other()) for _ in range(rounds)]
    mine, theirs = (statistics.median(column) * 1e3 for column in zip(*pairs, strict=True))
    ratio = statistics.median(a / b for a, b in pairs)
    weights = [sum(p.numel() for p in layer.parameters()) for layer in (ours, plain)]
    print(f"{name:52} {mine:8.2f} {theirs:8.2f} {ratio:7.2f} {weights[0]:10,} {weights[1]:10,}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=40)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    torch.manual_seed(0)
    print(f"{'':52} {'ms':>8} {'plain ms':>8} {'ratio':>7} {'weights':>10} {'plain':>10}")
    for name, arguments in {
        "trivial fibre, q and k (SiT)": ("D4", "trivial", "distance", {}),
        "trivial fibre, no transpose": ("D4", "trivial", "distance", {"symmetrise": False}),
        "no graph matrix, no transpose": (
            "D4",
            "trivial",
            "distance",
            {"matrices": (), "symmetrise": False},
        ),
        "C4 regular, q, k and v": ("C4", "regular", "offset", {"matrices": ("q", "k", "v")}),
        "D4 regular, q, k and v": ("D4", "regular", "offset", {"matrices": ("q", "k", "v")}),
    }.items():
        *where, options = arguments
        layer, x = attention(*where, **options)
        compare(f"attention, 64 + 1 places, {name}", layer, Attention(WIDTH, HEADS), x, rounds)
    for symmetry, target, source in (
        ("C4", "point: 32 regular", "grid 9x9: 4 trivial"),
        ("D4", "point: 16 regular", "point: 16 regular"),
        ("D3", "point: 32 standard", "point: 32 standard"),
    ):
        ours, x, dense = linear(symmetry, target, source)
        compare(f"linear, {symmetry}, {source} -> {target}", ours, dense, x, rounds)


if __name__ == "__main__":
    main()
