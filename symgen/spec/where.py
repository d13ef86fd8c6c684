"""Conditions between the axes of a study, such as "constraint == exact or group in [C4, D4]".

    condition   = clause { "or" clause }
    clause      = term { "and" term }
    term        = "not" term | "(" condition ")" | comparison
    comparison  = NAME "==" VALUE | NAME "!=" VALUE | NAME "in" "[" VALUE { "," VALUE } "]"

A value is a scalar as YAML reads it; one with spaces is quoted. A mapping with one key, such as
{relaxed: {banks: 2}}, is compared by its key.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pydantic import JsonValue

from symgen.errors import Refusal, SpecError, shown
from symgen.spec.source import from_text

Value = Callable[[str], JsonValue]
"""What the arm at hand says of a name."""

LONGEST = 1_000
"""Characters of a condition."""
DEEPEST = 20
"""Brackets within brackets."""

_TOKEN = re.compile(r"""\s*(==|!=|[()\[\],]|"[^"]*"|'[^']*'|[^\s()\[\],=!'"]+|\S)""")
_WORDS = ("and", "or", "not", "in")


@dataclass(frozen=True)
class Comparison:
    """A name has one of some values."""

    name: str
    values: tuple[JsonValue, ...]

    def holds(self, value: Value) -> bool:
        """Whether it has."""
        here = value(self.name)
        if isinstance(here, dict) and len(here) == 1:
            here = next(iter(here))
        # 1 == True in Python, and not in a spec
        return any(here == wanted and type(here) is type(wanted) for wanted in self.values)

    @property
    def names(self) -> tuple[str, ...]:
        """The names that are compared."""
        return (self.name,)


@dataclass(frozen=True)
class Not:
    """A condition does not hold."""

    of: "Condition"

    def holds(self, value: Value) -> bool:
        """Whether it does not."""
        return not self.of.holds(value)

    @property
    def names(self) -> tuple[str, ...]:
        """The names that are compared."""
        return self.of.names


@dataclass(frozen=True)
class Combined:
    """All of some conditions hold, or any."""

    parts: tuple["Condition", ...]
    all_of: bool

    def holds(self, value: Value) -> bool:
        """Whether they do."""
        holding = (part.holds(value) for part in self.parts)
        return all(holding) if self.all_of else any(holding)

    @property
    def names(self) -> tuple[str, ...]:
        """The names that are compared."""
        return tuple(name for part in self.parts for name in part.names)


Condition = Comparison | Not | Combined


def parse(text: str) -> Condition:
    """The condition that a text states.

    Raises:
        Refusal: it cannot be read; with the piece that is not understood.

    >>> value = {"group": "C4", "constraint": {"relaxed": {"banks": 2}}}.__getitem__
    >>> parse("constraint == exact or not group in [C2, C1]").holds(value)
    True
    """
    if len(text) > LONGEST:
        raise Refusal(f"a condition has at most {LONGEST} characters", hint="say it more briefly")
    reader = _Reader(_tokens(text))
    condition = reader.condition(0)
    if reader.next is not None:
        raise _unread(reader.next, "'and', 'or', or the end")
    return condition


def _tokens(text: str) -> Iterator[str]:
    return (match[1] for match in _TOKEN.finditer(text.rstrip()))


class _Reader:
    """What is left of the tokens."""

    def __init__(self, tokens: Iterator[str]) -> None:
        self._tokens = tokens
        self.next = next(tokens, None)

    def _take(self) -> str | None:
        taken = self.next
        self.next = next(self._tokens, None)
        return taken

    def _expect(self, token: str) -> None:
        taken = self._take()
        if taken != token:
            raise _unread(taken, f"'{token}'")

    def condition(self, depth: int) -> Condition:
        """Clauses with `or` between them."""
        if depth > DEEPEST:
            raise Refusal("these brackets are nested too deep", hint="say it more simply")
        clauses = [self._clause(depth)]
        while self.next == "or":
            self._take()
            clauses.append(self._clause(depth))
        return clauses[0] if len(clauses) == 1 else Combined(tuple(clauses), all_of=False)

    def _clause(self, depth: int) -> Condition:
        """Terms with `and` between them."""
        terms = [self._term(depth)]
        while self.next == "and":
            self._take()
            terms.append(self._term(depth))
        return terms[0] if len(terms) == 1 else Combined(tuple(terms), all_of=True)

    def _term(self, depth: int) -> Condition:
        if depth > DEEPEST:
            raise Refusal("these brackets are nested too deep", hint="say it more simply")
        taken = self._take()
        if taken == "not":
            return Not(self._term(depth + 1))
        if taken == "(":
            inner = self.condition(depth + 1)
            self._expect(")")
            return inner
        if taken is None or taken in _WORDS or not re.fullmatch(r"[A-Za-z_][\w.]*", taken):
            raise _unread(taken, "the name of an axis")
        sign = self._take()
        if sign == "==":
            return Comparison(taken, (self._value(),))
        if sign == "!=":
            return Not(Comparison(taken, (self._value(),)))
        if sign == "in":
            return Comparison(taken, self._values())
        hint = f"write {taken} == VALUE, {taken} != VALUE or {taken} in [VALUE, ...]"
        raise Refusal(f"{_named(sign)} stands where a comparison begins", hint=hint)

    def _values(self) -> tuple[JsonValue, ...]:
        self._expect("[")
        values = [self._value()]
        while self.next == ",":
            self._take()
            values.append(self._value())
        self._expect("]")
        return tuple(values)

    def _value(self) -> JsonValue:
        taken = self._take()
        if taken is None or taken in (*_WORDS, "(", ")", "[", "]", ",", "==", "!=", "=", "!"):
            raise _unread(taken, "a value")
        try:
            return from_text(f"value: {taken}").values["value"]
        except SpecError:
            raise _unread(taken, "a value") from None


def _named(token: str | None) -> str:
    return "the end" if token is None else shown(token)


def _unread(token: str | None, expected: str) -> Refusal:
    hint = 'write a condition such as "constraint == exact or group in [C4, D4]"'
    return Refusal(f"{_named(token)} stands where {expected} is expected", hint=hint)
