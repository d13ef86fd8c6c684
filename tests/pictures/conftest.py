"""Figures instead of files."""

import pytest
from matplotlib.figure import Figure

from symgen.pictures import canvas


@pytest.fixture
def figures(monkeypatch) -> list[Figure]:
    """The figures that are drawn, in their order; none is written."""
    drawn: list[Figure] = []

    def keep(figure, path):
        drawn.append(figure)
        return path

    monkeypatch.setattr(canvas, "save", keep)
    return drawn
