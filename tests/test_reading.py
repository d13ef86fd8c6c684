"""How much of symgen reads one exact spec: the files and functions that `check_spec` and
`plan_spec` run through, so that somebody who follows a spec through them can.

    python tests/test_reading.py            # the same numbers for every shipped spec

A profile hook counts over the second run in a process, which imports and caches nothing any more.
A function is one with a name: methods and properties are, lambdas and comprehensions belong to the
function around them.
"""

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType
from typing import NamedTuple

import pytest

import symgen
from symgen.compiler import check_spec, plan_spec

PACKAGE = Path(symgen.__file__).parent
ROOT = Path(__file__).parents[1]
FIRST_YAML = re.compile(r"^```yaml\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)

# The most that may be touched by the spec of the first page.
MOST_FILES = 28
MOST_FUNCTIONS = 140
# By one with a group given by generators and relations; these only ever go down.
MOST_FILES_PRESENTED = 30
MOST_FUNCTIONS_PRESENTED = 156


class Touched(NamedTuple):
    """What a run went through.

    Args:
        files: names below symgen/.
        functions: (file, qualified name).
    """

    files: frozenset[str]
    functions: frozenset[tuple[str, str]]


def read_spec(path: Path) -> None:
    plan_spec(check_spec(path))


@contextmanager
def profiled() -> Iterator[set[CodeType]]:
    """The code objects that are called inside."""
    called: set[CodeType] = set()

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            called.add(frame.f_code)

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        yield called
    finally:
        sys.setprofile(before)


def touched_by(read: Callable[[], object]) -> Touched:
    """What a second call of `read` goes through."""
    read()
    with profiled() as called:
        read()
    ours = [code for code in called if Path(code.co_filename).is_relative_to(PACKAGE)]
    named = [code for code in ours if not code.co_name.startswith("<")]
    return Touched(
        frozenset(_below(code) for code in ours),
        frozenset((_below(code), code.co_qualname) for code in named),
    )


def _below(code: CodeType) -> str:
    return str(Path(code.co_filename).relative_to(PACKAGE))


def listing(touched: Touched) -> str:
    """The functions by file, for a test that fails."""
    return "\n".join(
        f"{file}: {', '.join(sorted(name for where, name in touched.functions if where == file))}"
        for file in sorted(touched.files)
    )


@pytest.fixture(scope="module")
def on_the_first_page(tmp_path_factory) -> Touched:
    """What the README's spec goes through: CartPole and its mirror."""
    match = FIRST_YAML.search((ROOT / "README.md").read_text(encoding="utf-8"))
    path = tmp_path_factory.mktemp("reading") / "cartpole.yaml"
    path.write_text(match[1], encoding="utf-8")
    return touched_by(lambda: read_spec(path))


def test_the_first_pages_spec_is_read_by_few_files(on_the_first_page):
    assert len(on_the_first_page.files) <= MOST_FILES, listing(on_the_first_page)


def test_the_first_pages_spec_is_read_by_few_functions(on_the_first_page):
    assert len(on_the_first_page.functions) <= MOST_FUNCTIONS, listing(on_the_first_page)


def test_a_shipped_spec_with_a_presented_group_is_read_by_few():
    touched = touched_by(lambda: read_spec(ROOT / "specs" / "control" / "cartpole_group.yaml"))
    assert len(touched.files) <= MOST_FILES_PRESENTED, listing(touched)
    assert len(touched.functions) <= MOST_FUNCTIONS_PRESENTED, listing(touched)


def test_the_hook_sees_what_runs(on_the_first_page):
    assert ("compiler.py", "check_spec") in on_the_first_page.functions
    assert ("spec/nodes.py", "Builder.build") in on_the_first_page.functions
    graph = touched_by(lambda: read_spec(ROOT / "specs" / "gridworld" / "sit_chiral.yaml"))
    assert len(graph.functions) > MOST_FUNCTIONS  # it can fail
    assert graph.files - on_the_first_page.files
    assert touched_by(lambda: None) == (frozenset(), frozenset())


def main() -> None:
    """A table of all shipped specs."""
    print(f"{'spec':50} {'family':16} {'constraint':10} {'files':>5} {'functions':>9}")
    for path in sorted(ROOT.glob("specs/**/*.yaml")):
        problem = check_spec(path)
        touched = touched_by(lambda path=path: read_spec(path))
        print(
            f"{path.relative_to(ROOT / 'specs')!s:50} {problem.spec.network.family:16} "
            f"{problem.spec.symmetry.constraint_name:10} {len(touched.files):5} "
            f"{len(touched.functions):9}"
        )


if __name__ == "__main__":
    main()
