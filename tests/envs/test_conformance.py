"""Every adapter in the folder keeps the laws of an adapter; each law has a control that fails."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np
import pytest
from gymnasium.wrappers.vector import RecordEpisodeStatistics

from symgen import lookup
from symgen.compiler import check_spec
from symgen.errors import SpecError
from symgen.problem.adapter import adapter
from symgen.problem.interface import Interface
from tests.envs import drawing
from tests.envs.examples import (
    EXAMPLES,
    MISTAKES,
    UNKNOWN,
    VIEWS,
    available,
    spec,
)
from tests.envs.laws import (
    autoreset_faults,
    interface_faults,
    name_faults,
    play,
    same,
    value_faults,
)
from tests.envs.opened import (
    ENVS,
    STEPS,
    environments_of,
    every_example,
    played,
    problem_of,
)


def test_every_adapter_has_examples():
    for listed in (
        [example.adapter for example in EXAMPLES.values()],
        [example.adapter for example in EXAMPLES.values() if not example.slow],
        MISTAKES,
        UNKNOWN,
    ):
        assert set(listed) == set(lookup.keywords("adapter"))


# what is seen and done


@every_example
def test_the_spaces_are_those_of_the_interface(name):
    assert interface_faults(problem_of(name).interface, environments_of(name)) == []


@every_example
def test_another_interface_is_seen(name):
    interface = problem_of(name).interface
    for other in spoilt_interfaces(interface):
        assert interface_faults(other, environments_of(name))


def spoilt_interfaces(interface: Interface) -> list[Interface]:
    term, *rest = interface.terms
    action = interface.action
    terms = [
        replace(term, shape=(*term.shape[:-1], 31)),
        replace(term, dtype="int16"),
        replace(term, name="elsewhere"),
        replace(term, layout="vector" if term.layout != "vector" else "image"),
        replace(term, scale=3.0),
    ]
    if term.layout == "discrete":
        terms = [replace(term, size=7), replace(term, name="elsewhere")]
    actions = [
        replace(action, sizes=(*action.sizes[:-1], action.sizes[-1] + 1)),
        replace(action, names=action.names[1:]),
        replace(action, kind="discrete" if action.kind == "continuous" else "continuous"),
    ]
    return [
        *(replace(interface, terms=(spoilt, *rest)) for spoilt in terms),
        *(replace(interface, action=spoilt) for spoilt in actions),
        replace(interface, single=not interface.single),
    ]


@every_example
def test_what_is_observed_is_finite_and_in_its_space(name):
    assert value_faults(environments_of(name), played(name)) == []


@every_example
def test_what_is_not_finite_or_not_in_its_space_is_seen(name):
    envs = environments_of(name)
    step = played(name)[1]
    for other in (
        step._replace(observation=mapped(step.observation, lambda part: part * np.nan)),
        step._replace(observation=mapped(step.observation, lambda part: part[..., None])),
        step._replace(reward=np.full(ENVS, np.nan)),
        step._replace(reward=np.zeros(ENVS + 1)),
        step._replace(terminated=np.zeros(ENVS)),
        step._replace(truncated=False),
    ):
        assert value_faults(envs, [played(name)[0], other])


def mapped(observation: Any, change: Any) -> Any:
    if isinstance(observation, Mapping):
        return {name: change(part) for name, part in observation.items()}
    return change(observation)


@every_example
def test_a_seed_is_an_episode(name):
    problem = problem_of(name)
    envs = environments_of(name)
    assert same(played(name), play(envs, STEPS, seed=1))
    assert not same(played(name), play(envs, STEPS, seed=2))
    plays = []
    for seed in (3, 3, 4):
        fresh = problem.adapter.make(problem.adapter_options, ENVS, seed)
        plays.append(play(fresh, STEPS))
        fresh.close()
    assert same(plays[0], plays[1])
    assert not same(plays[0], plays[2])


@every_example
def test_environments_begin_anew_as_they_declare(name):
    assert autoreset_faults(environments_of(name), played(name)) == []
    if EXAMPLES[name].adapter != "procgen":  # the length of its episodes is its own
        assert any((step.terminated | step.truncated).any() for step in played(name))


def test_environments_that_do_not_begin_anew_are_seen():
    envs = environments_of("gridworld")
    wrong = [step._replace(reward=np.ones(ENVS)) for step in played("gridworld")]
    assert autoreset_faults(envs, wrong)
    endless = [step._replace(truncated=np.ones(ENVS, bool)) for step in played("gridworld")]
    assert autoreset_faults(envs, endless)
    silent = RecordEpisodeStatistics(environments_of("gridworld"))
    silent.metadata = {}
    assert autoreset_faults(silent, played("gridworld")) == ["autoreset_mode is None"]


# other views


def test_all_views_are_compared():
    compared: dict[str, set[str]] = {keyword: set() for keyword in lookup.keywords("adapter")}
    for name, changes in VIEWS.items():
        compared[EXAMPLES[name].adapter] |= set(changes)
    for keyword, options in compared.items():
        module = adapter(keyword)
        assert options == set(module.views(module.Options.model_construct()))


@pytest.mark.parametrize(
    "name",
    [
        # pictures of dm_control are drawn slowly
        pytest.param(name, marks=pytest.mark.slow) if name.startswith("dm_control") else name
        for name in VIEWS
    ],
)
def test_another_view_shows_what_happens_here(name):
    if EXAMPLES[name].adapter == "dm_control" and not drawing.drawable():
        pytest.skip(drawing.REASON)
    problem = problem_of(name)
    longer = {key: 90 for key in LENGTHS if key in type(problem.adapter_options).model_fields}
    options = problem.adapter_options.model_copy(update=longer)
    views = options.model_copy(update=dict(VIEWS[name]))
    here = problem.adapter.make(options, ENVS, 0)
    there = problem.adapter.make(views, ENVS, 0)
    played_here = play(here, 5 * STEPS, seed=1)
    played_there = play(there, 5 * STEPS, seed=1)
    other = play(there, 5 * STEPS, seed=3)
    here.close()
    there.close()
    assert happened(played_here) == happened(played_there)
    assert not same(played_here, played_there)  # it is another view
    assert happened(other) != happened(played_there)  # a seed is told by what happens


LENGTHS = ("max_steps", "max_episode_steps", "episode_length")


def happened(played: Any) -> list[Any]:
    """Rewards and endings of a play."""
    return [[array.tolist() for array in step[1:]] for step in played]


# levels and words


@every_example
def test_levels_have_contents(name):
    problem = problem_of(name)
    adapter = problem.adapter
    options = problem.adapter_options
    levels = adapter.level_set(options)
    contents = adapter.level_contents(options)
    assert (levels is None) == (contents is None)
    if levels is None or contents is None:
        return
    assert (levels.split is None) == (levels.test_share is None)
    few = list(islice(contents, 5))
    contents.close()
    assert all(isinstance(digest, bytes) for digest in few)
    assert len(set(few)) > 1
    if levels.seeds is not None and EXAMPLES[name].adapter != "procgen":  # it draws them itself
        assert len(list(adapter.level_contents(options))) == len(levels.seeds)
        again = list(islice(adapter.level_contents(options), 5))
        later = options.model_copy(update={"seed_range": (500, 505)})
        assert again == few
        assert list(adapter.level_contents(later)) != few


@every_example
def test_names_and_titles(name):
    problem = problem_of(name)
    names = problem.adapter.names(problem.adapter_options)
    title = problem.adapter.title(problem.adapter_options)
    assert name_faults(problem.interface, names, title) == []


def test_wrong_names_are_seen():
    interface = problem_of("gymnasium_env cartpole").interface
    for names, title in (
        ({"elsewhere": ("a",)}, "CartPole"),
        ({"observation": ("a", "b")}, "CartPole"),
        ({"observation": ("a", "b", "c", "c")}, "CartPole"),
        ({}, " "),
        ({}, "Cart\nPole"),
    ):
        assert name_faults(interface, names, title)
    assert name_faults(interface, {"observation": ("a", "b", "c", "d")}, "CartPole") == []


@pytest.mark.slow
@every_example
def test_frames_are_rendered(name):
    example = available(name)
    if example.adapter == "dm_control" and not drawing.drawable():
        pytest.skip(drawing.REASON)
    if example.adapter == "gymnasium_env":
        pytest.importorskip("pygame")
    problem = problem_of(name)
    envs = problem.adapter.make(problem.adapter_options, 2, 0, render=True)
    envs.reset(seed=0)
    frames = envs.render()
    envs.close()
    assert len(frames) == 2
    assert all(frame.dtype == np.uint8 and frame.shape[2] == 3 for frame in frames)


# mistakes


REFUSED = [(adapter, options) for adapter, mistakes in MISTAKES.items() for options in mistakes]


@pytest.mark.parametrize(("adapter", "options"), REFUSED, ids=str)
def test_a_mistake_has_a_way_out(adapter, options):
    with pytest.raises(SpecError) as caught:
        check_spec(spec(adapter, options))
    for mistake in caught.value.diagnostics:
        assert mistake.message
        assert mistake.hint


@pytest.mark.parametrize("adapter", MISTAKES)
def test_options_are_strict_frozen_and_described(adapter):
    model = lookup.options("adapter", adapter)
    assert model.model_config.get("strict")
    assert model.model_config.get("frozen")
    assert model.model_config.get("extra") == "forbid"
    assert all(field.description for field in model.model_fields.values())
