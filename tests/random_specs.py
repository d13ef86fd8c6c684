"""Random specs that a user might write: environment x group x action x family x options, from a
seed.

Options are drawn from their pydantic models, so that a new family or option is drawn without a line
here. What a spec comes to is `outcome`: refused by `check` with codes, or accepted, compiled and
measured. The law: nothing accepted is broken or without power, and nothing but a SpecError is
raised. By hand, with counts and what was found:

    python -m tests.random_specs --count 1000
"""

import argparse
import itertools
import random
import sys
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import yaml
from pydantic import JsonValue

from symgen import lookup
from symgen.algebra.catalogue import group as named
from symgen.algebra.catalogue import presented
from symgen.compiler import check_spec, compile_spec
from symgen.constraints.relaxed import Options as Relaxed
from symgen.errors import SpecError
from symgen.proofs.verify import APPROXIMATE
from symgen.spec.schema import Graph
from tests.any_spaces import ID
from tests.random_types import KINDS, MOVES, SIZES, RandomTypes, written

RIGHT = ("exact", "approximate")
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
BOUND = ("graph_attention", "group_conv", "group_mlp", "sensor_attention", "steerable_conv")
PICTURED = ("cnn", "vit", "group_conv", "steerable_conv", "graph_attention")

APART = ("grid", "convolutions", "votes", "differences", "normalise_frames", "sees_previous_action")
"""Options of sensors that need others beside them, or an environment that stacks frames."""

Section = dict[str, Any]


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


SEEDS = (0, 1, 2)
"""Of weights: a small network may show little by chance, and a wrong rule shows with all."""


def outcome(spec: dict[str, Any]) -> Outcome:
    """Check a spec and, where it is accepted, compile and measure it in both dtypes; warnings count
    as exceptions. What has no power with some weights is measured with others.
    """
    measured = Outcome(spec)
    for seed in SEEDS:
        measured = _outcome(spec, seed)
        if not any(fault.startswith("no power") for fault in measured.faults):
            break
    return measured


def _outcome(spec: dict[str, Any], seed: int) -> Outcome:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            check_spec(spec)
            measured = compile_spec(spec, seed=seed).verification
        except SpecError as error:
            return Outcome(spec, tuple(sorted({mistake.code for mistake in error.diagnostics})))
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


def outcomes(accepted: int, first: int = 0) -> Iterator[Outcome]:
    """Those of the seeds from `first` on, until so many specs were accepted."""
    left = accepted
    for seed in itertools.count(first):
        if not left:
            return
        drawn = outcome(draw(seed))
        left -= not drawn.refused
        yield drawn


def draw(seed: int) -> dict[str, Any]:
    """The spec of a seed."""
    rng = random.Random(seed)
    return SpecDraw(rng).spec()


class SpecDraw:
    """One spec being drawn."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.family = rng.choice((*lookup.keywords("family"), *BOUND, *BOUND))
        self.algorithm = rng.choice(("", "ppo", "sac"))
        levels = ("gridworld", "minigrid")
        if self.algorithm == "sac" or self.family in ("group_mlp", "sensor_attention"):
            levels = ()
        self.adapter = rng.choice((*levels, *("gymnasium_env",) * 4))
        self.written = self.named_group()
        presentation = isinstance(self.written, dict)
        group = presented(**self.written) if presentation else named(self.written)
        self.draw = RandomTypes(rng, group)

    def coin(self, chance: float = 0.5) -> bool:
        """True with this chance."""
        return self.rng.random() < chance

    def named_group(self) -> str | dict[str, list[str]]:
        """A group that suits the environment and the family, mostly."""
        if self.coin(0.05):
            return self.rng.choice(PRESENTED)
        pictures = self.family in PICTURED
        if self.adapter != "gymnasium_env" or (pictures and self.coin(0.7)):
            return self.rng.choice(PIXELS if self.coin(0.9) else OTHERS)
        return self.rng.choice(TURNING if pictures or self.coin(0.1) else (*PIXELS, *OTHERS))

    def spec(self) -> Section:
        """All sections."""
        sections = self.any_spaces() if self.adapter == "gymnasium_env" else self.level()
        environment, symmetry = sections
        symmetry["group"] = self.written
        binds = lookup.module("family", self.family).BINDS
        symmetry["constraint"] = self.rng.choice(("exact", "relaxed") if binds else ("none",))
        if symmetry["constraint"] == "relaxed" and self.coin():
            symmetry["constraint"] = {"relaxed": self.draw.options(Relaxed)}
        if self.coin(0.2):
            symmetry["output"] = self.rng.choice(("equivariant", "equivariant", "invariant"))
        spec = {
            "symgen": 1,
            "environment": environment,
            "symmetry": symmetry,
            "network": self.network(),
        }
        if self.family == "graph_attention" and self.coin():
            spec["graph"] = self.draw.options(Graph)
        if self.algorithm:
            options = self.draw.options(lookup.options("algorithm", self.algorithm), 0.03)
            spec["train"] = {"algorithm": self.algorithm, "steps": 1000, **options}
        return spec

    def network(self) -> Section:
        """The family's options; a width that the heads and the group divide, mostly."""
        options = self.draw.options(lookup.options("family", self.family))
        if self.family == "sensor_attention" and self.coin(0.9):
            options = {name: value for name, value in options.items() if name not in APART}
            options |= {name: self.rng.choice((8, 12)) for name in ("hidden", "slots", "key_size")}
            options |= {"head": [16], "value_size": self.rng.choice((0, 4)), "key_heads": 2}
        if self.family in ("graph_attention", "vit") and self.coin(0.8):
            options["heads"] = self.rng.choice(SIZES["heads"])
            order = self.draw.group.order
            size = order if self.family == "graph_attention" and order <= 16 else 1
            options["width"] = options["heads"] * size * self.rng.choice((1, 2, 3, 4, 6))
        return {"family": self.family, **options}

    def level(self) -> tuple[Section, Section]:
        """An environment that knows how the usual groups act on it; sometimes it is told another
        action.
        """
        options = self.draw.options(lookup.options("adapter", self.adapter), 0.2)
        if self.adapter == "minigrid":
            options["id"] = self.rng.choice(MINIGRID)
        symmetry: Section = {}
        if self.coin(0.3):
            moves = {g: self.rng.choice(MOVES) for g in self.draw.group.generators}
            states = ("trivial", "grid", "plane", {"observation": moves})
            symmetry["states"] = self.rng.choice(states)
        if self.coin(0.3):
            symmetry["actions"] = "trivial"
        return {"adapter": self.adapter, **options}, symmetry

    def any_spaces(self) -> tuple[Section, Section]:
        """Spaces made for an action of the group on them, as a field type each."""
        kinds = [self.vector, self.vector, self.discrete]
        if self.family == "graph_attention":
            kinds = [self.picture, self.picture, self.tokens]
        elif self.family in PICTURED:
            kinds = [self.picture]
        elif self.family == "sensor_attention":
            kinds = [self.tokens]
        elif self.coin(0.3):
            kinds = [self.picture, self.tokens]
        names = ["observation"] if self.coin(0.7) else ["first", "other"]
        terms: dict[str, Section] = {}
        states: Section = {}
        for name in names:
            kind = self.rng.choice(kinds)
            terms[name], states[name] = kind()
            kinds = [self.vector, self.vector, self.discrete, kinds[0]]
            if self.family == "sensor_attention":
                kinds = kinds[:3]
        kind_of_action = "box"
        if self.algorithm != "sac":
            kind_of_action = self.rng.choice(("n", "n", "box", "choices"))
        action, moves = self.action(kind_of_action)
        if self.algorithm == "sac":
            action["bound"] = 1.0
        kwargs = {"terms": terms, "action": action}
        environment = {"adapter": "gymnasium_env", "id": ID, "kwargs": kwargs}
        return environment, {"states": states, "actions": moves}

    # ---------------------------------------------------------------------------------------------
    # a space, and how the group moves it

    def picture(self) -> tuple[Section, JsonValue]:
        """On the pixels, or between them."""
        rows = self.rng.choice(PICTURES)
        columns = rows if self.coin(0.8) else self.rng.choice(PICTURES)
        base = self.draw.pixels(rows, columns)
        fibre = self.draw.fibre(6) if self.coin(0.3) else f"{self.rng.randint(1, 3)} trivial"
        channels = self.draw.representation(fibre).size
        term = {"shape": [rows, columns, channels], "eight_bit": self.coin(0.2)}
        return term, f"{base}: {fibre}"

    def tokens(self) -> tuple[Section, JsonValue]:
        """Interchangeable places, or places with permutations of their own."""
        group = self.draw.group
        places = self.draw.representation(self.draw.atom(("permutation",), 8))
        fibre = self.draw.fibre(4) if self.coin(0.3) else f"{self.rng.randint(1, 3)} trivial"
        channels = self.draw.representation(fibre).size
        if self.coin() and group.degree <= 8 and group.generators:
            return {"shape": [group.degree, channels]}, f"tokens {group.degree}: {fibre}"

        def image(generator: str) -> str:
            return " ".join(map(str, places.signed_permutation(generator)[0].tolist()))

        text = self.draw.images(image)
        return {"shape": [places.size, channels]}, f"graph {places.size}({text}): {fibre}"

    def vector(self) -> tuple[Section, JsonValue]:
        """Numbers, written as a field type or generator by generator."""
        fibre = self.draw.representation(self.draw.fibre(8))
        term = {"shape": [fibre.size]}
        if self.coin() or not fibre.group.generators:
            return term, f"point: {fibre}"
        return term, {g: written(fibre, g) for g in fibre.group.generators}

    def discrete(self) -> tuple[Section, JsonValue]:
        """An index."""
        fibre = self.draw.representation(self.draw.fibre(8, ("permutation",)))
        return {"n": fibre.size}, f"point: {fibre}"

    def action(self, kind: str) -> tuple[Section, JsonValue]:
        """An action space and how the group moves it; squashed actions are moved up to sign,
        mostly.
        """
        if kind == "choices":
            fibre = self.draw.representation(self.draw.fibre(6, ("permutation",)))
            return {"choices": [fibre.size, 2]}, f"{fibre} + 2 trivial"
        kinds = KINDS
        if kind == "n":
            kinds = ("permutation",)
        elif self.algorithm == "sac" and not self.coin(0.1):
            kinds = ("permutation", "signed")
        fibre = self.draw.representation(self.draw.fibre(6, kinds))
        if self.coin(0.3) and fibre.group.generators:
            return {kind: fibre.size}, {g: written(fibre, g) for g in fibre.group.generators}
        return {kind: fibre.size}, str(fibre)


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
    faults = 0
    start = time.perf_counter()
    for seed, drawn in enumerate(outcomes(given.count, given.first), given.first):
        (refused if drawn.refused else accepted)[drawn.family] += 1
        codes.update(drawn.refused)
        faults += bool(drawn.faults)
        if drawn.faults and not given.quiet:
            text = yaml.safe_dump(drawn.spec, default_flow_style=None)
            print(f"--- seed {seed}", *drawn.faults, text, sep="\n")
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
