"""`symmetry.actions` -> the representation on the action's parameters (logits, or the mean)."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from itertools import pairwise

import numpy as np
from pydantic import BaseModel

from symgen.algebra import representation as representations
from symgen.algebra.group import Group
from symgen.algebra.representation import Representation
from symgen.errors import Refusal, near_miss, shown, suggestion
from symgen.problem.adapter import Adapter
from symgen.problem.interface import Action, Interface
from symgen.semantics import moves
from symgen.semantics.field_types import MAX_TEXT
from symgen.semantics.moves import ActedOn
from symgen.semantics.repair import repaired
from symgen.semantics.states import MAX_CHANNELS, known_groups
from symgen.spec.findings import Failed, Findings
from symgen.spec.schema import Move
from symgen.spec.source import Place

PATH = ("symmetry", "actions")
WORDS = ("auto", "trivial", *representations.NAMES)
# Most names of actions in a message.
SHOWN = 8


def resolve_actions(
    written: str | Mapping[str, Move],
    interface: Interface,
    group: Group,
    adapter: Adapter[BaseModel],
    options: BaseModel,
    findings: Findings,
) -> Representation:
    """How the group moves the parameters of the policy. Raises Failed."""
    action = interface.action
    size = action.parameters
    if size > MAX_CHANNELS:
        message = f"the action has {size} parameters; at most {MAX_CHANNELS} are possible"
        hint = "use an environment with fewer actions"
        raise findings.add("too-large", ("environment",), message, hint, key=True)
    if written == "auto":
        representation = _automatic(adapter, options, group, findings)
    elif isinstance(written, str):
        representation = _text(written, action, group, findings)
    else:
        acted_on = ActedOn("the actions", size, group, PATH, findings)
        images = moves.each_generator(acted_on, written, partial(_image, acted_on, action))
        representation = moves.representation(acted_on, images)
    permuted = action.kind == "discrete" and representation.kind == "permutation"
    if not (action.kind == "continuous" or permuted):
        _check_permutes(representation, action, isinstance(written, str), findings)
    return representation


def _automatic(
    adapter: Adapter[BaseModel], options: BaseModel, group: Group, findings: Findings
) -> Representation:
    code = "no-auto"
    keyword = adapter.__name__.rsplit(".", 1)[-1]
    message = f"the adapter {keyword} does not know how {group} moves the actions"
    try:
        representation = adapter.actions(options, group)
        if representation is not None:
            return representation
    except Refusal as error:
        code = error.code or code
        message = str(error)
    hint = "write actions: trivial"
    if group.generators:
        hint = f"spell it out: {{{group.generators[0]}: ...}}, or {hint}"
    hint = known_groups(lambda known: adapter.actions(options, known)) or hint
    raise findings.add(code, PATH, message, hint)


def _text(written: str, action: Action, group: Group, findings: Findings) -> Representation:
    if written == "trivial":
        return representations.direct_sum((action.parameters, representations.trivial(group)))
    try:
        if len(written) > MAX_TEXT:
            raise Refusal(f"a representation has at most {MAX_TEXT} characters", code="too-large")
        representation = representations.parse(group, written)
    except Refusal as error:
        close = repaired(written, error.part, group) or near_miss(written, WORDS)
        hint = f"did you mean '{close}'?"
        if not close:
            hint = "write auto, trivial, a representation, or a list for each generator"
        code = error.code or "bad-representation"
        raise findings.add(code, PATH, str(error), hint) from error
    if representation.size != action.parameters:
        message = (
            f"this representation has size {representation.size}, and the action has "
            f"{action.parameters} ({_names(action)})"
        )
        hint = (
            f"the sizes of its blocks must add up to {action.parameters}: a sign and a trivial "
            "are 1 each"
        )
        raise findings.add("size-mismatch", PATH, message, hint)
    return representation


def _image(acted_on: ActedOn, action: Action, written: Move, path: Place) -> moves.Image:
    """What one generator does to the actions."""
    if written == "trivial":
        return tuple(range(1, acted_on.size + 1))
    if isinstance(written, str):
        message = f"{shown(written)} does not say how the actions move"
        hint = f"write trivial, a list, or a mapping of action names: {_names(action)}"
        raise acted_on.findings.add("bad-representation", path, message, hint)
    if isinstance(written, Mapping):
        return _by_name(written, path, action, acted_on.findings)
    the_action = replace(acted_on, what=f"the action ({_names(action)})")
    rows = [row for row in written if isinstance(row, tuple)]
    if rows:
        return moves.orthogonal_matrix(the_action, rows, path)
    entries = [entry for entry in written if isinstance(entry, int)]
    return moves.signed_permutation(the_action, entries, path)


def _by_name(
    written: Mapping[str, str], path: Place, action: Action, findings: Findings
) -> moves.Signed:
    """A mapping of action names; those not named stay."""
    names = action.names
    failed = False
    for name, target in written.items():
        for word, key in ((name, True), (target, False)):
            if word not in names:
                failed = True
                near = partial(suggestion, word, names, "actions")
                message = f"there is no action {shown(word)}"
                findings.add("unknown-action", (*path, name), message, near, key=key)
    if failed:
        raise Failed
    image = {name: written.get(name, name) for name in names}
    arriving: dict[str, str] = {}
    for name, target in image.items():
        if target in arriving:
            pair = (arriving[target], name)
            unnamed = next((action for action in pair if action not in written), None)
            why = f" ({unnamed} is not named, so it stays)" if unnamed else ""
            message = (
                f"this is not a permutation: {pair[0]} and {pair[1]} both become {target}{why}"
            )
            culprit = name if name in written else pair[0]
            hint = "every action is the image of one action"
            raise findings.add("not-a-permutation", (*path, culprit), message, hint)
        arriving[target] = name
    # number of parameters that belong to each name
    widths = action.sizes if action.kind == "multi_discrete" else (1,) * len(names)
    width = dict(zip(names, widths, strict=True))
    start = dict(zip(names, np.cumsum((0, *widths))[:-1].tolist(), strict=True))
    targets: list[int] = []
    for name in names:
        if width[name] != width[image[name]]:
            message = f"{name} has {width[name]} choices and {image[name]} has {width[image[name]]}"
            hint = "only components of the same size change places"
            raise findings.add("size-mismatch", (*path, name), message, hint)
        targets += [start[image[name]] + k + 1 for k in range(width[name])]
    return tuple(targets)


def _check_permutes(
    representation: Representation, action: Action, printed: bool, findings: Findings
) -> None:
    """A discrete action can only be permuted, and the choices of one component stay together."""
    for generator in representation.group.generators:
        path = PATH if printed else (*PATH, generator)
        image = representation.matrix(generator)
        if not np.isin(image, (0.0, 1.0)).all():
            message = (
                f"{generator} does not permute the actions, and a discrete action can only "
                "become another action"
            )
            hint = "write the list of actions that they become, without signs"
            raise findings.add("action-not-permuted", path, message, hint)
        # a discrete action has one component
        bounds = np.cumsum((0, *action.sizes))
        component = np.repeat(np.arange(len(bounds) - 1), np.diff(bounds))
        targets = image.argmax(0)
        for start, end in pairwise(bounds.tolist()):
            if len(set(component[targets[start:end]].tolist())) > 1:
                message = f"{generator} tears the choices of one component of the action apart"
                hint = (
                    "a component may change places with one of the same size, and its choices "
                    "among themselves"
                )
                raise findings.add("action-not-permuted", path, message, hint)


def _names(action: Action) -> str:
    """The names of an action, for messages."""
    names = ", ".join(action.names[:SHOWN])
    return names + (", ..." if len(action.names) > SHOWN else "")
