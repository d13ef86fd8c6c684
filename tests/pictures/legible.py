"""What a reader would complain about in a figure: words that are cut off, or written over one
another.
"""

from itertools import combinations
from typing import Any

SLACK = 1.5  # pixels


def written(figure: Any) -> dict[str, Any]:
    """The boxes of all words around the panels: titles, captions, labels, ticks and legends."""
    from matplotlib.text import Text

    figure.canvas.draw()
    renderer = figure.canvas.get_renderer()
    left_out = {id(text) for axes in figure.axes for text in _not_drawn(axes)}
    found = {}
    for number, text in enumerate(figure.findobj(Text)):
        if text.get_visible() and text.get_text().strip() and id(text) not in left_out:
            found[f"{number} {text.get_text()!r}"] = text.get_window_extent(renderer)
    return found


def _not_drawn(axes: Any) -> list[Any]:
    """What lies inside of a panel, the words of axes that are switched off, and ticks beyond the
    limits.
    """
    found = list(axes.texts)
    for axis in (axes.xaxis, axes.yaxis):
        low, high = sorted(axis.get_view_interval())
        for tick in [*axis.get_major_ticks(), *axis.get_minor_ticks()]:
            if not axes.axison or not low - 1e-9 <= tick.get_loc() <= high + 1e-9:
                found += [tick.label1, tick.label2]
        if not axes.axison:
            found += [axis.label, axis.offsetText]
    return found


def complaints(figure: Any) -> list[str]:
    """Words that leave the figure, and pairs that overlap; empty for a figure that can be read."""
    boxes, page = written(figure), figure.bbox
    cut = [
        f"{name} is cut off"
        for name, box in boxes.items()
        if box.x0 < page.x0 - SLACK
        or box.y0 < page.y0 - SLACK
        or box.x1 > page.x1 + SLACK
        or box.y1 > page.y1 + SLACK
    ]
    return cut + [
        f"{one} lies on {other}"
        for one, other in combinations(boxes, 2)
        if _overlap(boxes[one], boxes[other])
    ]


def _overlap(one: Any, other: Any) -> bool:
    wide = min(one.x1, other.x1) - max(one.x0, other.x0)
    tall = min(one.y1, other.y1) - max(one.y0, other.y0)
    return wide > SLACK and tall > SLACK
