"""Every example in a docstring of symgen runs, and none is passed over."""

import ast
import doctest
import importlib
import types
from pathlib import Path

import pytest

import symgen

PACKAGE = Path(symgen.__file__).parent
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def written(path: Path) -> int:
    """Examples in the docstrings of a file, counted without importing it."""
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    docstrings = [ast.get_docstring(node) or "" for node in nodes if isinstance(node, DOCUMENTED)]
    return sum(len(doctest.DocTestParser().get_examples(text)) for text in docstrings)


EXAMPLES = {str(path.relative_to(PACKAGE)): written(path) for path in sorted(PACKAGE.rglob("*.py"))}


def module_of(name: str) -> types.ModuleType:
    parts = Path("symgen", name).with_suffix("").parts
    return importlib.import_module(".".join(part for part in parts if part != "__init__"))


@pytest.mark.parametrize("name", [name for name, count in EXAMPLES.items() if count])
def test_examples_run(name):
    done = doctest.testmod(module_of(name))
    # all that are written are attempted: a decorator may hide a docstring from doctest
    assert (done.attempted, done.failed) == (EXAMPLES[name], 0)


def test_there_are_examples_in_every_part():
    parts = {name.partition("/")[0] for name, count in EXAMPLES.items() if count}
    assert {
        "algebra",
        "envs",
        "experiment",
        "nn",
        "rl",
        "semantics",
        "spec",
        "compiler.py",
    } <= parts
    assert sum(EXAMPLES.values()) >= 100


def test_control_a_wrong_example_fails(capsys):
    module = types.ModuleType("wrong", "\n>>> 1 + 1\n3\n")
    assert doctest.testmod(module).failed == 1
    assert "Expected:" in capsys.readouterr().out


def test_control_a_hidden_example_is_noticed(tmp_path):
    path = tmp_path / "hidden.py"
    path.write_text(
        'def made():\n    def inner():\n        """\n        >>> 1\n        1\n        """\n'
    )
    module = types.ModuleType("hidden")
    exec(path.read_text(), vars(module))
    assert (written(path), doctest.testmod(module).attempted) == (1, 0)
