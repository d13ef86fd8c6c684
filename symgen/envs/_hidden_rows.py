"""Rows of an image that the agent is not shown, such as a score: they are zero."""

import numpy as np
from pydantic import BaseModel, ConfigDict, Field


class HiddenRows(BaseModel):
    """How many rows of an image are zero."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    top: int = Field(0, ge=0, description="Rows at the top of the image that are zero.")
    bottom: int = Field(0, ge=0, description="Rows at the bottom of the image that are zero.")

    def leave(self, rows: int) -> bool:
        """Whether a row of an image of so many rows is still seen."""
        return self.top + self.bottom < rows

    def hide(self, images: np.ndarray) -> None:
        """Set them to zero, in place.

        Args:
            images: (..., row, column, channel).
        """
        images[..., : self.top, :, :] = 0
        images[..., images.shape[-3] - self.bottom :, :, :] = 0
