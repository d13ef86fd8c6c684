"""FLOPs against hand counts."""

import pytest
import torch

from symgen.compiler import compile_spec
from symgen.study.flops import forward_flops
from tests.study.specs import CARTPOLE, LAVA


def flops(spec) -> int:
    compiled = compile_spec(spec, verify=False, seed=0)
    before = [p.clone() for p in compiled.network.parameters()]
    was_training = compiled.network.training
    count = forward_flops(compiled.network, compiled.problem)
    after = list(compiled.network.parameters())
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
    assert compiled.network.training == was_training
    return count


def test_an_mlp_by_hand():
    free = {"group": "D1", "constraint": "none", "states": "trivial", "actions": "trivial"}
    spec = {**CARTPOLE, "symmetry": free, "network": {"family": "mlp", "width": 10, "depth": 2}}
    trunk = 4 * 10 + 10 * 10  # of the policy, and of the value
    assert flops(spec) == 2 * (trunk + 10 * 2) + 2 * (trunk + 10 * 1)


def test_tied_layers_by_hand():
    # 8 regular fields of C4 are 32 channels; the matrices are full, whatever their entries share
    observed = 5 * 5 * 4
    policy = observed * 32 + 32 * 4
    value = observed * 32 + 32 * 1
    assert flops(LAVA) == 2 * (policy + value)


def test_convolutions_by_hand():
    spec = {
        **LAVA,
        "symmetry": {"group": "C4", "constraint": "none"},
        "network": {"family": "cnn", "channels": [6], "width": 7},
    }
    convolution = 5 * 5 * 6 * 4 * 3 * 3
    dense = 5 * 5 * 6 * 7
    assert flops(spec) == 2 * (convolution + dense + 7 * 4 + 7 * 1)


def test_a_recurrent_cell_by_hand():
    spec = {**CARTPOLE, "network": {"family": "mlp", "width": 6, "depth": 1, "memory": "gru"}}
    spec["symmetry"] = {"group": "D1", "constraint": "none", "states": "trivial"}
    spec["symmetry"]["actions"] = "trivial"
    cell = 3 * 6 * 6 + 3 * 6 * 6
    trunk = 4 * 6 + cell
    assert flops(spec) == 2 * (trunk + 6 * 2) + 2 * (trunk + 6 * 1)


@pytest.mark.parametrize("width", [16, 32])
def test_attention_is_counted(width):
    """At least its linear maps: four of every block, on every token."""
    network = {"family": "graph_attention", "width": width, "heads": 2, "global": {"layers": 1}}
    tokens = 5 * 5 + 1
    assert flops({**LAVA, "network": network}) > 2 * 4 * tokens * width * width
