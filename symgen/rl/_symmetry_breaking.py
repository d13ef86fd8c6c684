"""What training says of a network that may break its symmetry: by how much it does, and what that
costs.
"""

from typing import Literal

import torch
from torch import Tensor

from symgen.problem.training import Side, Trained
from symgen.rl._storage import Observation

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


class SymmetryBreaking:
    """Training of a network that may break its symmetry: its regulariser is part of every loss, and
    its symmetry-breaking norms are logged. Of an exact network it adds nothing.
    """

    log_prob: Literal["copied"] = "copied"

    def augment(
        self, observations: tuple[Observation, ...], actions: Tensor, generator: torch.Generator
    ) -> None:
        """No copies."""

    def penalty(
        self,
        network: Trained,
        observations: Observation,
        actions: Tensor,
        outputs: dict[str, Tensor],
        side: Side | None,
        generator: torch.Generator,
    ) -> Tensor | None:
        """The regulariser times the norms, in the loss of either side."""
        return network.penalty()

    def measured(self, network: Trained, update: int, last: bool) -> dict[str, float]:
        """METRICS of the network as it is now; empty where it is exact, and in most updates."""
        if not (update == 1 or update % EVERY == 0 or last):
            return {}
        norms = {
            f"symmetry_breaking/{name}": size for name, size in network.symmetry_breaking().items()
        }
        with torch.no_grad():
            cost = network.penalty()
        return norms if cost is None else {**norms, "penalty": float(cost)}


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
