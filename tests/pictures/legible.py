"""What a reader would complain about in a figure: words that are cut off, or written over one
another.
"""

from itertools import combinations

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

SLACK = 1.5  # pixels


def written(figure: Figure) -> dict[str, Bbox]:
    """The boxes of all words around the panels: titles, captions, labels, ticks and legends."""
    figure.canvas.draw()
    renderer = figure.canvas.get_renderer()
    left_out = {id(text) for axes in figure.axes for text in _not_drawn(axes)}
    boxes = {}
    for number, text in enumerate(figure.findobj(Text)):
        if text.get_visible() and text.get_text().strip() and id(text) not in left_out:
            boxes[f"{number} {text.get_text()!r}"] = text.get_window_extent(renderer)
    return boxes


def _not_drawn(axes: Axes) -> list[Artist]:
    """What lies inside of a panel, the words of axes that are switched off, and ticks beyond the
    limits.
    """
    left_out: list[Artist] = list(axes.texts)
    for axis in (axes.xaxis, axes.yaxis):
        low, high = sorted(axis.get_view_interval())
        for tick in [*axis.get_major_ticks(), *axis.get_minor_ticks()]:
            if not axes.axison or not low - 1e-9 <= tick.get_loc() <= high + 1e-9:
                left_out += [tick.label1, tick.label2]
        if not axes.axison:
            left_out += [axis.label, axis.offsetText]
    return left_out


def complaints(figure: Figure) -> list[str]:
    """Words that leave the figure, and pairs that overlap; empty for a figure that can be read."""
    boxes = written(figure)
    page = figure.bbox
    cut = [
        f"{name} is cut off"
        for name, box in boxes.items()
        if box.x0 < page.x0 - SLACK
        or box.y0 < page.y0 - SLACK
        or box.x1 > page.x1 + SLACK
        or box.y1 > page.y1 + SLACK
    ]
    return cut + [
        f"{first} lies on {second}"
        for first, second in combinations(boxes, 2)
        if _overlap(boxes[first], boxes[second])
    ]


def _overlap(first: Bbox, second: Bbox) -> bool:
    wide = min(first.x1, second.x1) - max(first.x0, second.x0)
    tall = min(first.y1, second.y1) - max(first.y0, second.y0)
    return wide > SLACK and tall > SLACK
