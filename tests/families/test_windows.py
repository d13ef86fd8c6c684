from symgen.algebra import base as bases
from symgen.algebra.catalogue import group
from symgen.algebra.sampling import Sampling
from symgen.families._windows import window_faults


def test_even_kernels_are_not_offered_where_none_is_taken():
    picture, windows = bases.grid(group("C4"), 28, 28), Sampling(5, 2, 2)
    (any_kernel,) = window_faults(picture, windows, "layer 1", ())
    (odd_kernel,) = window_faults(picture, windows, "layer 1", (), odd=True)
    assert "a kernel of 4 or 6" in any_kernel.hint
    assert "kernel" not in odd_kernel.hint
