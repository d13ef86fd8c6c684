"""Problems without a spec, for the tests of check-env."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from symgen.algebra import representation as representations
from symgen.algebra.catalogue import group
from symgen.algebra.fieldtype import FieldType, vector
from symgen.algebra.group import Group
from symgen.algebra.representation import Representation
from symgen.envs import gymnasium_env
from symgen.problem.interface import Interface
from symgen.problem.pipeline import Pipeline
from symgen.problem.problem import Frame

LAVA = "MiniGrid-LavaCrossingS9N1-v0"
D1 = group("D1")
D4 = group("D4")
OBSERVED = {"observation": vector(representations.signed_permutation(D1, {"s": [-1, -2, -3, -4]}))}
SWAP = representations.permutation(D1, {"s": [1, 0]})


@dataclass(frozen=True)
class Stand:
    """Stands in for a Problem."""

    group: Group
    interface: Interface
    observation: dict[str, FieldType]
    action: Representation
    adapter: Any
    adapter_options: Any
    pipeline: Pipeline = field(default_factory=Pipeline)
    one_frame: None = None

    @property
    def frame(self) -> Frame:
        """One observation."""
        return Frame(self.interface, self.observation)


def known(adapter, options, acting):
    """The problem as the adapter itself says."""
    types = adapter.states(options, acting)
    moved = adapter.actions(options, acting)
    assert types is not None
    assert moved is not None
    return Stand(acting, adapter.interface(options), types, moved, adapter, options)


def cartpole(action=SWAP, observation=OBSERVED, adapter=gymnasium_env, id_="CartPole-v1"):
    options = gymnasium_env.Options(id=id_)
    return Stand(D1, gymnasium_env.interface(options), observation, action, adapter, options)


# Without a simulator, the statistical test is all there is.
BLIND = SimpleNamespace(
    make=gymnasium_env.make,
    simulator=lambda options, group: "it is hidden",
    title=lambda options: "blind",
)


def moving(**images):
    return representations.permutation(D4, images)
