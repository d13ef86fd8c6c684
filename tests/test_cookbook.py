"""specs/COOKBOOK.md: every block is checked, every command is parsed, and its own environments are
those it says.
"""

import re
import shlex
from pathlib import Path

import gymnasium
import pytest
import typer

from symgen.cli import app
from symgen.compiler import check_spec, compile_spec
from symgen.errors import SpecError
from symgen.spec.source import from_text

PAGE = (Path(__file__).parent.parent / "specs" / "COOKBOOK.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


YAML, COMMANDS = blocks("yaml"), [line for block in blocks("bash") for line in block.splitlines()]


def sections(text: str) -> dict[str, str]:
    """The text of every top-level section."""
    return {
        part.split(":")[0]: part
        for part in re.split(r"^(?=[a-z]+:)", text, flags=re.MULTILINE)
        if part
    }


def completed(block: str) -> str:
    """A whole spec: what a block leaves out is the first recipe's; its graph and conditions belong
    to it alone.
    """
    return "".join({**sections(YAML[0]), **sections(block)}.values())


@pytest.fixture(autouse=True)
def _own_environments():
    before = dict(gymnasium.registry)
    (module,) = blocks("python")
    exec(compile(module, "my_envs.py", "exec"), {"__name__": "my_envs"})
    yield
    gymnasium.registry.clear()
    gymnasium.registry.update(before)


def test_there_are_recipes():
    assert len(YAML) >= 10
    assert len(COMMANDS) >= 3
    with pytest.raises(SpecError):  # control: a block with a mistake is found out
        check_spec(from_text(completed(YAML[1].replace("2 sign", "3 sign"))))


@pytest.mark.parametrize("number", range(len(YAML)))
def test_every_block_is_a_spec(number):
    check_spec(from_text(completed(YAML[number])))


@pytest.mark.slow
def test_the_ring_is_exact():
    (ring,) = (block for block in YAML if "topology: cycle" in block)
    verified = compile_spec(from_text(completed(ring)), seed=0).verification
    assert verified is not None
    assert verified.exact


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_is_parsed(line):
    program, *words = shlex.split(line)
    assert program == "symgen"
    group = typer.main.get_command(app)
    context = group.make_context("symgen", words)
    name, command, rest = group.resolve_command(context, [*context._protected_args, *context.args])
    command.make_context(name, rest, parent=context)
    with pytest.raises(Exception, match="No such option"):  # control
        command.make_context(name, [*rest, "--no-such-option"], parent=context)
