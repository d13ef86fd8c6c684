"""How far relaxed weights have departed from the symmetry."""

import torch
from torch import Tensor, nn

from symgen.nn.graph_matrix import GraphMatrices
from symgen.nn.tied_linear import TiedMatrix


@torch.no_grad()
def departure(module: nn.Module) -> float | None:
    """Distance of the matrices from the nearest exact ones, relative to those; None where nothing may depart."""
    pairs = [parts(each) for each in relaxed_modules(module)]
    if not pairs:
        return None
    exact, rest = (sum(float(x.square().sum()) for x in side) for side in zip(*pairs, strict=True))
    return float((rest / max(exact, 1e-30)) ** 0.5)


def relaxed_modules(module: nn.Module) -> list[TiedMatrix | GraphMatrices]:
    """The matrices below a module that may depart from the symmetry."""
    found = [each for each in module.modules() if isinstance(each, TiedMatrix | GraphMatrices)]
    return [each for each in found if each.penalty() is not None]


def parts(module: TiedMatrix | GraphMatrices) -> tuple[Tensor, Tensor]:
    """The exact matrix (or matrices) nearest to that of a module, and the rest; in float64."""
    matrix = (module() if isinstance(module, TiedMatrix) else module.expand()).double()
    exact = module.project(matrix)
    return exact, matrix - exact
