"""Random specs that a user might write: environment x group x action x family x options, from a
seed.

Options are drawn from their pydantic models, so that a new family or option is drawn without a line
here. What a spec comes to is `outcome`: refused by `check` with codes, or accepted, compiled and
measured. The law: nothing accepted is broken or without power, and nothing but a SpecError is
raised. By hand, with counts and what was found:

    python -m tests.random_specs --count 1000
"""

import argparse
import contextlib
import random
import sys
import time
import types
import typing
import warnings
from collections import Counter
from dataclasses import dataclass
from functools import cache
from typing import Any

import gymnasium
import numpy as np
import yaml
from gymnasium import spaces
from pydantic import BaseModel

from symgen import lookup
from symgen.algebra import base as bases
from symgen.algebra import representation as representations
from symgen.algebra.catalogue import group as named
from symgen.algebra.catalogue import presented
from symgen.algebra.group import Group
from symgen.algebra.representation import Representation
from symgen.compiler import check_spec, compile_spec
from symgen.constraints.relaxed import Options as Relaxed
from symgen.errors import SpecError
from symgen.proofs.verify import APPROXIMATE
from symgen.spec.schema import Graph

RIGHT = ("exact", "approximate")
ID = "AnySpaces-v0"
PIXELS = ("C1", "C2", "C4", "C4", "D1", "D2", "D4", "D4")
OTHERS = ("C3", "C5", "C6", "C8", "D3", "D6", "S2", "S3", "S4", "C2 x C2", "C2 x C4", "D1 x C3")
TURNING = ("C3", "C6", "C8", "D3", "D6", "D8", "SO2", "O2")
PRESENTED = (
    {"generators": ["a", "b"], "relations": ["aa", "bb", "abab"]},
    {"generators": ["i", "j"], "relations": ["iiii", "iijj", "j^3iji"]},
    {"generators": ["s"], "relations": ["ss"]},
)
PICTURES = (3, 4, 5, 6, 7, 8)
MINIGRID = ("MiniGrid-Empty-5x5-v0", "MiniGrid-LavaGapS5-v0", "MiniGrid-DoorKey-5x5-v0")
BOUND = ("graph_attention", "group_conv", "group_mlp", "steerable_conv")
PICTURED = ("cnn", "vit", "group_conv", "steerable_conv", "graph_attention")
MOVES = ("keep", "turn", "half_turn", "mirror", "flip", "transpose")
SIZES: dict[str, tuple[Any, ...]] = {
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


class AnySpaces(gymnasium.Env):
    """An environment of the spaces that it is told; it is never stepped."""

    def __init__(self, terms: dict[str, Any], action: dict[str, Any]) -> None:
        made = {name: self._observed(**term) for name, term in terms.items()}
        self.observation_space = (
            spaces.Dict(made) if list(made) != ["observation"] else made["observation"]
        )
        self.action_space = self._acted(**action)

    @staticmethod
    def _observed(n: int = 0, shape: tuple[int, ...] = (), eight_bit: bool = False) -> spaces.Space:
        if n:
            return spaces.Discrete(n)
        if eight_bit:
            return spaces.Box(0, 255, tuple(shape), np.uint8)
        return spaces.Box(-np.inf, np.inf, tuple(shape), np.float32)

    @staticmethod
    def _acted(
        n: int = 0, choices: tuple[int, ...] = (), box: int = 0, bound: float = np.inf
    ) -> spaces.Space:
        if n:
            return spaces.Discrete(n)
        return (
            spaces.MultiDiscrete(choices)
            if choices
            else spaces.Box(-bound, bound, (box,), np.float32)
        )


if ID not in gymnasium.registry:
    gymnasium.register(ID, entry_point=AnySpaces)


@dataclass(frozen=True)
class Outcome:
    """What symgen makes of a spec.

    Args:
        spec: as it would be written.
        refused: codes of what `check` says; empty where it accepts.
        faults: what must not be: an exception, or a row of the verification.
        coarse: whether turns between pixels, and nothing else, are further off than counts as
            approximate: how far interpolation is off depends on the pictures, and only measuring
            tells. `train` refuses such a network.
    """

    spec: dict[str, Any]
    refused: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    coarse: bool = False

    @property
    def family(self) -> str:
        """The keyword."""
        return self.spec["network"]["family"]


def outcome(spec: dict[str, Any], seed: int = 0) -> Outcome:
    """Check a spec and, where it is accepted, compile and measure it in both dtypes; warnings count
    as exceptions.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            check_spec(spec)
            measured = compile_spec(spec, seed=seed).verification
        except SpecError as error:
            return Outcome(spec, tuple(sorted({each.code for each in error.diagnostics})))
        except Exception as error:
            return Outcome(spec, faults=(f"{type(error).__name__}: {error}",))
    free = spec["symmetry"].get("constraint") == "none"  # claims nothing
    wrong = [
        row
        for row in measured.rows
        if not (np.isfinite(row.error) if free else row.verdict in RIGHT)
    ]
    between = [row for row in wrong if row.tolerance == APPROXIMATE]
    if between == wrong:
        return Outcome(spec, coarse=bool(wrong))
    return Outcome(
        spec, faults=tuple(f"{r.verdict}: {r.output} under {r.generator}, {r}" for r in wrong)
    )


def outcomes(accepted: int, first: int = 0) -> typing.Iterator[Outcome]:
    """Those of the seeds from `first` on, until so many specs were accepted."""
    seed, left = first, accepted
    while left:
        found = outcome(draw(seed))
        left -= not found.refused
        seed += 1
        yield found


def draw(seed: int) -> dict[str, Any]:
    """The spec of a seed."""
    rng = random.Random(seed)
    return _Draw(rng).spec()


class _Draw:
    """One spec being drawn."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.family = rng.choice((*lookup.keywords("family"), *BOUND, *BOUND))
        self.algorithm = rng.choice(("", "ppo", "sac"))
        levels = (
            ()
            if self.algorithm == "sac" or self.family == "group_mlp"
            else ("gridworld", "minigrid")
        )
        self.adapter = rng.choice((*levels, *("gymnasium_env",) * 4))
        self.written: Any = self.named_group()
        self.group = (
            presented(**self.written) if isinstance(self.written, dict) else named(self.written)
        )

    def named_group(self) -> Any:
        """A group that suits the environment and the family, mostly."""
        if self.coin(0.05):
            return self.rng.choice(PRESENTED)
        pictures = self.family in PICTURED
        if self.adapter != "gymnasium_env" or (pictures and self.coin(0.7)):
            return self.rng.choice(PIXELS if self.coin(0.9) else OTHERS)
        return self.rng.choice(TURNING if pictures or self.coin(0.1) else (*PIXELS, *OTHERS))

    def spec(self) -> dict[str, Any]:
        """All sections."""
        environment, symmetry = (
            self.any_spaces() if self.adapter == "gymnasium_env" else self.level()
        )
        symmetry["group"] = self.written
        symmetry["constraint"] = self.rng.choice(
            ("exact", "relaxed") if lookup.module("family", self.family).BINDS else ("none",)
        )
        if symmetry["constraint"] == "relaxed" and self.coin():
            symmetry["constraint"] = {"relaxed": self.options(Relaxed)}
        if self.coin(0.2):
            symmetry["output"] = self.rng.choice(("equivariant", "equivariant", "invariant"))
        spec = {
            "symgen": 1,
            "environment": environment,
            "symmetry": symmetry,
            "network": self.network(),
        }
        if self.family == "graph_attention" and self.coin():
            spec["graph"] = self.options(Graph)
        if self.algorithm:
            drawn = self.options(lookup.options("algorithm", self.algorithm), 0.03)
            spec["train"] = {"algorithm": self.algorithm, "steps": 1000, **drawn}
        return spec

    def network(self) -> dict[str, Any]:
        """The family's options; a width that the heads and the group divide, mostly."""
        drawn = self.options(lookup.options("family", self.family))
        if self.family in ("graph_attention", "vit") and self.coin(0.8):
            drawn["heads"] = self.rng.choice(SIZES["heads"])
            size = (
                self.group.order
                if self.family == "graph_attention" and self.group.order <= 16
                else 1
            )
            drawn["width"] = drawn["heads"] * size * self.rng.choice((1, 2, 3, 4, 6))
        return {"family": self.family, **drawn}

    def coin(self, chance: float = 0.5) -> bool:
        """True with this chance."""
        return self.rng.random() < chance

    def level(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """An environment that knows how the usual groups act on it; sometimes it is told another
        action.
        """
        options = self.options(lookup.options("adapter", self.adapter), 0.2)
        if self.adapter == "minigrid":
            options["id"] = self.rng.choice(MINIGRID)
        symmetry: dict[str, Any] = {}
        if self.coin(0.3):
            moves = {g: self.rng.choice(MOVES) for g in self.group.generators}
            symmetry["states"] = self.rng.choice(
                ("trivial", "grid", "plane", {"observation": moves})
            )
        if self.coin(0.3):
            symmetry["actions"] = "trivial"
        return {"adapter": self.adapter, **options}, symmetry

    def any_spaces(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Spaces made for an action of the group on them, as a field type each."""
        kinds = ["vector", "vector", "discrete"]
        if self.family in PICTURED:
            kinds = (
                ["picture"]
                if self.family != "graph_attention"
                else ["picture", "picture", "tokens"]
            )
        elif self.coin(0.3):
            kinds = ["picture", "tokens"]
        names = ["observation"] if self.coin(0.7) else ["first", "other"]
        terms, states = {}, {}
        for k, name in enumerate(names):
            kind = self.rng.choice(kinds if k == 0 else ["vector", "vector", "discrete", kinds[0]])
            terms[name], states[name] = getattr(self, kind)()
        action, moves = self.action(
            "box" if self.algorithm == "sac" else self.rng.choice(("n", "n", "box", "choices"))
        )
        if self.algorithm == "sac":
            action["bound"] = 1.0
        environment = {
            "adapter": "gymnasium_env",
            "id": ID,
            "kwargs": {"terms": terms, "action": action},
        }
        return environment, {"states": states, "actions": moves}

    def picture(self) -> tuple[dict[str, Any], Any]:
        """On the pixels, or between them."""
        rows = self.rng.choice(PICTURES)
        columns = rows if self.coin(0.8) else self.rng.choice(PICTURES)
        base = self.pixels(rows, columns)
        fibre = self.fibre(6) if self.coin(0.3) else f"{self.rng.randint(1, 3)} trivial"
        term = {
            "shape": [rows, columns, self.representation(fibre).size],
            "eight_bit": self.coin(0.2),
        }
        return term, f"{base}: {fibre}"

    def pixels(self, rows: int, columns: int) -> str:
        """A base that the group has, mostly: by its usual moves, between pixels, or by any others."""
        usual, plane = f"grid {rows}x{columns}", f"plane {rows}x{columns}"
        others = [f"{usual}({self.images(lambda g: self.rng.choice(MOVES))})" for _ in range(8)]
        bases_ = (
            [usual, *others]
            if self.coin(0.7)
            else [plane, *others]
            if self.coin()
            else [*others, usual]
        )
        for base in (*bases_, plane, usual):
            with contextlib.suppress(ValueError):
                return bases.parse(self.group, base).name
        return usual

    def tokens(self) -> tuple[dict[str, Any], Any]:
        """Interchangeable places, or places with permutations of their own."""
        places = self.representation(self.atom(("permutation",), 8))
        fibre = self.fibre(4) if self.coin(0.3) else f"{self.rng.randint(1, 3)} trivial"
        term = {"shape": [places.size, self.representation(fibre).size]}
        if self.coin() and self.group.degree <= 8 and self.group.generators:
            term["shape"][0] = self.group.degree
            return term, f"tokens {self.group.degree}: {fibre}"
        text = self.images(lambda g: " ".join(map(str, places.signed_permutation(g)[0].tolist())))
        return term, f"graph {places.size}({text}): {fibre}"

    def vector(self) -> tuple[dict[str, Any], Any]:
        """Numbers, written as a field type or generator by generator."""
        fibre = self.representation(self.fibre(8))
        term = {"shape": [fibre.size]}
        if self.coin() or not self.group.generators:
            return term, f"point: {fibre}"
        return term, {g: self.move(fibre, g) for g in self.group.generators}

    def discrete(self) -> tuple[dict[str, Any], Any]:
        """An index."""
        fibre = self.representation(self.fibre(8, ("permutation",)))
        return {"n": fibre.size}, f"point: {fibre}"

    def action(self, kind: str) -> tuple[dict[str, Any], Any]:
        """An action space and how the group moves it."""
        if kind == "choices":
            fibre = self.representation(self.fibre(6, ("permutation",)))
            return {"choices": [fibre.size, 2]}, f"{fibre} + 2 trivial"
        fibre = self.representation(self.fibre(6, self.moving(kind)))
        written = str(fibre)
        if self.coin(0.3) and self.group.generators:
            written = {g: self.move(fibre, g) for g in self.group.generators}
        return {kind: fibre.size}, written

    def moving(self, kind: str) -> tuple[str, ...]:
        """What may move actions of a kind: squashed ones up to sign."""
        if kind == "n":
            return ("permutation",)
        return KINDS if self.algorithm != "sac" or self.coin(0.1) else ("permutation", "signed")

    def images(self, image: typing.Callable[[str], str]) -> str:
        """What stands in the brackets of a printed type."""
        return ", ".join(f"{g}={image(g)}" for g in self.group.generators)

    def move(self, fibre: Representation, generator: str) -> Any:
        """One generator as a list or a matrix."""
        if not fibre.is_signed_permutation:
            return fibre.matrix(generator).tolist()
        targets, signs = fibre.signed_permutation(generator)
        return ((targets + 1) * signs).astype(int).tolist()

    def representation(self, text: str) -> Representation:
        """What a text means for the group that was drawn."""
        return representations.parse(self.group, text)

    def atom(self, kinds: tuple[str, ...] | None = None, largest: int = 8) -> str:
        """A name of one representation of such a kind, small where there is one."""
        chosen = [
            each
            for each, size, kind in _atoms(self.group)
            if size <= largest and kind in (kinds or KINDS)
        ]
        return self.rng.choice(chosen)

    def fibre(self, largest: int, kinds: tuple[str, ...] | None = None) -> str:
        """A sum of representations of at most this size, about."""
        first = self.atom(kinds, largest)
        left = max(largest // self.representation(first).size, 1)
        text = f"{self.rng.randint(1, min(left, 3))} {first}"
        return (
            f"{text} + {self.rng.randint(1, 2)} {self.atom(kinds, largest)}"
            if self.coin(0.3)
            else text
        )

    def hidden(self) -> str:
        """The fibre of a layer: mostly something with the nonlinearities of most specs, and a few
        copies.
        """
        kinds = ("permutation",) if self.coin(0.6) else None
        first = "regular" if self.coin(0.4) and self.group.order <= 24 else self.atom(kinds, 24)
        text = f"{self.rng.choice((1, 2, 3, 4, 6, 8))} {first}"
        return (
            f"{text} + {self.rng.randint(1, 4)} {self.atom(kinds, 24)}" if self.coin(0.3) else text
        )

    def options(self, model: type[BaseModel], chance: float = 0.5) -> dict[str, Any]:
        """Some of the options of a model; those that it demands always."""
        drawn = {}
        for name, info in model.model_fields.items():
            if info.is_required() or self.coin(chance):
                drawn[info.alias or name] = self.value(name, info.annotation, info.metadata)
        return drawn

    def value(self, name: str, kind: Any, bounds: typing.Sequence[Any] = ()) -> Any:
        """A value of an annotation, small where the name or the lower bound says what is small."""
        origin, arguments = typing.get_origin(kind), typing.get_args(kind)
        if origin is typing.Annotated:
            return self.value(name, arguments[0], arguments[1:])
        small = [
            each
            for each in SIZES.get(name, ())
            if isinstance(each, kind if isinstance(kind, type) else object)
        ]
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
            return [self.value(name, each) for each in kinds]
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return self.options(kind)
        if kind is bool:
            return self.coin()
        if kind is str:
            return (
                self.rng.choice(("auto", self.atom(None, 24))) if name == "fibre" else self.hidden()
            )
        least = max(
            (float(getattr(each, "ge", getattr(each, "gt", -np.inf))) for each in bounds), default=0
        )
        if kind is int:
            return int(max(least, 0)) + self.rng.choice((0, 1, 1, 2))
        return max(least, 0.0) + self.rng.choice((0.1, 0.25, 0.5)) if kind is float else None


KINDS = ("permutation", "signed", "matrix")


@cache
def _atoms(group: Group) -> tuple[tuple[str, int, str], ...]:
    """(name, size, kind) of what the group has by name."""
    names = [
        "trivial",
        "regular",
        "sign",
        "standard",
        "permutation",
        *(f"irrep({k})" for k in range(4)),
    ]
    names += [f"quotient({g})" for g in group.generators]
    found = []
    for name in names:
        try:
            atom = representations.parse(group, name)
        except ValueError:  # the group has none of that name
            continue
        found.append((name, atom.size, atom.kind))
    return tuple(found)


def main() -> int:
    """Counts per family, refusals by code, and every fault with its spec; status 1 where there is
    one.
    """
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=100, help="specs that are accepted")
    parser.add_argument("--first", type=int, default=0, help="first seed")
    parser.add_argument("--quiet", action="store_true", help="only the counts")
    given = parser.parse_args()
    accepted: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    codes: Counter[str] = Counter()
    faults, coarse, start = 0, 0, time.perf_counter()
    for seed, found in enumerate(outcomes(given.count, given.first), given.first):
        (refused if found.refused else accepted)[found.family] += 1
        codes.update(found.refused)
        faults, coarse = faults + bool(found.faults), coarse + found.coarse
        if found.faults and not given.quiet:
            print(
                f"--- seed {seed}",
                *found.faults,
                yaml.safe_dump(found.spec, default_flow_style=None),
                sep="\n",
            )
    for family in lookup.keywords("family"):
        print(f"{family:<16} {accepted[family]:5} accepted  {refused[family]:5} refused")
    print(*(f"{code:<24} {count:5}" for code, count in codes.most_common()), sep="\n")
    print(
        f"{accepted.total()} accepted, {refused.total()} refused, {faults} faults, "
        f"{time.perf_counter() - start:.0f} s"
    )
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
