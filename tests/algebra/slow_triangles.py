"""The slow obvious twin of triangle_tables: the construction of the SiT paper's equation 4, pair by
pair, in floats.
"""

import math

import numpy as np

SNAP = {(1, 1): (1, 0), (1, -1): (0, -1), (-1, 1): (0, 1), (-1, -1): (-1, 0)}


def slow_triangles(rows: int, columns: int, right: bool = True) -> dict[str, np.ndarray]:
    """Index and angle tables as in `triangle_tables`, angles in units of 1e-5 pi; `right=False`
    turns left instead.
    """
    places = [(r, c) for r in range(rows) for c in range(columns)]
    size = len(places)
    tables = {
        name: np.zeros((size, size), dtype=np.int64)
        for name in ("jk", "ki", "ij_angle", "jk_angle", "ki_angle")
    }
    tables["degenerate"] = np.zeros((size, size), dtype=bool)
    for i, p_i in enumerate(places):
        for j, p_j in enumerate(places):
            v = (p_j[0] - p_i[0], p_j[1] - p_i[1])
            w = (v[1], -v[0]) if right else (-v[1], v[0])
            length = math.hypot(*w) or 1.0
            step = (round(w[0] / length), round(w[1] / length))
            step = SNAP.get(step, step)
            p_k = (p_j[0] + step[0], p_j[1] + step[1])
            k = places.index(p_k) if p_k in places else None
            tables["degenerate"][i, j] = i == j or k is None
            if i == j or k is None:
                angles = {"ij_angle": 1 / 3, "jk_angle": 1 / 3, "ki_angle": 1 / 3}
                tables["jk"][i, j] = tables["ki"][i, j] = i * size + j
            else:
                u = (p_i[0] - p_k[0], p_i[1] - p_k[1])
                a1, a2 = angle(w, u), angle(v, u)
                angles = {"ij_angle": 1 - a1 / 2 - a2 / 2, "jk_angle": a1 / 2, "ki_angle": a2 / 2}
                tables["jk"][i, j], tables["ki"][i, j] = j * size + k, k * size + i
            for name, value in angles.items():
                tables[name][i, j] = round(value * 1e5)
    return {name: t.reshape(-1) if name in ("jk", "ki") else t for name, t in tables.items()}


def angle(a: tuple[int, int], b: tuple[int, int]) -> float:
    """The angle between two vectors, in units of pi."""
    cosine = (a[0] * b[0] + a[1] * b[1]) / (math.hypot(*a) * math.hypot(*b))
    return math.acos(max(-1.0, min(1.0, cosine))) / math.pi
