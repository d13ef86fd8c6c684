"""What becomes of the tokens of an observation, in training and under held-out conditions: which
they are, and whether a network can play with others, or with another number of them.
"""

from collections.abc import Callable, Iterator, Mapping

from symgen.errors import Refusal
from symgen.problem.fault import Fault, Refused
from symgen.problem.interface import Term
from symgen.problem.pipeline import shared_keys
from symgen.problem.problem import Problem
from symgen.semantics.condition import TOKENS, Condition, Occlusion, Shuffle, Tokens
from symgen.semantics.moves import described
from symgen.semantics.resized import resized, token_terms
from symgen.spec.findings import Findings
from symgen.spec.source import Place

IN_TRAINING: Place = ("train", "sensors")
"""Where a spec says what becomes of tokens in training."""
NUMBERING = ("noise_channels", "duplicate", "occlude")
"""The keys that change the number of tokens."""
NumberFaults = Callable[[Condition, Problem, int], Iterator[Fault]]
"""What is wrong with so many tokens, which are others than the network has."""


def seen_terms(problem: Problem, condition: Condition) -> Mapping[str, int]:
    """The terms that a condition concerns, with the channels that each of their tokens has in one
    frame: the image whose blocks it names, or else the terms that have tokens.
    """
    if condition.patch is None:
        frame = problem.frame.observation
        return {name: frame[name].fibre.size for name in token_terms(problem)}
    image = _image(problem)
    return {} if image is None else {image.name: image.shape[2]}


def tokens_seen(problem: Problem, condition: Condition) -> int | None:
    """How many tokens the network reads under a condition, where that is another number than it
    was trained with; None where it is not.
    """
    terms = token_terms(problem)
    if condition.patch is not None or not condition.concerns_tokens or not terms:
        return None
    trained = problem.observation[terms[0]].base.size
    seen = condition.sensing.seen(trained)
    return None if seen == trained else seen


def trained_with(problem: Problem) -> Condition:
    """What becomes of the tokens in training, as a condition; one that says nothing where the spec
    does not.
    """
    train = problem.spec.train
    written = train.sensors if train else None
    return Condition.model_validate(written or {})


def training_sensors_are_possible(problem: Problem, findings: Findings) -> None:
    """no-tokens, fixed-tokens, stacked-tokens: what becomes of tokens in training must leave the
    network as many as it has.
    """
    if findings.attempt(findings.validated, Tokens, IN_TRAINING) is not None:
        check_sensors(trained_with(problem), IN_TRAINING, problem, findings)


def check_sensors(condition: Condition, path: Place, problem: Problem, findings: Findings) -> None:
    """no-tokens, fixed-tokens, stacked-tokens, no-memory: note what is wrong with what a condition
    says of tokens and memory.

    Args:
        condition: what it says.
        path: where it is written; in training the number of tokens stays.
        problem: the problem.
        findings: collects the mistakes.
    """
    of_another_number = _trained_number_faults if path == IN_TRAINING else _number_faults
    for code, place, message, hint in _faults(condition, problem, of_another_number):
        findings.add(code, (*path, *place), message, hint)


def _faults(
    condition: Condition, problem: Problem, of_another_number: NumberFaults
) -> Iterator[Fault]:
    if condition.sigma is not None and condition.noise_channels is None:
        message = "sigma is the deviation of noise channels, and there are none"
        hint = "add noise_channels: 5, or leave sigma out"
        yield Fault("wrong-value", ("sigma",), message, hint)
    if condition.memory is not None and not _remembers(problem):
        message = f"the family {problem.spec.network.family} has no memory as the spec has it"
        hint = "leave memory: zeroed out, or give the network a memory, as in memory: lstm"
        yield Fault("no-memory", ("memory",), message, hint)
    if not condition.concerns_tokens:
        return
    faults = [*_patch_faults(condition, problem)]
    if not faults and condition.patch is None:
        faults = [*_token_faults(condition, problem, of_another_number)]
    yield from faults or _stack_faults(condition, problem)


def _stack_faults(condition: Condition, problem: Problem) -> Iterator[Fault]:
    """Frames that the adapter itself puts side by side: they can only be moved together, so that
    every sensor keeps its past, and a memory is not put to the test.
    """
    options = problem.adapter_options
    frames = 1
    is_image = condition.patch is not None or problem.pipeline.patches is not None
    if is_image and "frames" not in shared_keys(type(options)):
        frames = options.model_dump()["frames"]
    if condition.sensing.every and frames > 1:
        message = (
            f"{problem.spec.environment.adapter} puts {frames} frames side by side itself, and "
            "whole stacks would change places: every token would keep its past"
        )
        hint = "write shuffle without every; or environment.frames: 1, and a network with memory"
        yield Fault("stacked-tokens", ("shuffle",), message, hint)


def _remembers(problem: Problem) -> bool:
    """Whether the network has memory; True where it cannot be planned, which is told elsewhere."""
    if _has_faults(problem):
        return True
    try:
        steps = problem.family.plan(problem.design)
    except Refusal:  # it would be too large
        return True
    return any(step.operation.state is not None for step in steps)


def _image(problem: Problem) -> Term | None:
    """The first image that is observed, one frame of it."""
    return next((term for term in problem.frame.interface.terms if term.layout == "image"), None)


def _patch_faults(condition: Condition, problem: Problem) -> Iterator[Fault]:
    """What is wrong with blocks of pixels."""
    image = _image(problem)
    tokens = token_terms(problem)
    for key, option in (("shuffle", condition.shuffle), ("occlude", condition.occlude)):
        if not isinstance(option, Shuffle | Occlusion) or option.patch is None:
            continue
        place = (key, "patch")
        side = option.patch
        if tokens:
            message = f"{described(tokens[0])} has tokens already, and no blocks of pixels"
            yield Fault("wrong-value", place, message, "leave patch out")
        elif image is None:
            message = "blocks of pixels need an image, and none is observed"
            yield Fault("no-tokens", place, message, _tokens_hint(problem, key))
        elif any(length % side for length in image.shape[:2]):
            rows, columns, _ = image.shape
            message = f"blocks of {side}x{side} pixels do not fit {described(image.name)} "
            fitting = [n for n in range(2, min(rows, columns)) if rows % n == columns % n == 0]
            hint = f"sides that fit: {', '.join(map(str, fitting)) or 'only 1, single pixels'}"
            yield Fault("patch-size", place, f"{message}of {rows}x{columns}", hint)
        elif side != condition.patch:
            message = f"the blocks that are shuffled have side {condition.patch}, these {side}"
            yield Fault("wrong-value", place, message, f"write patch: {condition.patch}")
    for key in ("noise_channels", "duplicate"):
        if condition.patch is not None and vars(condition)[key] is not None:
            message = f"{key} adds tokens, and an image has a fixed number of pixels"
            yield Fault("no-tokens", (key,), message, "leave it out, or leave patch out")


def _token_faults(
    condition: Condition, problem: Problem, of_another_number: NumberFaults
) -> Iterator[Fault]:
    """What is wrong with a condition on tokens."""
    keys = [key for key in TOKENS if vars(condition)[key] is not None]
    terms = token_terms(problem)
    if not terms:
        names = described(*(term.name for term in problem.frame.interface.terms))
        message = f"{keys[0]} is about tokens, and {names} has none"
        yield Fault("no-tokens", (keys[0],), message, _tokens_hint(problem, keys[0]))
        return
    count = problem.observation[terms[0]].base.size
    sensing = condition.sensing
    listed = sensing.listed(count)
    missing = sensing.missing(count)
    if missing == listed:
        message = f"an occlusion of {sensing.occlude:g} leaves none of {listed} tokens"
        yield Fault("no-tokens", ("occlude",), message, "occlude a smaller fraction")
    elif sensing.occlude and not missing:
        message = f"{sensing.occlude:g} of {listed} tokens is less than half a token: none"
        hint = f"occlude at least {1 / listed:.2g}"
        yield Fault("wrong-value", ("occlude",), message, hint)
    elif sensing.seen(count) != count:
        yield from of_another_number(condition, problem, sensing.seen(count))


def _number_faults(condition: Condition, problem: Problem, tokens: int) -> Iterator[Fault]:
    """Why the network cannot play with another number of tokens."""
    key = _numbering(condition)
    for word in ("transform", "observation"):
        if vars(condition)[word] is not None:
            message = f"{problem.group} moves {word}, and there are {tokens} tokens here"
            yield Fault("fixed-tokens", (word,), message, "write shuffle: per_episode instead")
            return
    if _has_faults(problem):  # told elsewhere
        return
    try:
        resized(problem, tokens)
    except Refusal as error:
        yield Fault("fixed-tokens", (key,), error.message, error.hint)


def _trained_number_faults(condition: Condition, problem: Problem, tokens: int) -> Iterator[Fault]:
    """Why the network, which is planned for its own tokens, cannot be trained with others."""
    count = problem.observation[token_terms(problem)[0]].base.size
    key = _numbering(condition)
    message = f"the network reads {count} tokens, and would be trained with {tokens}"
    hint = f"leave {key} out here; under evaluate: a trained network may play with another number"
    if key == "occlude":
        hint = f"write occlude: {{fraction: {condition.sensing.occlude:g}, zeroed: true}}"
    yield Fault("fixed-tokens", (key,), message, hint)


def _numbering(condition: Condition) -> str:
    """The first key that changes the number of tokens."""
    return next(key for key in NUMBERING if vars(condition)[key] is not None)


def _has_faults(problem: Problem) -> bool:
    """Whether the family refuses the problem as it is."""
    try:
        return bool(problem.family.check(problem.design))
    except Refused:
        return True


def _tokens_hint(problem: Problem, key: str) -> str:
    """How an observation comes to have tokens."""
    image = _image(problem)
    if image is not None:
        sides = [n for n in range(2, image.shape[0]) if not any(s % n for s in image.shape[:2])]
        side = next((n for n in sides if n > 3), (*sides, 1)[0])
        option = {"shuffle": f"{{patch: {side}}}", "occlude": f"{{fraction: 0.3, patch: {side}}}"}
        cut = f"write environment.patches: {side} for tokens"
        return f"write {key}: {option[key]} for blocks of pixels" if key in option else cut
    vectors = [term for term in problem.frame.interface.terms if term.layout == "vector"]
    if not vectors:
        return f"leave {key} out"
    term = max(vectors, key=lambda term: term.entries)
    return (
        f"write group: S{term.entries} and states: {{{term.name}: tokens}}, for entries that may "
        "stand in any order"
    )
