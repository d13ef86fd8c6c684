"""What a spec writes for one generator -> where each entry goes.

An index list that contains 0 is a zero-based permutation: entry i goes to place list[i]. Otherwise
it is a 1-based signed permutation: entry i goes to place |list[i]|, times the sign of list[i]. A
list of lists is an orthogonal matrix.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from symgen.algebra import representation as representations
from symgen.algebra.group import Group
from symgen.algebra.representation import Representation
from symgen.errors import Refusal, shown, suggestion
from symgen.semantics.findings import Failed, Findings
from symgen.spec.source import Place
from symgen.spec.validate import LINEAR

# What a shift may be called by somebody who looks for one.
SHIFTS = ("about", "around", "shift", "offset", "centre", "center", "translation", "bias")

Signed = tuple[int, ...]
"""A 1-based signed permutation."""
Matrix = np.ndarray[Any, np.dtype[np.float64]]
Image = Signed | Matrix


def each_generator(
    written: Mapping[str, object],
    group: Group,
    path: Place,
    findings: Findings,
    image: Callable[[object, Place], Image],
    what: str,
) -> dict[str, Image]:
    """The image of every generator.

    Args:
        written: generator -> what the spec says.
        group: the group.
        path: where that stands.
        findings: collects the mistakes.
        image: reads what one generator does.
        what: what is moved, for messages.

    Raises:
        Failed: after all mistakes of all generators were noted.
    """
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
            findings.add("unknown-generator", (*path, generator), message, hint, key=True)
    missing = [generator for generator in group.generators if generator not in written]
    if missing and not failed:
        message = f"nothing says how {' and '.join(missing)} of {group} moves {what}"
        findings.add(
            "missing-generator",
            path,
            message,
            f"add '{missing[0]}: ...', or '{missing[0]}: trivial'",
            key=True,
        )
    images = {
        g: findings.attempt(image, written[g], (*path, g)) for g in group.generators if g in written
    }
    if failed or missing or any(each is None for each in images.values()):
        raise Failed
    return {generator: each for generator, each in images.items() if each is not None}


def signed_permutation(
    entries: Sequence[int], size: int, path: Place, findings: Findings, what: str
) -> Signed:
    """An index list as a 1-based signed permutation. Raises Failed where it is none."""
    if len(entries) != size:
        message = f"this list has {len(entries)} entries, and {what} has {size}"
        raise findings.add(
            "size-mismatch", path, message, "write one number for each entry: the place it goes to"
        )
    zero_based = 0 in entries
    first = 0 if zero_based else 1
    targets = [entry if zero_based else abs(entry) for entry in entries]
    if zero_based and min(entries) < 0:
        message = "a list with a 0 counts from 0, where an entry can have no sign"
        raise findings.add(
            "not-a-permutation",
            path,
            message,
            f"count from 1 to use signs: 1 to {size}, or -1 to -{size}",
        )
    outside = next(
        (k for k, target in enumerate(targets) if not first <= target < first + size), None
    )
    if outside is not None:
        message = f"{entries[outside]} is no place of {what}"
        base = (
            "a list without a 0 counts from 1; " if not zero_based and max(targets) < size else ""
        )
        hint = f"{base}the places are {first} to {first + size - 1}"
        raise findings.add("not-a-permutation", (*path, outside), message, hint)
    twice = next((target for target, count in Counter(targets).items() if count > 1), None)
    if twice is not None:
        second = [k for k, target in enumerate(targets) if target == twice][1]
        unused = min(set(range(first, first + size)) - set(targets))
        message = (
            f"this is not a permutation: two entries go to place {twice}, and none to place "
            f"{unused}"
        )
        raise findings.add(
            "not-a-permutation",
            (*path, second),
            message,
            "every place is named once; signs are free",
        )
    return tuple(entry + 1 for entry in entries) if zero_based else tuple(entries)


def orthogonal_matrix(
    rows: Sequence[Sequence[float]], size: int, path: Place, findings: Findings, what: str
) -> Matrix:
    """A list of rows as an orthogonal matrix. Raises Failed where it is none."""
    widths = {len(row) for row in rows}
    affine = len(rows) == size and widths == {
        size + 1
    }  # somebody wrote a shift into the last column
    if len(rows) != size or widths != {size}:
        shape = (
            f"{len(rows)} x {widths.pop()}"
            if len(widths) == 1
            else f"{len(rows)} rows of different lengths"
        )
        message = f"this matrix is {shape}, and {what} has {size} entries"
        raise findings.add(
            "size-mismatch",
            path,
            message,
            LINEAR if affine else f"write {size} rows of {size} numbers",
        )
    matrix = np.array(rows, dtype=np.float64)
    deviation = float(np.abs(matrix @ matrix.T - np.eye(size)).max())
    if not deviation <= 1e-9:  # also where it is not a number
        message = f"this matrix is not orthogonal: {_first_fault(matrix)}"
        hint = (
            "a symmetry keeps lengths and angles; rescale the rows so that a rotation or "
            "reflection results"
        )
        if deviation < 0.05:
            hint = (
                "give all digits, such as 0.7071067811865476, or a printed representation such "
                "as 'standard'"
            )
        raise findings.add("not-orthogonal", path, message, hint)
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


def representation(
    images: Mapping[str, Image], group: Group, size: int, path: Place, findings: Findings, what: str
) -> Representation:
    """The representation with these images. Raises Failed where a relation of the group does not
    hold.
    """
    try:
        return _represented(images, group, size, path, findings, what)
    except Refusal as error:  # what only SO2 and O2 refuse
        hint = "write a printed representation, e.g. 'standard' or '2 trivial + irrep(1)'"
        raise findings.add(error.code or "band-limit", path, str(error), hint) from error


def _represented(
    images: Mapping[str, Image], group: Group, size: int, path: Place, findings: Findings, what: str
) -> Representation:
    if not group.generators:
        return representations.direct_sum((size, representations.trivial(group)))
    moved = Representation(
        group, "moves", size, tuple(_matrix(images[g]) for g in group.generators)
    )
    check_relations(moved, path, findings, what)
    if moved.is_trivial:
        return representations.direct_sum((size, representations.trivial(group)))
    if moved.kind == "matrix":
        return representations.matrix(
            group, {g: moved.matrix(g).tolist() for g in group.generators}
        )
    pairs = {g: moved.signed_permutation(g) for g in group.generators}
    if moved.kind == "permutation":
        return representations.permutation(
            group, {g: target.tolist() for g, (target, _) in pairs.items()}
        )
    signed = {
        g: ((target + 1) * signs.astype(int)).tolist() for g, (target, signs) in pairs.items()
    }
    return representations.signed_permutation(group, signed)


def check_relations(moved: Representation, path: Place, findings: Findings, what: str) -> None:
    """Note the first relation of the group that does not hold, with an entry that does not come
    back.
    """
    probe = (
        np.arange(1.0, moved.size + 1)[None] if moved.is_signed_permutation else np.eye(moved.size)
    )
    for relation in moved.group.relations:
        wrong = np.abs(moved.act(relation, probe) - probe).max(0) > 1e-8
        if wrong.any():
            letters = set(moved.group.parse(relation))
            where = (*path, letters.pop()) if len(letters) == 1 else path
            message = (
                f"the relation {relation} = 1 of {moved.group} does not hold: applied one after "
                "the other, these moves "
                f"do not bring entry {int(wrong.argmax()) + 1} of {what} back"
            )
            hint = "correct a list, or name the group that these moves do form"
            raise findings.add("broken-relation", where, message, hint)


def _matrix(image: Image) -> Matrix:
    if isinstance(image, np.ndarray):
        return image
    targets = np.array(image)
    matrix = np.zeros((len(image), len(image)))
    matrix[np.abs(targets) - 1, np.arange(len(image))] = np.sign(targets)
    return matrix
