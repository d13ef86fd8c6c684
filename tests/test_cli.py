"""The command line: exit statuses, where output goes, and JSON that parses."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

import symgen
from symgen.cli import app, main
from symgen.errors import CODES
from symgen.spec.source import read
from tests.experiment.doubles import SPEC

EXACT = {
    **SPEC,
    "symmetry": {"group": "C4"},
    "network": {"family": "graph_attention", "width": 16, "heads": 2, "readout": "patches"},
}
SYMGEN = [sys.executable, "-c", "from symgen.cli import main; main()"]
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


@pytest.fixture
def spec(tmp_path) -> str:
    return write(tmp_path / "lava.yaml", EXACT)


@pytest.fixture
def trainable(tmp_path) -> str:
    return write(tmp_path / "tiny.yaml", SPEC)


def write(path: Path, values: dict) -> str:
    path.write_text(read(values).text)
    return str(path)


def run(*words: object):
    """Exit status, stdout and stderr of a verb, in this process; a bug keeps its traceback."""
    return CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)


def values(*words: object, status: int = 0):
    """The JSON a verb prints, and nothing else on stdout."""
    done = run(*words, "--json")
    assert done.exit_code == status
    return json.loads(done.stdout)


# ------------------------------------------------------------------------------------------------
# it holds


def test_check(spec):
    done = run("check", spec)
    assert done.exit_code == 0
    for part in ("lava.yaml: ok", "C4", "grid 5x5", "up, left, down, right"):
        assert part in done.stdout


def test_check_verbose_shows_where_everything_goes(spec):
    assert "up -> left, left -> down, down -> right, right -> up" in run("check", spec, "-v").stdout
    assert "->" not in run("check", spec).stdout.split("network")[0]


def test_check_json(spec):
    answer = values("check", spec)
    assert answer["holds"]
    assert answer["diagnostics"] == []
    assert answer["group"] == {"name": "C4", "order": 4, "generators": ["r"], "relations": ["r^4"]}
    assert answer["observation"] == {"observation": "grid 5x5: 4 trivial"}


def test_plan(spec):
    assert "weights" in run("plan", spec).stdout
    answer = values("plan", spec)
    assert answer["weights"] == sum(step["weights"] for step in answer["steps"])
    assert answer["steps"][-1]["name"] == "value"


def test_verify(spec):
    done = run("verify", spec)
    assert done.exit_code == 0
    assert "exact" in done.stdout
    answer = values("verify", spec, "--dtype", "float64")
    assert answer["holds"]
    assert {row["dtype"] for row in answer["rows"]} == {"float64"}


def test_check_env(spec):
    assert run("check-env", spec, "--samples", "20").exit_code == 0
    assert values("check-env", spec, "--samples", "20")["rows"][0]["verdict"] == "holds"


def test_reference():
    from symgen.semantics.reference import markdown

    assert run("reference").stdout == markdown()
    assert run("reference", "group_mlp").stdout.startswith("## network: group_mlp")
    assert {"name": "depth", "default": "`2`"}.items() <= values("reference", "group_mlp")[
        "group_mlp"
    ][2].items()
    done = run("reference", "group_mpl", "--json")
    assert (done.exit_code, "group_mlp" in done.output) == (2, True)


def test_schema():
    assert json.loads(run("schema").stdout)["properties"].keys() >= {
        "environment",
        "symmetry",
        "network",
    }


def test_explain():
    code = sorted(CODES)[0]
    assert code in run("explain", code).stdout
    assert values("explain", code)["title"] == CODES[code].title
    assert run("explain").stdout.splitlines()[0].startswith(code)
    assert values("explain").keys() == CODES.keys()


def test_version():
    done = run("--version")
    assert (done.exit_code, done.stdout) == (0, f"symgen {symgen.__version__}\n")


@pytest.mark.parametrize(
    "verb",
    [
        "check",
        "plan",
        "show",
        "verify",
        "check-env",
        "train",
        "evaluate",
        "explain",
        "schema",
        "reference",
    ],
)
def test_every_verb_has_help(verb):
    done = run(verb, "--help")
    assert done.exit_code == 0
    assert "--json" in done.stdout


# ------------------------------------------------------------------------------------------ it does
# not hold


def test_a_wrong_action_map_is_refuted_by_the_environment(spec):
    wrong = "symmetry.actions={r: {up: right, right: down, down: left, left: up}}"
    assert run("check", spec, "--set", wrong).exit_code == 0  # algebra cannot tell
    assert run("check-env", spec, "--set", wrong, "--samples", "20").exit_code == 1
    assert values("check-env", spec, "--set", wrong, "--samples", "20", status=1)["holds"] is False


def test_a_network_that_is_not_what_it_claims(spec, monkeypatch):
    from symgen.proofs import verify
    from symgen.proofs.verify import Row, Verification

    broken = Verification((Row("r", "policy", "float64", 0.1, 1.0, 1e-12, "broken"),))
    monkeypatch.setattr(verify, "verify", lambda *_, **__: broken)
    assert run("verify", spec).exit_code == 1
    assert values("verify", spec, status=1)["rows"][0]["verdict"] == "broken"
    done = run("train", spec, "--runs", Path(spec).parent / "runs")
    assert done.exit_code == 1
    assert "so it is not trained" in done.stderr


# -------------------------------------------------------------------------------------------- it is
# wrong


@pytest.mark.parametrize("verb", ["check", "plan", "show", "verify", "check-env", "train"])
def test_a_wrong_spec_is_shown_with_a_caret(verb, spec):
    done = run(verb, spec, "--set", "network.widht=8")
    assert done.exit_code == 2
    assert done.stdout == ""
    assert "error[unknown-key]" in done.stderr
    assert "^^^^^" in done.stderr
    assert "did you mean 'width'" in done.stderr
    [diagnostic] = values(verb, spec, "--set", "network.widht=8", status=2)["diagnostics"]
    assert diagnostic.keys() >= {
        "code",
        "message",
        "hint",
        "file",
        "line",
        "column",
        "length",
        "source_line",
    }
    assert diagnostic["code"] == "unknown-key"


def test_a_missing_spec():
    assert run("check", "nowhere.yaml").exit_code == 2
    assert values("check", "nowhere.yaml", status=2)["diagnostics"][0]["code"] == "unreadable-file"


def test_a_missing_run(tmp_path):
    assert run("evaluate", tmp_path / "nowhere").exit_code == 2
    assert (
        values("evaluate", tmp_path / "nowhere", status=2)["diagnostics"][0]["code"]
        == "run-not-found"
    )


@pytest.mark.parametrize(
    "words",
    [
        ["check"],
        ["frobnicate"],
        ["check", "SPEC", "--frobnicate"],
        ["check", "SPEC", "--set", "network.width"],
        ["check", "SPEC", "--set", "network.width=["],
        ["check", "SPEC", "--set", "netwrok.width=8"],
        ["verify", "SPEC", "--dtype", "float16"],
        ["check-env", "SPEC", "--samples", "0"],
        ["explain", "no-such-code"],
        ["train", "SPEC", "--force", "--resume"],
        ["train", "SPEC", "--variant", "../elsewhere"],
        ["train", "SPEC", "--runs", "/dev/null"],
    ],
)
def test_what_was_mistyped(words, spec):
    done = run(*[spec if word == "SPEC" else word for word in words])
    assert done.exit_code == 2
    assert done.stderr


def test_set_values_are_yaml(spec):
    answer = values(
        "check",
        spec,
        "--set",
        "train.steps=1_000",
        "--set",
        "train.seeds=[3, 4]",
        "--set",
        "evaluate={}",
    )
    assert answer["train"]["steps"] == 1000
    assert answer["seeds"] == [3, 4]
    assert answer["evaluate"] == []


def test_a_bug_is_not_hidden(spec, monkeypatch):
    from symgen import compiler

    def bug(_):
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(compiler, "check_spec", bug)
    with pytest.raises(ZeroDivisionError):
        run("check", spec)


# ------------------------------------------------------------------------------------- train and
# evaluate


def test_train_and_evaluate(trainable, tmp_path):
    runs = tmp_path / "runs"
    done = run("train", trainable, "--runs", runs, "--episodes", "5")
    assert done.exit_code == 0
    assert "rotated" in done.stdout
    assert "seed 0" in done.stderr  # progress
    assert run("train", trainable, "--runs", runs, "--episodes", "5").exit_code == 2
    again = values("train", trainable, "--runs", runs, "--episodes", "5", "--resume")
    assert again["runs"][0]["finished"]
    assert list(again["evaluation"]["conditions"]) == ["training", "rotated", "harder"]
    edits = ["--set", "train.gamma=0.9", "--seed", "1", "--seed", "2"]
    wide = values("train", trainable, "--runs", runs, *edits, "--episodes", "5", "--quiet")
    assert [Path(run["folder"]).parts[-2:] for run in wide["runs"]] == [
        ("train.gamma=0.9", "1"),
        ("train.gamma=0.9", "2"),
    ]

    answer = values("evaluate", runs / "tiny", "--episodes", "5")
    assert [(run["variant"], run["seeds"]) for run in answer["evaluations"]] == [
        ("base", [0]),
        ("train.gamma=0.9", [1, 2]),
    ]
    (runs / "tiny" / "notes").mkdir()
    table = run("evaluate", *sorted((runs / "tiny").glob("*/")), "--stored", "--markdown")
    assert "skipped" in table.stderr
    assert "notes" in table.stderr
    assert [line.split("|")[1].strip() for line in table.stdout.splitlines()[:4]] == [
        "variant",
        "---",
        "base",
        "train.gamma=0.9",
    ]
    assert "train.gamma=0.9" in run("evaluate", runs / "tiny", "--episodes", "5", "--sample").stdout
    assert run("evaluate", runs / "tiny", "--checkpoint", "newest").exit_code == 2


def test_ctrl_c_saves_and_says_how_to_go_on(trainable, tmp_path):
    words = ["train", trainable, "--runs", str(tmp_path / "runs"), "--set", "train.steps=1_000_000"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "env": ENVIRONMENT}
    process = subprocess.Popen([*SYMGEN, *words], **pipes)
    [metrics] = wait_for(lambda: list((tmp_path / "runs").glob("*/*/0/metrics.jsonl")), process)
    wait_for(lambda: metrics.stat().st_size, process)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "saved at step" in stdout
    assert "--resume" in stderr
    assert "Traceback" not in stderr
    assert (metrics.parent / "checkpoints" / "last.json").exists()


def wait_for(condition, process):
    deadline = time.monotonic() + 60
    while not (answer := condition()):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return answer


# -----------------------------------------------------------------------------------------------
# processes


def test_a_reader_that_leaves_is_no_trouble():
    shell = f"{SYMGEN[0]} -c '{SYMGEN[2]}' schema | head -1"
    done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("{\n", "")


def test_check_is_quick(spec):
    """At most 0.6 s on an idle core; measured in processor time, for the suite may not be alone."""
    code = (
        "import os, sys\nsys.argv = ['symgen', 'check', sys.argv[1]]\nfrom symgen.cli import main\n"
        "try:\n    main()\nfinally:\n    t = os.times(); print(t.user + t.system, file=sys.stderr)"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", code, spec], capture_output=True, text=True, check=True
        )
        for _ in range(3)
    ]
    seconds = min(float(done.stderr) for done in runs)
    assert seconds <= 0.6


def test_the_console_script(spec, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["symgen", "check", spec])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    assert "ok" in capsys.readouterr().out
