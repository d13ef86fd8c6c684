"""Frames of a video made large enough to see, with lines of text below."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

SIDE = 320
"""Small frames are enlarged until their longer side has so many pixels."""
LARGEST = 14
SMALLEST = 9
"""Sizes of the font, in pixels; a line that is too long takes a smaller one, then is cut."""
MARGIN = 6
PAPER = (255, 255, 255)
INK = (34, 34, 34)
RULE = (138, 138, 138)


def enlarged(frame: np.ndarray, side: int = SIDE) -> np.ndarray:
    """`frame` with every pixel repeated as often as it takes for the longer side to have `side`
    pixels.

    >>> enlarged(np.zeros((80, 60, 3), np.uint8)).shape
    (320, 240, 3)
    """
    times = -(-side // max(frame.shape[:2]))
    return frame.repeat(times, 0).repeat(times, 1)


def captioned(frame: np.ndarray, lines: Sequence[str], width: int = SIDE) -> np.ndarray:
    """`frame` above lines of text on white, both sides even, which video codecs ask for.

    Args:
        frame: [row, column, colour], uint8.
        lines: what is written, a line each.
        width: the picture is this wide at least.
    """
    from PIL import Image, ImageDraw

    height = frame.shape[0]
    wide = max(frame.shape[1], width)
    line = LARGEST + 4
    tall = height + line * len(lines) + 2 * MARGIN
    page = Image.new("RGB", (wide + wide % 2, tall + tall % 2), PAPER)
    page.paste(Image.fromarray(frame), ((wide - frame.shape[1]) // 2, 0))
    pen = ImageDraw.Draw(page)
    pen.line([(0, height), (wide, height)], fill=RULE)
    for number, text in enumerate(lines):
        shown, font = _fitted(text, wide - 2 * MARGIN)
        pen.text((MARGIN, height + MARGIN + line * number), shown, fill=INK, font=font)
    return np.asarray(page)


def _fitted(text: str, width: int) -> tuple[str, "FreeTypeFont"]:
    """The text, cut where it has to be, and the largest font in which it is at most `width` pixels
    wide.
    """
    for size in range(LARGEST, SMALLEST - 1, -1):
        if _font(size).getlength(text) <= width:
            return text, _font(size)
    font = _font(SMALLEST)
    kept = len(text)
    while kept > 1 and font.getlength(f"{text[:kept]}...") > width:
        kept -= 1
    return f"{text[:kept]}...", font


@lru_cache
def _font(size: int) -> "FreeTypeFont":
    """Matplotlib's own font, which is installed wherever this package is."""
    import matplotlib
    from PIL import ImageFont

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    return ImageFont.truetype(folder / "DejaVuSans.ttf", size)
