"""What is imported is declared, and what is declared is imported."""

import ast
import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
# Where the name of the distribution is not that of the module.
MODULES = {
    "pyyaml": "yaml",
    "pillow": "PIL",
    "pygame-ce": "pygame",
    "stable-baselines3": "stable_baselines3",
}
# Declared, and imported by others alone.
FOR_OTHERS = {
    "tensorboard": "torch.utils.tensorboard writes its files",
    "box2d": "Gymnasium's car drives in it",
    "mujoco": "dm_control's and Gymnasium's; here only bounded",
    "pytest-xdist": "pytest's option -n",
    "joblib": "escnn's",
    "lie-learn": "escnn's",
}
# Imported, and installed without what they declare (see pyproject.toml), so that no extra can hold
# them.
WITHOUT_THEIR_OWN = {"escnn", "procgen"}
# Imported by the scripts that freeze their answers, in environments of their own.
ORACLES = {"rliable", "adastop"}
LINTERS = {"ruff", "mypy"}


def distribution(requirement: str) -> str:
    """imageio for imageio[ffmpeg]>=2.36, dm-control for dm_control>=1.0.20."""
    return re.split(r"[\[<>=!~; ]", requirement)[0].lower().replace("_", "-")


def module(name: str) -> str:
    return MODULES.get(name, name.replace("-", "_"))


def imported(folder: str) -> set[str]:
    """The packages that the files of a folder import, lazily or not, which are not of the standard
    library or ours.
    """
    found, own = set(), {"symgen", "tests"}
    for path in (ROOT / folder).rglob("*.py"):
        if folder == "tests":  # which import one another as neighbours
            own.add(path.stem)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                found.add((node.module or "").split(".")[0])
    return found - own - set(sys.stdlib_module_names)


def declared(*extras: str) -> set[str]:
    """The distributions of the package, and of the extras named."""
    wanted = [*PROJECT["dependencies"], *(each for extra in extras for each in EXTRAS[extra])]
    return {distribution(each) for each in wanted}


def unused(names: set[str], imports: set[str]) -> set[str]:
    return {name for name in names if module(name) not in imports} - set(FOR_OTHERS) - LINTERS


def undeclared(names: set[str], imports: set[str]) -> set[str]:
    return imports - {module(name) for name in names} - WITHOUT_THEIR_OWN - ORACLES


def test_every_dependency_is_imported():
    assert unused(declared(*(EXTRAS.keys() - {"test"})), imported("symgen")) == set()
    assert unused(declared("test"), imported("symgen") | imported("tests")) == set()


def test_every_import_is_declared():
    assert undeclared(declared(*(EXTRAS.keys() - {"test", "dev"})), imported("symgen")) == set()
    assert undeclared(declared("test"), imported("tests")) == set()


def test_what_others_import_is_declared_here_and_not_imported():
    everything = declared(*EXTRAS)
    assert set(FOR_OTHERS) <= everything
    assert (WITHOUT_THEIR_OWN | ORACLES).isdisjoint(map(module, everything))


def test_every_dependency_has_a_tested_version():
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    tested = {distribution(line) for line in lines if "==" in line}
    assert declared(*EXTRAS) - tested == set()


def test_control_a_missing_and_a_needless_dependency_are_noticed():
    imports = imported("symgen")
    assert unused({"numpy", "beartype"}, imports) == {"beartype"}
    assert undeclared(declared() - {"networkx"}, imports) >= {"networkx"}
