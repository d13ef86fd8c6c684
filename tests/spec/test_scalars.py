"""The table of scalars, in both directions."""

import math

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from symgen.spec.dump import dump
from symgen.spec.nodes import UNPRINTABLE, scalar
from symgen.spec.source import from_text

TABLE = {
    None: ["null", "Null", "NULL", "~", ""],
    True: ["true", "True", "TRUE"],
    False: ["false", "False", "FALSE"],
    12: ["12", "+12", "012", "1_2", "0xC", "0xc", "0o14"],
    -3: ["-3", "-03"],
    1_000_000: ["1_000_000", "1000000"],
    3e-4: ["3e-4", "3E-4", "0.0003", "3.0e-4", ".0003", "3.e-4"],
    2e6: ["2e6", "2.0e+6", "2_000.0e3"],
    math.inf: [".inf", "+.INF", "1e999"],
}
TEXT = """yes|no|on|off|Yes|y|n|1:30|190:20:30|2026-11-20|2026-11-20T10:00:00Z|=|<<|nul|nil|None
tRUE|1__0|_1|1_|0b11|0x|0xg|0o8|1e|e5|.|+|-|--1|1.2.3|inf|nan|-.nan|1,000|٣|１
1 2|C4|srsr""".replace("\n", "|").split("|")


@pytest.mark.parametrize(
    ("value", "text"), [(value, text) for value, texts in TABLE.items() for text in texts]
)
def test_table(value, text):
    found = scalar(text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("text", TEXT)
def test_everything_else_is_text(text):
    assert scalar(text) == text


def test_not_a_number():
    assert math.isnan(scalar(".nan"))
    assert math.isnan(scalar(".NaN"))


def test_the_traps_of_pyyaml_are_real():
    """The control: what the table is there for."""
    assert yaml.safe_load("[3e-4, on, 1:30, {a: 1, a: 2}]") == ["3e-4", True, 90, {"a": 2}]


@pytest.mark.parametrize(
    "text", ["9" * 19, "-" + "9" * 19, "0x" + "f" * 17, "9" * 100_000, "1_" * 40 + "1"]
)
def test_integers_beyond_64_bits(text):
    with pytest.raises(OverflowError):
        scalar(text)


PRINTABLE = st.text(max_size=20).filter(lambda text: not UNPRINTABLE.search(text))
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats()
    | PRINTABLE
    | st.sampled_from(TEXT)
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(PRINTABLE, inner, max_size=3),
)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.dictionaries(PRINTABLE, VALUES, max_size=4))
def test_what_is_dumped_reads_back(values):
    """Law: read(dump(values)) = values, for all plain data."""
    assert repr(from_text(dump(values)).values) == repr(values)
