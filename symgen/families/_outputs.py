"""What a family has to refuse because an output could show nothing of the symmetry, whatever the
weights.

`verify` would say "no power": the output is a constant, or the same for actions that a generator
exchanges.
"""

from collections.abc import Iterator, Sequence
from itertools import compress
from typing import Any

import numpy as np

from symgen.algebra import representation as representations
from symgen.algebra.base import Base
from symgen.algebra.fieldtype import vector
from symgen.algebra.reach import Reach, everything, linear, moved, on_places, pointwise, varies
from symgen.algebra.representation import Representation
from symgen.algebra.sampling import Sampling, covered, window
from symgen.families._rules import Fault, moved_fibre
from symgen.families._terms import action_field, deviation_field
from symgen.spec.source import Place


def everything_observed(problem: Any, pictures: bool = True) -> Reach:
    """All observation terms; or those beside the picture."""
    fields = problem.observation.values()
    return tuple(
        part for f in fields if pictures or not f.base.is_picture for part in everything(f)
    )


def layer(fibre: Representation, reach: Reach) -> Reach:
    """What a dense layer with a nonlinearity reaches."""
    return pointwise(linear(fibre, *reach))


def windowed(base: Base, sampling: Sampling, reach: Reach, band: np.ndarray | None = None) -> Reach:
    """What a kernel reads of a picture: the pixels of a window, but those that are always padding.

    Args:
        base: the picture.
        sampling: the windows.
        reach: at every pixel.
        band: functions on the pixels of the kernel, shape (pixels, any number), that it is made of;
            None for all.
    """
    inside = covered(base, sampling)
    if band is None and inside.all():
        return on_places(window(base, sampling), reach)
    band = np.eye(len(inside)) if band is None else band
    return on_places(window(base, sampling), reach, band * inside[:, None])


def output_faults(
    problem: Any,
    policy: Reach,
    judged: Reach,
    layers: Sequence[Representation],
    path: Place,
    hint: str | None = None,
) -> list[Fault]:
    """no-power: an output that shows nothing of a generator.

    Args:
        problem: the problem.
        policy: what the head of the policy reads.
        judged: what the first of `layers` reads of the observation; in a critic that judges actions
            it reads those too.
        layers: fibres of the layers of each critic, between that and its head.
        path: the option that says what the layers carry.
        hint: the way out; None for a fibre that the group moves.
    """
    faults = [*_policy_faults(problem, policy), *_critic_faults(problem, judged, layers)]
    return [
        Fault("no-power", path, message, hint or moved_fibre(problem.group))
        for message in faults[:1]
    ]


def _policy_faults(problem: Any, policy: Reach) -> Iterator[str]:
    ends = {"policy": action_field(problem).fibre}
    if problem.critic == "q":
        ends["deviation of the policy"] = deviation_field(problem).fibre
    for name, fibre in ends.items():
        reach = linear(fibre, *policy)
        if not varies(reach):
            yield f"the {name} would be a constant: no map leads to it from what is observed"
            continue
        for g in problem.group.generators:
            if not moved(reach, g) and moved(_whole(fibre), g):
                yield f"the {name} would be the same for actions that {g} exchanges"


def _whole(fibre: Representation) -> Reach:
    """A vector of this fibre that varies as a whole."""
    return everything(vector(fibre))


def _critic_faults(problem: Any, judged: Reach, layers: Sequence[Representation]) -> Iterator[str]:
    if problem.critic == "value":
        if not _leads_on(problem, judged, layers):
            yield "the value would be a constant: no map leads from what is observed to an invariant"
        return
    first, *rest = layers
    acts = _whole(action_field(problem).fibre)
    on = [_leads_on(problem, (part,), rest) for part in layer(first, (*judged, *acts))]
    if not any(on):
        yield "the critics would be constants: no map leads from what they judge to an invariant"
        return
    seen, done = (tuple(compress(linear(first, *each), on)) for each in (judged, acts))
    yield from _blind_to(problem, seen, done)


def _leads_on(problem: Any, reach: Reach, layers: Sequence[Representation]) -> bool:
    """Whether anything of it gets through the layers into an invariant number."""
    for fibre in layers:
        reach = layer(fibre, reach)
    return varies(linear(representations.trivial(problem.group), *reach))


def _blind_to(problem: Any, judged: Reach, acts: Reach) -> Iterator[str]:
    """Critics that cannot tell whether an observation and an action were moved together."""
    for g in problem.group.generators:
        if not moved(_whole(action_field(problem).fibre), g):
            continue
        for name, part in (("observation", judged), ("action", acts)):
            if not moved(part, g):
                yield f"the critics would not see that {g} moves the {name}"
