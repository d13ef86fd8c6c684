"""What every error code means: `symgen explain CODE`.

Each entry about a spec has a wrong and a right example; a test completes both to a whole spec and
proves that the wrong one gives this code and the right one gives no mistake at all.
"""

from symgen.explanations.entry import Explanation
from symgen.explanations.problem import PROBLEM
from symgen.explanations.symmetry import SYMMETRY
from symgen.explanations.text import TEXT
from symgen.explanations.use import USE

__all__ = ["CODES", "Explanation"]

CODES: dict[str, Explanation] = {**TEXT, **SYMMETRY, **PROBLEM, **USE}
