"""Text -> Source: values and spans, and everything that is refused."""

import math
import time

import pytest

from symgen.errors import SpecError
from symgen.spec.source import MAX_BYTES, MAX_NODES, Span, from_text, read

TEXT = """\
symgen: 1
# a comment
symmetry:
  group: "C4"
  actions: {r: [1, 2,
                -3]}
list:
  - é: a b
  - |
    two
    lines
"""


def refused(text: str) -> list[tuple[str, int, int]]:
    with pytest.raises(SpecError) as caught:
        from_text(text)
    return [(each.code, each.line, each.column) for each in caught.value.diagnostics]


def underlined(path, key=False) -> str:
    """The text that a span of TEXT covers."""
    span = from_text(TEXT).span(path, key)
    lines = TEXT.split("\n")[span.line - 1 : span.end_line]
    lines[-1] = lines[-1][: span.end_column - 1]
    return "\n".join(lines)[span.column - 1 :]


def test_values():
    assert from_text(TEXT).values == {
        "symgen": 1,
        "symmetry": {"group": "C4", "actions": {"r": [1, 2, -3]}},
        "list": [{"é": "a b"}, "two\nlines\n"],
    }


@pytest.mark.parametrize(
    ("path", "key", "text"),
    [
        (("symgen",), False, "1"),
        (("symgen",), True, "symgen"),
        (("symmetry", "group"), False, '"C4"'),
        (("symmetry", "actions", "r", 2), False, "-3"),
        (("symmetry", "actions", "r"), True, "r"),
        (("symmetry", "actions", "r"), False, "r"),  # written over two lines, so its key is shown
        (("symmetry",), False, "symmetry"),
        (("list", 0, "é"), False, "a b"),
        (("list", 0, "é"), True, "é"),
        (("symmetry", "missing", "deeper"), False, "symmetry"),
        (("missing",), False, "symgen"),
        ((), False, "symgen"),
    ],
)
def test_spans(path, key, text):
    assert underlined(path, key) == text


def test_every_value_has_a_span_and_every_key_too():
    source = from_text(TEXT)
    assert set(source.key_spans) <= set(source.value_spans)
    assert ("list", 0, "é") in source.key_spans
    assert ("list", 0) not in source.key_spans
    assert len(source.value_spans) == 13


def test_line_breaks_are_counted_as_yaml_counts_them():
    assert from_text("a: 1\r\nb: 2\r\n").span(("b",)) == Span(2, 4, 2, 5)
    source = from_text("a: 'x\u2028y'\nb: 2\n")
    assert source.diagnostic("wrong-type", ("b",), "").source_line == "b: 2"


def test_byte_order_mark_is_no_part_of_the_text(tmp_path):
    path = tmp_path / "bom.yaml"
    path.write_bytes(b"\xef\xbb\xbfsymgen: 1\n")
    assert read(path).values == {"symgen": 1}
    assert read(str(path)).name == str(path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\na: 2\nb: {c: 1, c: 2}", [("duplicate-key", 2, 1), ("duplicate-key", 3, 11)]),
        ("1: a", [("key-not-text", 1, 1)]),
        (
            "true: a\n~: b\n[x]: c\n{x: y}: d\n? 'fine'\n: e",
            [("key-not-text", k, 1) for k in (1, 2, 3, 4)],
        ),
        ("a: !!str 3", [("yaml-tag", 1, 4)]),
        ("a: !!python/object/apply:os.system ['true']", [("yaml-tag", 1, 4)]),
        ("a: ! 3", [("yaml-tag", 1, 4)]),
        ("!x {a: 1}", [("yaml-tag", 1, 1)]),
        ("a: *b", [("yaml-alias", 1, 4)]),
        ("a: &a {b: *a}", [("yaml-alias", 1, 11)]),
        ("a: 1\n---\nb: 2", [("multiple-documents", 2, 1)]),
        ("a: 1\n...\n---\n", [("multiple-documents", 3, 1)]),
        ("", [("not-a-spec", 1, 1)]),
        ("# only a comment", [("not-a-spec", 1, 1)]),
        ("- a", [("not-a-spec", 1, 1)]),
        ("text", [("not-a-spec", 1, 1)]),
        ("a: [1", [("yaml-syntax", 1, 6)]),
        ("a:\n\t- 1", [("yaml-syntax", 2, 1)]),
        ("a: b: c", [("yaml-syntax", 1, 5)]),
        ("a: 'b", [("yaml-syntax", 1, 6)]),
        ('a: "\\UFFFFFFFF"', [("yaml-syntax", 1, 7)]),
        ('a: "\\q"', [("yaml-syntax", 1, 6)]),
        ("%YAML 3.0\n---\na: 1", [("yaml-syntax", 1, 1)]),
        ("a: \x00", [("not-text", 1, 4)]),
        ("a: 1\nb: \x1b[31m", [("not-text", 2, 4)]),
        ("a: \ud800", [("not-text", 1, 4)]),
        ('a: "\\0"\nb: "\\uD800"', [("not-text", 1, 4), ("not-text", 2, 4)]),
        (
            f"a: {2**63}\nb: {-(2**63) - 1}",
            [("number-too-large", 1, 4), ("number-too-large", 2, 4)],
        ),
        ("a: " + "9" * 5000, [("number-too-large", 1, 4)]),
    ],
)
def test_refused(text, expected):
    assert refused(text) == expected


def test_the_largest_integers_are_not_refused():
    assert from_text(f"a: {2**63 - 1}\nb: {-(2**63)}").values == {"a": 2**63 - 1, "b": -(2**63)}


def test_several_mistakes_are_told_at_once():
    assert [code for code, *_ in refused("a: 1\na: !!x 2\n3: *q")] == [
        "duplicate-key",
        "yaml-tag",
        "key-not-text",
        "yaml-alias",
    ]


def test_aliases_are_copies():
    values = from_text("a: &a {x: [1]}\nb: *a\nc: &t text\nd: *t\n*t : e").values
    assert values == {"a": {"x": [1]}, "b": {"x": [1]}, "c": "text", "d": "text", "text": "e"}


def test_an_alias_is_underlined_where_it_stands():
    source = from_text("a: &a 1\nb: *a")
    assert source.span(("b",)) == Span(2, 4, 2, 6)


def bomb(levels: int, width: int = 10) -> str:
    lines = [f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * width)}]" for k in range(1, levels)]
    return "\n".join(["a0: &a0 [1]", *lines])


@pytest.mark.parametrize(
    "text",
    [
        "a: " + "[" * 30 + "]" * 30,
        "[" * 100_000,
        "{a: " * 50_000,
        "a: [" + "1, " * MAX_NODES + "]",
        "a: '" + "x" * MAX_BYTES + "'",
        bomb(6),
        bomb(30, 1),
    ],
    ids=["depth", "open brackets", "open braces", "nodes", "bytes", "laughs", "deep aliases"],
)
def test_too_large_is_refused_in_no_time(text):
    start = time.process_time()
    assert [code for code, *_ in refused(text)] == ["too-large"]
    assert time.process_time() - start < 5


def test_what_is_just_not_too_large():
    assert from_text("a: " + "[" * 22 + "]" * 22)
    assert from_text("a: [" + "1, " * (MAX_NODES - 10) + "]")
    assert from_text(bomb(4))


def test_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "spec.yaml").write_text("symgen: 1")
    (tmp_path / "latin.yaml").write_bytes("group: é".encode("latin-1"))
    (tmp_path / "utf16.yaml").write_bytes("symgen: 1".encode("utf-16"))
    (tmp_path / "image.yaml").write_bytes(b"\x89PNG\r\n\x1a\n\0\0")
    (tmp_path / "big.yaml").write_bytes(b" " * (MAX_BYTES + 1))
    assert read("spec.yaml").values == {"symgen": 1}
    for name, code, hint in [
        ("spce.yaml", "unreadable-file", "did you mean 'spec.yaml'"),
        (".", "unreadable-file", "spec.yaml"),
        ("nowhere/spec.yaml", "unreadable-file", "where you are"),
        ("a\0b", "unreadable-file", ""),
        ("x" * 5000, "unreadable-file", ""),
        ("latin.yaml", "not-text", "UTF-8"),
        ("utf16.yaml", "not-text", "UTF-8"),
        ("image.yaml", "not-text", "UTF-8"),
        ("big.yaml", "too-large", ""),
        ("/dev/zero", "too-large", ""),
    ]:
        with pytest.raises(SpecError) as caught:
            read(name)
        (found,) = caught.value.diagnostics
        assert found.code == code
        assert hint in found.hint
        assert "\0" not in str(found)


def test_mappings_get_lines_too():
    source = read(
        {
            "symgen": 1,
            "network": {"family": "mlp", "width": (1, 2)},
            "text": "3e-4",
            "x": 3e-4,
            "on": "on",
            "n": None,
        }
    )
    assert source.name == "<dict>"
    assert source.values == {
        "symgen": 1,
        "network": {"family": "mlp", "width": [1, 2]},
        "text": "3e-4",
        "x": 3e-4,
        "on": "on",
        "n": None,
    }
    assert source.span(("network", "family")).line == 3


def test_mappings_that_are_no_plain_data():
    import numpy as np

    assert read({"a": np.int64(3), "b": np.float32(0.5)}).values == {"a": 3, "b": 0.5}
    circle: dict = {}
    circle["again"] = circle
    for values in (
        {"a": object()},
        {1: 2},
        {"a": {2: 3}},
        circle,
        {"a": b"bytes"},
        {"a": {1, 2}},
        {"a": [0] * (MAX_NODES + 1)},
    ):
        with pytest.raises(SpecError) as caught:
            read(values)
        assert [each.code for each in caught.value.diagnostics] == ["not-plain-data"]


def test_infinities_and_nan_are_numbers_here():
    values = from_text("a: .inf\nb: -.inf\nc: .nan\nd: 1e999").values
    assert (values["a"], values["b"], values["d"]) == (math.inf, -math.inf, math.inf)
    assert math.isnan(values["c"])
