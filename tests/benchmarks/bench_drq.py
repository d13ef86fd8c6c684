"""The agent of DrQ-v2's size, equivariant (D1, D2) beside plain: building it, and one update of
actor and critics.

    OMP_NUM_THREADS=1 python tests/benchmarks/bench_drq.py                  batches of 64
    OMP_NUM_THREADS=1 python tests/benchmarks/bench_drq.py --batch 256

One update is what soft actor-critic does with a batch: features and both Q of the actions taken,
their loss backward; then the policy's own actions from the same features and their Q, backward.
Without targets, optimiser and replay, which are the same for all. Times are processor times of
alternating rounds, the best of each; ratios are to the plain agent.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[2]))
from symgen import lookup
from symgen.compiler import check_spec, plan_spec
from symgen.nn.network import Network, build
from symgen.nn.squashed import squash
from symgen.rl.sac import CRITICS, action_values
from symgen.spec.edit import edit
from symgen.spec.source import read

SPECS = Path(__file__).parents[2] / "specs" / "dm_control"
AGENTS = {
    "plain": ("cartpole_pixels_cnn.yaml", None),
    "D1": ("cartpole_pixels_d1.yaml", None),
    "D2": ("reacher_pixels_d2.yaml", None),
    "D1, 32 channels": ("cartpole_pixels_d1.yaml", "16 regular"),
    "D2, 32 channels": ("reacher_pixels_d2.yaml", "8 regular"),
}
"""Spec, and other fields for its convolutions: the last two are as wide as the plain encoder."""
PARTS = {"encoder": ("conv",), "actor": ("policy",), "critics": ("critic", "q1", "q2")}
"""Beginnings of the names of the steps of each part; log_std counts as the actor's."""


def agent(spec: str, fields: str | None = None) -> Network:
    """The network that soft actor-critic trains."""
    source = read(SPECS / spec)
    if fields is not None:
        layers = [{**layer, "fields": fields} for layer in source.values["network"]["layers"]]
        source = edit(source, {"network.layers": layers})
    problem = check_spec(source)
    sac = lookup.declaration("algorithm", "sac")
    problem = replace(problem, outputs=sac.outputs(problem.interface, sac.Options()))
    return build(plan_spec(problem), problem.interface)


def build_seconds(spec: str, fields: str | None = None) -> float:
    """Seconds from the text of a spec to its network, in a fresh process that has imported
    torch.
    """
    code = (
        "import sys, time, torch\n"
        f"sys.path[:0] = [{str(Path(__file__).parent)!r}]\n"
        f"from bench_drq import agent\nstart = time.process_time(); agent({spec!r}, {fields!r})\n"
        "print(time.process_time() - start)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout)


def weights(network: Network) -> str:
    """Numbers of weights by part."""
    steps = network.plan.steps
    counts = {
        part: sum(s.weights for s in steps if s.name.startswith(names))
        for part, names in PARTS.items()
    }
    counts["actor"] += network.plan.step("log_std").weights
    return "  ".join(f"{part} {count:>9,}" for part, count in counts.items())


def update(network: Network, batch: int) -> dict[str, Callable[[], None]]:
    """One forward and backward of the critics' loss with the encoder, and of the actor's loss."""
    observation = torch.randint(0, 256, (batch, *network.reader.terms[0].shape), dtype=torch.uint8)
    components = network.action.parameters
    actions, noise = torch.rand(batch, components) * 2 - 1, torch.randn(batch, components)
    wanted = torch.randn(batch, 1)
    with torch.no_grad():
        kept = network.encode(observation)

    def critics() -> None:
        network.zero_grad(set_to_none=True)
        found = action_values(network.heads(network.encode(observation), CRITICS, actions))
        (found - wanted).square().sum(1).mean().backward()

    def actor() -> None:
        network.zero_grad(set_to_none=True)
        unit, density = squash(*network.heads(kept, ("policy", "log_std")).values(), noise)
        (density - action_values(network.heads(kept, CRITICS, unit)).amin(1)).mean().backward()

    def both() -> None:
        critics()
        actor()

    return {"encoder and critics": critics, "actor": actor, "update": both}


def best(runs: dict[str, Callable[[], None]], rounds: int) -> dict[str, float]:
    """Shortest processor time of each in milliseconds, in turns."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(rounds + 1):
        for name, run in runs.items():
            began = time.process_time()
            run()
            if turn:
                times[name].append(time.process_time() - began)
    return {name: min(each) * 1e3 for name, each in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    networks = {name: agent(*spec) for name, spec in AGENTS.items()}
    for name, spec in AGENTS.items():
        print(
            f"{name:15} built in {build_seconds(*spec):5.2f} s   {weights(networks[name])}",
            flush=True,
        )
    runs = {name: update(network, arguments.batch) for name, network in networks.items()}
    for part in ("encoder and critics", "actor", "update"):
        found = best({name: each[part] for name, each in runs.items()}, arguments.rounds)
        ratios = "  ".join(
            f"{name} {each / found['plain']:5.2f}"
            for name, each in found.items()
            if name != "plain"
        )
        print(
            f"batch {arguments.batch}, {part:20} plain {found['plain']:8.1f} ms   {ratios}",
            flush=True,
        )


if __name__ == "__main__":
    main()
