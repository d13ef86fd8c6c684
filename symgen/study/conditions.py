"""The held-out conditions of a study, as an arm plays them.

A condition that moves the environment by an element of the group names it by a word, and what a
word means depends on the group and its action: r of C4 is a quarter turn, and r of C2 a half turn.
So that a column of a table is one and the same condition for all arms, an arm has the word of its
own that moves alike, or it is not evaluated under the condition, and that is said.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from pydantic import JsonValue

from symgen.compiler import check_spec
from symgen.errors import Refusal, SpecError
from symgen.problem.group_action import act_on_term
from symgen.problem.problem import Problem
from symgen.proofs.inputs import Setting
from symgen.study.arm import Arm
from symgen.study.study import Study

MAX_ELEMENTS = 64
"""Largest group of which every element is tried."""
MOVING = ("transform", "observation")
"""Keys of a condition that hold a word."""


def checked(arm: Arm, study: Study) -> tuple[Problem, Arm, tuple[str, ...]]:
    """The Problem of an arm, the arm with the conditions that it plays, and which it does not.

    Raises:
        SpecError: it is wrong beyond its conditions.
    """
    conditions = study.problem.spec.evaluate
    if arm.is_reference or not conditions:
        return check_spec(arm.source(study.source)), arm, ()
    bare = replace(arm, edits={**arm.edits, "evaluate": {}})
    problem = check_spec(bare.source(study.source))
    kept: dict[str, JsonValue] = {}
    for name, condition in conditions.items():
        played = _moved_alike(condition, study.problem, problem)
        if played is not None and _plays(bare, name, played, study):
            kept[name] = played
    if kept == conditions:
        return check_spec(arm.source(study.source)), arm, ()
    left_out = [name for name in conditions if name not in kept]
    notes: tuple[str, ...] = ()
    if left_out:
        notes = (f"not evaluated under {', '.join(left_out)}, which it cannot play",)
    arm = replace(arm, edits={**arm.edits, "evaluate": kept})
    return check_spec(arm.source(study.source)), arm, notes


def _plays(bare: Arm, name: str, condition: JsonValue, study: Study) -> bool:
    """Whether an arm can play one condition."""
    alone = replace(bare, edits={**bare.edits, "evaluate": {name: condition}})
    try:
        check_spec(alone.source(study.source))
    except SpecError:
        return False
    return True


def _moved_alike(
    condition: Mapping[str, JsonValue], base: Problem, arm: Problem
) -> dict[str, JsonValue] | None:
    """The condition in the words of an arm; None where it has none."""
    played = dict(condition)
    for key in MOVING:
        word = condition.get(key)
        if isinstance(word, str):
            own = _own_word(word, base, arm, with_actions=key == "transform")
            if own is None:
                return None
            played[key] = own
    return played


def _own_word(word: str, base: Problem, arm: Problem, *, with_actions: bool) -> str | None:
    """The word of an arm's group that moves observations, and actions, as `word` of the base's
    does.
    """
    wanted = _moves(word, base, with_actions)
    if arm.group.order > MAX_ELEMENTS:
        candidates: tuple[str, ...] = (word,)
    else:
        # the same word where it means the same
        candidates = (word, *arm.group.elements)
    for candidate in candidates:
        try:
            own = _moves(candidate, arm, with_actions)
        except Refusal:  # no word of this group
            continue
        if own.shape == wanted.shape and np.allclose(own, wanted, atol=1e-9):
            return candidate
    return None


def _moves(word: str, problem: Problem, with_actions: bool) -> np.ndarray:
    """What a word does to an observation and to an action, as numbers."""
    frame = problem.frame
    setting = Setting(frame.interface, frame.observation, problem.action)
    terms = setting.drawn(1, 0)
    problem.group.parse(word)
    moved = [
        act_on_term(term, frame.observation[term.name], word, terms[term.name]).reshape(-1)
        for term in frame.interface.terms
    ]
    if with_actions:
        action = np.random.default_rng(0).standard_normal((1, problem.action.size))
        moved.append(problem.action.act(word, action).reshape(-1))
    return np.concatenate([np.asarray(part, dtype=np.float64) for part in moved])
