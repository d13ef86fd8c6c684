"""Where a network computes: the devices that a user may name, and what is different on each.

A network is built on the CPU, so that a seed means the same weights everywhere, and moved. From
then on everything that belongs to it is made where it is: buffers, the replay, distributions,
random numbers. What environments give and take crosses over, and nothing else.
"""

import re
from contextlib import AbstractContextManager

import torch
from torch import Generator

from symgen.errors import UserError

__all__ = ["chosen", "described", "forked", "generator", "widest"]

NARROW = {"mps"}
"""Kinds of devices that have no float64."""


def chosen(name: str) -> torch.device:
    """The device called `name`: cpu, cuda (the first), cuda:<n>, mps, or auto for cuda, else mps,
    else cpu.

    Convolutions on a CUDA device are computed in full float32 from then on: in the shorter format
    that torch takes for them (TF32) an equivariant network is equivariant up to 1e-3 only.

    Raises:
        UserError: nothing is called so, or it is not there.

    >>> chosen("cpu")
    device(type='cpu')
    """
    kind, _, index = name.partition(":")
    if not re.fullmatch(r"auto|cpu|mps|cuda(:[0-9]{1,3})?", name):
        raise UserError(
            "device-not-found", f"no device is called {name!r}", f"there is: {', '.join(present())}"
        )
    if name == "auto":
        kind = present()[-1].partition(":")[0]
    kinds = {device.partition(":")[0] for device in present()}
    if kind not in kinds or int(index or 0) >= _count(kind):
        raise UserError(
            "device-not-found",
            f"{name} is not there: {_reason(kind)}",
            f"there is: {', '.join(present())}",
        )
    if kind == "cuda":
        torch.backends.cudnn.allow_tf32 = False
        return torch.device("cuda", int(index or 0))
    return torch.device(kind)


def present() -> list[str]:
    """The names of the devices there are, the best last."""
    cuda = [f"cuda:{index}" for index in reversed(range(_count("cuda")))]
    return ["cpu", *(["mps"] if _count("mps") else []), *cuda]


def _count(kind: str) -> int:
    if kind == "cuda":
        return torch.cuda.device_count() if torch.cuda.is_available() else 0
    return int(kind == "cpu" or torch.backends.mps.is_available())


def _reason(kind: str) -> str:
    if kind == "cuda" and _count(kind):
        return f"{_count(kind)} CUDA devices are, counted from 0"
    built = torch.backends.cuda.is_built() if kind == "cuda" else torch.backends.mps.is_built()
    if built:
        return "torch finds no such device"
    return f"this torch ({torch.__version__}) was built without {kind}"


def described(device: torch.device) -> str:
    """The device with its name, such as "cuda:0 (NVIDIA H200)"."""
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    return str(device)


def widest(device: torch.device) -> torch.dtype:
    """The longest floating type that the device has."""
    return torch.float32 if device.type in NARROW else torch.float64


def generator(device: torch.device, seed: int) -> Generator:
    """A source of random numbers on the device."""
    return Generator(device).manual_seed(seed)


def forked(device: torch.device) -> AbstractContextManager[None]:
    """Within it torch's global random state, that of the device too, may be changed; afterwards it
    is as before.
    """
    others = [device] if device.type == "cuda" else []
    fork: AbstractContextManager[None] = torch.random.fork_rng(others)
    return fork
