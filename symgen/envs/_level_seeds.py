"""Which levels there are: what adapters with levels from seeds share."""

from collections.abc import Mapping
from typing import Annotated

import numpy as np
from pydantic import AfterValidator, BeforeValidator, Field

MAX_LEVELS = 1_000_000
LEVELS = "Number of level seeds, 0 to levels - 1; by default always new ones."
SEED_RANGE = "First level seed and the one after the last; takes the place of levels."
LevelCount = Annotated[int, Field(ge=1, le=MAX_LEVELS)]


def from_list(value: object) -> object:
    """A list of a spec as the tuple that frozen options hold."""
    return tuple(value) if isinstance(value, list) else value


def _in_order(value: tuple[int, int]) -> tuple[int, int]:
    if not 0 <= value[0] < value[1] <= value[0] + MAX_LEVELS:
        raise ValueError(
            f"must be [first, last + 1] with 1 to {MAX_LEVELS} seeds from 0 up, got {list(value)}"
        )
    return value


SeedRange = Annotated[tuple[int, int], BeforeValidator(from_list), AfterValidator(_in_order)]
"""The first level seed and the one after the last."""


def level_range(levels: int | None, seed_range: tuple[int, int] | None) -> range | None:
    """The level seeds that the options `levels` and `seed_range` name; None for all."""
    if seed_range is not None:
        return range(*seed_range)
    return None if levels is None else range(levels)


def given_levels(options: Mapping[str, object] | None, count: int) -> np.ndarray | None:
    """The level seeds that `reset(options={"levels": seeds})` names, (count,); None where it names
    none.

    Raises:
        ValueError: they are not as many as there are environments.
    """
    named = (options or {}).get("levels")
    if named is None:
        return None
    seeds = np.asarray(named, dtype=np.int64)
    if seeds.shape != (count,):
        raise ValueError(f"options['levels'] must hold {count} seeds, got shape {seeds.shape}")
    return seeds
