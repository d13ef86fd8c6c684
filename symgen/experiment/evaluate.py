"""Evaluate trained networks under held-out conditions: a row per condition of `evaluate:`, and one
for training's own.

evaluate_run     one seed: load, play every condition, store it
evaluate_runs    all seeds of one variant, with intervals over the seeds

What is stored is named after its settings, so looking at a run in another way replaces nothing:
evaluation.json is the one with the settings as they are, evaluation.episodes=2.json another.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from symgen.compiler import Compiled, compile_spec
from symgen.errors import UserError
from symgen.experiment import checkpoint, heldout, meaning
from symgen.experiment.checkpoint import Checkpoint
from symgen.experiment.episodes import Act, Episodes, play
from symgen.experiment.files import check_seal, plain, read_json, unwritable, write_json
from symgen.experiment.fit import load
from symgen.experiment.imported import imports_told
from symgen.experiment.jobs import Stopped
from symgen.experiment.overlap import Overlap, overlap
from symgen.experiment.run import LAST, Run, check_alike, find, variant
from symgen.experiment.sampled import divides
from symgen.experiment.statistics import Estimate, estimate
from symgen.experiment.symmetry_breaking import SymmetryBreaking, mean, stated, symmetry_breaking
from symgen.experiment.versions import versions
from symgen.nn.device import chosen, described, forked
from symgen.nn.network import Network
from symgen.problem.problem import Problem


@dataclass(frozen=True)
class Settings:
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
    changes: Mapping[str, Any] = field(default_factory=dict)
    device: str = "cpu"

    @property
    def file(self) -> str:
        """The name of the file that keeps an evaluation made so.

        >>> Settings(device="auto").file, Settings(episodes=2, sample=True).file
        ('evaluation.json', 'evaluation.episodes=2,sample.json')
        >>> Settings(changes={"evaluate.windy.observation_noise": 0.2}).file
        'evaluation.evaluate.windy.observation_noise=0.2.json'
        """
        # elsewhere the same is computed, up to rounding
        plainly = [each for each in fields(self) if each.name not in ("changes", "device")]
        changed = {
            each.name: getattr(self, each.name)
            for each in plainly
            if getattr(self, each.name) != each.default
        }
        words = [name if value is True else f"{name}={value}" for name, value in changed.items()]
        if self.changes:
            words.append(variant(self.changes))
        return ".".join(filter(None, ["evaluation", ",".join(words), "json"]))

    @property
    def used(self) -> dict[str, Any]:
        """What an evaluation keeps of them."""
        return {
            "episodes": self.episodes,
            "actions": "sampled" if self.sample else "most probable",
            "evaluation_seed": self.seed,
            "checkpoint": self.checkpoint,
            **({"changes": plain(dict(self.changes))} if self.changes else {}),
        }

    def conditions(self, problem: Problem) -> dict[str, Mapping[str, Any]]:
        """What is played, training's own condition first."""
        if self.changes:
            return heldout.changed(problem, self.changes)
        return heldout.conditions(problem.spec.evaluate)


@dataclass(frozen=True)
class Row:
    """One condition.

    Args:
        returns: mean return.
        lengths: mean episode length in steps.
        successes: success rate, None where the environment does not report success.
        levels: the condition's levels beside those of training, None where the adapter makes no
            levels.
    """

    returns: Estimate
    lengths: Estimate
    successes: Estimate | None = None
    levels: Overlap | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        success = self.successes and self.successes.to_dict()
        levels = self.levels and self.levels.to_dict()
        return {
            "return": self.returns.to_dict(),
            "length": self.lengths.to_dict(),
            "success": success,
            "levels": levels,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Row":
        """The inverse of `to_dict`."""
        success = values["success"] and Estimate.from_dict(values["success"])
        levels = values.get("levels") and Overlap(**values["levels"])
        return cls(
            Estimate.from_dict(values["return"]),
            Estimate.from_dict(values["length"]),
            success or None,
            levels or None,
        )


@dataclass(frozen=True)
class Evaluation:
    """The conditions of one variant.

    Args:
        spec: stem of the spec.
        variant: its variant.
        seeds: the training seeds it is over.
        over: what the intervals are over: "episodes" of one seed, or "seeds".
        rows: by condition, "training" first.
        settings: how it was done, and what with.
        symmetry_breaking: of a relaxed network, by how much it breaks its symmetry.
        sampled: training's condition with sampled actions, where the most probable ones may mislead
            (see sampled.py).
        unstored: why it could not be stored; "" where it was.
    """

    spec: str
    variant: str
    seeds: tuple[int, ...]
    over: str
    rows: Mapping[str, Row]
    settings: Mapping[str, Any] = field(default_factory=dict)
    symmetry_breaking: SymmetryBreaking | None = None
    sampled: Row | None = None
    unstored: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "spec": self.spec,
            "variant": self.variant,
            "seeds": list(self.seeds),
            "interval": f"95% bootstrap over {self.over}",
            **self.settings,
            **(
                {}
                if self.symmetry_breaking is None
                else {"symmetry_breaking": self.symmetry_breaking.to_dict()}
            ),
            **({} if self.sampled is None else {"training_sampled": self.sampled.to_dict()}),
            "conditions": {name: row.to_dict() for name, row in self.rows.items()},
        }


def evaluate_run(run: Run, settings: Settings, stopped: Stopped = lambda: False) -> Evaluation:
    """Play every condition with a run's checkpoint and store the evaluation, named after its
    settings.

    Raises:
        UserError: there is no such checkpoint, or a condition has other spaces than the network.
        KeyboardInterrupt: `stopped` said so.
    """
    compiled, found = loaded(run, settings.checkpoint, settings.device)
    conditions = settings.conditions(compiled.problem)
    played = {
        name: _play(compiled, changes, settings, stopped) for name, changes in conditions.items()
    }
    used = {**settings.used, "step": found.step}
    verification = compiled.verify()  # of the trained network
    evaluation = Evaluation(
        run.spec,
        run.variant,
        (run.seed,),
        "episodes",
        {
            name: _over_episodes(each, overlap(compiled.problem, conditions[name]))
            for name, each in played.items()
        },
        used,
        symmetry_breaking(compiled.network, verification),
        _sampled(compiled, settings, stopped),
    )
    episodes = {
        name: {"returns": each.returns.tolist(), "lengths": each.lengths.tolist()}
        for name, each in played.items()
    }
    verified = {"verification": verification.to_dict()}
    made = {**versions(), "device": described(compiled.network.device)}
    written = {**evaluation.to_dict(), **verified, "versions": made, "episodes_played": episodes}
    return _stored(run.folder / settings.file, evaluation, written)


def evaluate_runs(runs: Sequence[Run], settings: Settings, stored: bool = False) -> Evaluation:
    """Evaluate the seeds of one variant; of several, intervals are over the seeds, and stand in the
    variant's folder.

    Args:
        runs: the seeds.
        settings: how.
        stored: take what is stored of each seed, made with these settings, instead of playing.

    Raises:
        UserError: see `evaluate_run` and `stored_evaluation`; or the seeds are not of one spec.
    """
    if len(runs) > 1:
        check_alike(runs)
    each = [_shown(run, settings) if stored else evaluate_run(run, settings) for run in runs]
    if len(each) == 1:
        return each[0]
    evaluation = over_seeds(each)
    folder = runs[0].folder.parent
    if len(runs) < len(find(folder)):  # of some of the seeds: shown, and not stored as that of all
        return evaluation
    return _stored(folder / settings.file, evaluation, evaluation.to_dict())


def _stored(path: Path, evaluation: Evaluation, values: Mapping[str, Any]) -> Evaluation:
    """`evaluation`, stored in a file; where that cannot be, it says why. What has been played is
    never lost.
    """
    try:
        write_json(path, values)
    except UserError as error:
        return replace(evaluation, unstored=error.message)
    return evaluation


def unstorable(runs: Sequence[Run]) -> list[str]:
    """Why evaluations of these runs will not be stored, one line per folder; asked before anything
    is played.
    """
    reasons = (unwritable(run.folder) for run in runs)
    return [reason for reason in reasons if reason]


def is_current(run: Run, settings: Settings) -> bool:
    """Whether what is stored is what `evaluate_run` would say now, of the present checkpoint."""
    try:
        stored_evaluation(run, settings)
    except UserError:
        return False
    return True


def over_seeds(each: Sequence[Evaluation]) -> Evaluation:
    """Means of the seeds' means, with intervals over the seeds; conditions that all of them have.

    Raises:
        UserError: the seeds were evaluated in different ways.
    """
    first = each[0]
    for other in each[1:]:
        for key in first.settings.keys() - {"step"}:  # seeds may end at other steps
            if other.settings.get(key) != first.settings[key]:
                ways = (
                    f"{key} {first.settings[key]} for seed {first.seeds[0]}, "
                    f"{other.settings.get(key)} for"
                )
                message = (
                    f"the seeds of {first.spec}/{first.variant} were evaluated differently: "
                    f"{ways} {other.seeds[0]}"
                )
                raise UserError(
                    "not-evaluated",
                    message,
                    "evaluate them together: symgen evaluate, without --stored",
                )
    names = [name for name in first.rows if all(name in other.rows for other in each)]
    rows = {name: _over([evaluation.rows[name] for evaluation in each]) for name in names}
    seeds = tuple(seed for evaluation in each for seed in evaluation.seeds)
    used = {key: value for key, value in first.settings.items() if key != "step"}
    drawn = [one.sampled for one in each if one.sampled]
    sampled = _over(drawn) if len(drawn) == len(each) else None
    far = mean([one.symmetry_breaking for one in each])
    return Evaluation(first.spec, first.variant, seeds, "seeds", rows, used, far, sampled)


def stored_evaluation(run: Run, settings: Settings = Settings()) -> Evaluation:
    """What is stored of a run, made with these settings.

    Raises:
        UserError: it is missing or damaged.
    """
    path = run.folder / settings.file
    make = f"make it: symgen evaluate {run.folder}"
    if not path.exists():
        others = ", ".join(each.name for each in _others(run))
        hint = f"{make}; stored with other options: {others}" if others else make
        raise UserError("not-evaluated", f"{run.folder} has no {path.name}", hint)
    evaluation = _read(run, path)
    wanted = settings.used.items()
    made = evaluation.settings
    other = [f"{key} {made.get(key)}" for key, value in wanted if made.get(key) != value]
    if other:  # an older symgen kept one evaluation, whatever its settings
        raise UserError("not-evaluated", f"{path} is another evaluation: {', '.join(other)}", make)
    return _of_now(run, evaluation)


def _of_now(run: Run, evaluation: Evaluation) -> Evaluation:
    """`evaluation`, where the run has not been trained on since; a copy of a run may lack its
    checkpoints.
    """
    name = evaluation.settings["checkpoint"]
    step = evaluation.settings["step"]
    if name in checkpoint.names(run.checkpoints):
        now = checkpoint.header(run.checkpoints, name)["step"]
        if now != step:
            message = (
                f"the evaluation of {run.folder} is of step {step}, and its checkpoint "
                f"{name!r} of step {now}"
            )
            raise UserError("not-evaluated", message, f"make it anew: symgen evaluate {run.folder}")
    return evaluation


def _shown(run: Run, settings: Settings) -> Evaluation:
    """What is stored with these settings; where none were given, and one evaluation is stored
    alone, that one.
    """
    others = _others(run)
    if settings == Settings() and not (run.folder / settings.file).exists() and len(others) == 1:
        return _of_now(run, _read(run, others[0]))
    return stored_evaluation(run, settings)


def _others(run: Run) -> list[Path]:
    return sorted(run.folder.glob("evaluation.*.json"))


def _read(run: Run, path: Path) -> Evaluation:
    values = read_json(path)
    try:
        rows = {name: Row.from_dict(row) for name, row in values["conditions"].items()}
        used = {
            key: values[key]
            for key in ("episodes", "actions", "evaluation_seed", "checkpoint", "step")
        }
        used |= {"changes": values["changes"]} if "changes" in values else {}
        far = stated(values)
        drawn = Row.from_dict(values["training_sampled"]) if "training_sampled" in values else None
        return Evaluation(run.spec, run.variant, (run.seed,), "episodes", rows, used, far, drawn)
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(
            "file-unreadable", f"{path} is not an evaluation: {error}", "make it anew"
        ) from error


def loaded(run: Run, name: str, device: str = "cpu") -> tuple[Compiled, Checkpoint]:
    """The run's spec compiled, its network with the weights of the checkpoint `name`, wherever they
    were trained.

    Raises:
        UserError: the spec or the checkpoint is missing or damaged, or its weights have meant
            something else.
    """
    found = run.restore(name)
    check_seal(run.folder / "spec.yaml", required=found.sealed)
    with forked(chosen(device)), imports_told(run):
        compiled = compile_spec(run.folder / "spec.yaml", verify=False, seed=0, device=device)
    meaning.admit(found.meaning, compiled.problem, str(run.checkpoints / name))
    load(compiled.network, found)
    compiled.network.eval()
    return compiled, found


def policy(network: Network, sample: bool, stopped: Stopped = lambda: False) -> Act:
    """The function from a batch of observations to actions, drawn or most probable."""

    def act(observation: Any) -> np.ndarray:
        if stopped():
            raise KeyboardInterrupt
        distribution = network.policy(observation)
        return np.asarray((distribution.sample() if sample else distribution.mode).cpu().numpy())

    return act


def _play(
    compiled: Compiled, changes: Mapping[str, Any], settings: Settings, stopped: Stopped
) -> Episodes:
    count = min(settings.envs, settings.episodes)
    envs = heldout.environment(compiled.problem, changes, count, settings.seed)
    act = policy(compiled.network, settings.sample, stopped)
    try:
        with forked(compiled.network.device), torch.no_grad(), compiled.network.expanded():
            torch.manual_seed(settings.seed)
            return play(act, envs, settings.episodes, settings.seed)
    finally:
        envs.close()


def _sampled(compiled: Compiled, settings: Settings, stopped: Stopped) -> Row | None:
    """Training's condition with sampled actions, where they may return more; its episodes are
    played once more.
    """
    if settings.sample or not divides(compiled.problem):
        return None
    return _over_episodes(_play(compiled, {}, replace(settings, sample=True), stopped))


def _over_episodes(episodes: Episodes, levels: Overlap | None = None) -> Row:
    success = episodes.successes
    return Row(
        estimate(episodes.returns.tolist()),
        estimate(episodes.lengths.tolist()),
        None if success is None else estimate(success.tolist()),
        levels,
    )


def _over(rows: Sequence[Row]) -> Row:
    successes = [math.nan if row.successes is None else row.successes.mean for row in rows]
    return Row(
        estimate([row.returns.mean for row in rows]),
        estimate([row.lengths.mean for row in rows]),
        None if any(map(math.isnan, successes)) else estimate(successes),
        rows[0].levels,
    )
