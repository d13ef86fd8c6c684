"""Graph attention beside plain attention of the same width, heads and tokens: ratios in one run, on
one thread.

    python tests/benchmarks/bench_attention.py             layers and triangle layers, batch 32, forward and backward
    python tests/benchmarks/bench_attention.py --network   the SieT of the Procgen experiment beside a ViT
    python tests/benchmarks/bench_attention.py --batch 256

Times are processor times of alternating rounds, so that other work on the machine counts little.
The plain layer is nn.plain.Attention: LayerNorm, one product for Q, K and V, torch's fused kernel,
output map, skip. Memory is the peak of what autograd holds and computes with, above the weights.
"""

import argparse
import statistics
import sys
import time
import weakref
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

sys.path.insert(0, str(Path(__file__).parents[2]))
from symgen.algebra import base as bases
from symgen.algebra import graph as graphs
from symgen.algebra import representation as representations
from symgen.algebra.catalogue import group
from symgen.algebra.fieldtype import FieldType
from symgen.compiler import plan_spec
from symgen.nn.attention import GraphAttention
from symgen.nn.network import Network, build
from symgen.nn.plain import Attention
from symgen.operations import attention as operations
from tests.families.examples import World
from tests.families.problems import problem

WIDTH, HEADS = 64, 8
SIDES = (3, 5, 8, 9)


class Held(TorchDispatchMode):
    """Bytes of the tensors alive that were made while it is active, and their peak."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.peak = 0
        self.alive: dict[int, int] = {}

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, Tensor):
                self._count(tensor.untyped_storage())
        return result

    def _count(self, storage: torch.UntypedStorage) -> None:
        key = storage._cdata
        if key not in self.alive:
            self.alive[key] = storage.nbytes()
            self.now += storage.nbytes()
            self.peak = max(self.peak, self.now)
            weakref.finalize(storage, self._free, key)

    def _free(self, key: int) -> None:
        self.now -= self.alive.pop(key, 0)


def layer(
    side: int, name: str = "C4", fibre: str = "trivial", oriented: int = 0, **options
) -> GraphAttention:
    """A global layer on a square grid with a class token."""
    symmetry = group(name)
    where = bases.grid(symmetry, side, side)
    atom = representations.parse(symmetry, fibre)
    field = FieldType(
        bases.union(bases.point(symmetry), where),
        representations.direct_sum((WIDTH // atom.size, atom)),
    )
    graph = graphs.build(where, "complete", "offset")
    operation = operations.GraphAttention(field, graph, HEADS, triangles=oriented, **options)
    return GraphAttention(operation)


def seconds(run: Callable[[], Tensor], repeats: int) -> list[float]:
    times = []
    for _ in range(repeats):
        began = time.process_time()
        run().sum().backward()
        times.append(time.process_time() - began)
    return times


def medians(
    runs: Mapping[str, Callable[[], Tensor]], budget: float, rounds: int = 7
) -> dict[str, float]:
    """Median processor time of each, in turns; about `budget` seconds for each."""
    once = {name: min(seconds(run, 3)) for name, run in runs.items()}
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            times[name] += seconds(run, max(1, int(budget / rounds / once[name])))
    return {name: statistics.median(each) for name, each in times.items()}


def peak(run: Callable[[], Tensor]) -> float:
    """Peak megabytes held during one forward and backward."""
    with Held() as held:
        run().sum().backward()
    return held.peak / 2**20


Runs = Mapping[str, Callable[[], Tensor]]


def tell(what: str, runs: Runs, bars: Mapping[str, tuple[str, float]], budget: float) -> None:
    """Print the time of each, its ratio to another, and the bar."""
    found = medians(runs, budget)
    print(what)
    for name, each in found.items():
        against, bar = bars.get(name, (next(iter(runs)), 0.0))
        limit = f"   bar {bar:.2f}" if bar else ""
        ratio = f"{each / found[against]:5.2f} x {against}"
        print(f"  {name:<28} {each * 1e3:8.2f} ms   {ratio:<24} {peak(runs[name]):7.1f} MiB{limit}")


def layers(batch: int, budget: float) -> None:
    for side in SIDES:
        modules: dict[str, nn.Module] = {
            "plain": Attention(WIDTH, HEADS),
            "graph, trivial fibre": layer(side),
            "graph, 16 regular of C4": layer(side, fibre="regular"),
            "graph, 8 regular of D4": layer(side, "D4", "regular"),
            "graph on q, k and v": layer(side, fibre="regular", matrices=("q", "k", "v")),
            "hadamard": layer(side, matrices=("q", "k", "hadamard")),
            "triangles": layer(side, oriented=1),
            "two triangle layers": layer(side, oriented=2),
        }
        x = torch.randn(batch, side**2 + 1, WIDTH, requires_grad=True)
        bars = dict.fromkeys(list(modules)[1:4], ("plain", 1.3))
        bars["triangles"] = ("graph, trivial fibre", 1.3)
        bars["two triangle layers"] = ("graph, trivial fibre", 0.0)
        runs = {name: partial(module, x) for name, module in modules.items()}
        tell(f"{side**2 + 1} tokens, batch {batch}", runs, bars, budget)


SIET = {
    "fibre": "trivial",
    "width": 72,
    "heads": 9,
    "patch": 8,
    "readout": "both",
    "global": {"layers": 2},
    "local": {"downscale": 2, "window": 4, "layers": 2, "readout": "both", "width": 16, "heads": 2},
}
"""About 72,000 weights, as the SieT of the paper: 32 x 32 pixels after pooling, 4 x 4 of them in
each of 64 windows.
"""


def policy(family: str, options: Mapping[str, object]) -> Network:
    """A policy for 64 x 64 x 3 pictures and fifteen actions that C4 does not move."""
    world = World("C4", {"observation": "bytes grid 64x64: 3 trivial"}, "15 trivial")
    constraint = "exact" if family == "graph_attention" else "none"
    this = problem(world, family, options, constraint)
    return build(plan_spec(this), this.interface)


def networks(batch: int, budget: float) -> None:
    vit = {"patch": 8, "width": WIDTH, "heads": HEADS, "expansion": 0}
    local = SIET["local"]
    networks = {
        "vit, 3 layers": policy("vit", {**vit, "layers": 3}),
        "vit, 4 layers": policy("vit", {**vit, "layers": 4}),
        "SieT": policy("graph_attention", SIET),
        "SieT, pixels alone": policy(
            "graph_attention", {**SIET, "local": {**local, "readout": "patches"}}
        ),
        "SieT, one local layer": policy(
            "graph_attention", {**SIET, "local": {**local, "layers": 1}}
        ),
        "SieT, local width 32": policy(
            "graph_attention", {**SIET, "local": {**local, "width": 32, "heads": 4}}
        ),
        "global alone": policy(
            "graph_attention", {name: SIET[name] for name in SIET if name != "local"}
        ),
    }
    pictures = torch.randint(0, 256, (batch, 64, 64, 3), dtype=torch.uint8)
    for name, network in networks.items():
        print(f"{name:<22} {network.plan.weights:,} weights")
    runs = {name: partial(_both, network, pictures) for name, network in networks.items()}
    tell(f"64 x 64 x 3 pictures, batch {batch}", runs, {"SieT": ("vit, 3 layers", 2.5)}, budget)


def _both(network: Network, pictures: Tensor) -> Tensor:
    return torch.cat(list(network(pictures)[0].values()), 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--network", action="store_true")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--budget", type=float, default=0.7, help="seconds for each line")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    (networks if arguments.network else layers)(arguments.batch, arguments.budget)


if __name__ == "__main__":
    main()
