"""A user's mistakes, each with its place, its cause and the way out. Imports nothing but its
explanations.

A mistake in a spec is a `Diagnostic`; a `SpecError` carries all of them at once. A mistake outside
a spec (a missing package, a run that is not there) is a `UserError`. What the mathematics or an
adapter refuses to do is a `Refusal`, which knows no spec: whoever reads the spec makes a
`Diagnostic` of it, at its place. Any other exception is a bug and keeps its traceback. What every
code means stands in `symgen.explanations.CODES`.
"""

import difflib
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from symgen.explanations import CODES, Explanation

__all__ = [
    "CODES",
    "Diagnostic",
    "Explanation",
    "Refusal",
    "SpecError",
    "UserError",
    "near_miss",
    "shown",
]

# More mistakes than this in one file are one mistake; the rest are counted, not shown.
MAX_DIAGNOSTICS = 100
# The width of source shown around the caret.
WINDOW = 110
# The longest cause or hint that is printed in full.
LONGEST = 1_200


@dataclass(frozen=True)
class Diagnostic:
    """One mistake in a spec.

    Args:
        code: kebab-case slug, a key of `CODES`.
        message: the cause, in plain words.
        hint: the way out; may be empty.
        file: name of the spec as the user gave it.
        line: 1-based; 0 where the file as a whole is meant.
        column: 1-based, in characters.
        length: number of characters to underline, at least 1.
        source_line: the text of that line.
    """

    code: str
    message: str
    hint: str = ""
    file: str = "<spec>"
    line: int = 0
    column: int = 0
    length: int = 1
    source_line: str = ""

    def __post_init__(self) -> None:
        if self.code not in CODES:
            raise ValueError(
                f"the error code {self.code!r} has no entry in symgen.explanations.CODES"
            )

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        lines = [f"{place}: error[{self.code}]: {self.message}"]
        if self.line:
            lines += _underlined(self)
        if self.hint:
            lines.append(f"  help: {self.hint}")
        return "\n".join(lines)


class SpecError(Exception):
    """A spec is wrong. `diagnostics` holds every mistake found, in the order of the file."""

    diagnostics: tuple[Diagnostic, ...]

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        # what two parts of a spec complain about alike is told once
        mistakes = sorted(dict.fromkeys(diagnostics), key=lambda d: (d.line, d.column))
        if not mistakes:
            raise ValueError("a SpecError needs at least one diagnostic")
        self.dropped = max(0, len(mistakes) - MAX_DIAGNOSTICS)
        self.diagnostics = tuple(mistakes[:MAX_DIAGNOSTICS])
        super().__init__(self.diagnostics)

    def __str__(self) -> str:
        paragraphs = [str(diagnostic) for diagnostic in self.diagnostics]
        if self.dropped:
            paragraphs.append(f"... and {self.dropped} more")
        return "\n\n".join(paragraphs)


class UserError(Exception):
    """A clear mistake outside a spec: a missing package, a run that is not there.

    Args:
        code: kebab-case slug, a key of `CODES` (a test sees to it).
        message: the cause.
        hint: the way out.
    """

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        self.code = code
        self.message = message
        self.hint = hint
        super().__init__(code, message, hint)

    def __str__(self) -> str:
        cause = f"error[{self.code}]: {self.message}"
        return f"{cause}\n  help: {self.hint}" if self.hint else cause


class Refusal(ValueError):
    """Something that a user may ask for is refused where it is computed, far from the spec.

    Law: only a Refusal is told as a user's mistake. numpy's and torch's own ValueErrors, and those
        of a wrong call, are bugs whatever their words.

    Args:
        message: the cause, in plain words.
        code: kebab-case slug, a key of `CODES`; empty where only the caller knows it: a fibre that
            cannot be read is a `bad-field-type` of an observation and a `hidden-fibre` of a layer.
        hint: the way out; may be empty.
        part: the piece of a text that cannot be read; empty where the text as a whole is meant, or
            where it can be read and is refused for another reason.
        expected: what a text should have been, "base" or "representation"; empty where there was
            no text to read.

    >>> str(Refusal("the grid is too large", code="too-large", hint="use a smaller view"))
    'the grid is too large; use a smaller view'
    """

    def __init__(
        self, message: str, *, code: str = "", hint: str = "", part: str = "", expected: str = ""
    ) -> None:
        if code and code not in CODES:
            raise ValueError(f"the error code {code!r} has no entry in symgen.explanations.CODES")
        self.message = message
        self.code = code
        self.hint = hint
        self.part = part
        self.expected = expected
        super().__init__(message)

    def __str__(self) -> str:
        return f"{self.message}; {self.hint}" if self.hint else self.message


def near_miss(word: str, choices: Iterable[str], likeness: float = 0.6) -> str:
    """The choice that `word` was probably meant to be, or "".

    Args:
        word: what was written.
        choices: what could have been.
        likeness: how much alike they must be, from 0 to 1.

    >>> near_miss("lables", ["topology", "labels"])
    'labels'
    """
    if len(word) > 64:  # difflib is quadratic, and nobody mistypes a word that long
        return ""
    by_lower = {choice.lower(): choice for choice in choices}
    close = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=likeness)
    return by_lower[close[0]] if close else ""


def suggestion(word: str, choices: Iterable[str], noun: str = "choices") -> str:
    """A hint for an unknown word: the near miss first, then all there is.

    >>> suggestion("lables", ["topology", "labels"], "keys")
    "did you mean 'labels'? The keys are: labels, topology"
    """
    known = sorted(choices)
    if not known:
        return f"there are no {noun} here"
    close = near_miss(word, known)
    if len(known) > 4 and near_miss(word, known, 0.75):  # too near to need the whole list
        return f"did you mean '{close}'?"
    more = f" and {len(known) - 20} more" if len(known) > 20 else ""
    listed = f"{noun} are: {', '.join(known[:20])}{more}"
    return f"did you mean '{close}'? The {listed}" if close else f"the {listed}"


def shown(value: object, limit: int = 48) -> str:
    """A value as a message quotes it: short, on one line, printable.

    >>> shown("a" * 100, 8)
    "'aaaaaa..."
    """
    if isinstance(value, dict):
        text = "{" + ", ".join(str(key) for key in list(value)[:limit]) + "}"
    elif isinstance(value, list | tuple):
        text = "[" + ", ".join(shown(entry, limit) for entry in value[:limit]) + "]"
    elif value is None or isinstance(value, bool):
        text = {None: "null", True: "true", False: "false"}[value]
    else:
        text = repr(value)
    text = "".join(character if character.isprintable() else " " for character in text)
    return text if len(text) <= limit else text[: limit - 1] + "..."


def abridged(text: str, longest: int = LONGEST) -> str:
    """A cause or a hint without its middle, where it quotes more of a spec than anybody reads.

    >>> abridged("the fibre a + a + a + a is lost", 16)
    'the fibr ...  is lost'
    """
    if len(text) <= longest:
        return text
    return f"{text[: longest // 2]} ... {text[-longest // 2 :]}"


def _underlined(diagnostic: Diagnostic) -> list[str]:
    """The source line and the carets below it, cut to a window around the column."""
    text = diagnostic.source_line
    column = diagnostic.column - 1
    start = max(0, column - WINDOW // 2) if len(text) > WINDOW else 0
    window = "".join(map(_printable, text[start : start + WINDOW]))
    place = column - start
    before = "".join(_as_wide_as(character, " ") for character in window[:place])
    length = max(1, min(diagnostic.length, len(window) - place))
    below = "".join(_as_wide_as(character, "^") for character in window[place:][:length])
    margin = f"{diagnostic.line:>4} | "
    head = "..." if start else ""
    tail = "..." if start + WINDOW < len(text) else ""
    return [
        f"{margin}{head}{window}{tail}",
        " " * (len(margin) - 2) + "| " + " " * len(head) + before + (below or "^"),
    ]


def _printable(character: str) -> str:
    shows = character.isprintable() or character == "\t"
    return character if shows else "\N{REPLACEMENT CHARACTER}"


def _as_wide_as(character: str, mark: str) -> str:
    """Marks that take as much room as `character`, so that the carets stand under their token."""
    if character == "\t" and mark == " ":
        return "\t"
    return 2 * mark if unicodedata.east_asian_width(character) in "WF" else mark
