"""Arrays that are slow to compute, kept on disk under a hash of what they were computed from.

The folder is $SYMGEN_CACHE, or symgen in $XDG_CACHE_HOME or ~/.cache. It may be deleted at any
time. A file that cannot be read is computed again; a folder that cannot be written is left alone.
"""

import hashlib
import io
import os
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

UNREADABLE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)


def folder() -> Path:
    """Where the arrays are kept."""
    chosen = os.environ.get("SYMGEN_CACHE")
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "symgen"


def key(*contents: object) -> str:
    """A hash of texts, numbers and arrays.

    >>> two, three = np.zeros(2), np.zeros(3)
    >>> key("a", two) == key("a", two.copy()), key("a", two) == key("a", three)
    (True, False)
    """
    digest = hashlib.sha256()
    for content in contents:
        if isinstance(content, np.ndarray):
            digest.update(f"{content.dtype}{content.shape}".encode())
            digest.update(np.ascontiguousarray(content).tobytes())
        else:
            digest.update(repr(content).encode())
            digest.update(b";")
    return digest.hexdigest()[:32]


def cached(name: str, compute: Callable[[], np.ndarray], shape: Sequence[int | None]) -> np.ndarray:
    """The array of that name, from disk or computed and then stored.

    Args:
        name: unique for the content, see `key`.
        compute: makes the array, float64.
        shape: what the shape must be, None for any length; a file of another shape is computed
            again.
    """
    path = folder() / f"{name}.npz"
    array = _read(path)
    if array is None or not _fits(array, shape):
        array = compute()
        _write(path, array)
    return array


def _fits(array: np.ndarray, shape: Sequence[int | None]) -> bool:
    sizes = zip(array.shape, shape, strict=False)
    same = array.ndim == len(shape) and all(want is None or have == want for have, want in sizes)
    return same and array.dtype == np.float64 and bool(np.isfinite(array).all())


def _read(path: Path) -> np.ndarray | None:
    try:
        # of a broken file numpy leaves its own handle open
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as stored:
            return np.asarray(stored["array"])
    except UNREADABLE:
        return None


def _write(path: Path, array: np.ndarray) -> None:
    """All or nothing: several processes may compute the same array at once."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
            np.savez(file, array=array)
        os.replace(file.name, path)
    except OSError:
        return
