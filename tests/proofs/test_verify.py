"""verify says exact, broken, relaxed or no power, each where it should, and leaves the network as
it was.
"""

import copy
import json

import pytest
import torch

from symgen.compiler import plan_spec
from symgen.nn.network import Network, build
from symgen.proofs.verify import TOLERANCE, Setting, Verification, verify
from tests.families.laws import train
from tests.families.problems import problem


def network(this, seed=0) -> Network:
    torch.manual_seed(seed)
    return build(plan_spec(this), this.interface)


def measured(this, built=None, **options) -> Verification:
    built = network(this) if built is None else built
    return verify(built, Setting.of(this), **options)


def verdicts(report: Verification) -> set[tuple[str, str]]:
    return {(row.output, row.verdict) for row in report.rows}


def test_exact():
    this = problem("D4 heading 6x6", "graph_attention")
    report = measured(this)
    assert report.exact
    assert report.holds
    assert [(row.generator, row.output, row.dtype) for row in report.rows] == [
        (generator, output, dtype)
        for dtype in ("float32", "float64")
        for generator in "rs"
        for output in ("policy", "value")
    ]
    for row in report.rows:
        assert row.error <= row.tolerance == {"float32": 1e-5, "float64": 1e-12}[row.dtype]
        assert row.control > 1e-2


def test_broken_and_what_the_spec_claims():
    this = problem("D4 grid 5x5", "cnn", constraint="none")
    report = measured(this)
    assert verdicts(report) == {("policy", "broken"), ("value", "broken")}
    assert not report.exact
    assert not report.holds
    unclaimed = measured(this, promise="none")
    assert unclaimed.rows == report.rows
    assert unclaimed.holds
    assert not unclaimed.exact


@pytest.mark.parametrize("size", [1e-3, 1e-9])
def test_one_weight_that_breaks_the_symmetry_is_found(size):
    """An error of 1e-9 is invisible in float32, and float64 sees it."""
    this = problem("C4 grid 5x5", "group_mlp")
    built = network(this).double()
    layer = built.steps["policy_hidden1"].linear[0]
    weights, index = layer.matrix.weight, layer.matrix.index
    with torch.no_grad():  # untie one entry: give it a weight of its own
        layer.matrix.weight = torch.nn.Parameter(torch.cat([weights, weights[index[:1]] + size]))
        layer.matrix.index = torch.cat([torch.tensor([len(weights)]), index[1:]])
    report = measured(this, built)
    broken = {(row.output, row.dtype) for row in report.rows if row.verdict == "broken"}
    assert broken == (
        {("policy", "float64"), ("policy", "float32")} if size > 1e-6 else {("policy", "float64")}
    )


@pytest.mark.parametrize(
    ("output", "world"),
    [("policy", "C4 grid 5x5"), ("value", "C4 grid 5x5"), ("policy", "S5 tokens")],
)
def test_a_constant_has_no_power(output, world):
    this = problem(world, "group_mlp")
    built = network(this)
    with torch.no_grad():
        for weight in built.steps[output].parameters():
            weight.fill_(1.0)
        built.steps[output].matrix.weight.zero_()
    report = measured(this, built)
    assert verdicts(report) == {
        (output, "no power"),
        ({"policy", "value"} - {output}).pop() and (_other(output), "exact"),
    }
    assert not report.exact
    assert not report.holds


@pytest.mark.parametrize("constraint", ["exact", "relaxed", "none"])
def test_what_claims_a_symmetry_must_have_power(constraint):
    """A relaxed network claims to be exact at first: a constant one has shown as little as an exact
    one.
    """
    this = problem(
        "C4 grid 5x5", "mlp" if constraint == "none" else "group_mlp", constraint=constraint
    )
    built = network(this)
    assert measured(this, built, promise=constraint).holds
    with torch.no_grad():
        for weight in built.steps["value"].parameters():
            weight.zero_()
    constant = measured(this, built, promise=constraint)
    assert ("value", "no power") in verdicts(constant)
    assert constant.holds == constant.to_dict()["holds"] == (constraint == "none")


def test_a_relaxed_network_that_is_no_number_does_not_hold():
    this = problem("C4 grid 5x5", "group_mlp", constraint="relaxed")
    built = network(this)
    with torch.no_grad():
        built.steps["policy"].matrix.weight.fill_(torch.nan)
    report = measured(this, built, promise="relaxed")
    assert ("policy", "broken") in verdicts(report)
    assert not report.holds


def _other(output: str) -> str:
    return {"policy": "value", "value": "policy"}[output]


def test_a_policy_that_treats_exchanged_actions_alike_has_no_power():
    """It depends on the observation, and the group moves its outputs; but they are equal on every
    orbit.
    """
    this = problem("C4 grid 5x5", "group_mlp")
    built = network(this)
    head = built.steps["policy"]
    with torch.no_grad():
        matrix = head.matrix()
        mean = matrix.mean(0, keepdim=True).expand_as(matrix)
        for k in range(
            len(head.matrix.weight)
        ):  # each weight: the mean of the weights it is exchanged with
            entries = mean.reshape(-1)[head.matrix.index == k]
            head.matrix.weight[k] = entries.mean()
    parameters = built(torch.randn(4, 5, 5, 3))[0]["policy"]
    assert parameters.std(1).max() < 1e-6 < parameters.std(0).max()
    assert ("policy", "no power") in verdicts(measured(this, built))


def judging(world="D1 pendulum", family="group_mlp", **options) -> tuple:
    this = problem(world, family, algorithm="sac", **options)
    return this, network(this)


def test_critics_that_judge_actions_are_exact():
    this, built = judging("D4 force", "graph_attention")
    report = measured(this, built)
    assert report.exact
    assert [(row.generator, row.output) for row in report.rows[:8]] == [
        (generator, output) for generator in "rs" for output in ("policy", "log_std", "q1", "q2")
    ]
    assert min(row.control for row in report.rows) > 1e-3
    assert len({line.index("float") for line in str(report).splitlines()[1:-1]}) == 1


@pytest.mark.parametrize("ignored", ["observation", "action"])
def test_a_q_that_ignores_what_it_judges_has_no_power(ignored):
    this, built = judging()
    with torch.no_grad():
        for name in ("q1_hidden1", "q2_hidden1"):
            built.steps[name].linear[["observation", "action"].index(ignored)].matrix.weight.zero_()
    found = {(row.output, row.verdict) for row in measured(this, built).rows}
    assert found == {
        ("policy", "exact"),
        ("log_std", "exact"),
        ("q1", "no power"),
        ("q2", "no power"),
    }


@pytest.mark.parametrize("name", ["q1", "q2"])
def test_either_q_that_breaks_the_symmetry_is_found(name):
    this, built = judging()
    layer = built.steps[f"{name}_hidden1"].linear[1].matrix
    with (
        torch.no_grad()
    ):  # the action enters the two elements of the group alike, and not with opposite signs
        layer.sign = layer.sign.abs()
    assert {row.output for row in measured(this, built).rows if row.verdict == "broken"} == {name}


def test_a_deviation_that_breaks_the_symmetry_is_found():
    this, built = judging()
    head = built.steps["log_std"].matrix
    with torch.no_grad():
        head.weight = torch.nn.Parameter(torch.cat([head.weight, head.weight[:1] + 1]))
        head.index = torch.cat([torch.tensor([len(head.weight) - 1]), head.index[1:]])
    assert {row.output for row in measured(this, built).rows if row.verdict == "broken"} == {
        "log_std"
    }


def test_a_generator_that_moves_no_action_is_judged_by_other_observations():
    this = problem("C4 turn moves 4x4", "graph_attention")
    report = measured(this)
    assert report.exact
    assert min(row.control for row in report.rows) > 1e-2


def test_odd_features_have_no_value():
    """From entries that all change sign, sign and trivial features under tanh never reach an
    invariant.
    """
    with pytest.raises(ValueError, match="the value would be a constant"):
        problem("D1 cart", "group_mlp", {"hidden": "8 sign + 4 trivial", "activation": "tanh"})
    assert measured(
        problem("D1 cart", "group_mlp", {"hidden": "8 regular", "activation": "tanh"})
    ).exact


def test_relaxed():
    this = problem("C4 grid 5x5", "graph_attention", {"readout": "both"}, constraint="relaxed")
    built = network(this)
    untrained = measured(this, built, promise="relaxed")
    assert untrained.exact
    assert "constraint relaxed: the network may break it" in str(untrained)
    assert "claims no symmetry" in str(measured(this, built, promise="none"))  # control
    train(built, this)
    report = measured(this, built, promise="relaxed")
    assert report.holds
    assert not report.exact
    assert "relaxed" in {verdict for _, verdict in verdicts(report)}
    assert "relaxed by" in str(report)
    assert "broken" in {verdict for _, verdict in verdicts(measured(this, built))}


class Small(torch.nn.Module):
    """A network whose value is the thousandth part that is left of a difference of two equal
    numbers.
    """

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network, self.precise = (
            network,
            [copy.deepcopy(network).double()],
        )  # in a list: casts do not reach it
        self.expanded, self.plan, self.device = network.expanded, network.plan, network.device
        self.outputs, self.states = network.outputs, network.states

    @property
    def dtype(self):
        return self.network.dtype

    def forward(self, observation, state=None):
        outputs, after = self.network(observation)
        almost = 0.999 * self.precise[0].value(observation).unsqueeze(1)
        return {**outputs, "value": outputs["value"] - almost.to(outputs["value"].dtype)}, after


def test_a_small_value_is_measured_against_the_floor(monkeypatch):
    """It is a difference of large numbers, and carries their rounding."""
    this = problem("C4 grid 5x5", "group_mlp")
    small = Small(network(this))
    assert measured(this, small).exact
    monkeypatch.setattr("symgen.proofs.claim.FLOOR", 1e-30)
    assert ("value", "broken") in verdicts(measured(this, small))


class BrokenInFloat32(Small):
    """A network that is exact in float64 alone."""

    def forward(self, observation, state=None):
        outputs, after = self.network(observation)
        value = outputs["value"]
        first = torch.as_tensor(
            observation if not isinstance(observation, dict) else next(iter(observation.values()))
        )
        off = 1e-4 * first.flatten(1)[:, :1].to(value.dtype)
        return {**outputs, "value": value + off * (value.dtype == torch.float32)}, after


def test_what_is_broken_in_float32_alone_is_broken():
    this = problem("C4 grid 5x5", "group_mlp")
    report = measured(this, BrokenInFloat32(network(this)))
    assert {row.dtype for row in report.rows if row.verdict == "broken"} == {"float32"}


def test_not_a_number_is_broken():
    this = problem("C4 grid 5x5", "group_mlp")
    built = network(this)
    with torch.no_grad():
        built.steps["policy"].matrix.weight.fill_(torch.nan)
    assert ("policy", "broken") in verdicts(measured(this, built))


@pytest.mark.parametrize("training", [True, False])
def test_the_network_is_left_as_it_was(training):
    this = problem("C4 grid 5x5", "graph_attention", {"dropout": 0.5})
    built = network(this).train(training)
    before, random = copy.deepcopy(built.state_dict()), torch.get_rng_state()
    report = measured(this, built)
    assert report.exact  # measured without dropout
    assert built.training == training
    assert built.dtype == torch.float32
    assert torch.equal(torch.get_rng_state(), random)
    assert all(torch.equal(x, before[name]) for name, x in built.state_dict().items())
    assert all(weight.grad is None for weight in built.parameters())


def test_seeds():
    this = problem("C4 grid 5x5", "group_mlp")
    built = network(this)
    assert measured(this, built).rows == measured(this, built).rows
    assert measured(this, built).rows != measured(this, built, seed=1).rows
    assert measured(this, built, batch=2).exact


def test_printed_and_plain_forms():
    this = problem("C4 grid 5x5", "group_mlp")
    report = measured(this)
    lines = str(report).splitlines()
    assert lines[0].split() == [
        "generator",
        "output",
        "dtype",
        "error",
        "control",
        "tolerance",
        "verdict",
    ]
    assert len(lines) == 2 + len(report.rows)
    assert lines[-1] == "observations: 8 normally distributed"
    for line, row in zip(lines[1:-1], report.rows, strict=True):
        words = line.split()
        assert words[:3] == [row.generator, row.output, row.dtype]
        assert [float(word) for word in words[3:6]] == pytest.approx(
            [row.error, row.control, row.tolerance], rel=0.1
        )
        assert words[6] == row.verdict
    plain = json.loads(json.dumps(report.to_dict()))
    assert plain["holds"] is True
    assert plain["rows"][0]["generator"] == "r"
    assert "claims no symmetry" in str(measured(this, promise="none"))


def test_a_group_without_generators():
    this = problem("C1 grid 3x4", "mlp", constraint="none")
    report = measured(this)
    assert report.rows == ()
    assert "nothing to verify" in str(report)
    assert set(TOLERANCE) == {torch.float32, torch.float64}
