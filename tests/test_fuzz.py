"""Whatever stands in a spec, the answer is a Problem or a SpecError: never another exception, never
a long wait.

Three sources of bad input: bytes that mean nothing, whole specs with something changed, and
mappings made at random.
"""

import copy
import random
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from symgen import lookup
from symgen.compiler import check_spec, plan_spec
from symgen.errors import CODES, SpecError
from symgen.problem.problem import Problem
from symgen.spec.source import MAX_BYTES, from_text

# Together 3,000 cases.
BYTES = 400
MUTATED_TEXT = 700
MUTATED_VALUES = 700
RANDOM = 400
CHOSEN = 800
SECONDS = 15.0

SPECS = [
    """symgen: 1
environment: {adapter: gymnasium_env, id: CartPole-v1}
symmetry: {group: S4, states: {observation: tokens}, actions: trivial}
network: {family: group_mlp, hidden: 8 trivial, memory: gru}
train: {algorithm: ppo, steps: 100_000}
evaluate:
  shuffled: {shuffle: per_episode, memory: zeroed}
  reshuffled: {shuffle: every 100, noise_channels: 2, sigma: 0.5}
  again: {shuffle: {every: 50}, duplicate: 2}
  fewer: {occlude: 0.25}
  holes: {occlude: {fraction: 0.5, zeroed: true}}
""",
    """symgen: 1
environment: {adapter: gridworld, size: 5, view: full}
symmetry:
  group: D4
  states: auto
  actions:
    r: {up: left, left: down, down: right, right: up}
    s: {left: right, right: left}
  constraint: exact
  output: equivariant
graph: {topology: grid, labels: offset, orientation: none}
network: {family: graph_attention, global: {layers: 1}, width: 24, heads: 1, fibre: regular,
          readout: patches}
train: {algorithm: ppo, steps: 1_000, seeds: [0, 1]}
evaluate:
  longer: {environment.max_steps: 40}
  rotated: {transform: rs}
  harder: {environment.crossings: 2}
""",
    """symgen: 1
environment: {adapter: gymnasium_env, id: CartPole-v1}
symmetry:
  group: {generators: [s], relations: [ss]}
  states: {observation: {s: [-1, -2, -3, -4]}}
  actions: {s: [1, 0]}
network: {family: group_mlp, hidden: 4 regular + 2 trivial, depth: 2, activation: tanh}
train: {algorithm: ppo, steps: 100_000, learning_rate: {from: 3e-4, to: 0.0}}
evaluate: {noisy: {observation_noise: 0.1}}
""",
    """symgen: 1
environment: {adapter: gymnasium_env, id: Pendulum-v1}
symmetry:
  group: C2 x D1
  states: {observation: "point: trivial + signed(r=1 2, s=-1 -2)"}
  actions: {r: [[1.0]], s: [-1]}
  constraint: none
network: {family: mlp}
""",
    """symgen: 1
environment: {adapter: gridworld, size: 5, view: rgb, resolution: 10, moves: turn}
symmetry:
  group: C4
  states: {observation: {r: turn}}
  actions: 3 trivial
  output: invariant
graph: {topology: {edges: [[0, 1], [1, 3], [3, 2], [2, 0, {kind: rod}]]}, labels: distance}
network: {family: graph_attention, patch: 5, width: 12, heads: 1}
""",
]
WORDS = """\
auto|trivial|tokens|grid|regular|2 sign|standard|quotient(s)|point: trivial
grid 5x5: 4 trivial|C1|C4|D1|D4|S5|C512|S128|D512 x D512|C2 x C2|C8|r|s|rs|r^9999|srsr
observation|up|left|exact|relaxed|none|complete|king|torus|radius 1e308|radius nan|absolute
kind|graph_attention|group_mlp|cnn|vit|mlp|ppo|gridworld|gymnasium_env|CartPole-v1
8192 trivial|tokens 4: trivial|permutation(r=1 0)|matrix(r=inf)|| |\x7f|é|日本""".replace(
    "\n", "|"
).split("|")
NUMBERS = [
    0,
    1,
    -1,
    2,
    5,
    7,
    10**6,
    2**62,
    -(2**62),
    0.5,
    1e-300,
    1e300,
    float("nan"),
    float("inf"),
    True,
    False,
    None,
]
ATOMS = st.sampled_from([*WORDS, *NUMBERS])
NAMES = """
symgen environment symmetry graph network train evaluate adapter family algorithm group
generators relations states actions constraint output topology edges labels orientation
observation r s hidden depth width patch size view steps seeds relaxed banks transform
environment.size id kwargs from learning_rate
"""
KEYS = st.sampled_from([*NAMES.split(), "", "x" * 300])
VALUES = st.recursive(
    ATOMS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=10,
)
TOKENS = [b"{", b"}", b"[", b"]", b": ", b"\n", b"\t", b"- ", b"&a ", b"*a", b"!", b"'", b"0", b"9"]
SECTIONS = ("symgen", "environment", "symmetry", "graph", "network", "train", "evaluate", "extra")
FUZZ = {
    "deadline": None,
    "derandomize": True,
    "suppress_health_check": list(HealthCheck),
    "database": None,
}


def answer(spec: str | Path | dict[str, Any]) -> Problem | SpecError:
    """What symgen makes of a spec; anything but these two answers, and any warning, escapes and
    fails the test.
    """
    start = time.perf_counter()
    result = refused = None
    try:
        result = check_spec(from_text(spec, "fuzz.yaml") if isinstance(spec, str) else spec)
        assert plan_spec(result).weights > 0
    except SpecError as error:
        refused = error
    for mistake in refused.diagnostics if refused else ():
        assert mistake.code in CODES
        assert str(mistake)
        assert len(mistake.message) < 2000
    assert refused or str(result)
    assert time.perf_counter() - start < SECONDS
    return refused or result


def answer_bytes(data: bytes) -> Problem | SpecError:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fuzz.yaml"
        path.write_bytes(data)
        return answer(path)


@settings(max_examples=BYTES, **FUZZ)
@given(
    st.binary(max_size=400)
    | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass"))
)
def test_arbitrary_bytes(data):
    assert isinstance(answer_bytes(data), SpecError)


@settings(max_examples=MUTATED_TEXT, **FUZZ)
@given(st.sampled_from(SPECS), st.randoms(use_true_random=False))
def test_mutated_text(text, rng):
    """Bytes are flipped, inserted, deleted and doubled in a whole spec."""
    answer_bytes(bytes(mutated_bytes(bytearray(text, "utf-8"), rng)))


def mutated_bytes(data: bytearray, rng: random.Random) -> bytearray:
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(data))
        kind = rng.randrange(5)
        if kind == 0:
            data[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            del data[at : at + rng.randint(1, 8)]
        elif kind == 2:
            data[at:at] = rng.choice(TOKENS)
        elif kind == 3:
            data[at:at] = data[at : at + rng.randint(1, 60)]
        else:
            data[at : at + 1] = bytes([rng.randrange(256)])
    return data


@settings(max_examples=MUTATED_VALUES, **FUZZ)
@given(st.sampled_from(SPECS), st.randoms(use_true_random=False), VALUES)
def test_mutated_values(text, rng, value):
    """Values of a whole spec are replaced, deleted, exchanged and moved: well-formed, and mostly
    wrong in meaning.
    """
    answer(mutated_values(from_text(text).values, rng, value))


def mutated_values(spec: dict[str, Any], rng: random.Random, value: Any) -> dict[str, Any]:
    for _ in range(rng.randint(1, 3)):
        place, key = rng.choice(list(places(spec)) or [(spec, "symgen")])
        kind = rng.randrange(4)
        if kind == 0:
            place[key] = copy.deepcopy(value)
        elif kind == 1:
            place.pop(key, None) if isinstance(place, dict) else place.pop(key)
        elif kind == 2:
            second, name = rng.choice(list(places(spec)) or [(spec, "symgen")])
            here = copy.deepcopy(place[key])
            place[key] = copy.deepcopy(second[name])
            second[name] = here
        elif isinstance(place, dict):
            place[rng.choice(["r", "s", "t", "observation", "width", "", "environment.size"])] = (
                place.pop(key)
            )
        else:
            place.insert(key, copy.deepcopy(place[key]))
    return spec


def places(inner: Any):
    """Every (container, key) inside a value."""
    keys = list(inner) if isinstance(inner, dict) else []
    if isinstance(inner, list):
        keys = range(len(inner))
    for key in keys:
        yield inner, key
        yield from places(inner[key])


@settings(max_examples=RANDOM, **FUZZ)
@given(st.fixed_dictionaries({}, optional=dict.fromkeys(SECTIONS, VALUES)))
def test_random_mappings(spec):
    answer(spec)


# Values that fit the key they stand at, right and wrong ones: combinations of them reach the
# algebra and the plan.
CHOICES = from_text("""
environment.size: [3, 5, 7, 8, 9]
environment.view: [full, egocentric, rgb]
environment.moves: [absolute, turn]
environment.resolution: [9, 10, 24, 25]
symmetry.group: [C1, C2, C4, D1, D2, D4, D4, C8, S4, C2 x C2, {generators: [r], relations: [r^4]}]
symmetry.states:
  [trivial, grid, tokens, "grid 5x5: 4 trivial", {observation: {r: turn}}, {observation: {s: flip}},
   {observation: {r: half_turn, s: mirror}}, {observation: 4 sign},
   {observation: {s: [-1, -2, -3, -4]}}]
symmetry.actions:
  [trivial, regular, standard, permutation, {r: [1, 2, 3, 0]}, {s: [0, 3, 2, 1]},
   {r: [2, 1, 4, 3], s: trivial}, {s: [[0, 1], [1, 0]]}]
symmetry.constraint: [exact, none, relaxed, augment, mirror_loss]
symmetry.output: [equivariant, invariant]
graph.topology: [complete, grid, king, torus, radius 2, {edges: [[0, 1]]}]
graph.labels: [offset, distance, absolute, kind]
network.fibre: [auto, trivial, regular, sign, standard, quotient(s), permutation]
network.hidden: [4 regular, 8 trivial, 2 sign + 2 trivial, standard, 2 quotient(r), 8192 regular]
network.readout: [token, patches, both]
network.width: [7, 16, 32, 48]
network.heads: [1, 2, 3]
network.patch: [1, 2, 3, 5]
network.channels: [[4], [4, 0], [8, 8]]
network.activation: [relu, tanh]
evaluate.moved:
  [{transform: r}, {transform: rs}, {environment.size: 7}, {environment.crossings: 2},
   {seed_range: [5, 9]}, {shuffle: per_episode}, {shuffle: {patch: 3}, observation: r},
   {occlude: {fraction: 0.5, patch: 5}}, {duplicate: 2, memory: zeroed}]
""").values
LIKELY = {"environment": 0.3, "symmetry": 0.25, "graph": 0.3, "network": 0.4, "evaluate": 0.2}


@settings(max_examples=CHOSEN, **FUZZ)
@given(st.randoms(use_true_random=False))
def test_chosen_combinations(rng):
    """Each value possible by itself, their combination perhaps not."""
    answer(chosen(rng))


def chosen(rng: random.Random) -> dict[str, Any]:
    """A spec in which each section has some of the keys that it may have."""
    family = rng.choice(lookup.keywords("family"))
    known = {
        field.alias or name for name, field in lookup.options("family", family).model_fields.items()
    }
    spec: dict[str, Any] = {
        "symgen": 1,
        "environment": {"adapter": "gridworld", "size": 5},
        "symmetry": {"group": rng.choice(["C4", "D4", "C2", "D1"])},
        "network": {"family": family},
    }
    if rng.random() < 0.2:
        spec["environment"] = {"adapter": "gymnasium_env", "id": "CartPole-v1"}
        spec["symmetry"] = {
            "group": "D1",
            "states": {"observation": "4 sign"},
            "actions": "regular",
        }
    if family in ("cnn", "vit", "mlp"):
        spec["symmetry"]["constraint"] = "none"
    for path, values in CHOICES.items():
        section, key = path.split(".")
        unfit = (section == "network" and key not in known) or (
            section == "environment" and "id" in spec[section]
        )
        if not unfit and rng.random() < LIKELY[section]:
            spec.setdefault(section, {})[key] = copy.deepcopy(rng.choice(values))
    return spec


def test_the_seeds_of_the_fuzz_are_mostly_good():
    """Otherwise the mutations would be of something that is refused at once."""
    assert all(isinstance(answer(text), Problem) for text in SPECS)
    some = [answer(chosen(random.Random(seed))) for seed in range(100)]
    assert sum(isinstance(result, Problem) for result in some) > 10


def test_the_fuzz_notices_another_exception(monkeypatch):
    monkeypatch.setattr("symgen.compiler.resolve", lambda *_: {}["missing"])
    with pytest.raises(KeyError):
        answer(SPECS[0])
    monkeypatch.setattr(
        "symgen.compiler.resolve",
        lambda *_: warnings.warn("overflow", RuntimeWarning, stacklevel=1),
    )
    with pytest.raises(RuntimeWarning):
        answer(SPECS[0])


BOMBS = {
    "brackets": "[" * 200_000,
    "braces": "{a: " * 60_000,
    "dashes": "- " * 100_000,
    "keys": "? " * 100_000,
    "bytes": "x: " + "a" * MAX_BYTES,
    "nodes": "x: [" + "1," * 120_000 + "]",
    "laughs": "a0: &a0 [1]\n"
    + "".join(f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 10)}]\n" for k in range(1, 30)),
    "digits": "symgen: " + "9" * 200_000,
    "exponent": "symgen: 1e" + "9" * 200_000,
    "quotes": "x: '" + "a" * 200_000,
    "anchors": "&a " * 80_000,
    "comment": "#" * 200_000,
    "group": "symmetry: {group: S99999999999}",
    "product": "symmetry: {group: " + " x ".join(["S128"] * 30) + "}",
    "relations": "symmetry: {group: {generators: [a, b], relations: ["
    + ", ".join(["a^9999"] * 250)
    + "]}}",
    "infinite": "symmetry: {group: {generators: [a, b], relations: []}}",
    "fibre": "network: {family: group_mlp, hidden: 99999999 regular}",
    "matrix": "symmetry: {group: C2, states: {observation: {r: [" + "[1]," * 15_000 + "]}}}",
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_refused_before_memory_is_spent(name):
    import tracemalloc

    bomb = BOMBS[name]
    sections = from_text(SPECS[1]).values
    if bomb.startswith(("symmetry", "network")):
        rest = {key: value for key, value in sections.items() if not bomb.startswith(key)}
        bomb += "\n" + yaml.safe_dump(rest)
    tracemalloc.start()
    try:
        result = answer_bytes(bomb.encode())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert isinstance(result, SpecError)
    assert peak < 64 * 2**20
