"""`symmetry.group` -> Group."""

import re

from symgen.algebra.catalogue import group as named
from symgen.algebra.catalogue import presented
from symgen.algebra.group import MAX_ELEMENTS, Group
from symgen.errors import Refusal, shown, suggestion
from symgen.spec.findings import Failed, Findings
from symgen.spec.schema import Presentation

PATH = ("symmetry", "group")

# Most letters in all relations together, powers written out.
MAX_LETTERS = 1024

_GENERATOR = re.compile(r"[a-z][0-9]{0,3}")
_TOKEN = re.compile(r"(([a-z][0-9]*)(?:\^([0-9]{1,4})(?![0-9]))?|\S)\s*")


def resolve_group(written: str | Presentation, findings: Findings) -> Group:
    """The group that a spec names or presents. Raises Failed."""
    if isinstance(written, Presentation):
        return _presented(written, findings)
    try:
        if len(written) > 64:
            raise Refusal("this is too long to be the name of a group")
        return named(written)
    except Refusal as error:
        if error.code:
            hint = "use a group within that bound"
            raise findings.add(error.code, PATH, error.message, hint) from error
        message = f"there is no group called {shown(written)}"
        raise findings.add("unknown-group", PATH, message, _way_out(written)) from error


def _way_out(written: str) -> str:
    close = _meant(written)
    if close:
        return f"did you mean '{close}'?"
    if re.match(r"S?[OEU]\(", written):
        return (
            "of the continuous groups SO2 and O2 are built; a finite one such as C8 or D8 "
            "comes close to others"
        )
    return (
        "known are C<n> (turns), D<n> (turns and mirrors), S<n> (all orders), SO2 and O2 (all "
        "turns) and products such "
        "as 'C2 x C4'; "
        "any other finite group is given as {generators: [...], relations: [...]}"
    )


def _meant(written: str) -> str:
    """The name that was probably meant: other spellings of the same groups."""
    text = re.sub(r"\s*[xX*×]\s*", " x ", written.strip())
    text = re.sub(r"[_()]|(?<=[CDSZcdsz])\s+(?=\d)", "", text)
    text = re.sub(r"\b[zZ](?=\d)", "C", text.upper().replace(" X ", " x "))
    text = re.sub(r"\bC(\d+)V\b", r"D\1", text)
    if text == written or not re.fullmatch(r"S?O2|[CDS]\d{1,3}( x [CDS]\d{1,3}){0,3}", text):
        return ""
    try:
        return named(text).name
    except Refusal:
        return ""


def _presented(written: Presentation, findings: Findings) -> Group:
    before = len(findings.diagnostics)
    _check_names(written, findings)
    letters = sum(_count(written, index, findings) for index in range(len(written.relations)))
    if letters > MAX_LETTERS:
        message = f"the relations have {letters} letters in all; at most {MAX_LETTERS} are read"
        findings.add(
            "too-large", (*PATH, "relations"), message, "use shorter relations, or a named group"
        )
    if len(findings.diagnostics) > before:
        raise Failed
    try:
        group = presented(written.generators, written.relations)
    except Refusal as error:
        hint = f"add the relation that is missing; a group may have at most {MAX_ELEMENTS} elements"
        code = error.code or "bad-presentation"
        raise findings.add(code, (*PATH, "relations"), error.message, hint) from error
    for index, generator in enumerate(group.generators):
        if group.letter_order(generator) == 1:
            message = f"the relations force {generator} to be the identity"
            hint = "leave the generator out, or correct the relations"
            raise findings.add("bad-presentation", (*PATH, "generators", index), message, hint)
    return group


def _check_names(written: Presentation, findings: Findings) -> None:
    for index, generator in enumerate(written.generators):
        path = (*PATH, "generators", index)
        if not _GENERATOR.fullmatch(generator):
            hint = "a small letter names a generator; digits may follow: r, s2"
            findings.add(
                "bad-presentation", path, f"{shown(generator)} cannot name a generator", hint
            )
        elif generator in written.generators[:index]:
            findings.add(
                "bad-presentation",
                path,
                f"the generator {generator} is named twice",
                "name it once",
            )


def _count(written: Presentation, index: int, findings: Findings) -> int:
    """Number of letters of one relation, powers written out; what it cannot be read as is noted."""
    word = written.relations[index]
    path = (*PATH, "relations", index)
    letters = 0
    for token, generator, power in _TOKEN.findall(word):
        if not generator:
            hint = "a word is generators one after the other, with powers: rsrs, r^4"
            findings.add("bad-word", path, f"{shown(token)} in {shown(word)} cannot be read", hint)
            return 0
        if generator not in written.generators:
            hint = suggestion(generator, written.generators, "generators")
            findings.add(
                "unknown-generator", path, f"{generator!r} is not a generator of this group", hint
            )
            return 0
        letters += int(power or 1)
    return letters
