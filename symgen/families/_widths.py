"""Networks made wider or narrower, and the free networks beside them: what studies compare with."""

from collections.abc import Iterable
from typing import TypeVar

from pydantic import BaseModel, JsonValue

from symgen.algebra import representation as representations
from symgen.algebra.group import Group

Layer = TypeVar("Layer", bound=BaseModel)


def scaled_count(count: int, factor: float, unit: int = 1) -> int:
    """So many times the count: a multiple of `unit`, one at least.

    >>> scaled_count(64, 0.5), scaled_count(64, 1.1, unit=8), scaled_count(2, 0.01)
    (32, 72, 1)
    """
    return max(1, round(count * factor / unit)) * unit


def scaled_fibre(group: Group, text: str, factor: float) -> str:
    """The fibre with so many times the copies of every block.

    >>> from symgen.algebra.catalogue import group
    >>> scaled_fibre(group("C4"), "8 regular + 4 trivial", 0.5)
    '4 regular + 2 trivial'
    """
    if factor == 1:
        return text
    blocks = representations.parse(group, text).blocks
    copies = ((scaled_count(count, factor), atom.name) for count, atom in blocks)
    return " + ".join(name if count == 1 else f"{count} {name}" for count, name in copies)


def scaled_fibres(group: Group, texts: Iterable[str], factor: float) -> tuple[str, ...]:
    """The same of several."""
    return tuple(scaled_fibre(group, text, factor) for text in texts)


def scaled_layers(
    group: Group, layers: Iterable[str | Layer], factor: float
) -> tuple[str | Layer, ...]:
    """The same of convolutions, which are fibres or models with `fields`."""
    return tuple(
        scaled_fibre(group, layer, factor)
        if isinstance(layer, str)
        else layer.model_copy(update={"fields": scaled_fibre(group, _fields(layer), factor)})
        for layer in layers
    )


def _fields(layer: BaseModel) -> str:
    return str(layer.model_dump()["fields"])


def free_layers(sizes: Iterable[int], layers: Iterable[BaseModel]) -> list[JsonValue]:
    """The convolutions as `cnn` writes them: as many channels, the same windows. Pooling windows
    that overlap become tiles as wide as their stride.
    """
    written: list[JsonValue] = []
    for size, layer in zip(sizes, layers, strict=True):
        windows = layer.model_dump(mode="json", exclude={"fields"}, exclude_unset=True)
        pool = layer.model_dump()["pool"]
        if isinstance(pool, dict):
            windows["pool"] = pool["stride"]
        written.append({"channels": size, **windows})
    return written
