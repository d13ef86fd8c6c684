"""What every algorithm must do: the folder is listed, so that a new file is tested by being there.

The laws are those of problem/algorithm.py and problem/training.py; networks are compiled, and the
tasks are those of bandit.py, which take seconds.
"""

import json
import math
import re

import numpy as np
import pytest
import torch
from bandit import (
    ENVIRONMENTS,
    LENGTH,
    NEEDED,
    SMALL,
    Bandit,
    Told,
    accepted,
    bandits,
    diverging,
    learner,
    network,
    objections,
    options,
    rates,
    spec,
)
from doubles import numbers
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from pydantic import BaseModel, ValidationError

from symgen import lookup
from symgen.algebra.catalogue import group
from symgen.algebra.representation import direct_sum, trivial
from symgen.compiler import compile_spec
from symgen.errors import CODES, UserError
from symgen.problem.algorithm import AlgorithmOptions
from symgen.problem.interface import Action, Interface, Term
from symgen.problem.output import actors, critics, field_of
from symgen.problem.training import Plain
from symgen.rl import _schedule
from symgen.rl._schedule import Line

KEYWORDS = lookup.keywords("algorithm")
CASES = [(keyword, kind) for keyword in KEYWORDS for kind in accepted(keyword)]
ACTIONS = (
    Action("discrete", ("a", "b", "c"), (3,)),
    Action("multi_discrete", ("a", "b"), (2, 3)),
    Action("continuous", ("x", "y"), (2,), (-1.0, -1.0), (1.0, 1.0)),
)
MODES = [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP]

algorithms = pytest.mark.parametrize("keyword", KEYWORDS)
cases = pytest.mark.parametrize(("keyword", "kind"), CASES)


def rows(*arguments, **changes):
    return [numbers(row) for row in learner(*arguments, **changes)]


# -------------------------------------------------------------------------------------------------
# what it declares


@algorithms
@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.kind)
def test_outputs_are_well_formed(keyword, action):
    declared = lookup.declaration("algorithm", keyword)
    interface = Interface((Term("observation", (4,)),), action, single=True)
    given = options(keyword)
    outputs = declared.outputs(interface, given)
    assert outputs == declared.outputs(interface, given)
    assert not any(output.training_only for output in outputs)
    names = [output.name for output in outputs]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch("[a-z][a-z0-9_]*", name) for name in names)
    assert [output.name for output in actors(outputs) if output.moves == "action"] == ["policy"]
    # what learns from rewards judges what was done
    assert bool(critics(outputs)) == ("gamma" in lookup.options("algorithm", keyword).model_fields)
    assert all(output.gain > 0 for output in outputs)
    # every output moves somehow, and what moves as the action does has a number for each parameter
    moved = direct_sum((action.parameters, trivial(group("C1"))))
    for output in outputs:
        size = field_of(output, moved).size
        assert size == (1 if output.moves == "invariant" else action.parameters), output


@algorithms
def test_it_takes_some_kind_of_action_and_objects_in_words(keyword):
    assert accepted(keyword)
    for kind in set(ENVIRONMENTS) - set(accepted(keyword)):
        (mistake,) = objections(keyword, kind)
        assert mistake.code in CODES
        assert keyword in mistake.message
        assert mistake.hint


@algorithms
def test_options_are_described_and_frozen(keyword):
    model = lookup.options("algorithm", keyword)
    assert issubclass(model, AlgorithmOptions)
    assert all(field.description for field in model.model_fields.values())
    assert model.__doc__
    given = model.model_validate({k: SMALL[k] for k in NEEDED if k in model.model_fields})
    with pytest.raises(ValidationError):
        given.envs = 3
    with pytest.raises(ValidationError):
        model(momentum=1)
    clipped = lookup.declaration("algorithm", keyword).clip_observations(given)
    assert clipped is None or clipped > 0


# -------------------------------------------------------------------------------------------------
# metrics


@cases
def test_every_metric_is_yielded_and_every_one_has_a_meaning(keyword, kind):
    metrics = lookup.module("algorithm", keyword).METRICS
    assert all(meaning.strip() for meaning in metrics.values())
    for row in learner(keyword, kind):
        assert set(row) == set(metrics)
        assert all(type(value) in (int, float) for value in row.values())
    assert all(math.isfinite(value) for value in row.values())  # once something has been learnt


@cases
@pytest.mark.parametrize("mode", MODES)
def test_steps_are_transitions(keyword, kind, mode):
    run = learner(keyword, kind, envs=bandits(kind, mode))
    told = list(run)
    assert told[-1]["step"] == run.step >= 96 > told[-2]["step"]
    assert told[-1]["episodes"] >= 96 // LENGTH - 2
    assert {row["length"] for row in told[1:]} == {LENGTH}
    assert [row["update"] for row in told] == list(range(1, len(told) + 1))


@cases
def test_the_returns_are_those_of_the_environment(keyword, kind):
    told = rows(keyword, kind, envs=bandits(kind, reward=10.0))
    assert all(0 <= row["return"] <= 10 * LENGTH for row in told)
    assert told[-1]["return"] > LENGTH


# -------------------------------------------------------------------------------------------------
# seeds and saving


@cases
def test_equal_seeds_give_equal_numbers_and_others_do_not(keyword, kind):
    first = repr(rows(keyword, kind))
    torch.manual_seed(5)
    np.random.seed(5)  # noqa: NPY002 (the global state is what is tested)
    before = torch.get_rng_state()
    assert repr(rows(keyword, kind)) == first
    assert torch.get_rng_state().equal(before)
    assert np.random.get_state()[2] == 624  # noqa: NPY002 (nothing was drawn since the seed)
    assert repr(rows(keyword, kind, seed=1)) != first


@cases
def test_a_restored_training_goes_on_as_if_nothing_had_been(keyword, kind):
    # episodes begin alike and end with the updates, so that a fresh start is the same as going on
    whole = rows(keyword, kind)
    first = learner(keyword, kind)
    for row in first:
        if row["update"] == 2:
            break
    tensors = {name: tensor.detach().clone() for name, tensor in first.tensors().items()}
    scalars = json.loads(json.dumps(dict(first.scalars()), allow_nan=False))
    weights = {name: x.clone() for name, x in first.network.state_dict().items()}

    def second(**changed):
        again = learner(keyword, kind)
        again.network.load_state_dict(weights)
        again.restore({**tensors, **changed}, scalars)
        return repr([numbers(row) for row in again])

    assert second() == repr(whole[2:])
    assert second(random=torch.Generator().get_state()) != repr(whole[2:])  # control


@cases
def test_the_state_of_another_network_is_refused(keyword, kind):
    first = learner(keyword, kind)
    list(first)
    wrong = {
        name: torch.zeros(3, 3) if "exp_avg." in name else x for name, x in first.tensors().items()
    }
    with pytest.raises(ValueError, match=r"is \(3, 3\), the network's is"):
        learner(keyword, kind).restore(wrong, first.scalars())


# -------------------------------------------------------------------------------------------------
# what goes wrong


@cases
def test_losses_that_are_not_finite_end_the_training(keyword, kind):
    with pytest.raises(UserError) as caught:
        rows(keyword, kind, envs=bandits(kind, reward=1e30), steps=400, **diverging(keyword))
    assert caught.value.code == "loss-not-finite"
    assert caught.value.hint
    assert rows(keyword, kind, envs=bandits(kind, reward=1.0), steps=32)  # control


@cases
@pytest.mark.parametrize("mode", MODES)
def test_environments_that_return_no_numbers_are_refused(keyword, kind, mode):
    for wrong in ({"reward": math.inf}, {"shown": math.nan}):
        with pytest.raises(UserError) as caught:
            rows(keyword, kind, envs=bandits(kind, mode, **wrong))
        assert caught.value.code == "environment-not-finite"


@cases
def test_environments_that_do_not_reset_themselves_are_refused(keyword, kind):
    with pytest.raises(UserError) as caught:
        learner(keyword, kind, envs=bandits(kind, AutoresetMode.DISABLED))
    assert caught.value.code == "autoreset-mode"


@cases
def test_the_number_of_environments_is_that_of_the_options(keyword, kind):
    learns = lookup.module("algorithm", keyword).Learner
    given = options(keyword, envs=2)
    with pytest.raises(ValueError, match="options say 2 environments, envs holds 3"):
        learns(network(keyword, kind), bandits(kind, number=3), given, steps=96, seed=0)


@cases
def test_action_masks_are_refused_or_ignored_on_request(keyword, kind):
    def masked():
        return Told(SyncVectorEnv([lambda: Bandit(kind, mask=True)] * 2))

    with pytest.raises(UserError) as caught:
        rows(keyword, kind, envs=masked(), steps=32)
    assert caught.value.code == "action-mask"
    assert rows(keyword, kind, envs=masked(), steps=32, ignore_action_mask=True)


# -------------------------------------------------------------------------------------------------
# what a constraint adds


class Recorder(Plain):
    """Notes what it is asked for."""

    def __init__(self):
        self.batches = 0
        self.sides = set()
        self.updates = []

    def augment(self, observations, actions, generator, beside):
        assert all(len(part) == len(actions) for part in observations)
        assert generator is not None
        self.batches += 1

    def penalty(self, network, observations, actions, outputs, side, generator):
        assert len(observations) == len(actions)
        assert all(len(output) == len(actions) for output in outputs.values())
        self.sides.add(side)

    def measured(self, network, update, last):
        self.updates.append((update, last))
        return {"more": 1.0}


@cases
def test_what_a_constraint_adds_is_asked_for(keyword, kind):
    training = Recorder()
    told = list(learner(keyword, kind, training=training))
    # an algorithm that takes no moved copies refuses the constraint that makes them
    assert (training.batches > 0) != bool(objections(keyword, kind, constraint="augment"))
    assert training.sides in ({None}, {"actor", "critic"})
    assert training.updates == [(row["update"], row is told[-1]) for row in told]
    assert all(row["more"] == 1.0 for row in told)


@cases
def test_what_adds_nothing_changes_nothing(keyword, kind):
    class Silent(Recorder):
        def measured(self, network, update, last):
            return {}

    plain = repr(rows(keyword, kind))
    assert repr(rows(keyword, kind, training=Silent())) == plain

    class Heavy(Silent):
        def penalty(self, network, *rest):
            return sum(weight.square().sum() for weight in network.parameters())

    assert repr(rows(keyword, kind, training=Heavy())) != plain  # control


# -------------------------------------------------------------------------------------------------
# learning


@cases
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("memory", ["gru", "lstm"])
def test_memories_are_trained_or_refused(keyword, kind, mode, memory):
    if not lookup.declaration("algorithm", keyword).TRAINS_MEMORY:
        assert [fault.code for fault in objections(keyword, kind, memory=memory)] == [
            "untrained-memory"
        ]
        return
    remembering = compile_spec(spec(keyword, kind, memory=memory), seed=0, verify=False).network
    assert remembering.states
    before = {name: weight.clone() for name, weight in remembering.named_parameters()}
    learns = lookup.module("algorithm", keyword).Learner
    told = list(learns(remembering, bandits(kind, mode), options(keyword), steps=96, seed=0))
    assert all(math.isfinite(value) for value in told[-1].values())
    moved = {name for name, x in remembering.named_parameters() if not torch.equal(x, before[name])}
    assert moved == set(before)


def schedules(keyword):
    """The options that may change over the training."""
    fields = lookup.options("algorithm", keyword).model_fields
    return [name for name, field in fields.items() if Line in _branches(field.annotation)]


def _branches(annotation):
    arguments = getattr(annotation, "__args__", ())
    return {annotation, *(branch for part in arguments for branch in _branches(part))}


@cases
def test_schedules_are_followed(keyword, kind):
    for name in schedules(keyword):
        line = {"from": 0.01, "to": 0.0}
        told = rows(keyword, kind, **{name: line})
        assert repr(told) != repr(rows(keyword, kind, **{name: 0.01})), name
        if name.endswith("rate"):
            expected = [_schedule.at(Line(**line), k * 32 / 96) for k in range(len(told))]
            assert [row[name] for row in told] == pytest.approx(expected)


def test_some_options_are_schedules():
    class Plain(BaseModel):
        rate: float = 1.0

    assert "learning_rate" in schedules("ppo")
    assert Line not in _branches(Plain.model_fields["rate"].annotation)


@cases
@pytest.mark.parametrize("mode", MODES)
def test_the_arm_that_pays_is_found(keyword, kind, mode):
    def right(rate, reward):
        """Whether the preferred action is the one that pays, at all times of an episode."""
        envs = bandits(kind, mode, number=8, reward=reward)
        run = learner(keyword, kind, envs=envs, steps=600, **rates(keyword, rate))
        list(run)
        seen = torch.zeros(LENGTH, *Bandit(kind).observation_space.shape)
        seen[:, 0] = torch.arange(LENGTH) / LENGTH
        with torch.no_grad():
            chosen = run.network.policy(seen).mode.reshape(LENGTH, -1)[:, 0]
        return bool(((chosen > 0) == (reward > 0)).all())

    assert right(0.02, 1.0)
    assert right(0.02, -1.0)
    # control: what learns nothing prefers the same whatever pays
    assert not (right(1e-9, 1.0) and right(1e-9, -1.0))
