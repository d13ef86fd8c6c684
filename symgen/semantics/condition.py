"""What may be said of the tokens of an observation, in `train.sensors` and in `evaluate:`, as a
model; and an entry of `evaluate:`, what a held-out condition may say.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag

from symgen.envs._sensing import Sensing
from symgen.errors import shown
from symgen.spec.schema import TAG_OF

PER_EPISODE = "per_episode"
EVERY = "every "
_LONGEST = 9  # digits of a number of steps
TOKENS = ("shuffle", "noise_channels", "duplicate", "occlude")
"""The keys that concern tokens."""
SENSING = frozenset((*TOKENS, "sigma", "memory"))
"""The keys of what an agent senses and remembers."""


def _branch(value: object) -> str:
    """Which branch of a union a value belongs to: a mapping, or the short form."""
    return TAG_OF["mapping" if isinstance(value, Mapping | BaseModel) else "text"]


def _is_way_to_shuffle(text: str) -> str:
    steps = text.removeprefix(EVERY)
    counts = steps.isascii() and steps.isdigit() and len(steps) <= _LONGEST and int(steps) > 0
    if text == PER_EPISODE or (text.startswith(EVERY) and counts):
        return text
    raise ValueError(f"{shown(text)} is neither {PER_EPISODE} nor, say, {EVERY}100")


class _Closed(BaseModel):
    """No key but those named here."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", allow_inf_nan=False)


class Shuffle(_Closed):
    """How tokens change places."""

    every: int | None = Field(
        None,
        ge=1,
        le=10**_LONGEST,
        description="Steps of an episode after which another order is drawn; left out, one order "
        "for each episode.",
    )
    patch: int | None = Field(
        None,
        ge=1,
        description="Of an image without patches, for networks that read pixels: side of the "
        "square blocks that change places.",
    )


class Occlusion(_Closed):
    """Which share of the tokens is missing."""

    fraction: float = Field(ge=0, le=1, description="Of the tokens, rounded to whole tokens.")
    zeroed: bool = Field(
        False,
        description="Set them to zero and leave them in their places, for networks that need all "
        "their tokens.",
    )
    patch: int | None = Field(
        None,
        ge=1,
        description="Of an image without patches: side of the square blocks of pixels that are "
        "set to zero.",
    )


class Tokens(_Closed):
    """What becomes of the tokens of the observation; every key is optional."""

    shuffle: (
        Annotated[
            Annotated[str, AfterValidator(_is_way_to_shuffle), Tag(TAG_OF["text"])]
            | Annotated[Shuffle, Tag(TAG_OF["mapping"])],
            Discriminator(_branch),
        ]
        | None
    ) = Field(
        default=None,
        description="The tokens of the observation stand in a random order: per_episode (drawn "
        "when an episode starts), or 'every 100' (another one after every 100 steps of it). "
        "Actions and memory stay as they are.",
    )
    noise_channels: int | None = Field(
        default=None,
        ge=1,
        le=1024,
        description="So many further tokens, of Gaussian noise, follow those of the observation.",
    )
    sigma: float | None = Field(
        default=None,
        ge=0,
        description="Standard deviation of the noise channels, in the observation's units; 0.1 "
        "where left out.",
    )
    duplicate: int | None = Field(
        default=None,
        ge=1,
        le=64,
        description="The whole list of tokens is there so many times.",
    )
    occlude: (
        Annotated[
            Annotated[float, Field(ge=0, le=1), Tag(TAG_OF["text"])]
            | Annotated[Occlusion, Tag(TAG_OF["mapping"])],
            Discriminator(_branch),
        ]
        | None
    ) = Field(
        default=None,
        description="This fraction of the tokens (noise and duplicates among them), a random "
        "subset drawn when an episode starts, is taken away: the agent sees fewer.",
    )

    @property
    def concerns_tokens(self) -> bool:
        """Whether anything happens to them."""
        return any(vars(self)[key] is not None for key in TOKENS)

    @property
    def patch(self) -> int | None:
        """Side of the blocks of pixels that are the tokens of an image; None where the observation
        has tokens of its own.
        """
        if isinstance(self.shuffle, Shuffle) and self.shuffle.patch is not None:
            return self.shuffle.patch
        return self.occlude.patch if isinstance(self.occlude, Occlusion) else None

    @property
    def sensing(self) -> Sensing:
        """What happens to the tokens."""
        every = 0
        if isinstance(self.shuffle, Shuffle):
            every = self.shuffle.every or 0
        elif self.shuffle is not None and self.shuffle != PER_EPISODE:
            every = int(self.shuffle.removeprefix(EVERY))
        occlusion = self.occlude
        if not isinstance(occlusion, Occlusion):
            occlusion = Occlusion.model_validate({"fraction": occlusion or 0.0})
        return Sensing(
            duplicate=self.duplicate or 1,
            noise_channels=self.noise_channels or 0,
            sigma=0.1 if self.sigma is None else self.sigma,
            occlude=occlusion.fraction,
            # pixels have no other places to go to
            zeroed=occlusion.zeroed or self.patch is not None,
            shuffle=self.shuffle is not None,
            every=every,
        )


class Condition(Tokens):
    """A held-out condition; every key is optional. `environment.<option>` changes an option of the
    environment.
    """

    seed_range: Annotated[tuple[int, ...], Field(min_length=2, max_length=2)] | None = Field(
        default=None,
        description="First level seed, and the one after the last, as in the environment's "
        "own option.",
    )
    levels: int | None = Field(
        default=None, ge=1, description="Number of levels, as in the environment's own option."
    )
    transform: str | None = Field(
        default=None,
        description="A word in the generators, such as rrs: the whole environment is moved by it.",
    )
    observation: str | None = Field(
        default=None,
        description="A word in the generators: only what the agent sees is moved by it.",
    )
    observation_noise: float | None = Field(
        default=None,
        ge=0,
        description="Standard deviation of Gaussian noise added to what the agent sees.",
    )
    memory: Literal["zeroed"] | None = Field(
        default=None,
        description="What becomes of the network's memory: zeroed before every step.",
    )
