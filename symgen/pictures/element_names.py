"""Names for the channels of a fibre: the group element that takes the first channel there, where
there is one.
"""

from itertools import groupby

from symgen.algebra.representation import Representation

SUPERSCRIPT = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def element_names(fibre: Representation) -> list[str]:
    """A name for each channel of one copy of each distinct atom of a fibre."""
    atoms = list(dict.fromkeys(atom for _, atom in fibre.blocks))
    return [name for atom in atoms for name in channel_names(atom)]


def channel_names(atom: Representation) -> list[str]:
    """The shortest word that takes the first channel to each; channels it cannot reach, or that
    mix, are numbered.

    >>> from symgen.algebra.catalogue import group
    >>> from symgen.algebra.representation import parse
    >>> channel_names(parse(group("C4"), "regular"))
    ['e', 'r', 'r²', 'r³']
    """
    numbered = [f"{atom} {k + 1}" if atom.size > 1 else str(atom) for k in range(atom.size)]
    if atom.kind != "permutation" or atom.size == 1 or len(atom.group.elements) > 4096:
        return numbered
    words: dict[int, str] = {}
    for word in atom.group.elements:
        words.setdefault(int(atom.signed_permutation(word)[0][0]), word)
    if len(words) < atom.size:
        return numbered
    coset = "" if atom.size == len(atom.group.elements) else "H"
    return [(power(words[k]) or ("" if coset else "e")) + coset for k in range(atom.size)]


def power(word: str) -> str:
    """A word with its repetitions as exponents: "rrs" as "r²s"."""
    runs = [(letter, len(list(run))) for letter, run in groupby(word)]
    return "".join(
        letter + (str(count).translate(SUPERSCRIPT) if count > 1 else "") for letter, count in runs
    )
