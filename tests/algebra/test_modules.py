"""The examples in the docstrings run, and importing the algebra loads numpy and nothing else that is heavy."""

import doctest
import importlib
import pkgutil
import subprocess
import sys
import types

import pytest

import symgen.algebra

MODULES = [f"symgen.algebra.{module.name}" for module in pkgutil.iter_modules(symgen.algebra.__path__)]


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name):
    result = doctest.testmod(importlib.import_module(name), raise_on_error=False)
    assert result.failed == 0


def test_control_a_wrong_example_fails(capsys):
    module = types.ModuleType("wrong", "\n>>> 1 + 1\n3\n")
    assert doctest.testmod(module).failed == 1
    assert "Expected:" in capsys.readouterr().out


def test_there_are_examples():
    finder = doctest.DocTestFinder(exclude_empty=True)
    found = {name: sum(bool(t.examples) for t in finder.find(importlib.import_module(name))) for name in MODULES}
    assert sum(found.values()) >= 15, found


def packages_after(*imports: str) -> set[str]:
    """Names of the third-party packages that a fresh interpreter has loaded after these imports."""
    lines = [f"import {name}" for name in imports]
    program = "\n".join(
        ["import sys", "before = set(sys.modules)", *lines, "print(*sorted(set(sys.modules) - before))"]
    )
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    return {name.partition(".")[0] for name in out.split()} - set(sys.stdlib_module_names)


def test_importing_the_algebra_loads_numpy_only():
    loaded = packages_after(*MODULES)
    assert {name for name in loaded if not name.startswith("_")} <= {"numpy", "symgen", "cython_runtime"}


def test_control_another_package_is_noticed():
    assert "networkx" in packages_after("symgen.algebra.graph", "networkx")
