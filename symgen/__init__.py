"""symgen: a declarative symmetry-spec compiler for reinforcement learning."""

__version__ = "0.1.0"
