"""The contributors' pages name what is there."""

import re
from pathlib import Path

from symgen import lookup
from tests.test_imports import ORDER, PACKAGE

ROOT = Path(__file__).parents[1]
CONTRIBUTING = (ROOT / ".github" / "CONTRIBUTING.md").read_text(encoding="utf-8")
BENCHMARKS = ROOT / "tests" / "benchmarks"


def files(page: str) -> set[str]:
    """The files and folders of the package, and of the repository, that a page names."""
    return set(re.findall(r"`([\w./]+(?:\.py|/))`", page))


def missing(page: str) -> set[str]:
    return {
        name
        for name in files(page)
        if not any((folder / name).exists() for folder in (PACKAGE, ROOT))
    }


def test_every_file_is_there():
    assert len(files(CONTRIBUTING)) > 10
    assert missing(CONTRIBUTING) == set()
    assert missing("`nn/tied_linear.py` and `nn/gone.py`") == {"nn/gone.py"}  # control


def test_imports_run_as_the_page_says():
    [told] = re.findall(r"from left to right in `([^`]+)`", CONTRIBUTING)
    assert told.split() == [part for part in ORDER if not part.startswith("_")]


def test_the_changelog_names_every_family_adapter_and_algorithm():
    page = (ROOT / ".github" / "CHANGELOG.md").read_text(encoding="utf-8")
    assert "## Unreleased" in page
    for kind in ("family", "adapter"):
        assert [keyword for keyword in lookup.keywords(kind) if f"`{keyword}`" not in page] == []
    for keyword in lookup.keywords("algorithm"):
        assert keyword.upper() in page or f"algorithm: {keyword}`" in page


def test_every_benchmark_is_on_its_page():
    page = (BENCHMARKS / "README.md").read_text(encoding="utf-8")
    assert {path.name for path in BENCHMARKS.glob("bench_*.py")} == set(
        re.findall(r"bench_\w+\.py", page)
    )
