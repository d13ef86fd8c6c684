"""How far relaxed weights have departed from the symmetry."""

import torch
from torch import Tensor, nn

from symgen.nn.graph_matrix import GraphMatrices
from symgen.nn.tied_linear import TiedMatrix


@torch.no_grad()
def departure(module: nn.Module) -> float | None:
    """Norm of what is added to the tied matrices, relative to theirs; 0 at the start, None where nothing may depart."""
    pairs = [parts(each) for each in module.modules() if isinstance(each, TiedMatrix | GraphMatrices)]
    relaxed = [(tied, added) for tied, added in pairs if added is not None]
    if not relaxed:
        return None
    tied, added = (sum(float(x.square().sum()) for x in side) for side in zip(*relaxed, strict=True))
    return float((added / max(tied, 1e-30)) ** 0.5)


def parts(module: TiedMatrix | GraphMatrices) -> tuple[Tensor, Tensor | None]:
    """The tied matrix (or matrices), and what is added to it."""
    if module.delta is None:
        return module.weight if isinstance(module, TiedMatrix) else module.theta, None
    return module.tied(), module.delta if isinstance(module, TiedMatrix) else module.departing()
