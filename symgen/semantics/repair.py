"""A printed type that cannot be read -> what was probably meant, for a hint."""

import re
from collections.abc import Iterator

from symgen.algebra import fieldtype as fieldtypes
from symgen.algebra import representation as representations
from symgen.algebra.group import Group
from symgen.errors import Refusal, near_miss

BASES = ("point", "grid", "plane", "tokens", "graph")
# Longest text that is repaired: nobody mistypes more.
MAX_TEXT = 256

_BETWEEN_BLOCKS = re.compile(r"(?<=[a-z)])\s+(?=\d|[a-z])")


def repaired(written: str, part: str, group: Group) -> str:
    """The text with its first mistake mended; "" where nothing near can be read.

    Args:
        written: a representation, or a field type with its base.
        part: the piece of it that cannot be read; "" where that is not known.
        group: the group.

    >>> from symgen.algebra.catalogue import group
    >>> repaired("2 trivial + regulr", "regulr", group("D1"))
    '2 trivial + regular'
    """
    if len(written) > MAX_TEXT:
        return ""
    for candidate in _candidates(written, part, group):
        if candidate != written and _reads(candidate, group):
            return candidate
    return ""


def blocks(group: Group) -> str:
    """The representations that the group has, for a hint.

    >>> from symgen.algebra.catalogue import group
    >>> blocks(group("D2"))
    'trivial, sign, regular, standard, signed(r=..., s=...), with + between them'
    """
    named = [
        name
        for name in ("trivial", "sign", "regular", "standard", "irrep(1)")
        if _reads(name, group)
    ]
    images = ", ".join(f"{generator}=..." for generator in group.generators)
    return ", ".join([*named, *([f"signed({images})"] if images else [])]) + ", with + between them"


def _candidates(written: str, part: str, group: Group) -> Iterator[str]:
    word = re.sub(r"^\s*\d*\s*", "", part).split("(")[0].strip()
    if part:
        yield written.replace(part, _BETWEEN_BLOCKS.sub(" + ", part), 1)
    for known in (representations.NAMES, BASES):
        if word and (close := near_miss(word, known)):
            yield written.replace(part, part.replace(word, close, 1), 1)
    yield re.sub(r"[\[\],]+", " ", written).replace("= ", "=").replace(" )", ")").replace("  ", " ")
    if len(group.generators) == 1:
        yield re.sub(r"\b[a-z]\d*=", f"{group.generators[0]}=", written)


def _reads(text: str, group: Group) -> bool:
    try:
        fieldtypes.parse(group, text) if ":" in text else representations.parse(group, text)
    except Refusal:
        return False
    return True
