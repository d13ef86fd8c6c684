"""Rules of what the policy does: actions within bounds, and the action values of SAC.

`OF_CONTINUOUS_ACTIONS` is checked where the action is a vector of real numbers, and
`OF_ACTION_VALUES` where a critic reads the action.
"""

import numpy as np

from symgen.algebra.group import Group
from symgen.problem.output import ACTION, is_squashed
from symgen.problem.problem import Problem
from symgen.spec.findings import Findings
from symgen.spec.source import Place


def action_keeps_its_bounds(problem: Problem, findings: Findings) -> None:
    """action-bounds: the group must take the box of possible actions to itself, or clipping breaks
    the symmetry.

    A condition with `transform:` plays moved actions, whatever is claimed of the network.
    """
    action = problem.interface.action
    claimed = problem.constraint.USES_GROUP
    played = any("transform" in changes for changes in problem.spec.evaluate.values())
    if not len(action.low) or not (claimed or played):
        return
    if claimed and is_squashed(problem.outputs) and not problem.action.is_signed_permutation:
        return  # squashed_actions_commute says more
    low = np.array(action.low)
    high = np.array(action.high)
    for generator in problem.group.generators:
        k = _leaves_box(problem.action.matrix(generator), low, high)
        if k is None:
            continue
        message = (
            f"{generator} does not keep the bounds of the action: {action.names[k]} lies between "
            f"{low[k]:g} and "
            f"{high[k]:g}, and its image does not"
        )
        hint = (
            "exchange only components with the same bounds, and give a sign only to symmetric "
            "bounds; Gymnasium's "
            "wrapper RescaleAction can make them so"
        )
        if _mixes(problem.action.matrix(generator)):
            hint = f"{_unmixed(problem.group)}; or an action space without bounds"
        path: Place = ("symmetry", "actions", generator)
        findings.add("action-bounds", path, message, hint)
        return


def _mixes(image: np.ndarray) -> bool:
    """Whether a component becomes a sum of several."""
    return bool((np.abs(image) > 1e-9).sum(1).max(initial=0) > 1)


def _unmixed(group: Group) -> str:
    """The hint for a group that turns the components of the action into each other."""
    if group.planar is None:
        return "use a group that permutes the components up to sign"
    turns = next(n for n in (4, 2, 1) if group.planar.turns % n == 0)
    kept = f"{'D' if group.planar.mirrors else 'C'}{turns}"
    return f"use a group that permutes the components up to sign ({kept} in place of {group})"


def _leaves_box(image: np.ndarray, low: np.ndarray, high: np.ndarray) -> int | None:
    """The first component that an orthogonal matrix takes out of the box, whose bounds may be
    infinite on one side.
    """
    for k, row in enumerate(image):
        sources = np.flatnonzero(np.abs(row) > 1e-9)
        if len(sources) > 1:  # where coordinates are mixed no box is kept but the whole space
            bounded = np.isfinite(low) | np.isfinite(high)
            if bounded[k] or bounded[sources].any():
                return int(k if bounded[k] else sources[bounded[sources]][0])
            continue
        (source,) = sources
        bounds = (low[source], high[source]) if row[source] > 0 else (-high[source], -low[source])
        if not np.allclose(bounds, (low[k], high[k]), atol=1e-6):
            return k
    return None


def squashed_actions_are_bounded(problem: Problem, findings: Findings) -> None:
    """unbounded-action: a squashed policy acts inside a box, so every component needs bounds."""
    action = problem.interface.action
    if action.kind != "continuous":
        return
    finite = np.isfinite(action.low) & np.isfinite(action.high)
    if not finite.all():
        name = action.names[int(np.flatnonzero(~finite)[0])]
        message = f"{problem.algorithm} acts inside the bounds of the action, and {name} has none"
        hint = "write algorithm: ppo, or give the environment's action space finite bounds"
        findings.add("unbounded-action", ("train", "algorithm"), message, hint)


def squashed_actions_commute(problem: Problem, findings: Findings) -> None:
    """squashed-action: tanh of every component commutes with signed permutations of the components
    and nothing else.
    """
    if problem.interface.action.kind != "continuous":
        return
    if problem.action.is_signed_permutation or not problem.constraint.USES_GROUP:
        return
    mixing = (g for g in problem.group.generators if _mixes(problem.action.matrix(g)))
    message = (
        f"{problem.algorithm} squashes the action into its bounds, component by component, and "
        f"{next(mixing, 'a generator')} mixes components: the policy would not be equivariant"
    )
    hint = f"{_unmixed(problem.group)}; or algorithm: ppo, and an action space without bounds"
    findings.add("squashed-action", ("symmetry", "actions"), message, hint)


def no_term_is_called_action(problem: Problem, findings: Findings) -> None:
    """term-name: action-value critics read the action under this name."""
    if ACTION in problem.observation:
        message = (
            f"an observation is called {ACTION}, which is what the critics of "
            f"{problem.algorithm} call what they judge"
        )
        hint = "give the observation another key, with a wrapper around the environment"
        findings.add("term-name", ("environment",), message, hint, key=True)


OF_CONTINUOUS_ACTIONS = (action_keeps_its_bounds,)
OF_ACTION_VALUES = (
    squashed_actions_are_bounded,
    squashed_actions_commute,
    no_term_is_called_action,
)
