"""An evaluation: how it is made, what it found under each condition, and a mean over seeds."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import NotRequired, TypedDict, cast

from symgen.errors import UserError
from symgen.experiment import heldout
from symgen.experiment.files import plain_object
from symgen.experiment.heldout import Changes
from symgen.experiment.overlap import Overlap
from symgen.experiment.run import LAST
from symgen.experiment.symmetry_breaking import SymmetryBreaking, mean
from symgen.experiment.variant import variant
from symgen.problem.problem import Problem
from symgen.statistics.estimate import Estimate, StoredEstimate, estimate


@dataclass(frozen=True)
class EvaluationSettings:
    """How to evaluate.

    Args:
        episodes: per condition.
        sample: draw actions from the policy instead of taking the most probable one.
        checkpoint: "last", "best" or "step-4096".
        seed: of the environments (and of sampled actions): the same episodes for every seed and
            variant.
        envs: environments side by side.
        changes: edits of the spec by dotted path (see heldout.changed); only the conditions they
            change are played.
        device: where networks compute: cpu, cuda, cuda:1, mps, or auto.
    """

    episodes: int = 100
    sample: bool = False
    checkpoint: str = LAST
    seed: int = 1_000_000
    envs: int = 32
    changes: Changes = field(default_factory=dict)
    device: str = "cpu"

    @property
    def file(self) -> str:
        """The name of the file that keeps an evaluation made so.

        >>> EvaluationSettings(device="auto").file, EvaluationSettings(episodes=2, sample=True).file
        ('evaluation.json', 'evaluation.episodes=2,sample.json')
        >>> EvaluationSettings(changes={"evaluate.windy.observation_noise": 0.2}).file
        'evaluation.evaluate.windy.observation_noise=0.2.json'
        """
        words = []
        for option in fields(self):
            # elsewhere the same is computed, up to rounding
            if option.name in ("changes", "device"):
                continue
            value: object = vars(self)[option.name]
            if value != option.default:
                words.append(option.name if value is True else f"{option.name}={value}")
        if self.changes:
            words.append(variant(self.changes))
        return ".".join(filter(None, ["evaluation", ",".join(words), "json"]))

    @property
    def used(self) -> dict[str, object]:
        """What an evaluation keeps of them."""
        kept: dict[str, object] = {
            "episodes": self.episodes,
            "actions": "sampled" if self.sample else "most probable",
            "evaluation_seed": self.seed,
            "checkpoint": self.checkpoint,
        }
        if self.changes:
            kept["changes"] = plain_object(self.changes)
        return kept

    def conditions(self, problem: Problem) -> dict[str, Changes]:
        """What is played, training's own condition first."""
        if self.changes:
            return heldout.changed(problem, self.changes)
        return heldout.conditions(problem.spec.evaluate)


StoredScores = TypedDict(
    "StoredScores",
    {
        "return": StoredEstimate,
        "length": StoredEstimate,
        "success": StoredEstimate | None,
        "levels": dict[str, int] | None,
        "return_deviation": NotRequired[float | None],
    },
)


@dataclass(frozen=True)
class ConditionScores:
    """What was found under one condition.

    Args:
        returns: mean return.
        lengths: mean episode length in steps.
        successes: success rate, None where the environment does not report success.
        levels: the condition's levels beside those of training, None where the adapter makes no
            levels.
        deviation: standard deviation of the returns of one seed's episodes, which may be far from
            normal; of several seeds their mean. None where an earlier version stored none.
    """

    returns: Estimate
    lengths: Estimate
    successes: Estimate | None = None
    levels: Overlap | None = None
    deviation: float | None = None

    def to_dict(self) -> StoredScores:
        """Plain values for JSON."""
        return {
            "return": self.returns.to_dict(),
            "length": self.lengths.to_dict(),
            "success": self.successes.to_dict() if self.successes else None,
            "levels": self.levels.to_dict() if self.levels else None,
            "return_deviation": self.deviation,
        }

    @classmethod
    def from_dict(cls, values: StoredScores) -> "ConditionScores":
        """The inverse of `to_dict`; of earlier versions, which knew no levels and no deviation,
        too.
        """
        success = values["success"]
        levels = values.get("levels")
        return cls(
            Estimate.from_dict(values["return"]),
            Estimate.from_dict(values["length"]),
            Estimate.from_dict(success) if success else None,
            Overlap(**levels) if levels else None,
            values.get("return_deviation"),
        )


@dataclass(frozen=True)
class Evaluation:
    """The scores of one variant under each condition.

    Args:
        spec: stem of the spec.
        variant: its variant.
        seeds: the training seeds it is over.
        over: what the intervals are over: "episodes" of one seed, or "seeds".
        scores: by condition, "training" first.
        settings: how it was done, and what with.
        symmetry_breaking: of a network that may break its symmetry, by how much it does.
        sampled: training's condition with sampled actions, where the most probable ones may mislead
            (see sampled.py).
        unstored: why it could not be stored; "" where it was.
    """

    spec: str
    variant: str
    seeds: tuple[int, ...]
    over: str
    scores: Mapping[str, ConditionScores]
    settings: Mapping[str, object] = field(default_factory=dict)
    symmetry_breaking: SymmetryBreaking | None = None
    sampled: ConditionScores | None = None
    unstored: str = ""

    @property
    def changes(self) -> Changes:
        """The edits that were played, see EvaluationSettings."""
        return cast(Changes, self.settings.get("changes", {}))

    def to_dict(self) -> dict[str, object]:
        """Plain values for JSON."""
        values: dict[str, object] = {
            "spec": self.spec,
            "variant": self.variant,
            "seeds": list(self.seeds),
            "interval": f"95% bootstrap over {self.over}",
            **self.settings,
        }
        if self.symmetry_breaking is not None:
            values["symmetry_breaking"] = self.symmetry_breaking.to_dict()
        if self.sampled is not None:
            values["training_sampled"] = self.sampled.to_dict()
        values["conditions"] = {name: scores.to_dict() for name, scores in self.scores.items()}
        return values


def over_seeds(evaluations: Sequence[Evaluation]) -> Evaluation:
    """Means of the seeds' means, with intervals over the seeds; conditions that all of them have.

    Raises:
        UserError: the seeds were evaluated in different ways.
    """
    _check_alike(evaluations)
    first = evaluations[0]
    names = [
        name
        for name in first.scores
        if all(name in evaluation.scores for evaluation in evaluations)
    ]
    sampled = [evaluation.sampled for evaluation in evaluations if evaluation.sampled]
    return Evaluation(
        first.spec,
        first.variant,
        seeds=tuple(seed for evaluation in evaluations for seed in evaluation.seeds),
        over="seeds",
        scores={
            name: _mean([evaluation.scores[name] for evaluation in evaluations]) for name in names
        },
        settings={key: value for key, value in first.settings.items() if key != "step"},
        symmetry_breaking=mean([evaluation.symmetry_breaking for evaluation in evaluations]),
        sampled=_mean(sampled) if len(sampled) == len(evaluations) else None,
    )


def _check_alike(evaluations: Sequence[Evaluation]) -> None:
    """Raise UserError where evaluations of a variant's seeds were made in different ways."""
    first, *rest = evaluations
    for evaluation in rest:
        for key in first.settings.keys() - {"step"}:  # seeds may end at other steps
            if evaluation.settings.get(key) != first.settings[key]:
                raise UserError(
                    "not-evaluated",
                    f"the seeds of {first.spec}/{first.variant} were evaluated differently: "
                    f"{key} {first.settings[key]} for seed {first.seeds[0]}, "
                    f"{evaluation.settings.get(key)} for {evaluation.seeds[0]}",
                    "evaluate them together: symgen evaluate, without --stored",
                )


def _mean(scores: Sequence[ConditionScores]) -> ConditionScores:
    """Over seeds, each of which counts as one number."""
    successes = [math.nan if seed.successes is None else seed.successes.mean for seed in scores]
    deviations = [seed.deviation for seed in scores if seed.deviation is not None]
    return ConditionScores(
        estimate([seed.returns.mean for seed in scores]),
        estimate([seed.lengths.mean for seed in scores]),
        None if any(map(math.isnan, successes)) else estimate(successes),
        scores[0].levels,
        sum(deviations) / len(deviations) if len(deviations) == len(scores) else None,
    )
