"""The images of generators as a spec writes them: "r=1 2 0, s=0 2 1"."""

from collections.abc import Mapping, Sequence

import numpy as np

from symgen.algebra.group import Group
from symgen.errors import Refusal


def read(group: Group, text: str) -> dict[str, str]:
    """Split "r=..., s=..." into one text per generator; Refusal on a missing, repeated or
    unknown generator.
    """
    result: dict[str, str] = {}
    for part in text.split(",") if text.strip() else ():
        generator, equals, image = (piece.strip() for piece in part.partition("="))
        if not equals:
            raise Refusal(
                f"cannot read {part.strip()!r} as an image: GENERATOR=IMAGE, e.g. r=1 2 0"
            )
        if generator in result:
            raise Refusal(f"the image of {generator} is given twice")
        result[generator] = image
    covered(group, result)
    return result


def covered(group: Group, images: Mapping[str, object]) -> None:
    """Raise Refusal unless there is an image for each generator, and for nothing else."""
    if set(images) != set(group.generators):
        needed = ", ".join(group.generators) or "none"
        raise Refusal(
            f"images are needed for exactly the generators of {group} ({needed}), not "
            f"{', '.join(images) or 'none'}",
            code="missing-generator",
        )


def numbers(text: str) -> list[int]:
    """The integers of a text, separated by blanks."""
    try:
        return [int(number) for number in text.split()]
    except ValueError:
        raise Refusal(f"cannot read {text!r} as integers separated by blanks") from None


def permutation(generator: str, image: Sequence[int], size: int) -> np.ndarray:
    """The image as an index array; Refusal where it is no permutation of 0..size-1."""
    array = _integers(generator, image)
    if array.shape != (size,) or not np.array_equal(np.sort(array), np.arange(size)):
        raise Refusal(
            f"the image of {generator} is not a permutation of 0..{size - 1}",
            code="not-a-permutation",
        )
    return array


def signed_permutation(generator: str, image: Sequence[int], size: int) -> np.ndarray:
    """The image as an array of codes; Refusal where it is no signed permutation of 1..size."""
    array = _integers(generator, image)
    if array.shape != (size,) or not np.array_equal(np.sort(np.abs(array)), np.arange(1, size + 1)):
        raise Refusal(
            f"the image of {generator} is not a signed permutation of 1..{size}",
            code="not-a-permutation",
        )
    return array


def _integers(generator: str, image: Sequence[int]) -> np.ndarray:
    try:
        array = np.asarray(image)
    except ValueError:  # lists of different lengths
        array = np.asarray([None])
    # no silent rounding, no booleans, nothing beyond 64 bits
    if array.size and array.dtype.kind not in "iu":
        raise Refusal(f"the image of {generator} must be a list of whole numbers")
    return array.astype(np.int64)
