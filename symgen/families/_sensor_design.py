"""Sensor attention, resolved: which terms are sensors, and the steps from them to the outputs."""

from collections.abc import Sequence
from dataclasses import dataclass

from symgen.algebra.fieldtype import FieldType, vector
from symgen.families._sensor_options import Options
from symgen.families._terms import Feature, heads, layer, made_by
from symgen.operations.operation import Operation
from symgen.operations.plain import channels
from symgen.operations.recurrent import GRU, LSTM
from symgen.operations.sensors import (
    Frames,
    PlaceCode,
    PlaceLayer,
    PlaceMemory,
    Symlog,
    place_channels,
)
from symgen.operations.slots import Pool, SetPooling, SlotAttention, SlotConvolutions, SlotVotes
from symgen.plan.plan import Step
from symgen.problem.output import ACTION, Output, critics
from symgen.problem.problem import Problem

PREVIOUS = ("previous_action", "previous_reward")
"""Terms of what was done last, and of what it brought."""


@dataclass(frozen=True, eq=False)
class Design:
    """What the options mean.

    Args:
        problem: the problem.
        options: the options.
        sensors: the term whose places are the sensors.
        previous: the terms of what was done last that the sensors read.
        points: the terms beside these.
        frames: frames that the environment stacks.
    """

    problem: Problem
    options: Options
    sensors: Feature
    previous: tuple[Feature, ...]
    points: tuple[Feature, ...]
    frames: int

    @property
    def read(self) -> tuple[Feature, ...]:
        """What sensors read beside themselves."""
        return (*self.previous, *self.points)


@dataclass(frozen=True)
class _Seen:
    """The sensors as keys and values are made of them.

    Args:
        keys: what memory or keys read.
        values: what values read.
    """

    keys: Feature
    values: Feature


@dataclass(frozen=True)
class _Trunk:
    """What one side of the network has made of the sensors.

    Args:
        keys: at the sensors.
        values: at the sensors.
        slots: the read-out.
    """

    keys: Feature
    values: Feature
    slots: Feature


def steps(design: Design) -> tuple[Step, ...]:
    """All steps: the sensors' own, a trunk for the policy and each critic, the heads."""
    problem = design.problem
    start, seen = _seen(design)
    shared, trunk = _trunk(design, "" if design.options.shared else "policy_", seen)
    plan = [*start, *shared]
    hidden, actor = _actor(design, trunk)
    plan += hidden
    latent = trunk.slots
    ends = {}
    for output in critics(problem.outputs):
        if not design.options.shared:
            own, trunk = _trunk(design, f"{output.name}_", seen)
            plan += own
        hidden, ends[output.name] = _critic(design, output, trunk)
        plan += hidden
    return (*plan, *heads(problem, actor, ends, latent=latent))


def _seen(design: Design) -> tuple[list[Step], _Seen]:
    """What all trunks read of the sensors: nothing in it is learnt."""
    options = design.options
    sensors = design.sensors
    plan: list[Step] = []

    def then(name: str, operation: Operation) -> Feature:
        plan.append(Step(name, (sensors.name,), operation))
        return made_by(plan[-1])

    if options.squash == "symlog" and sensors.is_real:
        sensors = then("sensors", Symlog(sensors.field))
    keys = values = sensors
    if options.differences:
        keys = then("differences", Frames(sensors.field, design.frames, "differences"))
    if options.normalise_frames:
        values = then("normalised", Frames(sensors.field, design.frames, "normalised"))
    return plan, _Seen(keys, values)


def _trunk(design: Design, prefix: str, seen: _Seen) -> tuple[list[Step], _Trunk]:
    """Keys, values and what is read out of them."""
    options = design.options
    plan: list[Step] = []

    def then(name: str, inputs: Sequence[Feature], operation: Operation) -> Feature:
        plan.append(Step(f"{prefix}{name}", tuple(x.name for x in inputs), operation))
        return made_by(plan[-1])

    keys = seen.keys
    read = [keys, *design.read]
    sources = (keys.field,)
    points = tuple(feature.field for feature in design.read)
    size = options.hidden or options.key_size
    target = place_channels(keys.field, size)
    if options.memory != "none":
        keys = then("memory", read, PlaceMemory(options.memory, target, sources, points))
    else:
        activation = "tanh" if options.hidden else "none"
        keys = then("key_layer", read, PlaceLayer(target, sources, points, activation))
    if options.position_codes:
        keys = then("codes", [keys], PlaceCode(keys.field))
    values = seen.values
    if options.value_size:
        target = place_channels(values.field, options.value_size)
        values = then("value_layer", [values], PlaceLayer(target, (values.field,), (), "none"))
    if options.readout == "attention":
        slots = then("slots", [keys, values], _attention(options, keys.field, values.field))
    else:
        target = place_channels(keys.field, options.key_size)
        both = PlaceLayer(target, (keys.field, values.field), (), "relu")
        joined = then("joined", [keys, values], both)
        pooling: Operation = Pool(joined.field)
        if options.readout == "pma":
            pooling = SetPooling(joined.field, options.slots, options.key_heads)
        slots = then("slots", [joined], pooling)
    if options.grid is not None and options.convolutions:
        layers = tuple((c.channels, c.kernel, c.stride) for c in options.convolutions)
        slots = then("grid", [slots], SlotConvolutions(slots.field, options.grid, layers))
    if options.grid is not None and options.votes:
        slots = then("votes", [slots], SlotVotes(slots.field, options.grid, options.votes))
    if options.head_memory != "none":
        hidden = channels(design.problem.group, memory_size(options))
        cell = {"gru": GRU, "lstm": LSTM}[options.head_memory]
        slots = then("head_memory", [slots], cell(slots.field, hidden))
    return plan, _Trunk(keys, values, slots)


def memory_size(options: Options) -> int:
    """Of the recurrent cell between slots and head."""
    return options.head[0] if options.head else options.key_size


def _attention(options: Options, keys: FieldType, values: FieldType) -> SlotAttention:
    return SlotAttention(
        keys,
        values,
        options.slots,
        options.queries,
        options.query_size,
        options.key_size,
        bool(options.hidden),
        options.weights,
        options.pooling,
        options.scale,
        options.bias,
        options.outer,
    )


def _actor(design: Design, trunk: _Trunk) -> tuple[list[Step], Feature]:
    """What the policy's map reads: of the slots where the group moves no action, at the sensors
    where it does.
    """
    if design.problem.action.is_trivial:
        return _head(design, "policy", [trunk.slots, *design.points])
    return _at_sensors(design, "policy", trunk, [trunk.slots])


def _critic(design: Design, output: Output, trunk: _Trunk) -> tuple[list[Step], Feature]:
    """What a critic's map reads. Where it judges an action that moves with the sensors, each sensor
    reads its own part of it.
    """
    action = Feature(ACTION, vector(design.problem.action))
    if output.moves == "action" and not design.problem.action.is_trivial:
        return _at_sensors(design, output.name, trunk, [trunk.slots])
    if output.reads != "action":
        return _head(design, output.name, [trunk.slots, *design.points])
    if design.problem.action.is_trivial:
        return _head(design, output.name, [trunk.slots, *design.points, action])
    plan, places = _at_sensors(design, output.name, trunk, [trunk.slots, action])
    plan.append(Step(f"{output.name}_pooled", (places.name,), Pool(places.field)))
    return plan, made_by(plan[-1])


def _head(design: Design, name: str, features: Sequence[Feature]) -> tuple[list[Step], Feature]:
    """Layers on invariants; at least one where several features meet."""
    widths = design.options.head
    if not widths and len(features) > 1:
        widths = (design.options.key_size,)
    plan: list[Step] = []
    read = list(features)
    for k, width in enumerate(widths):
        field = channels(design.problem.group, width)
        plan.append(layer(f"{name}_hidden{k + 1}", read, field, design.options.activation))
        read = [made_by(plan[-1])]
    return plan, read[0]


def _at_sensors(
    design: Design, name: str, trunk: _Trunk, points: Sequence[Feature]
) -> tuple[list[Step], Feature]:
    """Layers at the sensors, of which the first reads keys, values and what is known of none."""
    plan: list[Step] = []
    sources = [trunk.keys, trunk.values]
    beside = [*points, *design.points]
    for k, width in enumerate(design.options.head or (design.options.key_size,)):
        operation = PlaceLayer(
            place_channels(trunk.keys.field, width),
            tuple(feature.field for feature in sources),
            tuple(feature.field for feature in beside),
            design.options.activation,
        )
        inputs = tuple(feature.name for feature in (*sources, *beside))
        plan.append(Step(f"{name}_hidden{k + 1}", inputs, operation))
        sources = [made_by(plan[-1])]
        beside = []
    return plan, sources[0]
