"""What is typed: by which name, with the Tab key, and wrongly."""

import json
import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from symgen.cli import app
from symgen.errors import CODES
from symgen.spec.source import read
from tests.experiment.doubles import SPEC

MODULE = [sys.executable, "-m", "symgen"]
SCRIPT = [
    sys.executable,
    "-c",
    "import sys; sys.argv[0] = 'symgen'; from symgen.cli import main; main()",
]


@pytest.fixture
def spec(tmp_path) -> str:
    path = tmp_path / "tiny.yaml"
    path.write_text(read(SPEC).text)
    return str(path)


def run(*words: object):
    return CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)


def ended(words: list[str], **environment: str) -> subprocess.CompletedProcess:
    variables = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
    return subprocess.run(words, capture_output=True, text=True, env=variables)


def test_the_module_is_the_command(spec):
    done = ended([*MODULE, "check", spec])
    assert (done.returncode, done.stderr) == (0, "")
    assert "tiny.yaml: ok" in done.stdout
    assert ended([*MODULE, "check", "nowhere.yaml"]).returncode == 2  # control


@pytest.mark.parametrize("shell", ["bash", pytest.param("zsh", marks=pytest.mark.slow)])
def test_the_script_that_completes(shell):
    script = ended(SCRIPT, _SYMGEN_COMPLETE=f"source_{shell}").stdout
    assert "complete_" + shell in script


def test_a_verb_and_an_option_are_completed():
    def completed(words: str, place: int) -> list[str]:
        typed = {"COMP_WORDS": words, "COMP_CWORD": str(place)}
        return ended(SCRIPT, _SYMGEN_COMPLETE="complete_bash", **typed).stdout.split()

    assert completed("symgen che", 1) == ["check", "check-env"]
    assert "--resume" in completed("symgen train --re", 2)
    assert completed("symgen nonsense", 1) == []  # control


def test_completion_can_be_installed():
    assert "--install-completion" in run("--help").stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["check"], "Missing argument"),
        (["frobnicate"], "frobnicate"),
        (["check", "SPEC", "--frobnicate"], "--frobnicate"),
        (["check", "SPEC", "--set", "network.width"], "PATH=VALUE"),
        (["verify", "SPEC", "--dtype", "float16"], "float16"),
        (["check-env", "SPEC", "--samples", "0"], "samples"),
        (["explain", "no-such-code"], "no-such-code"),
        (["train", "SPEC", "--force", "--resume"], "choose one"),
    ],
)
def test_what_was_mistyped_is_json_too(words, said, spec):
    done = run(*[spec if word == "SPEC" else word for word in words], "--json")
    assert done.exit_code == 2
    answer = json.loads(done.stdout)
    [mistake] = answer["diagnostics"]
    assert not answer["holds"]
    assert said in mistake["message"]
    assert mistake["code"] in CODES


def test_an_option_before_its_verb_is_told_where_it_belongs(spec):
    done = run("--json", "check", spec)
    assert done.exit_code == 2
    assert "after the verb" in json.loads(done.stdout)["diagnostics"][0]["message"]
    assert "after the verb" in run("--seed", "3", "train", spec).stderr
    assert "after the verb" not in run("--nonsense", "check", spec).stderr  # control


def test_status_and_help_survive_json(spec):
    assert run("check", spec, "--json").exit_code == 0
    assert run("check", "--help", "--json").exit_code == 0
    wrong = "symmetry.group=nonsense"
    assert run("check", spec, "--set", wrong, "--json").exit_code == 2
