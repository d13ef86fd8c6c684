"""Imports run one way, and the front end needs no torch."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import symgen

PACKAGE = Path(symgen.__file__).parent

# Left to right: a part may import only itself and what stands to its left. `__init__` names what
# users call, lazily. "_" stands for the private files beside the entry points, such as those of the
# command line.
PARTS = (
    "explanations errors statistics algebra spec lookup problem envs semantics operations plan "
    "families constraints nn _ proofs compiler rl"
)
ORDER = [*PARTS.split(), "experiment", "pictures", "study", "report", "cli", "__main__"]
TORCH_FREE = set(ORDER) - {"nn", "proofs", "rl", "experiment", "pictures", "study", "report"}
# Heavy libraries and the only files that may import them at module level.
HOME = {
    "minigrid": (),
    "dm_control": (),
    "mujoco": (),
    "escnn": (),
    "ray": (),
    "submitit": (),
    "matplotlib": ("pictures/curve.py",),
}


def part_of(path: Path) -> str:
    return part_named(".".join(path.relative_to(PACKAGE).with_suffix("").parts))


def part_named(module: str) -> str:
    """The part of a module below symgen.

    >>> [part_named(name) for name in ("algebra.group", "_arguments", "errors", "__main__")]
    ['algebra', '_', 'errors', '__main__']
    """
    first = module.split(".")[0]
    return "_" if first.startswith("_") and first != "__main__" else first


def imports(tree: ast.AST, lazy: bool) -> list[str]:
    """Modules that a file imports; without `lazy` only those at module level, and none for type
    checkers alone.
    """
    found: list[str] = []
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            # `from symgen import lookup` imports symgen.lookup
            base = node.module or ""
            found += (
                [f"symgen.{alias.name}" for alias in node.names] if base == "symgen" else [base]
            )
        elif isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            found += imports(ast.Module(node.orelse, []), lazy)
        elif lazy or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            found += imports(node, lazy)
    return found


def wrong_way(path: Path, source: str) -> list[str]:
    """Imports of a file that run from left to right."""
    here = part_of(path)
    modules = imports(ast.parse(source), lazy=False)
    parts = {
        part_named(module.removeprefix("symgen."))
        for module in modules
        if module.startswith("symgen.")
    }
    return sorted(part for part in parts if part in ORDER and ORDER.index(part) > ORDER.index(here))


def files() -> list[Path]:
    return [path for path in sorted(PACKAGE.rglob("*.py")) if path != PACKAGE / "__init__.py"]


def name(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


@pytest.mark.parametrize("path", files(), ids=name)
def test_imports_run_one_way(path):
    assert part_of(path) in ORDER, f"{name(path)} has no place in the order of imports"
    assert wrong_way(path, path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "path", [each for each in files() if part_of(each) in TORCH_FREE], ids=name
)
def test_torch_is_imported_inside_functions_only(path):
    modules = imports(ast.parse(path.read_text(encoding="utf-8")), lazy=False)
    assert not [module for module in modules if module.split(".")[0] == "torch"]


@pytest.mark.parametrize("library", HOME)
def test_heavy_libraries_have_one_home(library):
    def needs(path: Path) -> bool:
        modules = imports(ast.parse(path.read_text(encoding="utf-8")), lazy=False)
        return library in {module.split(".")[0] for module in modules}

    assert {name(path) for path in files() if needs(path)} <= set(HOME[library])


def test_one_file_imports_escnn_and_only_when_it_solves():
    found = set()
    for path in files():
        modules = imports(ast.parse(path.read_text(encoding="utf-8")), lazy=True)
        found |= {name(path) for module in modules if module.split(".")[0] == "escnn"}
    assert found == {"algebra/steerable.py"}


def test_the_import_test_can_fail():
    path = PACKAGE / "algebra" / "group.py"
    assert wrong_way(path, "from symgen.spec.source import read") == ["spec"]
    assert wrong_way(path, "from symgen import lookup, errors") == ["lookup"]
    assert wrong_way(path, "class A:\n    import symgen.rl.ppo") == ["rl"]
    assert wrong_way(path, "try:\n    import symgen.cli\nexcept ImportError: pass") == ["cli"]
    assert wrong_way(path, "import numpy\nfrom symgen.errors import shown") == []
    assert wrong_way(path, "def late():\n    from symgen.rl import ppo") == []
    assert wrong_way(path, "if TYPE_CHECKING:\n    from symgen.rl import ppo") == []
    assert imports(ast.parse("def late():\n    import torch"), lazy=True) == ["torch"]


SPEC = """symgen: 1
environment: {adapter: gridworld}
symmetry: {group: C4}
network: {family: graph_attention}
train: {algorithm: ppo, steps: 1000}
evaluate: {rotated: {transform: r}}
"""
HEAVY = ("torch", "escnn", "minigrid", "dm_control", "matplotlib", "scipy")


def loaded_by(code: str, *arguments: str) -> set[str]:
    """The heavy libraries that a fresh interpreter has loaded after `code`."""
    report = f"\nimport sys; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code + report, *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(ast.literal_eval(done.stdout.splitlines()[-1]))


def test_check_imports_no_torch(tmp_path):
    (tmp_path / "spec.yaml").write_text(SPEC)
    check = "import sys, symgen; symgen.check(sys.argv[1])"
    assert loaded_by(check, str(tmp_path / "spec.yaml")) == set()
    assert "torch" in loaded_by(
        check + "; import symgen.rl.ppo", str(tmp_path / "spec.yaml")
    )  # it can fail


def test_schema_imports_no_torch():
    assert loaded_by("from symgen.semantics.json_schema import json_schema; json_schema()") == set()


def test_reference_imports_no_torch():
    assert loaded_by("from symgen.semantics.reference import markdown; markdown()") == set()


def test_the_command_line_checks_without_torch(tmp_path):
    (tmp_path / "spec.yaml").write_text(SPEC)
    code = (
        "import sys\nfrom symgen.cli import main\nsys.argv = ['symgen', 'check', sys.argv[1]]\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code"
    )
    assert loaded_by(code, str(tmp_path / "spec.yaml")) == set()
