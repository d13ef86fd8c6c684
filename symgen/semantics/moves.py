"""What a spec writes for one generator -> where each entry goes.

An index list that contains 0 is a zero-based permutation: entry i goes to place list[i]. Otherwise
it is a 1-based signed permutation: entry i goes to place |list[i]|, times the sign of list[i]. A
list of lists is an orthogonal matrix.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from symgen.algebra import representation as representations
from symgen.algebra.group import Group
from symgen.algebra.representation import Representation
from symgen.errors import Refusal, shown, suggestion
from symgen.spec.findings import Failed, Findings
from symgen.spec.schema import Move
from symgen.spec.source import Place
from symgen.spec.wording import LINEAR

# What a shift may be called by somebody who looks for one.
SHIFTS = ("about", "around", "shift", "offset", "centre", "center", "translation", "bias")

Signed = tuple[int, ...]
"""A 1-based signed permutation."""
Matrix = NDArray[np.float64]
Image = Signed | Matrix

T = TypeVar("T")


@dataclass(frozen=True)
class ActedOn:
    """What the generators move, and where a spec says how.

    Args:
        what: for messages, such as "the observation".
        size: number of its entries.
        group: the group.
        path: where the moves stand, by generator.
        findings: collects the mistakes.
    """

    what: str
    size: int
    group: Group
    path: Place
    findings: Findings


def described(*names: str) -> str:
    """Observation terms as a message calls them.

    >>> described("observation"), described("position", "velocity")
    ('the observation', 'the observation position and velocity')
    """
    if names == ("observation",):
        return "the observation"
    return f"the observation {' and '.join(names)}"


def each_generator(
    acted_on: ActedOn, written: Mapping[str, Move], image: Callable[[Move, Place], T]
) -> dict[str, T]:
    """The image of every generator.

    Args:
        acted_on: what is moved.
        written: generator -> what the spec says.
        image: reads what one generator does.

    Raises:
        Failed: after all mistakes of all generators were noted.
    """
    group = acted_on.group
    findings = acted_on.findings
    failed = False
    for generator in written:
        if generator not in group.generators:
            failed = True
            message = f"{group} has no generator {shown(generator)}"
            hint: str | Callable[[], str] = partial(
                suggestion, generator, group.generators, f"generators of {group}"
            )
            if generator in SHIFTS:
                hint = LINEAR
            findings.add("unknown-generator", (*acted_on.path, generator), message, hint, key=True)
    missing = [generator for generator in group.generators if generator not in written]
    if missing and not failed:
        message = f"nothing says how {' and '.join(missing)} of {group} moves {acted_on.what}"
        hint = f"add '{missing[0]}: ...', or '{missing[0]}: trivial'"
        findings.add("missing-generator", acted_on.path, message, hint, key=True)
    images = {}
    for generator in group.generators:
        if generator in written:
            place = (*acted_on.path, generator)
            arrival = findings.attempt(image, written[generator], place)
            if arrival is not None:
                images[generator] = arrival
    if failed or len(images) < len(group.generators):
        raise Failed
    return images


def signed_permutation(acted_on: ActedOn, entries: Sequence[int], path: Place) -> Signed:
    """An index list at `path` as a 1-based signed permutation. Raises Failed where it is none."""
    size = acted_on.size
    add = acted_on.findings.add
    if len(entries) != size:
        message = f"this list has {len(entries)} entries, and {acted_on.what} has {size}"
        hint = "write one number for each entry: the place it goes to"
        raise add("size-mismatch", path, message, hint)
    zero_based = 0 in entries
    first = 0 if zero_based else 1
    targets = [entry if zero_based else abs(entry) for entry in entries]
    if zero_based and min(entries) < 0:
        message = "a list with a 0 counts from 0, where an entry can have no sign"
        hint = f"count from 1 to use signs: 1 to {size}, or -1 to -{size}"
        raise add("not-a-permutation", path, message, hint)
    outside = next(
        (k for k, target in enumerate(targets) if not first <= target < first + size), None
    )
    if outside is not None:
        message = f"{entries[outside]} is no place of {acted_on.what}"
        hint = f"the places are {first} to {first + size - 1}"
        if not zero_based and max(targets) < size:
            hint = f"a list without a 0 counts from 1; {hint}"
        raise add("not-a-permutation", (*path, outside), message, hint)
    twice = next((target for target, count in Counter(targets).items() if count > 1), None)
    if twice is not None:
        second = [k for k, target in enumerate(targets) if target == twice][1]
        unused = min(set(range(first, first + size)) - set(targets))
        message = (
            f"this is not a permutation: two entries go to place {twice}, and none to place "
            f"{unused}"
        )
        hint = "every place is named once; signs are free"
        raise add("not-a-permutation", (*path, second), message, hint)
    return tuple(entry + 1 for entry in entries) if zero_based else tuple(entries)


def orthogonal_matrix(acted_on: ActedOn, rows: Sequence[Sequence[float]], path: Place) -> Matrix:
    """A list of rows at `path` as an orthogonal matrix. Raises Failed where it is none."""
    size = acted_on.size
    widths = {len(row) for row in rows}
    if len(rows) != size or widths != {size}:
        shape = f"{len(rows)} rows of different lengths"
        if len(widths) == 1:
            shape = f"{len(rows)} x {min(widths)}"
        message = f"this matrix is {shape}, and {acted_on.what} has {size} entries"
        hint = f"write {size} rows of {size} numbers"
        if len(rows) == size and widths == {size + 1}:  # a shift in the last column
            hint = LINEAR
        raise acted_on.findings.add("size-mismatch", path, message, hint)
    matrix = np.array(rows, dtype=np.float64)
    error = float(np.abs(matrix @ matrix.T - np.eye(size)).max())
    if not error <= 1e-9:  # also where it is not a number
        message = f"this matrix is not orthogonal: {_first_fault(matrix)}"
        hint = (
            "a symmetry keeps lengths and angles; rescale the rows so that a rotation or "
            "reflection results"
        )
        if error < 0.05:
            hint = (
                "give all digits, such as 0.7071067811865476, or a printed representation such "
                "as 'standard'"
            )
        raise acted_on.findings.add("not-orthogonal", path, message, hint)
    return matrix


def _first_fault(matrix: Matrix) -> str:
    """Which row has not length 1, or which rows are not perpendicular."""
    product = matrix @ matrix.T
    lengths = np.sqrt(np.diag(product))
    row = int(np.abs(lengths - 1).argmax())
    if not abs(lengths[row] - 1) <= 1e-9:
        return f"row {row + 1} has length {lengths[row]:.6g}"
    i, j = divmod(int(np.abs(product - np.eye(len(matrix))).argmax()), len(matrix))
    return f"rows {i + 1} and {j + 1} are not perpendicular"


def representation(acted_on: ActedOn, images: Mapping[str, Image]) -> Representation:
    """The representation with these images, by its most special name. Raises Failed where a
    relation of the group does not hold.
    """
    group = acted_on.group
    arrays = tuple(np.array(images[generator]) for generator in group.generators)
    plain = Representation(group, "moves", acted_on.size, arrays)
    if plain.is_trivial:
        return representations.direct_sum((acted_on.size, representations.trivial(group)))
    try:
        if plain.kind == "matrix":
            # to 1e-8 here: what the algebra makes exact may be further off
            _refuse_broken_relation(acted_on, plain)
            matrices = {g: plain.matrix(g).tolist() for g in group.generators}
            return representations.matrix(group, matrices)
        # `plain` holds signed permutations as codes
        signed = plain.kind == "signed"
        return representations.of_codes(group, plain.size, plain.moves, signed)
    except Refusal as error:
        _refuse_broken_relation(acted_on, plain)
        # what only SO2 and O2 refuse
        hint = "write a printed representation, e.g. 'standard' or '2 trivial + irrep(1)'"
        raise acted_on.findings.add(
            error.code or "band-limit", acted_on.path, str(error), hint
        ) from error


def _refuse_broken_relation(acted_on: ActedOn, plain: Representation) -> None:
    """Note the first relation of the group that does not hold, with an entry that does not come
    back, and raise Failed.
    """
    probe = np.eye(plain.size)
    if plain.is_signed_permutation:
        probe = np.arange(1.0, plain.size + 1)[None]
    for relation in plain.group.relations:
        wrong = np.abs(plain.act(relation, probe) - probe).max(0) > 1e-8
        if wrong.any():
            letters = set(plain.group.parse(relation))
            path = (*acted_on.path, letters.pop()) if len(letters) == 1 else acted_on.path
            message = (
                f"the relation {relation} = 1 of {plain.group} does not hold: applied one after "
                "the other, these moves "
                f"do not bring entry {int(wrong.argmax()) + 1} of {acted_on.what} back"
            )
            hint = "correct a list, or name the group that these moves do form"
            raise acted_on.findings.add("broken-relation", path, message, hint)
