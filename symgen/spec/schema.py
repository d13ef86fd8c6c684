"""Source -> Spec: the shape of a spec, strict and frozen. Every field says what it means, for
`symgen schema`.

`environment`, `network` and `train` each have one keyword (`adapter`, `family`, `algorithm`) that
names a module, and an open remainder that this module's own Options validate later, in
`semantics.resolve`.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Literal, cast

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    JsonValue,
    Tag,
    field_validator,
)

from symgen.errors import Diagnostic, SpecError
from symgen.spec.dump import dump
from symgen.spec.findings import Failed, Findings
from symgen.spec.source import Source

# Names of the branches of a union, as they appear in pydantic's locations. No key of a spec looks
# like that.
TAG_OF = {"text": "<text>", "list": "<list>", "matrix": "<matrix>", "mapping": "<mapping>"}


class _Closed(BaseModel):
    """No key but those named here."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", allow_inf_nan=False)


class _Open(BaseModel):
    """One keyword; the other keys are kept for the module that it names."""

    model_config = ConfigDict(strict=True, frozen=True, extra="allow")

    def options(self) -> dict[str, object]:
        """The remaining keys, as written."""
        return dict(self.__pydantic_extra__ or {})


class Presentation(_Closed):
    """A group given by generators and relations."""

    generators: Annotated[tuple[str, ...], Field(min_length=1, max_length=16)] = Field(
        description="Names of the generators, such as [r, s]: one letter each."
    )
    relations: Annotated[
        tuple[Annotated[str, Field(max_length=256)], ...], Field(max_length=256)
    ] = Field(
        description="Words in the generators that equal the identity, such as [rrrr, ss, rsrs]."
    )


IndexList = Annotated[tuple[int, ...], Field(max_length=4096)]
Rows = Annotated[
    tuple[Annotated[tuple[float, ...], Field(max_length=512)], ...], Field(max_length=512)
]
Names = dict[str, str]


def _kind_of(value: object) -> str | None:
    """Which branch of a union a value belongs to: text, a list, a matrix (a list of lists) or a
    mapping.
    """
    if isinstance(value, list | tuple):
        return TAG_OF["matrix" if value and isinstance(value[0], list | tuple) else "list"]
    if isinstance(value, str):
        return TAG_OF["text"]
    return TAG_OF["mapping"] if isinstance(value, Mapping | BaseModel) else None


def _one_of(expected: str) -> Discriminator:
    """Choose the branch by the kind of the value; `expected` is what the error says where no branch
    fits.
    """
    return Discriminator(_kind_of, custom_error_type="kind", custom_error_message=expected)


# How one generator moves one observation term, or the actions.
Move = Annotated[
    Annotated[str, Tag(TAG_OF["text"])]
    | Annotated[IndexList, Tag(TAG_OF["list"])]
    | Annotated[Rows, Tag(TAG_OF["matrix"])]
    | Annotated[Names, Tag(TAG_OF["mapping"])],
    _one_of("text, a list or a mapping"),
]
# How one observation term moves. A list is no answer, since it names no generator;
# semantics.states says so.
TermMoves = Annotated[
    Annotated[str, Tag(TAG_OF["text"])]
    | Annotated[IndexList, Tag(TAG_OF["list"])]
    | Annotated[Rows, Tag(TAG_OF["matrix"])]
    | Annotated[dict[str, Move], Tag(TAG_OF["mapping"])],
    _one_of("text or a mapping of generators"),
]
Moves = Annotated[
    Annotated[str, Tag(TAG_OF["text"])] | Annotated[dict[str, Move], Tag(TAG_OF["mapping"])],
    _one_of("text or a mapping of generators"),
]


class Environment(_Open):
    """Which environment is learnt, through which adapter, and what is made of its observations. The
    other keys are the adapter's own; one that it shares with those here is its own too.
    """

    adapter: str = Field(
        description="The adapter: the name of a file in symgen/envs, such as gymnasium_env."
    )
    patches: int | None = Field(
        default=None,
        ge=2,
        le=1024,
        description="Pixels per side of the squares that pictures are cut into: a picture becomes "
        "tokens, a patch each, row by row; the channels of one are in the order (row, column, "
        "channel). The squares must divide the picture.",
    )
    frames: int | None = Field(
        default=None,
        ge=1,
        le=16,
        description="So many of the last observations are seen side by side, in the channels, the "
        "oldest first; an episode begins with its first one so many times. Indices stay the last "
        "one. symmetry.states says how one observation moves; all of them move so.",
    )
    previous: tuple[Literal["action", "reward"], ...] | None = Field(
        default=None,
        description="What is seen beside the observation, zeros where an episode begins: action, "
        "the term previous_action (what was executed last: within its bounds, choices one-hot), "
        "which moves as the actions do; reward, the term previous_reward, which does not move.",
    )

    @field_validator("previous")
    @classmethod
    def _named_once(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if value and len(set(value)) < len(value):
            raise ValueError(f"{value[0]} is named twice")
        return value


class Symmetry(_Closed):
    """The group, how it moves what is observed and what is done, and how strictly the network obeys
    it.
    """

    group: Annotated[
        Annotated[str, Tag(TAG_OF["text"])] | Annotated[Presentation, Tag(TAG_OF["mapping"])],
        _one_of("text, or a mapping of generators and relations"),
    ] = Field(
        description="C<n>, D<n>, S<n>, a product such as 'C2 x C4', or {generators: [...], "
        "relations: [...]}."
    )
    states: Annotated[
        Annotated[str, Tag(TAG_OF["text"])]
        | Annotated[dict[str, TermMoves], Tag(TAG_OF["mapping"])],
        _one_of("text or a mapping of observation terms"),
    ] = Field(
        default="auto",
        description="How the group moves the observation: auto (the adapter knows), trivial (not "
        "at all), or by term: auto, trivial, tokens, grid, a printed field type, or for each "
        "generator an index list, a matrix, or a move of the grid (turn, half_turn, mirror, flip, "
        "transpose, keep).",
    )
    actions: Moves = Field(
        default="auto",
        description="How the group moves the actions: auto (the adapter knows), trivial, a printed "
        "representation, or for each generator an index list, a mapping of action names, or a "
        "matrix.",
    )
    constraint: Annotated[
        Annotated[str, Tag(TAG_OF["text"])]
        | Annotated[
            Annotated[dict[str, dict[str, object]], Field(min_length=1, max_length=1)],
            Tag(TAG_OF["mapping"]),
        ],
        _one_of("text, or a keyword with its options"),
    ] = Field(
        default="exact",
        description="How the group binds the network: the name of a file in symgen/constraints, or "
        "that name with its options: {NAME: {...}}.",
    )
    output: Literal["equivariant", "invariant"] = Field(
        default="equivariant",
        description="What the policy does under the group: equivariant (the actions move along) or "
        "invariant (they do not move). The value is always invariant.",
    )

    @property
    def constraint_name(self) -> str:
        """The keyword of the constraint."""
        return self.constraint if isinstance(self.constraint, str) else next(iter(self.constraint))


Attributes = dict[str, str | int | float | bool]
Edge = Annotated[tuple[int | Attributes, ...], Field(min_length=2, max_length=3)]


class Edges(_Closed):
    """A graph given edge by edge."""

    edges: Annotated[tuple[Edge, ...], Field(min_length=1, max_length=10_000)] = Field(
        description="Pairs of node numbers, from 0, without direction; attributes may follow: [0, "
        "1, {kind: rod}]."
    )


class Graph(_Closed):
    """The graph on the places that the group moves, and how its pairs of nodes are told apart."""

    topology: Annotated[
        Annotated[str, Tag(TAG_OF["text"])] | Annotated[Edges, Tag(TAG_OF["mapping"])],
        _one_of("text or {edges: [...]}"),
    ] = Field(
        default="complete",
        description="complete; on a grid grid (four neighbours), king (eight), torus, radius <n>; "
        "of tokens cycle, path; or {edges: [...]}.",
    )
    labels: str | None = Field(
        default=None,
        description="What tells pairs of nodes apart: distance, offset, absolute, or an edge "
        "attribute; left out, offset on a grid and distance elsewhere.",
    )
    orientation: Literal["none", "triangles"] = Field(
        default="none", description="none, or triangles: keeps rotations and breaks reflections."
    )

    @property
    def topology_name(self) -> str:
        """The topology as text; "edges" where it is given edge by edge."""
        return self.topology if isinstance(self.topology, str) else "edges"

    @property
    def edges(self) -> tuple[Edge, ...]:
        """The edges where they are given one by one, else none."""
        return () if isinstance(self.topology, str) else self.topology.edges


class Network(_Open):
    """Which network is built. The other keys are the family's own."""

    family: str = Field(
        description="The family: the name of a file in symgen/families, such as group_mlp."
    )


class Train(_Open):
    """How it is trained. The other keys are the algorithm's own."""

    algorithm: str = Field(
        description="The algorithm: the name of a file in symgen/rl, such as ppo."
    )
    steps: int = Field(default=100_000, ge=1, le=10**12, description="Environment steps in all.")
    seeds: Annotated[
        tuple[Annotated[int, Field(ge=0, lt=2**32)], ...], Field(min_length=1, max_length=1000)
    ] = Field((0,), description="One run is made for each seed.")
    sensors: dict[str, JsonValue] | None = Field(
        default=None,
        description="What becomes of the tokens of the observation while training: shuffle, "
        "occlude, noise_channels, sigma and duplicate, as evaluate has them, where their number "
        "stays the same. It is drawn from the run's seed for every episode. A teacher and every "
        "evaluation see the environment as it is, also in the column training.",
    )


class Ablate(_Open):
    """What a study varies: `symgen ablate` runs the spec and its arms. A further key that is a
    dotted path is an axis, too.
    """

    axes: Annotated[dict[str, list[JsonValue]], Field(max_length=32)] = Field(
        default_factory=dict,
        description="Values by dotted path: symmetry.group: [C4, C2, {wrong: C4}]. Each value in "
        "turn, everything else as in the spec, unless axes are crossed. A smaller group takes the "
        "spec's action with it; {wrong: GROUP} is a group of that order which acts otherwise, as "
        "a control.",
    )
    arms: Annotated[dict[str, dict[str, JsonValue]], Field(max_length=64)] = Field(
        default_factory=dict,
        description="Arms with names of their own: what each changes, by dotted path.",
    )
    where: Annotated[
        Annotated[str, Tag(TAG_OF["text"])] | Annotated[dict[str, str], Tag(TAG_OF["mapping"])],
        _one_of("text, or a mapping of axes"),
    ] = Field(
        default="",
        description='A condition between axes, such as "constraint == exact or group == C4": '
        "which combinations there are. Or by axis, where that axis varies: network.heads: "
        '"family == vit".',
    )
    cross: bool | None = Field(
        default=None,
        description="Whether every value of an axis meets every value of the others; left out, "
        "where there is a condition between axes.",
    )
    hold: Literal["width", "weights"] = Field(
        default="width",
        description="What arms have in common: width (as many channels: a smaller group gets as "
        "many more copies of a fibre), or weights (then the width is solved for, so that the "
        "number of weights is the spec's within 5 %).",
    )
    seeds: (
        Annotated[
            tuple[Annotated[int, Field(ge=0, lt=2**32)], ...], Field(min_length=1, max_length=1000)
        ]
        | None
    ) = Field(default=None, description="Seeds of every arm; left out, those of `train`.")

    @property
    def varied(self) -> dict[str, JsonValue]:
        """The values of every axis by dotted path, those of the short form first."""
        # what was validated is JSON
        short = {key: cast(JsonValue, value) for key, value in self.options().items()}
        return {**short, **self.axes}

    def place(self, path: str) -> tuple[str, ...]:
        """Where an axis is written."""
        return ("ablate", "axes", path) if path in self.axes else ("ablate", path)

    @property
    def crossed(self) -> bool:
        """Whether axes are crossed."""
        return bool(self.where) if self.cross is None else self.cross


class Spec(_Closed):
    """A symgen spec: which group acts, on what, how, and what is trained."""

    symgen: int = Field(
        description="Version of the spec language; always 1.", json_schema_extra={"const": 1}
    )
    environment: Environment = Field(description="The environment and its adapter.")
    symmetry: Symmetry = Field(description="The group and its actions.")
    graph: Graph | None = Field(
        default=None,
        description="The graph of the network, for families that use one; left out, the complete "
        "graph.",
    )
    network: Network = Field(description="The network family and its options.")
    train: Train | None = Field(default=None, description="The algorithm and its options.")
    evaluate: Annotated[dict[str, dict[str, JsonValue]], Field(max_length=64)] = Field(
        default_factory=dict,
        description="Named, held-out conditions: what changes when the agent is evaluated.",
    )
    ablate: Ablate | None = Field(
        default=None,
        description="What a study of this spec varies; left out, the study that the spec suggests. "
        "It changes nothing about the spec itself.",
    )

    @field_validator("symgen")
    @classmethod
    def _known_version(cls, value: int) -> int:
        if value != 1:
            raise ValueError(f"this symgen reads version 1 of the spec language, not {value}")
        return value

    def __str__(self) -> str:
        return dump(self.model_dump(mode="json", exclude_none=True))


def parse(source: Source, also: Callable[[Source], Iterable[Diagnostic]] = lambda _: ()) -> Spec:
    """The spec that `source` holds.

    Args:
        source: the values, and where they were written.
        also: finds further mistakes in a source that is wrong, to be reported together with its
            own.

    Raises:
        SpecError: with every key that is unknown, missing, or of the wrong type or value.

    >>> from symgen.spec.source import read
    >>> parse(read({
    ...     "symgen": 1,
    ...     "environment": {"adapter": "gridworld"},
    ...     "symmetry": {"group": "C4"},
    ...     "network": {"family": "mlp"},
    ... })).symmetry.constraint
    'exact'
    """
    findings = Findings(source)
    try:
        return findings.validated(Spec, ())
    except Failed:
        raise SpecError([*findings.diagnostics, *also(source)]) from None
