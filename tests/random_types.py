"""Random representations and field types of a group, as printed, and random values of options."""

import contextlib
import random
import types
import typing
from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
from pydantic import BaseModel, JsonValue

from symgen.algebra import base as bases
from symgen.algebra import representation as representations
from symgen.algebra.group import Group
from symgen.algebra.representation import Representation

KINDS = ("permutation", "signed", "matrix")
MOVES = ("keep", "turn", "half_turn", "mirror", "flip", "transpose")
SIZES: dict[str, tuple[int | str, ...]] = {
    "width": (4, 8, 12, 16, 24, 32, 48, 64),
    "heads": (1, 1, 2, 3, 4),
    "patch": (1, 1, 1, 2, 3),
    "kernel": (1, 3, 3, 3, 3, 5, 5, 2),
    "stride": (1, 1, 1, 2),
    "padding": (0, 1, 1, 2),
    "pool": (1, 1, 2),
    "expansion": (0, 0, 1, 2),
    "channels": (2, 4, 8),
    "towers": (4, 8),
    "size": (5, 5, 7),
    "resolution": (5, 6, 7, 8, 9, 12),
    "window": (3, 5),
    "downscale": (1, 1, 2),
    "topology": ("complete", "grid", "king", "torus", "radius 2"),
    "labels": ("offset", "absolute", "distance"),
}
"""Small values that fit an option of this name better than a few numbers from its lower bound on.
"""


class RandomTypes:
    """What is drawn for one group.

    Args:
        rng: decides.
        group: the group.
    """

    def __init__(self, rng: random.Random, group: Group) -> None:
        self.rng = rng
        self.group = group

    def coin(self, chance: float = 0.5) -> bool:
        """True with this chance."""
        return self.rng.random() < chance

    # ---------------------------------------------------------------------------------------------
    # representations and bases

    def representation(self, text: str) -> Representation:
        """What a text means for the group."""
        return representations.parse(self.group, text)

    def atom(self, kinds: tuple[str, ...] | None = None, largest: int = 8) -> str:
        """A name of one representation of such a kind, small where there is one."""
        names = [
            name
            for name, size, kind in _atoms(self.group)
            if size <= largest and kind in (kinds or KINDS)
        ]
        return self.rng.choice(names)

    def fibre(self, largest: int, kinds: tuple[str, ...] | None = None) -> str:
        """A sum of representations of at most this size, about."""
        first = self.atom(kinds, largest)
        left = max(largest // self.representation(first).size, 1)
        text = f"{self.rng.randint(1, min(left, 3))} {first}"
        if self.coin(0.3):
            text += f" + {self.rng.randint(1, 2)} {self.atom(kinds, largest)}"
        return text

    def hidden(self) -> str:
        """The fibre of a layer: mostly something with the nonlinearities of most specs, and a few
        copies.
        """
        kinds = ("permutation",) if self.coin(0.6) else None
        first = "regular" if self.coin(0.4) and self.group.order <= 24 else self.atom(kinds, 24)
        text = f"{self.rng.choice((1, 2, 3, 4, 6, 8))} {first}"
        if self.coin(0.3):
            text += f" + {self.rng.randint(1, 4)} {self.atom(kinds, 24)}"
        return text

    def pixels(self, rows: int, columns: int) -> str:
        """A base that the group has, mostly: by its usual moves, between pixels, or by others."""
        usual = f"grid {rows}x{columns}"
        plane = f"plane {rows}x{columns}"
        moved = [f"{usual}({self.images(lambda g: self.rng.choice(MOVES))})" for _ in range(8)]
        if self.coin(0.7):
            texts = [usual, *moved]
        elif self.coin():
            texts = [plane, *moved]
        else:
            texts = [*moved, usual]
        for text in (*texts, plane, usual):
            with contextlib.suppress(ValueError):
                return bases.parse(self.group, text).name
        return usual

    def images(self, image: Callable[[str], str]) -> str:
        """What stands in the brackets of a printed type."""
        return ", ".join(f"{g}={image(g)}" for g in self.group.generators)

    # ---------------------------------------------------------------------------------------------
    # options

    def options(self, model: type[BaseModel], chance: float = 0.5) -> dict[str, JsonValue]:
        """Some of the options of a model; those that it demands always."""
        drawn = {}
        for name, info in model.model_fields.items():
            if info.is_required() or self.coin(chance):
                drawn[info.alias or name] = self.value(name, info.annotation, info.metadata)
        return drawn

    def value(self, name: str, kind: object, bounds: Sequence[object] = ()) -> JsonValue:
        """A value of an annotation, small where the name or the lower bound says what is small."""
        origin = typing.get_origin(kind)
        arguments = typing.get_args(kind)
        if origin is typing.Annotated:
            return self.value(name, arguments[0], arguments[1:])
        of_kind = kind if isinstance(kind, type) else object
        small = [size for size in SIZES.get(name, ()) if isinstance(size, of_kind)]
        if small and (kind in (int, str) or (origin is not tuple and self.coin(0.8))):
            return self.rng.choice(small)
        if origin in (typing.Union, types.UnionType):
            return self.value(name, self.rng.choice(arguments), bounds)
        if origin is typing.Literal:
            return self.rng.choice(arguments)
        if name == "seed_range":
            return [0, self.rng.randint(1, 9)]
        if origin is tuple:
            fixed = len(arguments) != 2 or arguments[1] is not Ellipsis
            kinds = arguments if fixed else (arguments[0],) * self.rng.choice((1, 1, 2, 2, 3))
            return [self.value(name, inner) for inner in kinds]
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return self.options(kind)
        return self.scalar(name, kind, bounds)

    def scalar(self, name: str, kind: object, bounds: Sequence[object]) -> JsonValue:
        """A truth value, a fibre, or a number a little above its lower bound."""
        if kind is bool:
            return self.coin()
        if kind is str and name == "fibre":
            return self.rng.choice(("auto", self.atom(None, 24)))
        if kind is str:
            return self.hidden()
        lower = (getattr(bound, "ge", getattr(bound, "gt", -np.inf)) for bound in bounds)
        least = max((float(bound) for bound in lower), default=0)
        if kind is int:
            return int(max(least, 0)) + self.rng.choice((0, 1, 1, 2))
        return max(least, 0.0) + self.rng.choice((0.1, 0.25, 0.5)) if kind is float else None


@cache
def _atoms(group: Group) -> tuple[tuple[str, int, str], ...]:
    """(name, size, kind) of what the group has by name."""
    names = ["trivial", "regular", "sign", "standard", "permutation"]
    names += [f"irrep({k})" for k in range(4)]
    names += [f"quotient({g})" for g in group.generators]
    atoms = []
    for name in names:
        try:
            atom = representations.parse(group, name)
        except ValueError:  # the group has none of that name
            continue
        atoms.append((name, atom.size, atom.kind))
    return tuple(atoms)


def written(representation: Representation, generator: str) -> JsonValue:
    """One generator of a representation as a list or a matrix."""
    if not representation.is_signed_permutation:
        return representation.matrix(generator).tolist()
    targets, signs = representation.signed_permutation(generator)
    return ((targets + 1) * signs).astype(int).tolist()
