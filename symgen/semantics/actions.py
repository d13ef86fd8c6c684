"""`symmetry.actions` -> the representation on the action's parameters (logits, or the mean)."""

from collections.abc import Mapping
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
from pydantic import BaseModel

from symgen.algebra import representation as representations
from symgen.algebra.group import Group
from symgen.algebra.representation import Representation
from symgen.errors import Refusal, near_miss, shown, suggestion
from symgen.problem.adapter import Adapter
from symgen.problem.interface import Action, Interface
from symgen.semantics import moves
from symgen.semantics.findings import Failed, Findings
from symgen.semantics.repair import repaired
from symgen.semantics.states import MAX_CHANNELS, MAX_TEXT, known_groups
from symgen.spec.source import Place

PATH = ("symmetry", "actions")
WORDS = ("auto", "trivial", *representations._NAMES)


def resolve_actions(
    written: str | Mapping[str, Any],
    interface: Interface,
    group: Group,
    adapter: Adapter[BaseModel],
    options: BaseModel,
    findings: Findings,
) -> Representation:
    """How the group moves the parameters of the policy. Raises Failed."""
    action = interface.action
    if action.parameters > MAX_CHANNELS:
        message = (
            f"the action has {action.parameters} parameters; at most {MAX_CHANNELS} are possible"
        )
        raise findings.add(
            "too-large",
            ("environment",),
            message,
            "use an environment with fewer actions",
            key=True,
        )
    if isinstance(written, str):
        found = (
            _automatic(adapter, options, group, findings)
            if written == "auto"
            else _text(written, action, group, findings)
        )
    else:
        image = partial(_image, action=action, findings=findings)
        images = moves.each_generator(written, group, PATH, findings, image, "the actions")
        found = moves.representation(
            images, group, action.parameters, PATH, findings, "the actions"
        )
    _check_permutes(found, action, isinstance(written, str), findings)
    return found


def _automatic(
    adapter: Adapter[BaseModel], options: BaseModel, group: Group, findings: Findings
) -> Representation:
    keyword = adapter.__name__.rsplit(".", 1)[-1]
    hint = "write actions: trivial"
    if group.generators:
        hint = f"spell it out: {{{group.generators[0]}: ...}}, or {hint}"
    hint = known_groups(lambda each: adapter.actions(options, each)) or hint
    try:
        found = adapter.actions(options, group)
    except Refusal as error:
        raise findings.add(error.code or "no-auto", PATH, str(error), hint) from error
    if found is None:
        message = f"the adapter {keyword} does not know how {group} moves the actions"
        raise findings.add("no-auto", PATH, message, hint)
    return found


def _text(written: str, action: Action, group: Group, findings: Findings) -> Representation:
    if written == "trivial":
        return representations.direct_sum((action.parameters, representations.trivial(group)))
    try:
        if len(written) > MAX_TEXT:
            raise Refusal(f"a representation has at most {MAX_TEXT} characters", code="too-large")
        found = representations.parse(group, written)
    except Refusal as error:
        close = repaired(written, str(error), group) or near_miss(written, WORDS)
        hint = (
            f"did you mean '{close}'?"
            if close
            else "write auto, trivial, a representation, or a list for each generator"
        )
        code = error.code or "bad-representation"
        raise findings.add(code, PATH, str(error), hint) from error
    if found.size != action.parameters:
        message = (
            f"this representation has size {found.size}, and the action has "
            f"{action.parameters} ({_named(action)})"
        )
        hint = (
            f"the sizes of its blocks must add up to {action.parameters}: a sign and a trivial "
            "are 1 each"
        )
        raise findings.add("size-mismatch", PATH, message, hint)
    return found


def _image(written: Any, path: Place, *, action: Action, findings: Findings) -> moves.Image:
    """What one generator does to the actions."""
    size = action.parameters
    what = f"the action ({_named(action)})"
    if written == "trivial":
        return tuple(range(1, size + 1))
    if isinstance(written, str):
        message = f"{shown(written)} does not say how the actions move"
        hint = f"write trivial, a list, or a mapping of action names: {_named(action)}"
        raise findings.add("bad-representation", path, message, hint)
    if isinstance(written, Mapping):
        return _by_name(written, path, action, findings)
    if written and isinstance(written[0], tuple):
        return moves.orthogonal_matrix(written, size, path, findings, what)
    return moves.signed_permutation(written, size, path, findings, what)


def _by_name(
    written: Mapping[str, str], path: Place, action: Action, findings: Findings
) -> moves.Signed:
    """A mapping of action names; those not named stay."""
    names = action.names
    failed = False
    for name, target in written.items():
        for each, key in ((name, True), (target, False)):
            if each not in names:
                failed = True
                hint = partial(suggestion, each, names, "actions")
                findings.add(
                    "unknown-action",
                    (*path, name),
                    f"there is no action {shown(each)}",
                    hint,
                    key=key,
                )
    if failed:
        raise Failed
    image = {name: written.get(name, name) for name in names}
    arriving: dict[str, str] = {}
    for name, target in image.items():
        if target in arriving:
            pair = (arriving[target], name)
            stays = next((each for each in pair if each not in written), None)
            why = f" ({stays} is not named, so it stays)" if stays else ""
            message = (
                f"this is not a permutation: {pair[0]} and {pair[1]} both become {target}{why}"
            )
            culprit = name if name in written else pair[0]
            raise findings.add(
                "not-a-permutation",
                (*path, culprit),
                message,
                "every action is the image of one action",
            )
        arriving[target] = name
    starts = dict(zip(names, np.cumsum((0, *_widths(action)))[:-1].tolist(), strict=True))
    widths = dict(zip(names, _widths(action), strict=True))
    targets: list[int] = []
    for name in names:
        if widths[name] != widths[image[name]]:
            message = (
                f"{name} has {widths[name]} choices and {image[name]} has {widths[image[name]]}"
            )
            raise findings.add(
                "size-mismatch",
                (*path, name),
                message,
                "only components of the same size change places",
            )
        targets += [starts[image[name]] + k + 1 for k in range(widths[name])]
    return tuple(targets)


def _widths(action: Action) -> tuple[int, ...]:
    """Number of parameters that belong to each name."""
    return action.sizes if action.kind == "multi_discrete" else (1,) * len(action.names)


def _check_permutes(
    found: Representation, action: Action, printed: bool, findings: Findings
) -> None:
    """A discrete action can only be permuted, and the choices of one component stay together."""
    if action.kind == "continuous":
        return
    for generator in found.group.generators:
        path = PATH if printed else (*PATH, generator)
        image = found.matrix(generator)
        if not np.isin(image, (0.0, 1.0)).all():
            message = (
                f"{generator} does not permute the actions, and a discrete action can only "
                "become another action"
            )
            hint = "write the list of actions that they become, without signs"
            raise findings.add("action-not-permuted", path, message, hint)
        targets = image.argmax(0)
        bounds = (
            np.cumsum((0, *action.sizes))
            if action.kind == "multi_discrete"
            else np.array((0, action.parameters))
        )
        owner = np.repeat(np.arange(len(bounds) - 1), np.diff(bounds))
        for start, end in pairwise(bounds.tolist()):
            if len(set(owner[targets[start:end]].tolist())) > 1:
                message = f"{generator} tears the choices of one component of the action apart"
                hint = (
                    "a component may change places with one of the same size, and its choices "
                    "among themselves"
                )
                raise findings.add("action-not-permuted", path, message, hint)


def _named(action: Action) -> str:
    names = ", ".join(action.names[:8])
    return names + (", ..." if len(action.names) > 8 else "")
