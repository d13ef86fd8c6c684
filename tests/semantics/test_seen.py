"""`environment:` patches, frames, previous: what a network sees, and how it moves."""

import time

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.envs.registration import EnvSpec

from symgen.compiler import check_spec, plan_spec
from symgen.errors import SpecError
from symgen.experiment.in_force import resolved
from symgen.problem.pipeline import Pipeline
from symgen.semantics.reference import sections
from symgen.spec.edit import edit
from symgen.spec.source import from_text
from tests.semantics.conftest import Stub, box, spec

SIGNS = {"observation": {"s": [-1, -2, 3, 4]}}
MANY = {"place": {"s": [2, 1]}, "way": {"s": [1, 0, 3, 2]}, "view": "grid", "beads": "trivial"}
PAST = {"previous": ["action", "reward"]}


def seen(world="Vector-v0", keys=None, **changes):
    """The problem of a spec whose environment has these keys."""
    written = spec(world, **changes)
    written["environment"] |= keys or {}
    return check_spec(written)


def mistake(world="Vector-v0", keys=None, **changes):
    """The one mistake of it: code, the text it stands at, message and hint."""
    with pytest.raises(SpecError) as caught:
        seen(world, keys, **changes)
    (diagnostic,) = caught.value.diagnostics
    return diagnostic


@pytest.mark.parametrize(
    ("world", "keys", "group", "states", "expected"),
    [
        ("Vector-v0", {"frames": 3}, "D1", SIGNS, {"observation": "point: 3 signed(s=-1 -2 3 4)"}),
        ("Vector-v0", {"frames": 2}, "D1", "sign + regular + trivial", {
            "observation": "point: sign(s) + regular + trivial + sign(s) + regular + trivial"}),
        ("Vector-v0", {"frames": 1}, "D1", SIGNS, {"observation": "point: signed(s=-1 -2 3 4)"}),
        ("Vector-v0", {"previous": []}, "D1", SIGNS, {
            "observation": "point: signed(s=-1 -2 3 4)"}),
        ("Vector-v0", {"previous": ["reward", "action"]}, "D1", SIGNS, {
            "observation": "point: signed(s=-1 -2 3 4)", "previous_action": "point: 2 trivial",
            "previous_reward": "point: trivial"}),
        ("Beads-v0", {"frames": 4}, "S5", "tokens", {"observation": "tokens 5: 8 trivial"}),
        ("Square-v0", {"frames": 2}, "D4", "grid", {"observation": "grid 6x6: 6 trivial"}),
        ("Square-v0", {"patches": 3}, "S4", "tokens", {"observation": "tokens 4: 27 trivial"}),
        ("Wide-v0", {"patches": 2, "frames": 2}, "S6", "tokens", {
            "observation": "tokens 6: 24 trivial"}),
        ("Square-v0", {"patches": 3}, "D1", {"observation": {"s": [1, 0, 3, 2]}}, {
            "observation": "graph 4(s=1 0 3 2): 27 trivial"}),
        ("Many-v0", {"frames": 2, "previous": ["reward"]}, "D1", MANY, {
            "beads": "graph 5(s=0 1 2 3 4): 6 trivial", "place": "point: 2 permutation(s=1 0)",
            "view": "grid 4x4: 4 trivial", "way": "point: permutation(s=1 0 3 2)",
            "previous_reward": "point: trivial"}),
    ],
)  # fmt: skip
def test_field_types(world, keys, group, states, expected):
    problem = seen(world, keys, group=group, states=states, network={"family": "mlp"},
                   constraint="none")  # fmt: skip
    assert {name: str(field) for name, field in problem.observation.items()} == expected
    assert [term.name for term in problem.interface.terms] == list(expected)
    for term in problem.interface.terms:
        assert problem.observation[term.name].size == term.entries
    assert problem.interface.single == (list(expected) == ["observation"])


def test_a_previous_action_moves_as_actions_do():
    problem = seen("Arm-v0", PAST, states=SIGNS, actions={"s": [2, 1]})
    assert str(problem.observation["previous_action"]) == "point: permutation(s=1 0)"
    assert problem.interface.term("previous_action").shape == (2,)
    swap = {"s": {"action_0": "action_2", "action_2": "action_0"}}
    problem = seen("Knobs-v0", PAST, states=SIGNS, actions=swap)
    assert problem.interface.term("previous_action").shape == (8,)
    assert problem.observation["previous_action"].fibre == problem.action
    assert problem.pipeline == Pipeline(None, 1, ("action", "reward"))


def test_one_frame_is_kept_beside_what_is_seen():
    problem = seen("Square-v0", {"patches": 3, "frames": 2, **PAST}, group="S4", states="tokens",
                   constraint="none", network={"family": "mlp"})  # fmt: skip
    (term,) = problem.frame.interface.terms
    assert (term.shape, term.layout, problem.frame.interface.single) == ((4, 27), "tokens", True)
    assert str(problem.frame.observation["observation"]) == "tokens 4: 27 trivial"
    plain = seen()
    assert plain.frame.interface == plain.interface
    assert "patches: 3, frames: 2, previous: [action, reward]" in str(problem)


TOKENS = {"group": "S5", "network": {"family": "mlp"}, "constraint": "none"}


@pytest.mark.parametrize(
    ("world", "keys", "changes", "code", "words"),
    [
        ("Square-v0", {"patches": 4}, {}, "bad-patches", ["4x4", "6x6", "possible here: 2, 3, 6"]),
        ("Vector-v0", {"patches": 2}, {}, "bad-patches", ["no picture", "leave patches out"]),
        ("Square-v0", {"patches": 1}, {}, "wrong-value", ["at least 2"]),
        ("Vector-v0", {"frames": 0}, {}, "wrong-value", ["at least 1"]),
        ("Vector-v0", {"frames": 17}, {}, "wrong-value", ["at most 16"]),
        ("Vector-v0", {"frames": "4"}, {}, "wrong-type", ["write 4, without quotes"]),
        ("Vector-v0", {"previous": ["action", "action"]}, {}, "wrong-value", ["named twice"]),
        ("Vector-v0", {"previous": ["actions"]}, {}, "wrong-value", ["did you mean 'action'?"]),
        ("Vector-v0", {"previous": "action"}, {}, "wrong-type", ["expected a list"]),
        ("Vector-v0", {"frame": 4}, {}, "unknown-key", ["did you mean 'frames'?"]),
        ("Vector-v0", {"previus": []}, {}, "unknown-key", ["did you mean 'previous'?"]),
        ("Square-v0", {"patches": 3}, {"states": "auto"}, "no-auto", ["4 patches", "S4", "tokens"]),
        ("Square-v0", {"patches": 3}, {"states": "grid"}, "bad-field-type", ["no picture"]),
        ("Square-v0", {"patches": 3}, {"states": "tokens", "group": "S9"}, "size-mismatch", ["S4"]),
        ("Vector-v0", PAST, {"states": {**SIGNS, "previous_action": {"s": [2, 1]}}},
         "unknown-term", ["as the actions do", "leave it out"]),
        ("Vector-v0", PAST, {"states": {**SIGNS, "previous_reward": "trivial"}},
         "unknown-term", ["not at all", "leave it out"]),
        ("Vector-v0", {"frames": 2}, {"states": "tokens", **TOKENS, "group": "S4"},
         "bad-field-type", ["place by place", "leave frames out"]),
        ("Index-v0", {"frames": 2}, {}, "bad-environment", ["nothing but indices"]),
        ("Past-v0", PAST, {}, "bad-environment", ["itself observes previous_action", "action out"]),
        ("Vector-v0", PAST, {"actions": {"s": [2, 1]}}, "blind-policy", ["that is observed"]),
        ("Long-v0", {"frames": 8}, {}, "too-large", ["2400 channels"]),
    ],
)  # fmt: skip
def test_mistakes(world, keys, changes, code, words, monkeypatch):
    past = spaces.Dict({"place": box(2), "previous_action": box(2)})
    more = {"Index-v0": spaces.Discrete(4), "Past-v0": past, "Long-v0": box(300)}
    for name, observation in more.items():
        kwargs = {"observation": observation, "action": spaces.Discrete(2)}
        monkeypatch.setitem(gymnasium.registry, name, EnvSpec(name, Stub, kwargs=kwargs))
    diagnostic = mistake(world, keys, **changes)
    assert diagnostic.code == code
    for word in words:
        assert word in f"{diagnostic.message} {diagnostic.hint}"
    assert diagnostic.line


TEXT = """\
symgen: 1
environment: {adapter: gymnasium_env, id: Vector-v0, frames: 2, previous: [action]}
symmetry: {group: D1, states: {observation: {s: [-1, 2, 3, 4]}}, actions: trivial}
network: {family: group_mlp, hidden: 4 regular}
train: {algorithm: ppo}
"""


@pytest.mark.parametrize(
    ("condition", "code", "words"),
    [
        ("{environment.frames: 2}", None, []),
        ("{environment.frames: 4}", "changed-interface", ["16 (float32) instead of 8"]),
        ("{environment.previous: []}", "changed-interface", ["observe observation instead of"]),
        ("{environment.patches: 2}", "bad-environment", ["no picture"]),
        ("{environment.frames: 99}", "wrong-value", ["at most 16"]),
        ("{environment.frame: 2}", "unknown-key", ["did you mean 'environment.frames'?"]),
        ("{frames: 2}", "unknown-key", ["write environment.frames"]),
    ],
)
def test_conditions(condition, code, words):
    source = from_text(f"{TEXT}evaluate: {{other: {condition}}}")
    if code is None:
        assert check_spec(source)
        return
    with pytest.raises(SpecError) as caught:
        check_spec(source)
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code in (code, "bad-edit")
    for word in words:
        assert word in f"{diagnostic.message} {diagnostic.hint}"


def test_keys_are_set_by_dotted_path_and_printed():
    problem = check_spec(edit(from_text(TEXT), {"environment.frames": 4}))
    assert problem.interface.term("observation").shape == (16,)
    again = check_spec(from_text(str(problem.spec)))
    assert again.pipeline == problem.pipeline == Pipeline(None, 4, ("action",))
    environment = resolved(problem)["environment"]
    assert environment["frames"] == 4
    assert environment["previous"] == ["action"]
    plain = spec()
    assert not set(resolved(check_spec(plain))["environment"]) & {"frames", "previous", "patches"}


def test_an_adapter_keeps_a_key_that_is_its_own():
    control = {
        "adapter": "dm_control", "domain": "pendulum", "task": "swingup", "observe": "pixels",
        "size": 16,
    }  # fmt: skip
    written = spec(states="trivial", network={"family": "mlp"}, constraint="none")
    for frames, channels in ((None, 9), (2, 6)):
        keys = {} if frames is None else {"frames": frames}
        problem = check_spec({**written, "environment": {**control, **keys}})
        assert problem.interface.terms[0].shape == (16, 16, channels)
        assert problem.pipeline == Pipeline()
        again = check_spec(from_text(str(problem.spec)))
        assert again.interface == problem.interface
    with pytest.raises(SpecError, match="observe: state shows vectors"):
        check_spec({**written, "environment": {**control, "observe": "state", "frames": 2}})
    options = {section.title: [o.name for o in section.options] for section in sections()}
    assert options["dm_control"].count("frames") == options["gridworld"].count("frames") == 1


def test_bytes_stay_bytes():
    bytes_ = spaces.Box(0, 255, (6, 6, 1), np.uint8)
    kwargs = {"observation": bytes_, "action": spaces.Discrete(2)}
    world = EnvSpec("SixBySixBytes-v0", Stub, kwargs=kwargs)
    gymnasium.registry["SixBySixBytes-v0"] = world
    try:
        problem = seen("SixBySixBytes-v0", {"patches": 2, "frames": 2}, group="S9", states="tokens",
                       constraint="none", network={"family": "mlp"})  # fmt: skip
    finally:
        del gymnasium.registry["SixBySixBytes-v0"]
    (term,) = problem.interface.terms
    assert (term.dtype, term.scale, term.shape, term.layout) == ("uint8", 255.0, (9, 8), "tokens")


def test_many_patches_are_checked_and_planned_in_a_blink():
    written = spec(group="S256", states="tokens", network={"family": "graph_attention"})
    written["environment"] = {"adapter": "procgen", "name": "maze", "patches": 4, "frames": 2}
    free = {"symmetry": {"group": "C1", "constraint": "none"}, "network": {"family": "mlp"}}
    alone = check_spec({**written, **free})  # what is heavy is imported
    assert str(alone.observation["observation"]) == "graph 256(): 96 trivial"
    start = time.process_time()
    problem = check_spec(written)
    plan_spec(problem)
    assert time.process_time() - start < 0.6
    assert str(problem.observation["observation"]) == "tokens 256: 96 trivial"
