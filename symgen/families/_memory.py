"""Memory in a family: a recurrent cell after its hidden layers, with their type."""

from typing import Literal

from symgen.algebra.fieldtype import FieldType
from symgen.algebra.tying import MAX_ENTRIES
from symgen.families._rules import moved_fibre
from symgen.families._terms import Feature
from symgen.operations.operation import Operation
from symgen.operations.recurrent import GATES, GRU, LSTM, FreeGRU, FreeLSTM, Kind
from symgen.plan.plan import Step
from symgen.problem.fault import Fault
from symgen.spec.source import Place

Memory = Literal["none", Kind]
DESCRIPTION = "recurrent cell after the hidden layers, as wide as they are"


def memory(prefix: str, feature: Feature, kind: Kind, is_free: bool = False) -> Step:
    """The step that remembers.

    Args:
        prefix: whose memory it is, such as "policy_".
        feature: what it reads; the output has the same type.
        kind: which cell.
        is_free: whether no group binds it.
    """
    return Step(f"{prefix}memory", (feature.name,), _operation(feature.field, kind, is_free))


def memory_faults(hidden: FieldType, kind: Kind) -> list[Fault]:
    """pointwise-nonlinearity: gates open and shut every channel alone. too-large: so many gates.

    Args:
        hidden: type of the hidden layers, which the memory has.
        kind: which cell.
    """
    path: Place = ("network", "memory")
    if hidden.fibre.kind != "permutation":
        message = f"the gates of {kind} do not commute with the fibre {hidden.fibre}"
        hint = (
            "use a fibre that permutes its channels (regular, quotient, trivial), or memory: none"
        )
        if hidden.group.is_continuous:
            hint = f"{moved_fibre(hidden.group)}; or memory: none"
        return [Fault("pointwise-nonlinearity", path, message, hint)]
    gates = GATES[kind] * hidden.size
    if gates * hidden.size > MAX_ENTRIES:
        message = f"a map of {gates} x {hidden.size} entries is more than {MAX_ENTRIES}"
        return [Fault("too-large", path, message, "use fewer copies, or memory: none")]
    return []


def _operation(field: FieldType, kind: Kind, is_free: bool) -> Operation:
    if kind == "gru":
        return FreeGRU(field, field) if is_free else GRU(field, field)
    return FreeLSTM(field, field) if is_free else LSTM(field, field)
