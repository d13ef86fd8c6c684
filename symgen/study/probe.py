"""How long an environment step of training takes: a few updates of each arm, timed."""

import time
from dataclasses import replace

from symgen import lookup
from symgen.compiler import compile_spec
from symgen.errors import UserError
from symgen.experiment.teacher import Teacher, environments
from symgen.problem.algorithm import Algorithm, AlgorithmOptions
from symgen.study.arm import Arm
from symgen.study.matrix import Matrix, Row, Tell
from symgen.study.study import Study

ENOUGH = 2.0
"""Seconds after which no further update is timed."""
MOST = 20
"""Most updates that are timed."""
SHORT = {"warmup": 256, "report": 64}
"""Options of algorithms that act for a while before they learn: shortened, or nothing is timed."""


def probed(matrix: Matrix, device: str = "cpu", tell: Tell = lambda name: None) -> Matrix:
    """The matrix with the time that a step of each arm takes here, one arm after the other."""
    rows = []
    for row in matrix.rows:
        if row.runs:
            tell(row.arm.name)
            row = _timed(row, matrix.study, device)
        rows.append(row)
    return replace(matrix, rows=tuple(rows))


def _timed(row: Row, study: Study, device: str) -> Row:
    try:
        return replace(row, seconds=seconds_per_step(row.arm, study, device))
    except UserError as error:  # an environment that cannot be made here
        return replace(row, notes=(*row.notes, f"not timed: {error.message}"))


def seconds_per_step(arm: Arm, study: Study, device: str = "cpu") -> float | None:
    """Seconds of training per environment step, rollouts and updates together; None where nothing
    is trained.

    The first update is left out where there is time for another: it also makes what later ones
    find made.

    Raises:
        UserError: the environment cannot be made.
    """
    compiled = compile_spec(arm.source(study.source), verify=False, seed=0, device=device)
    problem = compiled.problem
    options = problem.algorithm_options
    train = problem.spec.train
    if options is None or train is None:
        return None
    shorter = {name: value for name, value in SHORT.items() if name in type(options).model_fields}
    options = options.model_copy(update=shorter)
    algorithm: Algorithm[AlgorithmOptions] = lookup.module("algorithm", train.algorithm)
    teacher = Teacher.of(problem, device)
    with environments(problem, options.envs, 0, teacher) as envs:
        learner = algorithm.Learner(
            compiled.network,
            envs,
            options,
            steps=train.steps,
            seed=0,
            training=problem.constraint.training(problem, problem.constraint_options),
        )
        began = time.perf_counter()
        speeds: list[float] = []
        for metrics in learner:
            speeds.append(metrics["steps_per_second"])
            if time.perf_counter() - began > ENOUGH or len(speeds) == MOST:
                break
    later = speeds[1:] or speeds
    # algorithms that fill a memory first are slower once they learn
    slowest = min(later) if shorter else sorted(later)[len(later) // 2]
    return 1 / slowest
