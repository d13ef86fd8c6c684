"""Measure what the plan promises: for each generator the error of every output, with the control
beside it.

error    max |policy(g.o) - g.policy(o)| and max |value(g.o) - value(o)|, relative to the largest
         output (FLOOR at least: a value close to zero may be a sum of numbers many times as large,
         and carries their rounding). Of an output that reads the action max |q(g.o, g.a) - q(o, a)|
         over both, and the same for the logarithm of the policy's deviation, which |g| moves;
control  how much the output differs where the claim is false on purpose: the policy's output left
         unmoved, q(g.o, a), or, where the generator does not move the output (the action), the one
         for another observation (an invariant must not be a constant).

A claim whose control is as small as its tolerance has shown nothing: its verdict is "no power", not
"exact".

A network with memory is shown sequences of observations, too: see sequences.py.

Observations are normally distributed ones and, where they are given (`Shown`), some between the
bounds of the space and the environment's own. The error is the largest over all of them; that of
observations larger than 1 is divided by their size, for rounding grows with it. A network must also
tell the environment's observations apart: where an output is the same for all of them, though no
element of the group takes one to another, the verdict is "no power".

Rotations that take pixels between pixels (see algebra.plane) are measured on smooth pictures inside
the disc, by an angle of the generator and by another one. They are never exact: the verdict is
"approximate" where the error is at most APPROXIMATE of the largest output and the control CONTRAST
times larger. Elements that do take pixels to pixels are measured beside them, and exact.
"""

import copy
from collections.abc import Sequence

import numpy as np
import torch

from symgen.nn.device import widest
from symgen.nn.network import Network, build
from symgen.problem.constraint import Promise
from symgen.problem.interface import Interface
from symgen.proofs import claim as claims
from symgen.proofs.claim import APPROXIMATE, TOLERANCE
from symgen.proofs.inputs import Array, Setting, Terms
from symgen.proofs.outputs import output_rows, said
from symgen.proofs.sequences import play, sequence_rows
from symgen.proofs.shown import Samples, Shown, with_shown
from symgen.proofs.verification import Row, Verification, allowed

__all__ = [
    "APPROXIMATE",
    "STEPS",
    "TOLERANCE",
    "Row",
    "Samples",
    "Setting",
    "Shown",
    "Verification",
    "verify",
]

NOTHING = Samples()
STEPS = 50
"""Observations of a sequence that a network with memory is shown."""


@torch.no_grad()
def verify(
    network: Network,
    setting: Setting,
    promise: Promise = "exact",
    *,
    samples: Samples = NOTHING,
    batch: int = 8,
    steps: int = STEPS,
    seed: int = 0,
) -> Verification:
    """Measure a network against the group, in float32 and float64.

    Args:
        network: left unchanged; copies are measured.
        setting: what it observes and does, and how the group moves both.
        promise: what the constraint promises: an exact network, one that may break the symmetry
            (an equivariance error is a size then, and no fault), or nothing.
        samples: further observations.
        batch: number of normally distributed observations.
        steps: observations of a sequence, for a network with memory; at least 2.
        seed: of the observations.
    """
    terms = setting.drawn(batch, seed)
    rng = np.random.default_rng([seed, len(setting.interface.terms)])
    acts = rng.standard_normal((batch, setting.action.size))
    sequence = [terms, *(setting.drawn(batch, seed, step) for step in range(1, steps))]
    rows: list[Row] = []
    for dtype in TOLERANCE:
        model = _copied(network, setting.interface, dtype).eval()
        with model.expanded():
            rows += _single(model, setting, terms, acts)
            if model.states:
                rows += _sequences(model, setting, sequence)
            for shown in samples.shown:
                rows = with_shown(shown, rows, model, setting)
    if promise == "relaxed":
        rows = [allowed(row) for row in rows]
    used = {"normally distributed": batch}
    used |= {shown.source: shown.count for shown in samples.shown}
    unmeasured = tuple(output.name for output in network.outputs if output.training_only)
    device = str(network.device)
    return Verification(tuple(rows), promise, used, samples.missing, device, unmeasured)


def _single(network: Network, setting: Setting, terms: Terms, acts: Array) -> list[Row]:
    """The rows of single observations."""
    before = said(network, terms, acts)
    rows = []
    for element, exactly in setting.elements.items():
        claim = claims.exact(network.dtype) if exactly else claims.approximate()
        rows += output_rows(network, setting, element, claim, terms, acts, before)
    return rows


def _sequences(network: Network, setting: Setting, sequence: Sequence[Terms]) -> list[Row]:
    """The rows of sequences, for elements that move observations exactly."""
    before = play(network, sequence)
    claim = claims.exact(network.dtype)
    elements = [element for element, exactly in setting.elements.items() if exactly]
    rows = (sequence_rows(network, setting, g, claim, sequence, before) for g in elements)
    return [row for some in rows for row in some]


def _copied(network: Network, interface: Interface, dtype: torch.dtype) -> Network:
    """A copy that computes in `dtype`; where the device has no float64 it is on the CPU, with
    tables made anew.
    """
    if dtype == widest(network.device) or dtype == torch.float32:
        return copy.deepcopy(network).to(dtype)
    rebuilt = build(network.plan, interface)
    rebuilt.load_state_dict({name: x.cpu() for name, x in network.state_dict().items()})
    return rebuilt.to(dtype)
