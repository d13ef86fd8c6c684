"""A slow, obvious walk over a map."""

from collections import deque

from symgen.envs._compass import STEPS
from symgen.envs._lava import FLOOR, GOAL


def walked(cells, start):
    """The places that steps over floors and goals reach."""
    seen = {start}
    queue = deque([start])
    while queue:
        row, column = queue.popleft()
        for dr, dc in STEPS.tolist():
            there = (row + dr, column + dc)
            if there not in seen and cells[there] in (FLOOR, GOAL):
                seen.add(there)
                queue.append(there)
    return seen
