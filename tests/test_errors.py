"""Every error code has a golden pair, an explanation, and examples that are what they claim to be.

UPDATE_GOLDEN=1 pytest tests/test_errors.py     writes the .txt files anew; read the difference
                                                before committing it
"""

import ast
import os
import pkgutil
import re
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

import symgen
from symgen.compiler import check_spec
from symgen.errors import (
    CODES,
    MAX_DIAGNOSTICS,
    Diagnostic,
    Refusal,
    SpecError,
    UserError,
    near_miss,
    shown,
    suggestion,
)
from symgen.explanations import PROBLEM, SYMMETRY, TEXT, USE
from symgen.semantics.teacher import check_teacher
from symgen.spec.source import from_text

GOLDEN = Path(__file__).parent / "golden" / "errors"
PACKAGE = Path(symgen.__file__).parent

# Codes that no file can give: how to get them.
WITHOUT_FILE = {"not-plain-data": lambda: check_spec({"symgen": 1, "environment": object()})}
INSIDE = sorted(code for code, entry in CODES.items() if not entry.outside)
PAIRS = sorted({*INSIDE, "unreadable-file", *WITHOUT_FILE})

BASE = {
    "symgen": "symgen: 1",
    "environment": "environment: {adapter: gymnasium_env, id: CartPole-v1}",
    "symmetry": "symmetry: {group: D1, states: {observation: {s: [-1, -2, -3, -4]}}, actions: {s: "
    "[1, 0]}}",
    "network": "network: {family: group_mlp, hidden: 8 regular}",
    "train": "train: {algorithm: ppo, steps: 1000}",
}


class Stub(gymnasium.Env):
    """An environment of which only the spaces are asked."""

    def __init__(
        self, size: int, low: list[float], high: list[float], remembers: bool = False
    ) -> None:
        self.observation_space = spaces.Box(-1, 1, (size,), np.float32)
        if remembers:
            terms = {
                "observation": self.observation_space,
                "action": spaces.Box(-1, 1, (2,), np.float32),
            }
            self.observation_space = spaces.Dict(terms)
        self.action_space = spaces.Box(np.array(low, np.float32), np.array(high, np.float32))


@pytest.fixture(autouse=True)
def _stubs(monkeypatch):
    """BipedalWalker without Box2D, and environments whose actions have different bounds, or none,
    or are observed.
    """
    kinds = {
        "BipedalWalker-v3": (24, [-1.0] * 4, [1.0] * 4),
        "Thrusters-v0": (4, [0.0, 0.0], [1.0, 2.0]),
        "Drift-v0": (4, [-np.inf] * 2, [np.inf] * 2),
        "Remembering-v0": (4, [-1.0] * 2, [1.0] * 2, True),
    }
    for name, values in kinds.items():
        given = dict(zip(("size", "low", "high", "remembers"), values, strict=False))
        spec = gymnasium.envs.registration.EnvSpec(name, Stub, kwargs=given)
        monkeypatch.setitem(gymnasium.registry, name, spec)


def checked(spec):
    """What `symgen check` looks at; teachers are runs beside the golden files."""
    return check_teacher(check_spec(spec))


def mistakes(run) -> str:
    with pytest.raises(SpecError) as caught:
        run()
    return re.sub(r"Gymnasium [\w.]+", "Gymnasium <version>", str(caught.value)) + "\n"


@pytest.mark.parametrize("code", PAIRS)
def test_golden(code, monkeypatch):
    monkeypatch.chdir(GOLDEN)
    text = mistakes(WITHOUT_FILE.get(code, lambda: checked(f"{code}.yaml")))
    expected = Path(f"{code}.txt")
    if os.environ.get("UPDATE_GOLDEN"):
        expected.write_text(text, encoding="utf-8")
    assert text == expected.read_text(encoding="utf-8")
    assert f"error[{code}]" in text


def test_golden_pairs_are_complete():
    assert {path.stem for path in GOLDEN.glob("*.txt")} == set(PAIRS)
    assert {path.stem for path in GOLDEN.glob("*.yaml")} == set(PAIRS) - {
        "unreadable-file",
        *WITHOUT_FILE,
    }


def completed(fragment: str) -> str:
    """A whole spec: the fragment, and the sections that it leaves out."""
    given = set(re.findall(r"^([a-z]+):", fragment, re.MULTILINE))
    rest = (
        []
        if fragment.startswith("- ")
        else [text for name, text in BASE.items() if name not in given]
    )
    return "\n".join([*rest, fragment])


@pytest.mark.parametrize("code", INSIDE)
def test_examples_of_explanations(code, monkeypatch):
    monkeypatch.chdir(GOLDEN)
    wrong, right = completed(CODES[code].wrong), completed(CODES[code].right)
    with pytest.raises(SpecError) as caught:
        checked(from_text(wrong))
    assert {each.code for each in caught.value.diagnostics} == {code}
    checked(from_text(right))


def test_no_code_is_explained_twice():
    assert len(TEXT) + len(SYMMETRY) + len(PROBLEM) + len(USE) == len(CODES)


@pytest.mark.parametrize("code", sorted(CODES))
def test_explanations_are_whole(code):
    entry = CODES[code]
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", code)
    assert entry.title.endswith(".")
    assert entry.text.endswith(".")
    assert entry.wrong.strip() != entry.right.strip()
    assert max(map(len, str(entry).splitlines())) <= 120


def raised_codes() -> set[str]:
    """Codes written out in the package, wherever a mistake is raised or noted."""
    found = set()
    makers = {
        "UserError",
        "Diagnostic",
        "Fault",
        "Unreadable",
        "add",
        "diagnostic",
        "_problem",
        "Refusal",
    }
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = (
                    node.func.attr
                    if isinstance(node.func, ast.Attribute)
                    else getattr(node.func, "id", "")
                )
                arguments = [*node.args[:4], *(each.value for each in node.keywords)]
                texts = [each.value for each in arguments if isinstance(each, ast.Constant)]
                if name in makers:
                    found |= {
                        text
                        for text in texts
                        if isinstance(text, str) and re.fullmatch(r"[a-z]+(-[a-z]+)+", text)
                    }
    return found


def test_every_code_that_is_raised_is_explained():
    raised = raised_codes()
    assert len(raised) > 50  # the search finds something
    assert raised - set(CODES) == set()


def test_no_code_is_explained_in_vain():
    literals = {
        node.value
        for path in PACKAGE.rglob("*.py")
        if "explanations" not in path.parts
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    derived = {"unknown-adapter", "unknown-family", "unknown-algorithm"}  # f"unknown-{kind}"
    assert set(CODES) - literals - derived == set()


def test_diagnostic_places_its_carets():
    diagnostic = Diagnostic(
        "wrong-type", "cause", "way out", "a.yaml", 3, 9, 4, "  key:  1234  # comment"
    )
    assert str(diagnostic).splitlines() == [
        "a.yaml:3:9: error[wrong-type]: cause",
        "   3 |   key:  1234  # comment",
        "     |         ^^^^",
        "  help: way out",
    ]


def test_carets_keep_tabs_and_wide_characters_in_line():
    line = str(Diagnostic("wrong-type", "m", "", "f", 1, 5, 2, "\t日本 あい")).splitlines()[2]
    assert line == "     | \t     ^^^^"


def test_a_long_line_is_cut_around_the_caret():
    shown_line, carets = str(
        Diagnostic("wrong-type", "m", "", "f", 1, 5001, 3, "a" * 5000 + "bcd" + "e" * 5000)
    ).splitlines()[1:3]
    start = carets.index("^")
    assert shown_line[start : start + 3] == "bcd"
    assert len(shown_line) < 140


def test_control_characters_never_reach_the_terminal():
    assert "\x1b" not in str(Diagnostic("not-text", "m", "", "f", 1, 1, 1, "\x1b[31mred"))
    assert "\x1b" not in shown("\x1b[31mred")


def test_spec_error_is_sorted_and_counts_what_it_drops():
    found = [Diagnostic("wrong-type", str(k), line=1000 - k) for k in range(MAX_DIAGNOSTICS + 7)]
    error = SpecError(found)
    assert [each.line for each in error.diagnostics] == sorted(
        each.line for each in error.diagnostics
    )
    assert len(error.diagnostics) == MAX_DIAGNOSTICS
    assert str(error).endswith("... and 7 more")
    with pytest.raises(ValueError, match="at least one"):
        SpecError([])


def test_a_diagnostic_needs_a_known_code():
    with pytest.raises(ValueError, match="no entry"):
        Diagnostic("no-such-code", "message")


def test_user_error_tells_cause_and_way_out():
    error = UserError("run-not-found", "there is no run at x", "train first")
    assert str(error) == "error[run-not-found]: there is no run at x\n  help: train first"
    assert (error.code, error.hint) == ("run-not-found", "train first")


def test_refusal_tells_cause_and_way_out():
    error = Refusal("the grid is too large", code="too-large", hint="use a smaller view")
    assert str(error) == "the grid is too large; use a smaller view"
    assert (error.code, error.message) == ("too-large", "the grid is too large")
    bare = Refusal("cannot read 'x' as a base")
    assert (str(bare), bare.code, bare.hint) == ("cannot read 'x' as a base", "", "")
    with pytest.raises(ValueError, match="no entry"):
        Refusal("message", code="no-such-code")


# What a spec is resolved with: each of them may refuse, and none of them may be wrong unnoticed.
COMPUTED = (
    "symgen.semantics.group.named",
    "symgen.algebra.representation.parse",
    "symgen.algebra.representation.of_codes",
    "symgen.algebra.fieldtype.parse",
)


@pytest.mark.parametrize("function", COMPUTED)
@pytest.mark.parametrize("refused", [True, False])
def test_only_a_refusal_is_a_users_mistake(function, refused, monkeypatch):
    # torch's words, of which a part once was taken for the code too-large
    words = "Expected more than 1 value per channel when training"

    right = pkgutil.resolve_name(function)
    errors = iter([Refusal(words, code="too-large") if refused else ValueError(words)])

    def wrong_once(*arguments):
        for error in errors:
            raise error
        return right(*arguments)

    monkeypatch.setattr(function, wrong_once)
    states = "states: {observation: 'point: 4 sign'}"
    symmetry = BASE["symmetry"].replace("states: {observation: {s: [-1, -2, -3, -4]}}", states)
    with pytest.raises(SpecError if refused else ValueError, match=words) as caught:
        check_spec(from_text(completed(symmetry)))
    assert isinstance(caught.value, SpecError) == refused


def caught_value_errors(folder: str) -> set[tuple[str, str]]:
    """(file, function) of every handler of ValueError in a folder of the package."""
    found = set()
    for path in (PACKAGE / folder).rglob("*.py"):
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(function, ast.FunctionDef):
                found |= {
                    (path.name, function.name)
                    for node in ast.walk(function)
                    if isinstance(node, ast.ExceptHandler)
                    and node.type is not None
                    and "ValueError" in ast.unparse(node.type)
                }
    return found


def test_nobody_guesses_what_a_value_error_means():
    assert caught_value_errors("families") == set()
    assert caught_value_errors("semantics") == {("graph.py", "_positive")}  # float(text)
    assert caught_value_errors("algebra")  # the search finds something


def test_near_misses():
    assert near_miss("UP", ["up", "down"]) == "up"
    assert near_miss("zzz", ["up", "down"]) == ""
    assert near_miss("u" * 100_000, ["up"]) == ""
    assert suggestion("x", [], "terms") == "there are no terms here"
    assert "and 5 more" in suggestion("zzzzzz", [f"a{k}" for k in range(25)])
    assert len(shown(list(range(10_000)))) < 60
