"""Layers whose matrices are made of few weights, and may be kept for a while."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

from torch import nn

__all__ = ["Expandable", "held"]

Expansion = TypeVar("Expansion")


class Expandable(nn.Module, Generic[Expansion]):
    """A layer that multiplies with what `expand` makes of its weights.

    Between two updates the weights stay the same, and so does what is made of them: a layer that
    holds it computes the same, faster. Gradients reach its weights where it was made with them.
    """

    _expanded: Expansion | None

    def __init__(self) -> None:
        super().__init__()
        self._expanded = None

    def expand(self) -> Expansion:
        """What the layer multiplies with, made of its weights."""
        raise NotImplementedError

    def expansion(self) -> Expansion:
        """As `expand`, or what is held of it meanwhile."""
        return self.expand() if self._expanded is None else self._expanded

    def hold(self) -> None:
        """Keep what `expand` gives until `release`."""
        self._expanded = self.expand()

    def release(self) -> None:
        """Expand anew at every call."""
        self._expanded = None


@contextmanager
def held(module: nn.Module) -> Iterator[None]:
    """Every layer in a module holds its expansion meanwhile, for many calls in one forward pass.

    Gradients reach the weights through what is held. What is held already stays as it is.
    """
    layers = [layer for layer in module.modules() if isinstance(layer, Expandable)]
    ours = [layer for layer in layers if layer._expanded is None]
    try:
        for layer in ours:
            layer.hold()
        yield
    finally:
        for layer in ours:
            layer.release()
