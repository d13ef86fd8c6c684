"""Tables of evaluations: for a terminal (rich) and for a README (Markdown)."""

from collections.abc import Sequence

from rich.table import Table

from symgen.experiment.evaluation import ConditionScores, Evaluation
from symgen.experiment.sampled import beside, better
from symgen.semantics.evaluate import TRAINING
from symgen.statistics.estimate import Estimate


def detail(evaluation: Evaluation) -> Table:
    """One variant: a row per condition with return, success, length, and how many of its levels
    were trained on.
    """
    seeds = ", ".join(map(str, evaluation.seeds))
    plural = "s" * (len(evaluation.seeds) > 1)
    title = f"{evaluation.spec}/{evaluation.variant}, seed{plural} {seeds}"
    title += "".join(f", {path}={value}" for path, value in evaluation.changes.items())
    table = Table(title=title, title_justify="left")
    table.add_column("condition")
    successes = any(scores.successes for scores in evaluation.scores.values())
    for name in ("return", *["success"] * successes, "episode length"):
        table.add_column(name, justify="right", no_wrap=True)
    levels = any(scores.levels for scores in evaluation.scores.values())
    if levels:
        table.add_column("levels", justify="right")
    for name, scores in evaluation.scores.items():
        success = [_cell(scores.successes)] * successes
        trained_on = [str(scores.levels or "-")] * levels
        table.add_row(name, _cell(scores.returns), *success, _cell(scores.lengths), *trained_on)
    return table


def sampled(evaluation: Evaluation) -> str:
    """Training's return with the most probable actions and with sampled ones; "" where they were
    not drawn.
    """
    drawn = evaluation.sampled
    return beside(drawn.returns, evaluation.scores[TRAINING].returns) if drawn else ""


def misleading(evaluations: Sequence[Evaluation]) -> list[str]:
    """Of a table without room for it: a sentence per variant whose sampled actions return more."""
    return [
        f"{evaluation.spec}/{evaluation.variant}, {sampled(evaluation)}"
        for evaluation in evaluations
        if evaluation.sampled
        and better(evaluation.sampled.returns, evaluation.scores[TRAINING].returns)
    ]


def comparison(evaluations: Sequence[Evaluation]) -> Table:
    """Several variants: a row per variant, a column of returns per condition."""
    header, rows = _cells(evaluations)
    table = Table()
    for index, name in enumerate(header):
        table.add_column(name, justify="right" if index else "left", no_wrap=bool(index))
    for row in rows:
        table.add_row(*row)
    return table


def markdown(evaluations: Sequence[Evaluation]) -> str:
    """`comparison` as Markdown."""
    header, rows = _cells(evaluations)
    marks = ["---", *["---:"] * (len(header) - 1)]
    lines = [
        "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
        for cells in (header, marks, *rows)
    ]
    return "\n".join([*lines, "", caption(evaluations)])


def caption(evaluations: Sequence[Evaluation]) -> str:
    """What the numbers are."""
    used = _used(evaluations[0])
    differing = _differing(evaluations)
    words = {
        "seeds": f"{used['seeds']} seed{'s' * (used['seeds'] != '1')}",
        "actions": f"{used['actions']} actions",
        "checkpoint": f"{used['checkpoint']} checkpoint",
    }
    alike = ", ".join(text for name, text in words.items() if name not in differing)
    episodes = "the episodes" if "episodes" in differing else f"{used['episodes']} episodes"
    over = " or ".join(dict.fromkeys(evaluation.over for evaluation in evaluations))
    return (
        f"Mean return over {episodes} per seed, {alike}; in brackets a 95% bootstrap interval "
        f"over {over}." + _levels(evaluations)
    )


def _levels(evaluations: Sequence[Evaluation]) -> str:
    """How many levels of each condition were trained on, where the environment has levels."""
    counts: dict[str, dict[str, None]] = {}
    for evaluation in evaluations:
        for name, scores in evaluation.scores.items():
            if scores.levels is not None:
                count = f"{scores.levels.trained_on} of {scores.levels.levels}"
                counts.setdefault(name, {})[count] = None
    if not counts:
        return ""
    shares = "; ".join(f"{name} {' or '.join(distinct)}" for name, distinct in counts.items())
    return f" Levels that were trained on, rotated and reflected ones included: {shares}."


def _used(evaluation: Evaluation) -> dict[str, str]:
    """What a comparison says of how an evaluation was made."""
    used = {
        name: str(evaluation.settings[name])
        for name in ("episodes", "actions", "checkpoint", "evaluation_seed")
    }
    return {"seeds": str(len(evaluation.seeds)), **used}


def _differing(evaluations: Sequence[Evaluation]) -> list[str]:
    """What of it differs among evaluations, and so needs a column."""
    first, *rest = map(_used, evaluations)
    return [name for name in first if any(used[name] != first[name] for used in rest)]


def _cells(evaluations: Sequence[Evaluation]) -> tuple[list[str], list[list[str]]]:
    """Header and rows; a condition that a variant lacks is a dash, and what was done differently
    has a column.
    """
    conditions = list(
        dict.fromkeys(name for evaluation in evaluations for name in evaluation.scores)
    )
    labels = _labels(evaluations)
    differing = _differing(evaluations)
    rows = []
    for label, evaluation in zip(labels, evaluations, strict=True):
        used = _used(evaluation)
        returns = (_returned(evaluation.scores.get(name)) for name in conditions)
        rows.append([label, *(used[name] for name in differing), *returns])
    return ["variant", *(name.replace("_", " ") for name in differing), *conditions], rows


def _labels(evaluations: Sequence[Evaluation]) -> list[str]:
    """The variants, or spec and variant where there are several specs ("base" left out)."""
    specs = {evaluation.spec for evaluation in evaluations}
    if len(specs) == 1:
        return [evaluation.variant for evaluation in evaluations]
    return [
        evaluation.spec
        if evaluation.variant == "base"
        else f"{evaluation.spec}/{evaluation.variant}"
        for evaluation in evaluations
    ]


def _returned(scores: ConditionScores | None) -> str:
    return _cell(scores.returns if scores else None)


def _cell(value: Estimate | None) -> str:
    return "-" if value is None else str(value)
