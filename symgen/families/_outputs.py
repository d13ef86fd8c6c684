"""What a family has to refuse because an output could show nothing of the symmetry, whatever the
weights.

`verify` would say "no power": the output is a constant, or the same for actions that a generator
exchanges.
"""

from collections.abc import Iterator, Sequence
from itertools import compress

import numpy as np

from symgen.algebra import representation as representations
from symgen.algebra.base import Base
from symgen.algebra.fieldtype import vector
from symgen.algebra.reach import Reach, everything, linear, moved, on_places, pointwise, varies
from symgen.algebra.representation import Representation
from symgen.algebra.sampling import Sampling, covered, window
from symgen.families._rules import moved_fibre
from symgen.problem.fault import Fault
from symgen.problem.output import Output, field_of, reads_action
from symgen.problem.problem import Problem
from symgen.spec.source import Place

NAMES = {"log_std": "deviation of the policy"}
"""What an output is called in a message, where its name does not say it."""


def everything_observed(problem: Problem, pictures: bool = True) -> Reach:
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
    problem: Problem,
    actor: Reach,
    critic: Reach,
    layers: Sequence[Representation],
    path: Place,
    hint: str | None = None,
) -> list[Fault]:
    """no-power: an output that shows nothing of a generator.

    Args:
        problem: the problem.
        actor: what the heads of the actor read.
        critic: what the first of `layers` reads of the observation; outputs that read the action
            read it there.
        layers: fibres of the layers of each critic, between that and its head.
        path: the option that says what the layers carry.
        hint: the way out; None for a fibre that the group moves.
    """
    faults: list[str] = []
    for output in problem.outputs:
        if output.training is not None:
            continue
        if output.reads == "action":
            faults += _action_value_faults(problem, critic, layers)
        elif output.side == "actor" and output.reads == "observation":
            faults += head_faults(problem, output, actor)
        elif output.side == "critic":
            faults += head_faults(problem, output, through(layers, critic))
    return [
        Fault("no-power", path, message, hint or moved_fibre(problem.group))
        for message in faults[:1]
    ]


def mixing(problem: Problem, fibre: Representation) -> list[Representation]:
    """Fibres of the layers that `heads` puts between one shared feature and the critics."""
    return [fibre] if reads_action(problem.outputs) else []


def through(layers: Sequence[Representation], reach: Reach) -> Reach:
    """What dense layers reach of it."""
    for fibre in layers:
        reach = layer(fibre, reach)
    return reach


def head_faults(problem: Problem, output: Output, read: Reach) -> Iterator[str]:
    """An output of the observation that is a constant, or the same for what a generator moves."""
    fibre = field_of(output, problem.action).fibre
    name = NAMES.get(output.name, output.name)
    reach = linear(fibre, *read)
    if not varies(reach):
        way = "to it from what is observed"
        if output.moves == "invariant":
            way = "from what is observed to an invariant"
        yield f"the {name} would be a constant: no map leads {way}"
        return
    for g in problem.group.generators:
        if not moved(reach, g) and moved(everything(vector(fibre)), g):
            yield f"the {name} would be the same for actions that {g} exchanges"


def _action_value_faults(
    problem: Problem, critic: Reach, layers: Sequence[Representation]
) -> Iterator[str]:
    """Action values that are constants, or that cannot tell whether an observation and an action
    were moved together.
    """
    first, *rest = layers
    acts = everything(vector(problem.action))
    one = representations.trivial(problem.group)
    on = [varies(linear(one, *through(rest, (part,)))) for part in layer(first, (*critic, *acts))]
    if not any(on):
        yield "the critics would be constants: no map leads from what they judge to an invariant"
        return
    for g in problem.group.generators:
        if not moved(acts, g):
            continue
        for name, part in (("observation", critic), ("action", acts)):
            if not moved(tuple(compress(linear(first, *part), on)), g):
                yield f"the critics would not see that {g} moves the {name}"
