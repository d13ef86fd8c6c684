"""Evaluate trained networks: play training's condition and those of `evaluate:`, store the scores.

evaluate_run     one seed: load, play every condition, store it
evaluate_runs    all seeds of one variant, with intervals over the seeds
"""

from collections.abc import Sequence
from dataclasses import replace

import torch

from symgen.compiler import Compiled
from symgen.experiment import heldout
from symgen.experiment.episodes import Episodes, play
from symgen.experiment.evaluation import ConditionScores, Evaluation, EvaluationSettings, over_seeds
from symgen.experiment.heldout import Changes
from symgen.experiment.jobs import Stopped
from symgen.experiment.load import loaded
from symgen.experiment.overlap import Overlap, overlap
from symgen.experiment.player import network_under, player
from symgen.experiment.resolved import check_alike
from symgen.experiment.run import Run, find
from symgen.experiment.sampled import divides
from symgen.experiment.stored import shown_evaluation, store
from symgen.experiment.symmetry_breaking import symmetry_breaking
from symgen.experiment.versions import versions
from symgen.nn.device import described, forked
from symgen.statistics.estimate import estimate


def evaluate_run(
    run: Run, settings: EvaluationSettings, stopped: Stopped = lambda: False
) -> Evaluation:
    """Play every condition with a run's checkpoint and store the evaluation, named after its
    settings.

    Raises:
        UserError: there is no such checkpoint, or a condition has other spaces than the network.
        KeyboardInterrupt: `stopped` said so.
    """
    compiled, checkpoint = loaded(run, settings.checkpoint, settings.device)
    conditions = settings.conditions(compiled.problem)
    played = {
        name: _play(compiled, changes, settings, stopped) for name, changes in conditions.items()
    }
    verification = compiled.verify()  # of the trained network
    evaluation = Evaluation(
        run.spec,
        run.variant,
        seeds=(run.seed,),
        over="episodes",
        scores={
            name: _scores(episodes, overlap(compiled.problem, conditions[name]))
            for name, episodes in played.items()
        },
        settings={**settings.used, "step": checkpoint.step},
        symmetry_breaking=symmetry_breaking(compiled.network, verification),
        sampled=_sampled(compiled, settings, stopped),
    )
    values = {
        **evaluation.to_dict(),
        "verification": verification.to_dict(),
        "versions": {**versions(), "device": described(compiled.network.device)},
        "episodes_played": {
            name: {"returns": episodes.returns.tolist(), "lengths": episodes.lengths.tolist()}
            for name, episodes in played.items()
        },
    }
    return store(run.folder / settings.file, evaluation, values)


def evaluate_runs(
    runs: Sequence[Run], settings: EvaluationSettings, stored: bool = False
) -> Evaluation:
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
    evaluate = shown_evaluation if stored else evaluate_run
    evaluations = [evaluate(run, settings) for run in runs]
    if len(evaluations) == 1:
        return evaluations[0]
    evaluation = over_seeds(evaluations)
    folder = runs[0].folder.parent
    if len(runs) < len(find(folder)):  # of some of the seeds: shown, and not stored as that of all
        return evaluation
    return store(folder / settings.file, evaluation, evaluation.to_dict())


def _play(
    compiled: Compiled, changes: Changes, settings: EvaluationSettings, stopped: Stopped
) -> Episodes:
    count = min(settings.envs, settings.episodes)
    envs = heldout.environment(compiled.problem, changes, count, settings.seed)
    try:
        network = network_under(compiled, changes)
        with forked(network.device), torch.no_grad(), network.expanded():
            torch.manual_seed(settings.seed)
            policy = player(network, changes, settings.sample)
            return play(policy, envs, settings.episodes, settings.seed, stopped)
    finally:
        envs.close()


def _sampled(
    compiled: Compiled, settings: EvaluationSettings, stopped: Stopped
) -> ConditionScores | None:
    """Training's condition with sampled actions, where they may return more; its episodes are
    played once more.
    """
    if settings.sample or not divides(compiled.problem):
        return None
    return _scores(_play(compiled, {}, replace(settings, sample=True), stopped))


def _scores(episodes: Episodes, levels: Overlap | None = None) -> ConditionScores:
    """Of one seed, whose episodes count as one number each."""
    success = episodes.successes
    return ConditionScores(
        estimate(episodes.returns.tolist()),
        estimate(episodes.lengths.tolist()),
        None if success is None else estimate(success.tolist()),
        levels,
        float(episodes.returns.std()),
    )
