"""Where outputs for training only are refused, and by whom."""

import pytest
from bandit import options
from with_training_only import BOTH, spec_of

from symgen import lookup
from symgen.compiler import check_spec, compile_spec
from symgen.errors import SpecError
from symgen.rl.ppo import Learner
from symgen.spec.edit import edit
from symgen.spec.source import read


def refused(spec):
    with pytest.raises(SpecError) as caught:
        check_spec(spec)
    return [(mistake.code, mistake.hint) for mistake in caught.value.diagnostics]


def constrained(constraint, **train):
    return edit(read(spec_of("mlp", **train)), {"symmetry.constraint": constraint})


def test_an_image_is_too_much_to_decode():
    source = edit(read(spec_of("cnn", decoder=1.0)), {"environment.frames": 6})
    check_spec(source)  # the neighbour: 9 x 9 x 2 x 6 = 972 entries
    ((code, _),) = refused(edit(source, {"environment.frames": 7}))
    assert code == "decoder-target"
    check_spec(edit(source, {"environment.frames": 7, "train.decoder": None}))


def test_copies_are_not_decoded():
    ((code, hint),) = refused(constrained("augment", decoder=1.0))
    assert code == "unavailable-constraint"
    assert "train.decoder" in hint
    check_spec(constrained("augment", privileged=True))  # control


def test_mirror_loss_leaves_out_what_is_for_training_only():
    with_value = {"mirror_loss": {"value": 0.5}}
    ((code, hint),) = refused(constrained(with_value, privileged=True))
    assert code == "unavailable-constraint"
    assert "train.privileged" in hint
    check_spec(constrained(with_value))  # control
    rows = {}
    for name, train in (("plain", {}), ("both", {"privileged": True, "decoder": 1.0})):
        compiled = compile_spec(constrained("mirror_loss", **train), seed=0, verify=False)
        given = options("ppo", envs=2, **train)
        training = compiled.problem.constraint.training(
            compiled.problem, compiled.problem.constraint_options
        )
        envs = compiled.environment(2, seed=0)
        learner = Learner(compiled.network, envs, given, steps=64, seed=0, training=training)
        rows[name] = list(learner)[-1]
        envs.close()
    assert "mirror_loss/value" in rows["plain"]
    assert "mirror_loss/policy" in rows["both"]
    assert "mirror_loss/value" not in rows["both"]


@pytest.mark.parametrize("algorithm", [a for a in lookup.keywords("algorithm") if a != "ppo"])
def test_other_algorithms_do_not_offer_it(algorithm):
    for name, value in BOTH.items():
        spec = {**spec_of("mlp"), "train": {"algorithm": algorithm, "steps": 64, name: value}}
        assert "unknown-key" in [code for code, _ in refused(spec)]


@pytest.mark.parametrize("value", [3, "yes", {"hidden": []}, {"hidden": [0]}, {"width": 3}, None])
def test_privileged_is_a_word_or_layers(value):
    (code, _), *others = refused(spec_of("mlp", privileged=value))
    assert code in ("wrong-type", "wrong-value", "unknown-key")
    assert others == []
