"""What a family of convolutions has to refuse about its windows, and the concrete ways out."""

from symgen.algebra.base import Base
from symgen.algebra.sampling import AXES, Sampling, asymmetric_axes, reversed_axes, ways_out
from symgen.problem.fault import Fault
from symgen.spec.source import Place


def kernel_windows(kernel: int, stride: int, padding: int | None) -> Sampling:
    """The windows of a convolution; a padding that is left out keeps the size where the stride is
    1.
    """
    return Sampling(kernel, stride, (kernel - 1) // 2 if padding is None else padding)


def window_faults(
    base: Base, sampling: Sampling, what: str, path: Place, odd: bool = False, pooled: bool = False
) -> list[Fault]:
    """Windows must fit into the picture, and the group must take them to windows.

    Args:
        base: the grid that is sampled.
        sampling: the windows.
        what: the layer, for the message.
        path: where it stands in the spec.
        odd: whether the family takes odd kernels only.
        pooled: whether the windows are those of a pooling.
    """
    shape = "x".join(map(str, base.shape))
    if any(sampling.count(size) < 1 for size in base.shape):
        message = (
            f"{what}: a window of {sampling.kernel} pixels does not fit into {shape} with "
            f"padding {sampling.padding}"
        )
        return [
            Fault(
                "stride",
                path,
                message,
                "use a smaller kernel, less pooling before it, or more padding",
            )
        ]
    broken = asymmetric_axes(base, sampling)
    if not broken:
        return []
    size = base.shape[AXES.index(broken[0])]
    message = (
        f"{what}: windows of {sampling.kernel} every {sampling.stride} (padding "
        f"{sampling.padding}) on {shape} leave "
        f"{sampling.left_over(size)} of {size} {broken[0]} over at one end, which {base.group} "
        "reverses"
    )
    return [Fault("stride", path, message, _hint(base, sampling, broken[0], odd, pooled))]


def _hint(base: Base, sampling: Sampling, axis: str, odd: bool, pooled: bool) -> str:
    out = ways_out(base.shape, reversed_axes(base), sampling)
    ways = (
        [f"crop or pad the picture to {' or '.join(map(str, out.sizes))} {axis}"]
        if out.sizes
        else []
    )
    ways += [f"padding {' or '.join(map(str, out.paddings))}"] if out.paddings else []
    kernels = [size for size in out.kernels if size % 2 or not odd]
    if pooled:
        ways += [
            f"pool: {{size: {size}, stride: {sampling.stride}}}" for size in kernels if size > 1
        ]
    elif kernels:
        ways.append(f"a kernel of {' or '.join(map(str, kernels))}")
    return f"use {', or '.join([*ways[1:], 'stride 1'])}" + (f"; or {ways[0]}" if ways else "")
