"""Importing the algebra loads numpy and nothing else that is heavy."""

import pkgutil
import subprocess
import sys

import symgen.algebra

MODULES = [
    f"symgen.algebra.{module.name}" for module in pkgutil.iter_modules(symgen.algebra.__path__)
]


def packages_after(*imports: str) -> set[str]:
    """Names of the third-party packages that a fresh interpreter has loaded after these imports."""
    lines = [f"import {name}" for name in imports]
    program = "\n".join(
        [
            "import sys",
            "before = set(sys.modules)",
            *lines,
            "print(*sorted(set(sys.modules) - before))",
        ]
    )
    out = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout
    return {name.partition(".")[0] for name in out.split()} - set(sys.stdlib_module_names)


def test_importing_the_algebra_loads_numpy_only():
    loaded = packages_after(*MODULES)
    assert {name for name in loaded if not name.startswith("_")} <= {
        "numpy",
        "symgen",
        "cython_runtime",
    }


def test_control_another_package_is_noticed():
    assert "networkx" in packages_after("symgen.algebra.graph", "networkx")
