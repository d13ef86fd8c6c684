"""What training says of a network that may depart from its symmetry: how far it has, and what that
costs.

To an algorithm these are numbers under names: it adds `penalty(network)` to its loss,
`measured(...)` to its metrics.
"""

from typing import Any

import torch
from torch import Tensor

METRICS = {
    "departure/<step>": "distance of a step's relaxed maps from the nearest exact ones, relative "
    "to their size",
    "departure/<step>/<generator>": "size of rho_out(g) W - W rho_in(g), relative to the size of W",
    "departure/<step>/spread": "largest difference of a bank's weights between two group elements",
    "penalty": "regulariser times departure, as it is added to the loss; where the spec "
    "asks for one",
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
        network: with `departures()` and `penalty()`, or without.
        update: how many updates have been done.
        last: whether there is none to come.
    """
    if not (update == 1 or update % EVERY == 0 or last):
        return {}
    found = {
        f"departure/{name}": size for name, size in getattr(network, "departures", dict)().items()
    }
    with torch.no_grad():
        cost = penalty(network)
    return found if cost is None else {**found, "penalty": float(cost)}


def documented(name: str) -> str:
    """The key of METRICS that a metric's name is an instance of.

    >>> documented("departure/policy/spread"), documented("departure/policy/r")
    ('departure/<step>/spread', 'departure/<step>/<generator>')
    """
    parts = name.split("/")
    if parts[0] == "departure" and len(parts) > 1:
        parts[1] = "<step>"
        parts[2:] = [part if part == "spread" else "<generator>" for part in parts[2:]]
    return "/".join(parts)


def _nothing() -> None:
    return None
