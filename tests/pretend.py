"""A device that is none: tensors that say they are elsewhere and are computed here.

Within `elsewhere()` the device "meta" behaves as an accelerator does: an operation on tensors of
two devices raises, numpy cannot see what is there, and every crossing is noted. Unlike torch's own
meta tensors these have numbers, so that a rollout can act on them.
"""

import contextlib
import importlib
from collections import Counter
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_leaves, tree_map

from symgen.nn import device

ELSEWHERE = torch.device("meta")
COPIES = ("aten._to_copy.default", "aten.copy_.default")
READS = ("aten._local_scalar_dense.default",)


class There(Tensor):
    """A tensor that says it is on ELSEWHERE; its numbers are in `here`."""

    here: Tensor

    @staticmethod
    def __new__(cls, here):
        return Tensor._make_wrapper_subclass(
            cls,
            here.size(),
            strides=here.stride(),
            storage_offset=here.storage_offset(),
            dtype=here.dtype,
            device=ELSEWHERE,
        )

    def __init__(self, here):
        self.here = here

    __torch_function__ = torch._C._disabled_torch_function_impl

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        raise RuntimeError(f"{func} outside of `elsewhere()`")


@dataclass
class Traffic(TorchDispatchMode):
    """Computes with `There`, and notes what crosses over and what is made on the CPU."""

    sent: int = 0
    fetched: int = 0
    made_here: Counter = field(default_factory=Counter)

    def __post_init__(self):
        super().__init__()

    def clear(self):
        self.sent = self.fetched = 0
        self.made_here.clear()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        there = [isinstance(each, There) for each in tensors]
        name, to = str(func), kwargs.get("device")
        if not any(there) and to != ELSEWHERE:
            if not tensors and name.startswith("aten."):
                self.made_here[name] += 1
            return func(*args, **kwargs)
        if any(there) and not all(there) and name not in COPIES:
            ours = [
                tuple(each.shape) for each, away in zip(tensors, there, strict=True) if not away
            ]
            raise RuntimeError(
                f"{name}: expected all tensors on one device, found {ours} on the cpu"
            )
        if to is not None:
            kwargs["device"] = torch.device("cpu")
        result = func(*tree_map(_here, args), **tree_map(_here, kwargs))
        if name in READS:
            self.fetched += 1
            return result
        if name == "aten._to_copy.default" and to is not None and there[0] != (to == ELSEWHERE):
            self.sent, self.fetched = self.sent + (not there[0]), self.fetched + there[0]
            return _there(result) if to == ELSEWHERE else result
        if name == "aten.copy_.default" and there[0] != there[1]:
            self.sent, self.fetched = self.sent + there[0], self.fetched + there[1]
            return args[0]
        wrapped = tree_map(_there, result)
        return return_and_correct_aliasing(func, args, kwargs, wrapped) if any(there) else wrapped


def _here(x):
    return x.here if isinstance(x, There) else x


def _there(x):
    return There(x) if isinstance(x, Tensor) and not isinstance(x, There) else x


@contextlib.contextmanager
def elsewhere(monkeypatch):
    """Within it "meta" is an accelerator; the yielded `Traffic` is what crosses over."""
    optimiser = importlib.import_module("torch.optim.optimizer")
    fused = optimiser._get_fused_kernels_supported_devices()
    monkeypatch.setattr(
        optimiser, "_get_fused_kernels_supported_devices", lambda: [*fused, ELSEWHERE.type]
    )
    monkeypatch.setattr(device, "Generator", lambda _: torch.Generator())  # torch has none for meta
    overwritten = torch.__future__.get_overwrite_module_params_on_conversion()
    torch.__future__.set_overwrite_module_params_on_conversion(
        True
    )  # `.data` of such a tensor cannot be replaced
    try:
        with Traffic() as traffic:
            yield traffic
    finally:
        torch.__future__.set_overwrite_module_params_on_conversion(overwritten)
