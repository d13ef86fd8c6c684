"""What `network:` accepts under `family: sensor_attention`."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from symgen.families._memory import Memory
from symgen.operations.slots import Outer, Pooling, Queries, Weighting

Width = Annotated[int, Field(ge=1, le=4096)]
MAX_SLOTS = 4096
"""Rows of the table of queries."""


class Convolution(BaseModel):
    """A convolution on the grid of slots, with ReLU."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    channels: int = Field(ge=1, le=1024, description="channels of the output")
    kernel: int = Field(3, ge=1, le=64, description="side of the kernel")
    stride: int = Field(1, ge=1, le=64, description="cells from one window to the next")


class Options(BaseModel):
    """What `network:` accepts under `family: sensor_attention`."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    squash: Literal["symlog", "none"] = Field(
        "symlog",
        description="what becomes of a real-valued sensor first: sign(x) log(1 + |x|), or nothing",
    )
    memory: Memory = Field(
        "lstm", description="what every sensor remembers: a recurrent cell that all share, or none"
    )
    hidden: int = Field(
        8,
        ge=0,
        le=1024,
        description="size of that memory, of which the keys are made; without memory that of a "
        "layer, and 0 for keys of the sensors themselves",
    )
    sees_previous_action: bool = Field(
        True,
        description="whether a sensor's memory (its layer, its keys) reads previous_action, which "
        "environment.previous must hold; left out, where it does",
    )
    differences: bool = Field(
        False,
        description="keys of the differences of successive frames, of which environment.frames "
        "stacks several",
    )
    position_codes: bool = Field(
        False,
        description="a learnt vector for each orbit of sensors joins memory and keys: position "
        "codes under a trivial group, kinds of sensors under one that mixes some",
    )
    normalise_frames: bool = Field(
        False, description="values: every frame of a sensor with mean 0 and deviation 1"
    )
    value_size: int = Field(
        0, ge=0, le=1024, description="numbers of a value, by a linear map; 0 for the sensor itself"
    )
    readout: Literal["attention", "deep_sets", "pma"] = Field(
        "attention",
        description="slots that attend to the sensors (Tang and Ha 2021), the mean of a layer of "
        "key and value (Zaheer et al. 2017), or pooling by multihead attention (Lee et al. 2019)",
    )
    slots: int = Field(
        16, ge=1, le=MAX_SLOTS, description="slots of the attention, or seeds of pma"
    )
    queries: Queries = Field(
        "fixed", description="a table of waves over the slots, or a learnt one"
    )
    query_size: int = Field(8, ge=1, le=256, description="numbers of a row of that table")
    key_size: int = Field(
        32, ge=1, le=1024, description="numbers of a query and of a key; channels of the layer "
                               "of deep_sets and pma"
    )  # fmt: skip
    key_heads: int = Field(4, ge=1, le=64, description="heads of pma, a divisor of key_size")
    weights: Weighting = Field(
        "tanh", description="of the sensors in a slot: tanh of the logits, or a softmax over them"
    )
    pooling: Pooling = Field(
        "mean",
        description="tanh weights are summed, divided by the number of sensors, or by its root",
    )
    scale: bool = Field(False, description="divide the logits by the root of key_size")
    bias: bool = Field(False, description="biases in the maps of queries and keys")
    outer: Outer = Field(
        "none", description="what becomes of a slot: nothing, tanh, or ReLU and LayerNorm"
    )
    grid: tuple[Width, Width] | None = Field(
        None, description="rows and columns of the slots, for convolutions or votes"
    )
    votes: int = Field(
        0,
        ge=0,
        le=256,
        description="the slots vote for places on their grid, and those of so many winners, "
        "softly drawn, are read on (Tang et al. 2020); 0 for no vote",
    )
    convolutions: tuple[Convolution, ...] = Field(
        (), max_length=8, description="on the grid of slots, before the head"
    )
    head_memory: Memory = Field(
        "none", description="a recurrent cell between slots and head, as wide as its first layer"
    )
    head: tuple[Width, ...] = Field(
        (64,), max_length=8, description="sizes of the layers between slots and outputs"
    )
    activation: Literal["tanh", "relu", "gelu", "silu"] = Field(
        "tanh", description="pointwise nonlinearity of the head's layers"
    )
    shared: bool = Field(
        False, description="whether policy and critics share everything but the outputs' maps"
    )

    @model_validator(mode="after")
    def _grid_holds_the_slots(self) -> "Options":
        if bool(self.convolutions or self.votes) != (self.grid is not None):
            message = (
                "`grid: [rows, columns]` of the slots goes with `convolutions` or `votes` on it"
            )
            raise ValueError(message)
        if self.convolutions and self.votes:
            raise ValueError("the slots have convolutions or votes, not both")
        if self.grid is not None and self.grid[0] * self.grid[1] != self.slots:
            rows, columns = self.grid
            raise ValueError(f"a grid of {rows} x {columns} holds {rows * columns} slots, "
                             f"not {self.slots}")  # fmt: skip
        if self.grid is not None and self.readout != "attention":
            raise ValueError(f"the slots of {self.readout} have no grid")
        return self

    @model_validator(mode="after")
    def _heads_divide(self) -> "Options":
        if self.readout == "pma" and self.key_size % self.key_heads:
            raise ValueError(f"{self.key_heads} heads do not divide key_size {self.key_size}")
        return self

    @model_validator(mode="after")
    def _memory_has_a_size(self) -> "Options":
        if self.memory != "none" and not self.hidden:
            raise ValueError(f"a memory of size 0 remembers nothing: memory {self.memory}")
        return self
