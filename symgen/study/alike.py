"""Whether two arms are one and the same: then one of them is enough."""

import copy

import torch

from symgen.compiler import Compiled
from symgen.experiment.in_force import resolved
from symgen.nn.network import Network
from symgen.problem.problem import Problem
from symgen.proofs.inputs import Setting
from symgen.proofs.outputs import said

BATCH = 4
SILENT = ("exact", "none")
"""Constraints that add nothing to training."""


def alike(one: Compiled, other: Compiled) -> bool:
    """Whether two networks, compiled with one seed, would learn alike, bit for bit.

    They have the same weights, remain the same function whatever these are, take the same
    statistics of what they observe, and training adds the same. It is measured: two groups may
    bind a family in the same way.
    """
    if _trained(one.problem) != _trained(other.problem):
        return False
    first = one.network.state_dict()
    second = other.network.state_dict()
    if first.keys() != second.keys():
        return False
    for name, value in first.items():
        if value.shape != second[name].shape or not torch.equal(value, second[name]):
            return False
    return _same_function(one, other)


def _trained(problem: Problem) -> dict[str, object]:
    """What training depends on beside the network."""
    values = resolved(problem)
    symmetry: dict[str, object] = {
        "constraint": problem.spec.symmetry.constraint_name,
        "options": problem.constraint_options.model_dump(mode="json"),
    }
    if symmetry["constraint"] in SILENT:
        symmetry = {}
    else:
        symmetry["group"] = str(problem.group)
        symmetry["moves"] = [str(field) for field in problem.observation.values()]
        symmetry["actions"] = str(problem.action)
    return {"environment": values["environment"], "train": values.get("train"), **symmetry}


@torch.no_grad()
def _same_function(one: Compiled, other: Compiled) -> bool:
    """With other weights, and after the same observations, both say the same."""
    terms = Setting.of(one.problem).drawn(BATCH, 1)
    acts = torch.randn(BATCH, one.problem.action.size, generator=_generator(2)).double().numpy()
    seen = {name: torch.from_numpy(values) for name, values in terms.items()}
    answers = []
    for network in (one.network, other.network):
        model: Network = copy.deepcopy(network).double().eval()
        for parameter in model.parameters():
            drawn = torch.randn(parameter.shape, generator=_generator(parameter.numel()))
            parameter.copy_(0.3 * drawn)
        model.update_normalisation(seen)
        answers.append(said(model, terms, acts))
    first, second = answers
    return first.keys() == second.keys() and all(
        torch.allclose(first[name], second[name], rtol=1e-9, atol=1e-12) for name in first
    )


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)
