"""sensor_attention: sensors in any order, each with a memory of its own, and slots that attend to
them (Tang and Ha 2021, "The Sensory Neuron as a Transformer: Permutation-Invariant Neural Networks
for Reinforcement Learning", arXiv:2109.02869).

Every sensor is read by the same small network, which sees the previous action too and so finds out
over time which sensor it is; a few slots pool what all of them say. The group permutes the sensors:
it is declared in the spec as any other, and the policy is invariant, or moves with the sensors
where the group permutes the actions, too. Weights do not depend on the number of sensors.
"""

from collections.abc import Mapping

from pydantic import JsonValue

from symgen.algebra.fieldtype import FieldType, vector
from symgen.algebra.graph import Graph
from symgen.algebra.homomorphism import MAX_SIZE
from symgen.algebra.reach import everything
from symgen.algebra.relaxation import Form
from symgen.algebra.tying import MAX_ENTRIES
from symgen.families._outputs import head_faults
from symgen.families._rules import LEAST_COPIES, carries
from symgen.families._sensor_design import PREVIOUS, Design, steps
from symgen.families._sensor_options import Options
from symgen.families._terms import Feature
from symgen.families._widths import scaled_count
from symgen.operations.recurrent import GRU, LSTM
from symgen.operations.sensors import place_channels
from symgen.plan.plan import Step
from symgen.problem.fault import Fault, Refused
from symgen.problem.interface import Term
from symgen.problem.output import actors
from symgen.problem.problem import Problem
from symgen.spec.source import Place

__all__ = ["BINDS", "CARRIES_PLANES", "FORMS", "USES_GRAPH", "Design", "Options", "check", "graph",
           "patch", "plan", "resolve", "scaled", "twin"]  # fmt: skip

BINDS = True
FORMS: tuple[Form, ...] = ("residual",)
CARRIES_PLANES = False
USES_GRAPH = False


def patch(options: Options) -> int:
    """Sensors are read one by one."""
    return 1


def graph(design: Design) -> Graph | None:
    """None."""
    return None


def resolve(problem: Problem, options: Options) -> Design:
    """Which term holds the sensors, and what they read beside themselves.

    Raises:
        Refused: no term does, or several; or something does not exist that an option asks for.
    """
    features = {
        term.name: Feature(term.name, problem.observation[term.name], _is_real(term))
        for term in problem.interface.terms
    }
    spatial = [feature for feature in features.values() if feature.is_spatial]
    alone = len(spatial) == 1 and spatial[0].field.base.size == 1
    if len(spatial) != 1 or spatial[0].field.base.is_picture or alone:
        raise Refused(_no_sensors(problem, spatial))
    sensors = spatial[0]
    others = [feature for feature in features.values() if feature is not sensors]
    previous = [feature for feature in others if feature.name in PREVIOUS]
    asked = "sees_previous_action" in options.model_fields_set and options.sees_previous_action
    if asked and not any(feature.name == PREVIOUS[0] for feature in previous):
        raise Refused(
            Fault(
                "missing-term",
                ("network", "sees_previous_action"),
                "the environment does not show the previous action",
                "write environment: {previous: [action]}",
            )
        )
    if not options.sees_previous_action:
        previous = [feature for feature in previous if feature.name != PREVIOUS[0]]
    points = tuple(feature for feature in others if feature.name not in PREVIOUS)
    return Design(problem, options, sensors, tuple(previous), points, _frames(problem))


def _is_real(term: Term) -> bool:
    return term.dtype.startswith("float")


def _frames(problem: Problem) -> int:
    """Frames in the channels of a sensor."""
    return problem.spec.environment.frames or 1


def _no_sensors(problem: Problem, spatial: list[Feature]) -> Fault:
    if len(spatial) > 1:
        names = ", ".join(feature.name for feature in spatial)
        message = f"sensor_attention reads the sensors of one term, and these have places: {names}"
        hint = "say of all but one that they are vectors, e.g. 'point: 4 trivial'"
        return Fault("no-places", ("symmetry", "states"), message, hint)
    if spatial and not spatial[0].field.base.is_picture:
        message = f"{spatial[0].name} is one sensor, and there is nothing to attend to"
        hint = "use group_mlp or mlp"
        return Fault("no-places", ("symmetry", "states"), message, hint)
    term = problem.interface.terms[0]
    message = "sensor_attention reads sensors, and no term is a set of tokens"
    hint = f"write states: {{{term.name}: tokens}}, with a group that permutes them"
    if term.layout == "vector":
        hint += f", such as S{term.shape[0]}"
    if term.layout == "image":
        hint = "cut the image into tokens: environment: {patches: 6}, states: tokens"
    return Fault("no-places", ("symmetry", "states"), message, hint)


def check(design: Design) -> list[Fault]:
    """Channels that only the places move; frames that can be told apart; further terms that a
    sensor can read; actions that move as sensors do.
    """
    sensors = design.sensors
    if not sensors.field.fibre.is_trivial:
        message = (
            f"sensors are read one by one, and {sensors.field.fibre} moves the channels of one"
        )
        hint = f"write {sensors.name}: tokens, or use another family"
        return [Fault("hidden-fibre", ("network", "family"), message, hint)]
    unplanned = _frame_faults(design) + _grid_faults(design)
    return [
        *(unplanned or _memory_faults(design)),
        *_normalised_faults(design),
        *_reach_faults(design),
    ]


def _frame_faults(design: Design) -> list[Fault]:
    options = design.options
    if options.differences and design.frames < 2:
        message = "there is no difference of frames, for the environment shows one at a time"
        hint = "write environment: {frames: 4}, or differences: false"
        return [Fault("wrong-value", ("network", "differences"), message, hint)]
    channels_of_value = options.value_size or design.sensors.field.fibre.size
    if options.outer == "relu_norm" and channels_of_value < LEAST_COPIES:
        message = f"a slot of {channels_of_value} numbers is normalised, and too little is left"
        hint = f"write value_size: {LEAST_COPIES + 1}, or outer: tanh"
        return [Fault("width", ("network", "outer"), message, hint)]
    size = design.sensors.field.fibre.size // design.frames
    if options.normalise_frames and size < LEAST_COPIES:
        message = f"a frame of a sensor has {size} numbers, of which too little is left at mean 0"
        hint = "leave normalise_frames out, or use larger patches"
        return [Fault("width", ("network", "normalise_frames"), message, hint)]
    return []


def _grid_faults(design: Design) -> list[Fault]:
    """A kernel must lie on the grid of slots."""
    options = design.options
    size = options.slots * (options.value_size or design.sensors.field.fibre.size)
    if options.readout == "pma":
        size = options.slots * options.key_size
    if size > MAX_SIZE:
        message = f"the slots hold {size:,} numbers"
        hint = f"at most {MAX_SIZE:,}: use fewer slots, or a smaller value_size"
        return [Fault("too-large", ("network", "slots"), message, hint)]
    rows, columns = options.grid or (0, 0)
    for k, layer in enumerate(options.convolutions):
        if layer.kernel > min(rows, columns):
            message = f"a kernel of {layer.kernel} cells does not fit on {rows} x {columns} of them"
            place: Place = ("network", "convolutions", k)
            return [
                Fault("too-large", place, message, "use smaller kernels or strides, or more slots")
            ]
        rows = (rows - layer.kernel) // layer.stride + 1
        columns = (columns - layer.kernel) // layer.stride + 1
    return []


def _memory_faults(design: Design) -> list[Fault]:
    """A recurrent cell reads all slots at once."""
    if design.options.head_memory == "none":
        return []
    cell = next(s.operation for s in steps(design) if isinstance(s.operation, GRU | LSTM))
    if cell.weights <= MAX_ENTRIES:
        return []
    message = f"a cell that reads {cell.source.size} numbers has {cell.weights:,} weights"
    hint = f"at most {MAX_ENTRIES:,}: use fewer slots, or a smaller first layer of head"
    return [Fault("too-large", ("network", "head_memory"), message, hint)]


def _normalised_faults(design: Design) -> list[Fault]:
    options = design.problem.algorithm_options
    if options is None or not options.model_dump().get("normalise_observations"):
        return []
    message = "sensor_attention has no running statistics: what a sensor is, is not known"
    hint = "leave normalise_observations out; squash: symlog bounds large numbers"
    return [Fault("wrong-value", ("train", "normalise_observations"), message, hint)]


def _reach_faults(design: Design) -> list[Fault]:
    """What a sensor cannot be told, and actions that cannot be moved with the sensors."""
    problem = design.problem
    places = place_channels(design.sensors.field, 1)
    faults = []
    for feature in design.read:
        for _, atom in feature.field.fibre.blocks:
            if not atom.is_trivial and not carries(places, vector(atom)):
                message = f"{problem.group} moves {feature.name} as {atom}, and no sensor with it"
                hint = "use a family for vectors, such as group_mlp"
                faults.append(Fault("hidden-fibre", ("network", "family"), message, hint))
    if problem.action.is_trivial:
        return faults
    field = FieldType(places.base, places.fibre)
    for output in actors(problem.outputs):
        messages = head_faults(problem, output, everything(field))
        hint = "say how the actions move with the sensors, or actions: trivial"
        faults += [Fault("no-power", ("symmetry", "actions"), text, hint) for text in messages]
    return faults[:1]


def plan(design: Design) -> tuple[Step, ...]:
    """Keys and values of every sensor, slots, heads."""
    return steps(design)


def scaled(design: Design, factor: float) -> Options:
    """Memory, keys, values, convolutions and head; the slots stay as many."""
    options = design.options
    if factor == 1:
        return options
    unit = options.key_heads if options.readout == "pma" else 1
    sizes = {"hidden": options.hidden, "value_size": options.value_size}
    # of which 0 means that there is no such layer
    widths: dict[str, object] = {
        name: scaled_count(size, factor) for name, size in sizes.items() if size
    }
    widths["key_size"] = scaled_count(options.key_size, factor, unit)
    widths["head"] = tuple(scaled_count(units, factor) for units in options.head)
    widths["convolutions"] = tuple(
        layer.model_copy(update={"channels": scaled_count(layer.channels, factor)})
        for layer in options.convolutions
    )
    return options.model_copy(update=widths)


def twin(design: Design) -> Mapping[str, JsonValue]:
    """An MLP with the layers of the head, which reads the sensors in their order, and remembers."""
    options = design.options
    width = max(options.head, default=64)
    alike = options.model_dump(mode="json", include={"activation", "shared", "memory"})
    return {"family": "mlp", "width": width, "depth": max(1, len(options.head)), **alike}
