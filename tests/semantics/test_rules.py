"""What must hold of a Problem: constraint, policy, family, held-out conditions; and all of it
together.
"""

import inspect

import gymnasium
import numpy as np
import pytest
import torch

from symgen.compiler import check_spec
from symgen.errors import Refusal, SpecError
from symgen.problem.output import reads_action
from symgen.semantics import action_rules, evaluate, rules
from symgen.semantics.evaluate import environment_changes
from symgen.spec.source import from_text

GRID = """\
symgen: 1
environment: {adapter: gridworld, split: train}
symmetry: {group: C4}
network: {family: graph_attention}
evaluate:
"""


def conditions(text: str) -> list[tuple[str, int, int]]:
    """Code, line and column of every mistake in the conditions, the first of which stands on line
    1.
    """
    try:
        check_spec(from_text(GRID + "".join(f"  {line}\n" for line in text.splitlines())))
    except SpecError as error:
        return [
            (mistake.code, mistake.line - 5, mistake.column - 2) for mistake in error.diagnostics
        ]
    return []


def test_good_conditions():
    text = """\
rotated: {transform: rrr}
seen: {observation: r^2}
still: {transform: ""}
noisy: {observation_noise: 0.1}
fresh: {seed_range: [10_000, 10_200], environment.split: test}
few: {levels: 10, environment.split: test}
harder: {environment.crossings: 2, environment.obstacle: wall, transform: r}
nothing: {}"""
    assert conditions(text) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: {transform: s}", [("bad-word", 1, 16)]),
        ("a: {observation: rr!}", [("bad-word", 1, 18)]),
        ("a: {transform: " + "r" * 65 + "}", [("bad-word", 1, 16)]),
        ("a: {transform: 3}", [("wrong-type", 1, 16)]),
        ("a: {observation_noise: -1}", [("wrong-value", 1, 24)]),
        ("a: {observation_noise: .nan}", [("not-finite", 1, 24)]),
        ("a: {seed_range: [5]}", [("wrong-value", 1, 17)]),
        ("a: {seed_range: [5, 5]}", [("wrong-value", 1, 17)]),
        ("a: {levels: 0}", [("wrong-value", 1, 13)]),
        ("a: {noise: 0.1}", [("unknown-key", 1, 5)]),
        ("a: {crossings: 2}", [("unknown-key", 1, 5)]),
        ("a: {environment.rivers: 2}", [("bad-edit", 1, 5)]),
        ("a: {environment.adapter: minigrid}", [("bad-edit", 1, 5)]),
        ("a: {network.width: 2}", [("bad-edit", 1, 5)]),
        ("a: {environment.crossings: x}", [("wrong-type", 1, 28)]),
        ("a: {environment.crossings: 99}", [("wrong-value", 1, 28)]),
        ("a: {environment.size: 11}", [("changed-interface", 1, 1)]),
        ("a: {environment.moves: turn}", [("changed-interface", 1, 1)]),
        ("training: {}", [("condition-name", 1, 1)]),
        (
            "a: {transform: s}\nb: {levels: 0}\nc: {x: 1, y: 2}",
            [
                ("bad-word", 1, 16),
                ("wrong-value", 2, 13),
                ("unknown-key", 3, 5),
                ("unknown-key", 3, 11),
            ],
        ),
    ],
)
def test_bad_conditions(text, expected):
    assert conditions(text) == expected


PENDULUM = """\
symgen: 1
environment: {adapter: gymnasium_env, id: Pendulum-v1, kwargs: {g: 9.0}}
symmetry: {group: D1, states: {observation: {s: [1, -2, -3]}}, actions: {s: [-1]}}
network: {family: group_mlp, hidden: 4 regular}
evaluate: {a: {%s}}
"""


@pytest.mark.parametrize("change", ["environment.kwargs.g: 5", "environment.kwargs: {g: 5}"])
def test_a_condition_reaches_into_an_option(change):
    check_spec(from_text(PENDULUM % change))


@pytest.mark.parametrize(
    ("change", "code", "message", "hint"),
    [
        (
            "environment.kwarg.g: 5",
            "bad-edit",
            "no 'environment.kwarg.g'",
            "did you mean 'environment.kwargs.g'?",
        ),
        (
            "environment.kwargs.gg: 5",
            "bad-environment",
            "takes no argument 'gg'",
            "did you mean 'g'?",
        ),
        (
            "environment.kwargs: {gg: 5}",
            "bad-environment",
            "takes no argument 'gg'",
            "did you mean 'g'?",
        ),
        (
            "environment.kwargs.g.x: 5",
            "bad-edit",
            "through 'g', which has no keys",
            "end the path there",
        ),
        (
            "environment.id.x: 5",
            "bad-edit",
            "through 'id', which has no keys",
            "end the path there",
        ),
        (
            "environment.kwargs.: 5",
            "bad-edit",
            "'environment.kwargs.' is not a dotted path",
            "one dot between",
        ),
        (
            "environment.kwargs" + ".x" * 99 + ": 5",
            "bad-edit",
            "is not a dotted path",
            "one dot between",
        ),
        (
            "environment.max_episode_steps.x: 5",
            "wrong-type",
            "expected an integer, found the mapping",
            "",
        ),
    ],
)
def test_a_dotted_path_that_leads_nowhere(change, code, message, hint):
    with pytest.raises(SpecError) as caught:
        check_spec(from_text(PENDULUM % change))
    (mistake,) = caught.value.diagnostics
    assert mistake.code == code
    assert message in mistake.message
    assert hint in mistake.hint


def test_what_a_dotted_path_changes_must_keep_the_interface(monkeypatch):
    """Another size is refused, and so is what its constructor chokes on; control: another cost is
    played.
    """
    spec = """\
symgen: 1
environment: {adapter: gymnasium_env, id: Resized-v0, kwargs: {size: 4}}
symmetry: {group: D1, states: trivial, actions: trivial}
network: {family: group_mlp, hidden: 4 regular}
evaluate: {a: {environment.kwargs.%s}}
"""

    class Resized(gymnasium.Env):
        def __init__(self, size: int = 4, cost: float = 1.0) -> None:
            self.observation_space = gymnasium.spaces.Box(-1, 1, (size,), np.float32)
            self.action_space, self.cost = gymnasium.spaces.Discrete(2), 1 / cost

    entry = gymnasium.envs.registration.EnvSpec("Resized-v0", Resized)
    monkeypatch.setitem(gymnasium.registry, "Resized-v0", entry)
    check_spec(from_text(spec % "cost: 2"))
    for change, code in (("size: 5", "changed-interface"), ("cost: 0", "bad-environment")):
        with pytest.raises(SpecError) as caught:
            check_spec(from_text(spec % change))
        assert [mistake.code for mistake in caught.value.diagnostics] == [code]


def test_an_adapter_without_levels(mistakes):
    (mistake,) = mistakes(evaluate={"fewer": {"levels": 5}})
    assert (mistake.code, "has no levels" in mistake.message) == ("bad-edit", True)


def test_what_a_condition_changes_in_the_environment():
    changes = {"environment.size": 5, "environment.kwargs.g": 1, "levels": 3, "transform": "r"}
    assert environment_changes(changes) == {"size": 5, "kwargs.g": 1, "levels": 3}


@pytest.mark.parametrize("constraint", ["none", {"relaxed": {"form": "residual", "banks": 4}}])
def test_constraints_that_are_not_offered(mistakes, constraint):
    assert [mistake.code for mistake in mistakes(constraint=constraint)] == [
        "unavailable-constraint"
    ]


def test_invariant_policies(mistakes, solve):
    (mistake,) = mistakes(output="invariant", states="4 sign", actions="regular")
    assert mistake.code == "invariant-policy"
    assert solve(output="invariant", states="4 sign", actions="trivial")
    assert solve(output="equivariant", states="4 sign", actions="trivial")


@pytest.mark.parametrize(
    ("group", "states", "actions", "blind"),
    [
        ("D1", "4 sign", "regular", ""),
        ("D1", "trivial", "trivial", ""),
        ("D1", "trivial", "regular", "s"),
        (
            "C2 x D1",
            {"observation": {"r": "trivial", "s": [-1, 2, 3, 4]}},
            {"r": [2, 1], "s": "trivial"},
            "r",
        ),
        (
            "C2 x D1",
            {"observation": {"r": [-1, 2, 3, 4], "s": "trivial"}},
            {"r": [2, 1], "s": "trivial"},
            "",
        ),
        (
            "C2 x C2",
            {"observation": {"r": [-1, 2, 3, 4], "r2": [-1, 2, 3, 4]}},
            {"r": [2, 1], "r2": "trivial"},
            "r2r",
        ),
    ],
)
def test_blind_policies(mistakes, solve, group, states, actions, blind):
    changes = {"group": group, "states": states, "actions": actions}
    if blind:
        (mistake,) = mistakes(**changes)
        assert (mistake.code, mistake.message.split()[0]) == ("blind-policy", blind)
    else:
        assert solve(**changes)
    assert solve(**changes, constraint="none", network={"family": "mlp"})


@pytest.mark.parametrize(
    ("hidden", "activation", "codes"),
    [
        ("4 regular", "relu", set()),
        ("4 sign + 4 regular", "tanh", set()),
        ("4 sign", "tanh", {"no-power"}),
        ("4 sign", "relu", {"pointwise-nonlinearity"}),
        ("4 trivial", "relu", {"hidden-fibre"}),
        ("2 nothing", "relu", {"hidden-fibre"}),
    ],
)
def test_hidden_fibres(mistakes, solve, hidden, activation, codes):
    changes = {
        "states": "4 sign",
        "actions": {"s": "trivial"} if hidden == "4 sign" else "regular",
        "network": {"family": "group_mlp", "hidden": hidden, "activation": activation},
    }
    if codes:
        assert {mistake.code for mistake in mistakes(**changes)} == codes
    else:
        assert solve(**changes)


def test_rules_are_run_together(mistakes):
    told = mistakes(
        constraint="none",
        output="invariant",
        states="4 sign",
        actions="regular",
        network={"family": "group_mlp", "hidden": "4 trivial"},
        evaluate={"a": {"transform": "q"}},
    )
    codes = {mistake.code for mistake in told}
    assert codes == {"unavailable-constraint", "invariant-policy", "hidden-fibre", "bad-word"}


def test_each_rule_says_which_code_it_gives():
    for rule in rules.RULES:
        assert rule.__doc__


def test_every_rule_is_listed():
    written = {
        function
        for file in (rules, action_rules, evaluate)
        for name, function in vars(file).items()
        if not name.startswith("_") and inspect.isfunction(function)
        if list(inspect.signature(function).parameters) == ["problem", "findings"]
    }
    assert len(written) == 13
    assert written == set(rules.RULES)


def test_mistakes_of_options_come_with_those_of_the_spec(mistakes):
    told = mistakes(
        output="sideways",
        network={"family": "group_mlp", "hiden": 3},
        train={"algorithm": "ppo", "lr": 1},
    )
    assert [mistake.code for mistake in told] == ["wrong-value", "unknown-key", "unknown-key"]


def test_unknown_keywords(mistakes):
    told = mistakes(network={"family": "groupmlp"}, train={"algorithm": "poo"})
    assert [(mistake.code, mistake.hint.split("?")[0]) for mistake in told] == [
        ("unknown-family", "did you mean 'group_mlp'"),
        ("unknown-algorithm", "did you mean 'ppo'"),
    ]


def test_an_environment_that_raises_anything(mistakes, monkeypatch):
    def raising(options):
        raise ZeroDivisionError("in other people's code")

    monkeypatch.setattr("symgen.envs.gymnasium_env.interface", raising)
    (mistake,) = mistakes()
    assert (mistake.code, "ZeroDivisionError" in mistake.message) == ("bad-environment", True)


def test_a_missing_package_is_told_at_its_line(mistakes, monkeypatch):
    from symgen.errors import UserError

    def raising(options):
        raise UserError("missing-package", "it needs x", "pip install x")

    monkeypatch.setattr("symgen.envs.gymnasium_env.interface", raising)
    (mistake,) = mistakes()
    assert (mistake.code, mistake.line, mistake.hint) == ("missing-package", 2, "pip install x")


def test_a_problem_prints_itself(solve):
    text = str(
        solve(
            states="4 sign",
            actions={"s": [1, 0]},
            train={"algorithm": "ppo"},
            evaluate={"a": {"transform": "s"}},
        )
    )
    for part in (
        "Vector-v0",
        "D1",
        "point: 4 sign(s)",
        "permutation(s=1 0)",
        "exact",
        "group_mlp",
        "ppo",
        "evaluate a",
    ):
        assert part in text


def test_sizes_that_only_the_plan_finds(solve):
    problem = solve()
    with pytest.raises(SpecError) as caught, rules.sizes_refused(problem):
        raise Refusal("a map has more than 5 entries", code="too-large")
    assert [mistake.code for mistake in caught.value.diagnostics] == ["too-large"]


def test_other_errors_of_the_plan_are_bugs(solve):
    problem = solve()
    with pytest.raises(Refusal, match="a bug"), rules.sizes_refused(problem):
        raise Refusal("a bug", code="broken-relation")
    # words that the message of a refused size has, too
    with pytest.raises(ValueError, match="more than 5"), rules.sizes_refused(problem):
        raise ValueError("a map has more than 5 entries")
    # torch's own, of a batch normalisation that is trained on one sample
    batch_norm = torch.nn.BatchNorm1d(3)
    with (
        pytest.raises(ValueError, match="Expected more than 1 value per channel"),
        rules.sizes_refused(problem),
    ):
        batch_norm(torch.zeros(1, 3))
    # numpy's own
    with pytest.raises(ValueError, match="cannot reshape"), rules.sizes_refused(problem):
        np.zeros(5).reshape(2, 3)


SAC = {"algorithm": "sac", "steps": 1000}


@pytest.mark.parametrize(
    ("world", "group", "actions", "code"),
    [
        ("Vector-v0", "D1", "regular", "action-kind"),
        ("Knobs-v0", "D1", "trivial", "action-kind"),
        ("Free-v0", "D1", "2 sign", "unbounded-action"),
        ("Arm-v0", "C8", "standard", "squashed-action"),
        ("Crooked-v0", "D1", {"s": [-1, 2, 3]}, "action-bounds"),
        ("Arm-v0", "C4", "standard", ""),
        ("Arm-v0", "D1", "regular", ""),
        ("Crooked-v0", "D1", {"s": [1, -3, -2]}, ""),
    ],
)
def test_what_a_squashed_policy_needs(mistakes, solve, world, group, actions, code):
    changes = {
        "group": group,
        "actions": actions,
        "states": "2 standard" if group[0] == "C" else "4 sign",
    }
    if code:
        (mistake,) = mistakes(world, **changes, train=SAC)
        assert mistake.code == code
        assert mistake.hint
    else:
        assert reads_action(solve(world, **changes, train=SAC).outputs)
    if code not in (
        "action-bounds",
        "squashed-action",
    ):  # control: another algorithm asks for none of this
        assert not reads_action(solve(world, **changes, train={"algorithm": "ppo"}).outputs)
    if code == "squashed-action":  # and where no symmetry is claimed there is none to break
        free = solve(world, **changes, train=SAC, constraint="none", network={"family": "mlp"})
        assert reads_action(free.outputs)


def test_an_unbounded_action_that_is_mixed_has_both_mistakes(mistakes):
    told = mistakes("Free-v0", group="C8", states="2 standard", actions="standard", train=SAC)
    assert {mistake.code for mistake in told} == {"unbounded-action", "squashed-action"}


def test_without_train_the_critic_is_a_value(solve):
    assert not reads_action(solve().outputs)


BOXES = [
    # one-sided bounds: clipping plays a as 0.7 and its image as 0
    ("Thrust-v0", "D1", {"s": [-1, 2]}, "action-bounds"),
    ("Thrust-v0", "D1", {"s": [-1, -2]}, "action-bounds"),
    ("Thrust-v0", "D1", {"s": [2, 1]}, ""),
    ("Valve-v0", "D1", {"s": [2, 1]}, "action-bounds"),
    ("Valve-v0", "D1", {"s": [-2, -1]}, ""),
    ("Half-v0", "D1", {"s": [-1, 2]}, ""),
    ("Half-v0", "D1", {"s": [1, -2]}, "action-bounds"),
    ("Half-v0", "C8", "standard", "action-bounds"),
    ("Thrust-v0", "C8", "standard", "action-bounds"),
    ("Arm-v0", "C8", "standard", "action-bounds"),
    ("Free-v0", "C8", "standard", ""),
    ("Free-v0", "D1", {"s": [-1, 2]}, ""),
    ("Arm-v0", "C4", "standard", ""),
]


@pytest.mark.parametrize(("world", "group", "actions", "code"), BOXES)
def test_the_group_takes_the_box_of_actions_to_itself(mistakes, solve, world, group, actions, code):
    changes = {
        "group": group,
        "actions": actions,
        "states": "2 standard" if group[0] == "C" else "4 sign",
    }
    free = {**changes, "constraint": "none", "network": {"family": "mlp"}}
    turned = {**free, "evaluate": {"turned": {"transform": "r" if group[0] == "C" else "s"}}}
    ppo = {"train": {"algorithm": "ppo"}}
    solve(world, **free, **ppo)  # where no symmetry is claimed there is none to break
    if not code:
        solve(world, **changes, **ppo)
        solve(world, **turned, **ppo)
        return
    for applied in (changes, turned):  # a transform plays moved actions, which nothing clips
        (mistake,) = mistakes(world, **applied, **ppo)
        assert mistake.code == code
        assert mistake.hint
