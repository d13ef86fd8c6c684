"""The keys `patches`, `frames` and `previous` of `environment:` -> what a network sees, and how it
moves.

`symmetry.states` says how one frame moves: one observation, its pictures cut into patches. Frames
that stand side by side all move so, and what was done last moves as the actions do.
"""

from collections.abc import Mapping
from typing import NamedTuple

from symgen.algebra.base import MAX_PLACES
from symgen.algebra.fieldtype import FieldType
from symgen.algebra.representation import Representation
from symgen.errors import Refusal
from symgen.problem.interface import Interface
from symgen.problem.pipeline import ACTION, Pipeline, cut, field_seen, previous_fields, seen
from symgen.semantics.states import MAX_CHANNELS, PATH, too_large
from symgen.spec.findings import Findings
from symgen.spec.schema import TermMoves
from symgen.spec.source import Place


class Views(NamedTuple):
    """An environment as it is, one frame of it, and what a network sees.

    Args:
        pipeline: what becomes of observations.
        raw: what the environment observes.
        frame: one observation, its pictures cut into patches.
        seen: what a network sees.
    """

    pipeline: Pipeline
    raw: Interface
    frame: Interface
    seen: Interface

    @property
    def patched(self) -> frozenset[str]:
        """The terms that are pictures, cut into patches."""
        pairs = zip(self.raw.terms, self.frame.terms, strict=True)
        return frozenset(term.name for term, patched in pairs if term.layout != patched.layout)


def views_of(raw: Interface, pipeline: Pipeline) -> Views:
    """What becomes of an environment. Raises Refusal where it cannot."""
    frame = cut(raw, pipeline)
    return Views(pipeline, raw, frame, seen(frame, pipeline))


def resolve_views(raw: Interface, pipeline: Pipeline, findings: Findings) -> Views:
    """The same for a spec. Raises Failed."""
    try:
        views = views_of(raw, pipeline)
    except Refusal as error:
        place = _key(error, raw, pipeline)
        code = error.code or "bad-environment"
        raise findings.add(code, place, error.message, error.hint) from error
    for term in views.seen.terms:
        if term.places > MAX_PLACES or term.channels > MAX_CHANNELS:
            raise too_large(term, findings)
    return views


def _key(error: Refusal, raw: Interface, pipeline: Pipeline) -> Place:
    """The key that cannot be obeyed."""
    if error.code == "bad-patches":
        return ("environment", "patches")
    clashes = any(term.name in pipeline.terms for term in raw.terms)
    return ("environment", "previous" if clashes else "frames")


def of_the_frame(
    written: str | Mapping[str, TermMoves], views: Views, findings: Findings
) -> str | Mapping[str, TermMoves]:
    """`states:` without the terms of which nothing is to be said; each of those is noted."""
    if isinstance(written, str):
        return written
    for name in views.pipeline.terms:
        if name in written:
            moves = "as the actions do" if name == ACTION else "not at all"
            message = f"{name} moves {moves}: nothing is to be said of it"
            findings.add("unknown-term", (*PATH, name), message, "leave it out", key=True)
    return {name: move for name, move in written.items() if name not in views.pipeline.terms}


def resolve_seen(
    views: Views, frame: Mapping[str, FieldType], action: Representation, findings: Findings
) -> dict[str, FieldType]:
    """The field type of every term that a network sees. Raises Failed."""
    fields = {}
    for term in views.frame.terms:
        try:
            fields[term.name] = field_seen(term, frame[term.name], views.pipeline.frames)
        except Refusal as error:
            place = ("environment", "frames")
            code = error.code or "bad-environment"
            raise findings.add(code, place, error.message, error.hint) from error
    return fields | previous_fields(views.pipeline, action)
