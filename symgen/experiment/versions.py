"""Which software made a number."""

import datetime
import os
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import symgen
from symgen.envs._trusted import trusted
from symgen.experiment.meaning import MEANING

PACKAGES = (
    "torch",
    "numpy",
    "gymnasium",
    "minigrid",
    "procgen-mirror",
    "ale-py",
    "box2d",
    "safetensors",
    "networkx",
    "escnn",
    "mujoco",
)


def versions() -> dict[str, object]:
    """Python, the packages a result depends on (null where not installed), symgen and its commit,
    machine, command.
    """
    return {
        "symgen": symgen.__version__,
        "commit": commit(),
        "meaning": MEANING,
        "python": platform.python_version(),
        **{name: _version(name) for name in PACKAGES},
        "platform": platform.platform(),
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "imports": trusted(),
        "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
        "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def commit() -> str | None:
    """The commit of symgen's own checkout, with "+changes" where files differ from it; None outside
    one.
    """
    package = Path(symgen.__file__).parent
    # ls-files: a virtual environment inside somebody's repository is not symgen's checkout
    if _git(package, "ls-files", "--error-unmatch", "__init__.py") is None:
        return None
    head = _git(package, "rev-parse", "HEAD")
    changes = _git(package, "status", "--porcelain", "--untracked-files=no", "--", ".")
    return head and head + ("+changes" if changes else "")


def _git(folder: Path, *arguments: str) -> str | None:
    """The output of a git command, None where it fails or git is not installed."""
    try:
        result = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return result.stdout.strip() if result.returncode == 0 else None


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
