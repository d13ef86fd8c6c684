"""Procgen's shared library through ctypes, so that its wheel is the only package that the adapter
needs.

The wheel's own Python side imports legacy gym, gym3 and cffi, in versions that exclude each other's
successors. The library itself speaks the C interface libenv (gym3, `libenv.h`, version 1), whose
few structures are written down here.
"""

import ctypes
import os
import sys
from collections.abc import Mapping
from ctypes import (
    POINTER,
    Array,
    Structure,
    Union,
    byref,
    c_char,
    c_float,
    c_int,
    c_int32,
    c_uint8,
    c_void_p,
)
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from symgen.errors import Refusal, UserError

INSTALL = "pip install --no-deps procgen-mirror==0.10.7"
"""Without its dependencies: they are old versions that others exclude, and none of them is used."""

VERSION = 1
MAX_NAME = 128
MAX_DIMENSIONS = 16
# the three spaces
OBSERVATION = 1
ACTION = 2
INFO = 3
# the types of numbers
UINT8 = 1
INT32 = 2
FLOAT32 = 3
DTYPES: dict[int, np.dtype] = {
    UINT8: np.dtype(np.uint8),
    INT32: np.dtype(np.int32),
    FLOAT32: np.dtype(np.float32),
}
FILES = {"linux": "libenv.so", "darwin": "libenv.dylib", "win32": "env.dll"}


class _Value(Union):
    _fields_ = (("uint8", c_uint8), ("int32", c_int32), ("float32", c_float))


class _TensorType(Structure):
    _fields_ = (
        ("name", c_char * MAX_NAME),
        ("scalar_type", c_int),
        ("dtype", c_int),
        ("shape", c_int * MAX_DIMENSIONS),
        ("ndim", c_int),
        ("low", _Value),
        ("high", _Value),
    )


class _Option(Structure):
    _fields_ = (("name", c_char * MAX_NAME), ("dtype", c_int), ("count", c_int), ("data", c_void_p))


class _Options(Structure):
    _fields_ = (("items", POINTER(_Option)), ("count", c_int))


class _Buffers(Structure):
    _fields_ = (
        ("ob", POINTER(c_void_p)),
        ("rew", c_void_p),
        ("first", c_void_p),
        ("info", POINTER(c_void_p)),
        ("ac", POINTER(c_void_p)),
    )


class Games:
    """`count` games side by side. The arrays are overwritten by every `observe`.

    Args:
        count: number of games.
        options: what Procgen's constructor takes, by name: texts, whole numbers and truth values.

    Attributes:
        observation: arrays by name, (count, ...); `rgb` is the picture.
        info: the same for what is told beside it.
        action: int32 (count,); -1 ends the episode.
        reward: float32 (count,).
        first: bool (count,): the observation begins an episode, the reward ends the one before.

    Raises:
        UserError: the package is missing, or has no library for this system.
    """

    def __init__(self, count: int, options: Mapping[str, str | int | bool]) -> None:
        folder = package()
        self._library = _loaded(folder / "data" / "prebuilt")
        self.count = count
        options = {**options, "resource_root": f"{folder / 'data' / 'assets'}{os.sep}"}
        packed, _kept = _packed(options)
        self._handle: int | None = self._library.libenv_make(count, packed)
        self.reward = np.zeros(count, np.float32)
        self.first = np.zeros(count, np.bool_)
        self.observation, seen = self._arrays(OBSERVATION)
        self.info, told = self._arrays(INFO)
        actions, done = self._arrays(ACTION)
        self.action = actions["action"]
        rewards, firsts = (c_void_p(array.ctypes.data) for array in (self.reward, self.first))
        self._buffers = _Buffers(seen, rewards, firsts, told, done)  # the library keeps the pointer
        self._library.libenv_set_buffers(self._handle, byref(self._buffers))

    def _arrays(self, space: int) -> tuple[dict[str, np.ndarray], "Array[c_void_p]"]:
        """One array per part of a space, and the address of every game's row, part by part."""
        size = self._library.libenv_get_tensortypes(self._handle, space, None)
        types = (_TensorType * size)()
        self._library.libenv_get_tensortypes(self._handle, space, types)
        arrays: dict[str, np.ndarray] = {
            kind.name.decode(): np.zeros((self.count, *kind.shape[: kind.ndim]), DTYPES[kind.dtype])
            for kind in types
        }
        rows = [
            array.ctypes.data + k * array.strides[0]
            for array in arrays.values()
            for k in range(self.count)
        ]
        return arrays, (c_void_p * len(rows))(*rows)

    def observe(self) -> None:
        """Wait for the games and fill the arrays."""
        self._library.libenv_observe(self._handle)

    def act(self) -> None:
        """Start one step of every game with the actions in `action`."""
        self._library.libenv_act(self._handle)

    def close(self) -> None:
        """Free the games; a second call does nothing."""
        if self._handle is not None:
            self._library.libenv_close(self._handle)
            self._handle = None


def package() -> Path:
    """The folder of the installed package, found without importing it."""
    spec = find_spec("procgen")
    if spec is None or spec.origin is None:
        message = "the adapter procgen needs the package procgen-mirror"
        raise UserError("missing-package", message, INSTALL)
    return Path(spec.origin).parent


def _loaded(folder: Path) -> ctypes.CDLL:
    file = folder / FILES.get(sys.platform, FILES["linux"])
    if not file.exists():
        message = f"the installed procgen has no library {file.name} for this system"
        raise UserError("missing-package", message, INSTALL)
    mode = 0
    if os.name == "posix":  # its own Qt must not meet another one in this process
        mode = os.RTLD_NOW | getattr(os, "RTLD_DEEPBIND", 0)
    library = ctypes.CDLL(str(file), mode=mode)
    if library.libenv_version() != VERSION:
        raise Refusal(
            f"libenv has version {library.libenv_version()} in {file}, expected {VERSION}"
        )
    library.libenv_make.argtypes = (c_int, _Options)
    library.libenv_make.restype = c_void_p
    library.libenv_get_tensortypes.argtypes = (c_void_p, c_int, POINTER(_TensorType))
    library.libenv_set_buffers.argtypes = (c_void_p, POINTER(_Buffers))
    for name in ("libenv_observe", "libenv_act", "libenv_close"):
        getattr(library, name).argtypes = (c_void_p,)
    for name in ("libenv_set_buffers", "libenv_observe", "libenv_act", "libenv_close"):
        getattr(library, name).restype = None
    return library


def _packed(options: Mapping[str, str | int | bool]) -> tuple[_Options, list[object]]:
    """The options as C has them, and what they point to: keep it until the library has read it."""
    items = (_Option * len(options))()
    kept = []
    for item, (name, value) in zip(items, options.items(), strict=True):
        data = _data(value)
        item.name = name.encode()
        item.dtype = INT32 if isinstance(data, c_int32) else UINT8
        item.count = len(value.encode()) if isinstance(value, str) else 1
        item.data = ctypes.addressof(data)
        kept.append(data)
    return _Options(items, len(options)), [items, *kept]


def _data(value: str | int | bool) -> "Array[c_char] | c_uint8 | c_int32":
    """A value in the memory of C."""
    if isinstance(value, str):
        return ctypes.create_string_buffer(value.encode())
    return c_uint8(value) if isinstance(value, bool) else c_int32(value)
