"""Group convolutions beside plain convolutions of the same expanded size: ratios in one run, on one
thread.

    python tests/benchmarks/bench_group_conv.py             layers: exact and relaxed, forward and backward, and frozen
    python tests/benchmarks/bench_group_conv.py --encoder   the whole DrQ-v2 encoder beside the plain one of 32 channels
    python tests/benchmarks/bench_group_conv.py --format    plain convolutions: channels_last beside NCHW

Times are processor times of alternating rounds, the best of each. Both sides convolve in
channels_last, the faster format; the plain layer is a free kernel of the same shape, with its bias
and ReLU.
"""

import argparse
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, max_pool2d, relu

sys.path.insert(0, str(Path(__file__).parents[2]))
from symgen.algebra import base as bases
from symgen.algebra import representation as representations
from symgen.algebra.catalogue import group
from symgen.algebra.fieldtype import FieldType
from symgen.algebra.relaxation import Relaxation
from symgen.algebra.sampling import Sampling, sampled
from symgen.nn.group_conv import GroupConv
from symgen.operations import group_conv as operations

POOL = Sampling(2, 2)
# group, target, source, side of the picture, windows, batch
LAYERS = {
    "C4 16 -> 16 regular, 42x42": ("C4", "16 regular", "16 regular", 42, Sampling(3, 1, 1), 16),
    "D4 8 -> 8 regular, 21x21": ("D4", "8 regular", "8 regular", 21, Sampling(3, 1, 1), 16),
    "D2 9 trivial -> 16 regular, 85x85, stride 2": (
        "D2",
        "16 regular",
        "9 trivial",
        85,
        Sampling(3, 2),
        16,
    ),
    "D2 16 -> 16 regular, 42x42, no padding": (
        "D2",
        "16 regular",
        "16 regular",
        42,
        Sampling(3),
        16,
    ),
    "D2 16 -> 16 regular, 20x20, no padding": (
        "D2",
        "16 regular",
        "16 regular",
        20,
        Sampling(3),
        16,
    ),
    "D2 16 -> 16 regular, 9x9, no padding": ("D2", "16 regular", "16 regular", 9, Sampling(3), 16),
}


class Plain(nn.Module):
    """A convolution with a free kernel, ReLU and pooling on (batch, pixels, channels)."""

    def __init__(
        self, grid: tuple[int, ...], inside: int, out: int, sampling: Sampling, pool: bool = False
    ) -> None:
        super().__init__()
        self.grid, self.sampling, self.pool = grid, sampling, pool
        self.weight = nn.Parameter(
            torch.randn(out, sampling.kernel, sampling.kernel, inside) * 0.05
        )
        self.bias = nn.Parameter(torch.zeros(out))

    def forward(self, x: Tensor) -> Tensor:
        picture = x.view(x.shape[0], *self.grid, -1).permute(0, 3, 1, 2)
        y = conv2d(
            picture,
            self.weight.permute(0, 3, 1, 2),
            self.bias,
            self.sampling.stride,
            self.sampling.padding,
        )
        y = max_pool2d(y, 2) if self.pool else y
        return relu(y.permute(0, 2, 3, 1)).flatten(1, 2)


def layers(
    name: str, target: str, source: str, side: int, sampling: Sampling
) -> dict[str, nn.Module]:
    """The plain layer, the exact one of the same size, and the relaxed one with two banks."""
    of = FieldType(bases.grid(group(name), side, side), representations.parse(group(name), source))
    to = FieldType(sampled(of.base, sampling), representations.parse(group(name), target))
    plain = Plain(of.base.shape, of.fibre.size, to.fibre.size, sampling)
    exact = operations.GroupConv(to, of, sampling)
    relaxed = GroupConv(exact.relaxed(Relaxation(form="banks", banks=2)))
    return {"plain": plain, "exact": GroupConv(exact), "relaxed": relaxed}


def both_ways(
    layer: nn.Module, x: Tensor, gradient: Tensor, of_input: bool = True
) -> Callable[[], None]:
    """One forward and backward."""
    x = x.clone().requires_grad_(of_input)

    def run() -> None:
        layer.zero_grad(set_to_none=True)
        layer(x).backward(gradient)

    return run


def forward(layer: nn.Module, x: Tensor) -> Callable[[], None]:
    """One forward without gradient; a tied kernel is made once, before."""

    def run() -> None:
        with torch.no_grad():
            layer(x)

    return run


def freeze(layer: nn.Module) -> nn.Module:
    """The layer with its kernel as a plain tensor, as Network.expanded() leaves it."""
    with torch.no_grad():
        for module in layer.modules():
            if hasattr(module, "_expanded"):
                module._expanded = module.expand()
    return layer


def best(runs: Mapping[str, Callable[[], None]], rounds: int) -> dict[str, float]:
    """Shortest processor time of each in milliseconds, in turns; more rounds for what takes little
    time.
    """
    began = time.process_time()
    for run in runs.values():
        run()
    rounds = max(rounds, int(1 / (time.process_time() - began)))
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            began = time.process_time()
            run()
            times[name].append(time.process_time() - began)
    return {name: min(each) * 1e3 for name, each in times.items()}


def shown(title: str, found: Mapping[str, float]) -> None:
    """One line: the plain time, and the ratios of the others to it."""
    plain = found["plain"]
    ratios = "  ".join(
        f"{name} {each / plain:5.2f}" for name, each in found.items() if name != "plain"
    )
    print(f"{title:58} plain {plain:8.2f} ms   {ratios}", flush=True)


def bench_layers(rounds: int) -> None:
    """The kernel is made anew in every forward; frozen it is not."""
    for title, (*types, side, sampling, batch) in LAYERS.items():
        made = layers(*types, side, sampling)
        x = torch.randn(batch, side * side, made["plain"].weight.shape[-1])
        gradient = torch.randn_like(made["plain"](x))
        of_input = side != 85  # nothing learns from the gradient of the first layer's input
        shown(
            title,
            best(
                {name: both_ways(each, x, gradient, of_input) for name, each in made.items()},
                rounds,
            ),
        )
        frozen = {
            "plain": made["plain"],
            **{name: freeze(made[name]) for name in ("exact", "relaxed")},
        }
        shown(
            "    inference, frozen",
            best({name: forward(each, x) for name, each in frozen.items()}, rounds),
        )


def encoder(name: str, fields: str) -> nn.Module:
    """The four convolutions of DrQ-v2 with equivariant kernels (85 -> 42 -> 40 / 2 -> 18 / 2
    -> 7).
    """
    this = group(name)
    field = FieldType(bases.grid(this, 85, 85), representations.parse(this, "9 trivial"))
    stack = nn.Sequential()
    for sampling, pool in (
        (Sampling(3, 2), None),
        (Sampling(3), POOL),
        (Sampling(3), POOL),
        (Sampling(3), None),
    ):
        base = sampled(field.base, sampling)
        target = FieldType(
            sampled(base, pool) if pool else base, representations.parse(this, fields)
        )
        stack.append(GroupConv(operations.GroupConv(target, field, sampling, pool=pool)))
        field = target
    return stack


def plain_encoder(channels: int, pools: bool) -> nn.Module:
    """Plain convolutions: with the same pooling, or DrQ-v2's own on 84x84 without (84 -> 41 -> 39
    -> 37 -> 35).
    """
    sides = (85, 42, 20, 9) if pools else (84, 41, 39, 37)
    stack = nn.Sequential()
    for k, side in enumerate(sides):
        pooled = pools and k in (1, 2)
        stack.append(
            Plain((side, side), channels if k else 9, channels, Sampling(3, 1 if k else 2), pooled)
        )
    return stack


def bench_encoder(rounds: int, batch: int) -> None:
    """Forward and backward of a batch; ratios to 32 plain channels."""
    runs, x = {}, torch.randn(batch, 85 * 85, 9)
    for name, made in {
        "plain": plain_encoder(32, True),
        "plain 44": plain_encoder(44, True),
        "plain 64": plain_encoder(64, True),
        "C2 22 regular": encoder("C2", "22 regular"),
        "D2 16 regular": encoder("D2", "16 regular"),
        "plain 32 on 84x84, no pooling": plain_encoder(32, False),
    }.items():
        seen = x[:, : 84 * 84] if "84x84" in name else x
        runs[name] = both_ways(made, seen, torch.randn_like(made(seen.contiguous())), False)
    shown(f"encoder, batch {batch}, beside 32 channels", best(runs, rounds))


def bench_format(rounds: int) -> None:
    """One plain convolution in both of torch's formats."""
    for title, (name, target, source, side, sampling, batch) in LAYERS.items():
        out, inside = (representations.parse(group(name), text).size for text in (target, source))
        x, weight = torch.randn(batch, inside, side, side), torch.randn(out, inside, 3, 3)
        runs = {}
        for label, layout in (("plain", torch.channels_last), ("NCHW", torch.contiguous_format)):
            leaves = [
                each.to(memory_format=layout).requires_grad_()
                for each in (x.clone(), weight.clone())
            ]
            gradient = torch.ones_like(conv2d(*leaves, None, sampling.stride, sampling.padding))
            runs[label] = _conv(leaves, sampling, gradient)
        shown(title, best(runs, rounds))


def _conv(leaves: list[Tensor], sampling: Sampling, gradient: Tensor) -> Callable[[], None]:
    return lambda: conv2d(*leaves, None, sampling.stride, sampling.padding).backward(gradient)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--encoder", action="store_true")
    parser.add_argument("--format", action="store_true")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--batch", type=int, default=64)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    if arguments.encoder:
        bench_encoder(min(arguments.rounds, 8), arguments.batch)
    elif arguments.format:
        bench_format(arguments.rounds)
    else:
        bench_layers(arguments.rounds)


if __name__ == "__main__":
    main()
