"""What plugs in keeps its contract: the type checker compares each module with its Protocol.

mypy reads this file too (`modules` in pyproject.toml), so that a hook that is missing, or that
takes or returns something else, is an error there. What runs here is that no file is forgotten.
"""

from types import ModuleType

from symgen import lookup
from symgen.envs import dm_control, gridworld, gymnasium_env, minigrid, procgen
from symgen.problem.adapter import Adapter, OptionsT


def as_adapter(module: Adapter[OptionsT]) -> str:
    """The keyword of an adapter; the type checker sees to it that the module is one."""
    return module.__name__.rsplit(".", 1)[-1]


ADAPTERS = (
    as_adapter(dm_control),
    as_adapter(gridworld),
    as_adapter(gymnasium_env),
    as_adapter(minigrid),
    as_adapter(procgen),
)


def hooks(protocol: type) -> set[str]:
    """The names that a Protocol asks for."""
    return {name for name in vars(protocol) if name == "__name__" or not name.startswith("_")}


def missing(module: ModuleType, protocol: type) -> set[str]:
    """The names that a module lacks."""
    return {name for name in hooks(protocol) if not hasattr(module, name)}


def test_every_adapter_stands_under_the_type_checkers_eye() -> None:
    assert lookup.keywords("adapter") == ADAPTERS


def test_every_adapter_has_every_hook() -> None:
    for keyword in lookup.keywords("adapter"):
        assert missing(lookup.module("adapter", keyword), Adapter) == set()


def test_a_missing_hook_is_seen() -> None:
    assert {"make", "title", "Options"} <= hooks(Adapter)
    empty = ModuleType("symgen.envs.nothing")
    assert missing(empty, Adapter) == hooks(Adapter) - {"__name__"}
