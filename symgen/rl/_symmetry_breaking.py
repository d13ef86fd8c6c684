"""What training says of a network that may break its symmetry: by how much it does, and what that
costs.

To an algorithm these are numbers under names: it adds `penalty(network)` to its loss,
`measured(...)` to its metrics.
"""

from typing import Any

import torch
from torch import Tensor

METRICS = {
    "symmetry_breaking/<step>": "distance of a step's relaxed maps from the nearest exact ones, "
    "relative to their size",
    "symmetry_breaking/<step>/<generator>": "size of rho_out(g) W - W rho_in(g), relative to the "
    "size of W",
    "symmetry_breaking/<step>/spread": "largest difference of a bank's weights between two group "
    "elements",
    "penalty": "regulariser times what breaks the symmetry, as it is added to the loss; where the "
    "spec asks for one",
}
"""Logged for a relaxed network, in the updates that `measured` picks."""
EVERY = 10
"""Updates between two measurements, which take about as long as a few gradient steps."""


def penalty(network: Any) -> Tensor | None:
    """What is added to the loss; None where nothing is."""
    found: Tensor | None = getattr(network, "penalty", _nothing)()
    return found


def measured(network: Any, update: int, last: bool) -> dict[str, float]:
    """METRICS of the network as it is now; empty where it is exact, and in most updates.

    Args:
        network: with `symmetry_breaking()` and `penalty()`, or without.
        update: how many updates have been done.
        last: whether there is none to come.
    """
    if not (update == 1 or update % EVERY == 0 or last):
        return {}
    found = {
        f"symmetry_breaking/{name}": size
        for name, size in getattr(network, "symmetry_breaking", dict)().items()
    }
    with torch.no_grad():
        cost = penalty(network)
    return found if cost is None else {**found, "penalty": float(cost)}


def documented(name: str) -> str:
    """The key of METRICS that a metric's name is an instance of.

    >>> documented("symmetry_breaking/policy/spread"), documented("symmetry_breaking/policy/r")
    ('symmetry_breaking/<step>/spread', 'symmetry_breaking/<step>/<generator>')
    """
    parts = name.split("/")
    if parts[0] == "symmetry_breaking" and len(parts) > 1:
        parts[1] = "<step>"
        parts[2:] = [part if part == "spread" else "<generator>" for part in parts[2:]]
    return "/".join(parts)


def _nothing() -> None:
    return None
