"""The wrong group compiles and verifies; only the environment refutes it."""

import pytest

from symgen.compiler import check_spec, compile_spec
from symgen.proofs.check_env import check_environment
from symgen.spec.edit import edit
from symgen.spec.source import read
from symgen.study.wrong import Wrong, wrong
from tests.study.specs import CARTPOLE, LAVA, PENDULUM

TURNS = {
    **LAVA,
    "environment": {**LAVA["environment"], "moves": "turn"},
    "symmetry": {"group": "D4"},
}


@pytest.mark.parametrize("spec", [LAVA, TURNS, CARTPOLE, PENDULUM], ids=str)
def test_the_environment_refutes_what_the_network_has(spec):
    source = read(spec)
    problem = check_spec(source)
    assert check_environment(problem, samples=16).holds  # control: the right group is not refuted
    found = wrong(problem, source)
    assert isinstance(found, Wrong)
    assert found.label
    compiled = compile_spec(edit(source, found.edits), seed=0)
    assert compiled.group == problem.group
    assert compiled.verification.exact
    assert not check_environment(compiled.problem, samples=16).holds
