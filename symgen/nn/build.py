"""An operation becomes a module: the file of the same name in this folder registers how."""

from functools import singledispatch
from importlib import import_module

from torch import nn

from symgen.operations.operation import Operation


@singledispatch
def module(operation: Operation) -> nn.Module:
    """The module that carries out an operation, with initial weights."""
    raise TypeError(f"no file in symgen/nn builds {type(operation).__name__}")


def built(operation: Operation) -> nn.Module:
    """The same, after `nn/<name>.py` of `operations/<name>.py` has been loaded where need be.

    Raises:
        ValueError: the module has not as many weights as the operation says.
    """
    if module.dispatch(type(operation)) is module.dispatch(object):
        import_module(f"symgen.nn.{type(operation).__module__.rpartition('.')[2]}")
    layer = module(operation)
    weights = sum(weight.numel() for weight in layer.parameters())
    if weights != operation.weights:
        raise ValueError(
            f"{type(operation).__name__} has {weights} weights, the plan says {operation.weights}"
        )
    return layer
