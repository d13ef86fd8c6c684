"""Losses that are not finite end a training: the weights are useless from then on."""

import math
from collections.abc import Mapping

from symgen.errors import UserError


def check_losses(losses: Mapping[str, float], cause: str, hint: str) -> None:
    """Refuse losses of which one is not finite.

    Args:
        losses: by name.
        cause: what has happened, and where.
        hint: the way out.

    Raises:
        UserError: see above.
    """
    if not all(map(math.isfinite, losses.values())):
        numbers = ", ".join(f"{name} {value:g}" for name, value in losses.items())
        raise UserError("loss-not-finite", f"{cause} ({numbers})", hint)
