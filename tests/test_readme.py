"""What the pages say is what happens: their specs are checked, their commands run, their links lead
somewhere.

Numbers of an output may differ from machine to machine; everything else that a console block shows
must be printed.
"""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from symgen import cli
from symgen.compiler import check_spec

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [
    path
    for path in (
        ROOT / "README.md",
        *sorted(ROOT.glob("specs/*.md")),
        *sorted(ROOT.glob(".github/*.md")),
        ROOT / "symgen" / "REFERENCE.md",
        ROOT / "tests" / "benchmarks" / "README.md",
    )
    if path.exists()
]
QUICK = {
    "train": ["--set", "train.steps=512", "--variant", "base", "--episodes", "2", "--quiet"],
    "evaluate": ["--episodes", "2"],
}
"""What a test adds to commands that take minutes."""


def blocks(text, language):
    """The fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


def consoles():
    """(command, output) of every console block, in the order of the page."""
    for block in blocks(README, "console"):
        for entry in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = entry.partition("\n")
            yield command, output


def skeleton(text):
    """A text without its numbers and its spaces."""
    return re.sub(r"[-+]?\d[\d_.,]*(e[-+]?\d+)?", "0", text).split()


def commands(text):
    """Every `symgen ...` of a page's shell and console blocks, one per line, without comments."""
    shells = "\n".join(blocks(text, "bash") + blocks(text, "console"))
    for line in shells.splitlines():
        for part in re.split(r"&&|;|\bdo\b", line.removeprefix("$ ")):
            words = part.split("#")[0].split()
            if words and words[0].endswith("symgen"):
                yield words[1:]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the README's specs, each named by its first line."""
    folder = tmp_path_factory.mktemp("readme")
    for block in blocks(README, "yaml"):
        name = re.match(r"# (\w+\.yaml)", block)
        assert name, "a spec of the README begins with its name"
        (folder / name[1]).write_text(block, encoding="utf-8")
    return folder


def test_the_readme_s_specs_are_right(folder):
    specs = sorted(folder.glob("*.yaml"))
    assert specs
    for spec in specs:
        check_spec(spec)


def test_the_readme_s_commands_print_what_it_shows(folder):
    shown = list(consoles())
    assert {command.split()[1] for command, _ in shown} >= {"check", "check-env", "verify", "train"}
    for command, output in shown:
        verb = command.split()[1]
        arguments = [*command.split()[1:], *QUICK.get(verb, [])]
        process = subprocess.run(
            [sys.executable, "-m", "symgen", *arguments],
            cwd=folder,
            capture_output=True,
            text=True,
            env={
                "PATH": "",
                "PYTHONPATH": str(ROOT),
                "COLUMNS": "100",
                "OMP_NUM_THREADS": "1",
                "HOME": str(folder),
            },
            check=False,
        )
        printed = skeleton(process.stdout)
        assert process.returncode in (0, 1), process.stderr
        for line in output.splitlines():
            if re.search(
                "[a-z]", line
            ):  # not the rules of a table, whose lengths follow from the numbers
                words = skeleton(line)
                assert any(printed[k : k + len(words)] == words for k in range(len(printed))), (
                    command,
                    line,
                    process,
                )


def test_the_readme_s_python_runs(folder, monkeypatch):
    monkeypatch.chdir(folder)
    found = blocks(README, "python")
    assert found
    for block in found:
        exec(compile(block, "README.md", "exec"), {})


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files(page):
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_of_the_pages_exist(page):
    """Verbs and options are known, and the shipped specs that are named are there."""
    group = typer.main.get_command(cli.app)
    for words in commands(page.read_text(encoding="utf-8")):
        bare = [word for word in words if not any(mark in word for mark in "$<>|{}")]
        context = group.make_context("symgen", list(bare), resilient_parsing=True)
        verb = group.get_command(
            context, next((word for word in bare if word in group.commands), "")
        )
        assert verb is not None or "--help" in bare or "--install-completion" in bare, words
        known = {
            name
            for parameter in (*group.params, *(verb.params if verb else ()))
            for name in parameter.opts
        }
        options = {word.split("=")[0] for word in bare if word.startswith("--")}
        assert options <= known | {"--help"}, words
        for word in bare:
            if word.startswith("specs/"):
                assert (ROOT / word).exists(), word


def test_the_set_up_lines_name_extras_and_specs_that_exist():
    for mark in ("train", "test"):
        line = re.search(rf"<!-- {mark} -->\n```bash\n(.*?)\n```", README)
        assert line, mark
        for extra in re.findall(r"\.\[(\w+)\]", line[1]):
            assert f"\n{extra} = [" in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
        for spec in re.findall(r"specs/\S+\.yaml", line[1]):
            check_spec(ROOT / spec)


def test_a_false_readme_is_found():
    """The control: another word, and an output that lacks a line, are seen; another number is
    not.
    """
    assert skeleton("s  200  holds 1.5e-08") == skeleton("s 3 holds -2e+01")
    assert skeleton("s  200  holds") != skeleton("s 200 refuted")
    assert list(commands("```bash\nsymgen check a.yaml && symgen plan a.yaml  # both\n```\n")) == [
        ["check", "a.yaml"],
        ["plan", "a.yaml"],
    ]
