"""The same weights are the same function: a change that makes them another one needs an entry in
meaning.py.

UPDATE_GOLDEN=1 pytest tests/experiment/test_same_weights.py     writes the numbers anew: only
                                            beside such an entry, or for networks that are new
"""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from symgen.compiler import compile_spec

PLANS = Path(__file__).parents[1] / "golden" / "plans"
STORED = Path(__file__).parents[1] / "golden" / "same_weights.json"


def filled(network):
    """The network with weights that depend on names and shapes alone."""
    for k, (_, weights) in enumerate(sorted(network.named_parameters())):
        numbers = np.sin(1.0 + 0.7 * np.arange(weights.numel()) + k) / np.sqrt(
            max(weights.shape[-1:] or [1])
        )
        with torch.no_grad():
            weights.copy_(torch.from_numpy(numbers).reshape(weights.shape))
    return network


def outputs(name):
    """What a network with such weights says of one observation, whose numbers are up to 12; one
    with memory, when it sees it again.
    """
    compiled = compile_spec(PLANS / f"{name}.yaml", verify=False, seed=0)
    network, terms = filled(compiled.network).double().eval(), {}
    for term in compiled.problem.interface.terms:
        count = int(np.prod(term.shape)) or 1
        if term.layout == "discrete":
            terms[term.name] = np.array([1])
        elif term.dtype == "uint8":
            terms[term.name] = (
                np.arange(count).reshape(1, *term.shape) % (2 if term.scale == 1 else 256)
            ).astype("uint8")
        else:
            terms[term.name] = 12 * np.cos(np.arange(count, dtype=np.float64)).reshape(
                1, *term.shape
            )
    observation = next(iter(terms.values())) if compiled.problem.interface.single else terms
    with torch.no_grad():
        outputs, state = network(observation)
        if state:
            outputs, _ = network(observation, state)
        parts = [part for name, part in outputs.items() if name != "scale"]
        return [round(float(x), 8) for part in parts for x in part.flatten()[:4]]


@pytest.fixture(scope="module")
def stored():
    return json.loads(STORED.read_text()) if STORED.exists() else {}


@pytest.mark.parametrize("name", sorted(path.stem for path in PLANS.glob("*.yaml")))
def test_the_same_weights_are_the_same_function(name, stored):
    numbers = outputs(name)
    if os.environ.get("UPDATE_GOLDEN"):
        values = json.loads(STORED.read_text()) if STORED.exists() else {}
        STORED.write_text(json.dumps({**values, name: numbers}, indent=1, sort_keys=True) + "\n")
        return
    assert np.allclose(numbers, stored[name], rtol=1e-4, atol=1e-6), (
        "see symgen/experiment/meaning.py"
    )


def test_other_weights_are_another_function(stored):
    """The control: the numbers differ between the networks, and are not all zero."""
    assert len({tuple(numbers) for numbers in stored.values()}) > len(stored) / 2
    assert all(np.abs(numbers).max() > 1e-4 for numbers in stored.values())
