"""What plugs in keeps its contract: the type checker compares each module with its Protocol.

mypy reads this file too (`modules` in pyproject.toml), so that a hook that is missing, or that
takes or returns something else, is an error there. What runs here is that no file is forgotten.
"""

from pathlib import Path
from types import ModuleType

import pytest

import symgen
from symgen import lookup
from symgen.constraints import augment, exact, mirror_loss, none, relaxed
from symgen.envs import (
    atari,
    car_racing,
    cartpole_swingup,
    dm_control,
    gridworld,
    gymnasium_env,
    minigrid,
    procgen,
)
from symgen.families import (
    cnn,
    graph_attention,
    group_conv,
    group_mlp,
    mlp,
    sensor_attention,
    steerable_conv,
    vit,
)
from symgen.problem.adapter import Adapter, OptionsT
from symgen.problem.algorithm import Algorithm, Declaration
from symgen.problem.algorithm import OptionsT as TrainOptionsT
from symgen.problem.constraint import Constraint
from symgen.problem.family import DesignT, Family
from symgen.rl import (
    _clone_options,
    _discrete_sac_options,
    _ppo_options,
    _sac_options,
    clone,
    discrete_sac,
    ppo,
    sac,
)


def as_adapter(module: Adapter[OptionsT]) -> str:
    """The keyword of an adapter; the type checker sees to it that the module is one."""
    return module.__name__.rsplit(".", 1)[-1]


ADAPTERS = (
    as_adapter(atari),
    as_adapter(car_racing),
    as_adapter(cartpole_swingup),
    as_adapter(dm_control),
    as_adapter(gridworld),
    as_adapter(gymnasium_env),
    as_adapter(minigrid),
    as_adapter(procgen),
)


def as_declaration(module: Declaration[TrainOptionsT]) -> str:
    """The keyword of an algorithm, of the module that declares it."""
    return module.__name__.rsplit(".", 1)[-1].removeprefix("_").removesuffix("_options")


def as_algorithm(module: Algorithm[TrainOptionsT]) -> str:
    """The keyword of an algorithm, of the module that trains."""
    return module.__name__.rsplit(".", 1)[-1]


DECLARATIONS = (
    as_declaration(_clone_options),
    as_declaration(_discrete_sac_options),
    as_declaration(_ppo_options),
    as_declaration(_sac_options),
)
ALGORITHMS = (
    as_algorithm(clone),
    as_algorithm(discrete_sac),
    as_algorithm(ppo),
    as_algorithm(sac),
)


def as_family(module: Family[OptionsT, DesignT]) -> str:
    """The keyword of a family; its design is what its rules and its plan both read."""
    return module.__name__.rsplit(".", 1)[-1]


FAMILIES = (
    as_family(cnn),
    as_family(graph_attention),
    as_family(group_conv),
    as_family(group_mlp),
    as_family(mlp),
    as_family(sensor_attention),
    as_family(steerable_conv),
    as_family(vit),
)


def as_constraint(module: Constraint[OptionsT]) -> str:
    """The keyword of a constraint."""
    return module.__name__.rsplit(".", 1)[-1]


CONSTRAINTS = (
    as_constraint(augment),
    as_constraint(exact),
    as_constraint(mirror_loss),
    as_constraint(none),
    as_constraint(relaxed),
)


PROTOCOLS: dict[lookup.Kind, type] = {
    "adapter": Adapter,
    "family": Family,
    "constraint": Constraint,
}


def hooks(protocol: type) -> set[str]:
    """The names that a Protocol asks for."""
    return {name for name in vars(protocol) if name == "__name__" or not name.startswith("_")}


def missing(module: ModuleType, protocol: type) -> set[str]:
    """The names that a module lacks."""
    return {name for name in hooks(protocol) if not hasattr(module, name)}


def test_every_file_stands_under_the_type_checkers_eye() -> None:
    assert lookup.keywords("adapter") == ADAPTERS
    assert lookup.keywords("family") == FAMILIES
    assert lookup.keywords("constraint") == CONSTRAINTS


def test_every_file_has_every_hook() -> None:
    for kind, protocol in PROTOCOLS.items():
        for keyword in lookup.keywords(kind):
            assert missing(lookup.module(kind, keyword), protocol) == set(), keyword


def test_every_algorithm_stands_under_the_type_checkers_eye() -> None:
    assert lookup.keywords("algorithm") == ALGORITHMS == DECLARATIONS


def test_every_algorithm_has_every_hook() -> None:
    for keyword in lookup.keywords("algorithm"):
        assert missing(lookup.declaration("algorithm", keyword), Declaration) == set()
        assert missing(lookup.module("algorithm", keyword), Algorithm) == set()


def test_a_missing_hook_is_seen() -> None:
    assert {"check", "outputs", "Options"} <= hooks(Declaration)
    assert {"Learner", "METRICS", "Options"} <= hooks(Algorithm)
    assert {"make", "title", "Options"} <= hooks(Adapter)
    empty = ModuleType("symgen.envs.nothing")
    assert missing(empty, Adapter) == hooks(Adapter) - {"__name__"}


HOOKS = Path(symgen.__file__).parent / "envs" / "procgen.py"
WRONG = {
    "as it is": ("", ""),
    "a hook is missing": ("def title(", "def titel("),
    "a hook returns something else": (
        "def names(options: Options) -> dict[str, tuple[str, ...]]:",
        "def names(options: Options) -> int:",
    ),
    "a hook takes something else": (
        "def title(options: Options) -> str:",
        "def title(options: str) -> str:",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", WRONG)
def test_the_type_checker_refuses_a_module_that_breaks_the_contract(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = pytest.importorskip("mypy.api", reason="needs mypy")
    before, after = WRONG[name]
    text = HOOKS.read_text(encoding="utf-8")
    assert before in text
    (tmp_path / "changed.py").write_text(text.replace(before, after), encoding="utf-8")
    (tmp_path / "asked.py").write_text(
        "import changed\nfrom tests.test_contracts import as_adapter\nas_adapter(changed)\n"
    )
    root = Path(symgen.__file__).parents[1]
    monkeypatch.setenv("MYPYPATH", f"{tmp_path}:{root}")
    monkeypatch.chdir(root)
    said, errors, _ = api.run(["-m", "asked"])
    assert not errors
    assert ("asked.py:3: error" in said) == (before != after), said
