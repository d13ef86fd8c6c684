import json
import math

import numpy as np
import pytest
import torch

from symgen.errors import UserError
from symgen.experiment import files


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    files.write_json(path, {"a": 1})

    def full(*_):
        raise OSError(28, "no space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(UserError, match="no space") as caught:
        files.write_json(path, {"a": 2})
    assert caught.value.code == "folder-not-writable"
    assert files.read_json(path) == {"a": 1}
    assert list(tmp_path.iterdir()) == [path]  # nothing half-written is in the way


def test_everything_becomes_plain_json():
    values = {
        "array": np.arange(3), "scalar": np.float32(0.5), "tensor": torch.ones(2),
        "nan": math.nan, "tuple": (1, (2,)),
        "flag": np.bool_(True), 3: None, "inf": np.float64(np.inf), "other": complex(1, 2),
    }  # fmt: skip
    assert json.loads(json.dumps(files.plain(values), allow_nan=False)) == {
        "array": [0, 1, 2], "scalar": 0.5, "tensor": [1.0, 1.0], "nan": None, "tuple": [1, [2]],
        "flag": True, "3": None, "inf": None, "other": "(1+2j)",
    }  # fmt: skip


def test_unreadable_files_are_a_users_mistake(tmp_path):
    with pytest.raises(UserError, match="does not exist"):
        files.read_json(tmp_path / "none.json")
    (tmp_path / "half.json").write_text('{"a": ')
    with pytest.raises(UserError, match="cannot be read"):
        files.read_json(tmp_path / "half.json")
    (tmp_path / "list.json").write_text("[1]")
    with pytest.raises(UserError, match="holds a list, not a JSON object"):
        files.read_json(tmp_path / "list.json")
    (tmp_path / "deep.json").write_text("[" * 100_000)
    with pytest.raises(UserError, match="cannot be read"):
        files.read_json(tmp_path / "deep.json")
