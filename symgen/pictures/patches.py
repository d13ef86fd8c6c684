"""Tokens that were cut from an image, put together again."""

from dataclasses import replace

import numpy as np

from symgen.problem.interface import Term
from symgen.problem.pipeline import picture_of
from symgen.problem.problem import Problem


def image_of(problem: Problem, term: Term) -> Term | None:
    """The image that the tokens of a term were cut from, one frame of it; None of other terms."""
    if problem.pipeline.patches is None or term.layout != "tokens":
        return None
    whole = problem.adapter.interface(problem.adapter_options).terms
    return next((own for own in whole if own.name == term.name and own.layout == "image"), None)


def patch_grid(problem: Problem, term: Term) -> tuple[int, int] | None:
    """Rows and columns of the patches that the tokens of a term are; None of other terms."""
    image = image_of(problem, term)
    if image is None:
        return None
    side = problem.pipeline.patches or 1
    return image.shape[0] // side, image.shape[1] // side


def together(problem: Problem, term: Term, value: np.ndarray) -> tuple[Term, np.ndarray]:
    """A term and its value as one environment gives it; of patches the image, with all its frames
    in the channels as an environment without patches would have them.

    Args:
        problem: whose term it is.
        term: the term.
        value: (patch, channel) of patches.
    """
    image = image_of(problem, term)
    if image is None:
        return term, value
    frames = value.reshape(len(value), problem.pipeline.frames, -1)
    side = problem.pipeline.patches or 1
    pictures = [picture_of(frames[:, k], image.shape, side) for k in range(problem.pipeline.frames)]
    whole = np.concatenate(pictures, -1)
    return replace(image, shape=whole.shape), whole
