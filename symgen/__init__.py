"""symgen: a declarative symmetry-spec compiler for reinforcement learning.

    problem = symgen.check("spec.yaml")      # no torch; SpecError lists every mistake
    compiled = symgen.compile("spec.yaml")   # a torch network, and the proof of its symmetry
    trained = symgen.load("runs/spec/base/0")   # the same, with the weights of a training

The names below load on first use, so that `import symgen` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from symgen.compiler import Compiled
    from symgen.compiler import check_spec as check
    from symgen.compiler import compile_spec as compile
    from symgen.errors import Diagnostic, SpecError, UserError
    from symgen.experiment.load import load

__version__ = "0.1.0"
__all__ = [
    "Compiled",
    "Diagnostic",
    "SpecError",
    "UserError",
    "__version__",
    "check",
    "compile",
    "load",
]

_HOME = {
    "Compiled": ("symgen.compiler", "Compiled"),
    "check": ("symgen.compiler", "check_spec"),
    "compile": ("symgen.compiler", "compile_spec"),
    "load": ("symgen.experiment.load", "load"),
    "Diagnostic": ("symgen.errors", "Diagnostic"),
    "SpecError": ("symgen.errors", "SpecError"),
    "UserError": ("symgen.errors", "UserError"),
}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'symgen' has no attribute {name!r}")
    module, attribute = _HOME[name]
    value: object = getattr(import_module(module), attribute)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
