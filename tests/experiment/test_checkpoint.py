import json
import pickletools

import pytest
import torch

from symgen.errors import UserError
from symgen.experiment import checkpoint, files
from symgen.experiment.checkpoint import Checkpoint

SHARED = torch.arange(6.0)


def a_checkpoint(step=40, value=1.0) -> Checkpoint:
    tensors = {
        "network.w": torch.full((2, 3), value),
        "learner.random": torch.Generator().manual_seed(1).get_state(),
    }
    # views of one buffer, not contiguous: safetensors refuses them as they are
    tensors |= {"network.a": SHARED[:3], "network.b": SHARED.view(2, 3).T}
    scalars = {"updates": step // 10, "recent": [[0.5, 3]]}
    return Checkpoint(
        step // 10, step, tensors, scalars, {"return": 0.5, "step": step}, False, 0.5, 1.5
    )


def test_what_is_written_is_read(tmp_path):
    checkpoint.write(tmp_path, "last", a_checkpoint())
    restored = checkpoint.read(tmp_path, "last")
    assert restored == restored.__class__(**{**vars(a_checkpoint()), "tensors": restored.tensors})
    assert restored.tensors.keys() == a_checkpoint().tensors.keys()
    assert all(
        torch.equal(restored.tensors[name], value) for name, value in a_checkpoint().tensors.items()
    )


def test_there_is_no_pickle_in_it(tmp_path):
    checkpoint.write(tmp_path, "last", a_checkpoint())
    written = sorted(path.name for path in tmp_path.iterdir())
    assert written == ["last-40.safetensors", "last.json"]
    for path in tmp_path.iterdir():
        assert not is_pickle(path.read_bytes())
    json.loads((tmp_path / "last.json").read_text())
    torch.save({"a": torch.ones(1)}, tmp_path / "control.pt")
    assert is_pickle((tmp_path / "control.pt").read_bytes())


def is_pickle(content: bytes) -> bool:
    """Whether it is a pickle, or a zip archive as torch.save makes it."""
    if content[:2] == b"PK":
        return True
    try:
        return bool(list(pickletools.genops(content)))
    except Exception:
        return False


def test_older_tensors_go_and_kept_ones_stay(tmp_path):
    for step in (10, 20, 30):
        checkpoint.write(tmp_path, "last", a_checkpoint(step))
        checkpoint.write(tmp_path, f"step-{step}", a_checkpoint(step))
    tensors = sorted(path.name for path in tmp_path.glob("*.safetensors"))
    assert tensors == [
        "last-30.safetensors",
        "step-10.safetensors",
        "step-20.safetensors",
        "step-30.safetensors",
    ]
    assert checkpoint.names(tmp_path) == ["last", "step-10", "step-20", "step-30"]


def test_a_kill_between_the_two_files_leaves_the_checkpoint_before(tmp_path, monkeypatch):
    checkpoint.write(tmp_path, "last", a_checkpoint(10, value=1.0))

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(checkpoint, "write_json", killed)
    with pytest.raises(KeyboardInterrupt):
        checkpoint.write(tmp_path, "last", a_checkpoint(20, value=2.0))
    restored = checkpoint.read(tmp_path, "last")
    assert (restored.step, restored.tensors["network.w"].max().item()) == (10, 1.0)


def test_a_training_that_replaces_it_meanwhile_is_no_damage(tmp_path, monkeypatch):
    checkpoint.write(tmp_path, "last", a_checkpoint(10))
    reads = []

    def read_json(path, **options):
        values = files.read_json(path, **options)
        if not reads:  # between reading the JSON and reading the tensors
            checkpoint.write(tmp_path, "last", a_checkpoint(20))
        reads.append(values["step"])
        return values

    monkeypatch.setattr(checkpoint, "read_json", read_json)
    assert checkpoint.read(tmp_path, "last").step == 20
    assert reads[0] == 10


def damage_cut(folder):
    path = folder / "last-40.safetensors"
    path.write_bytes(path.read_bytes()[:-8])


def damage_flip(folder):
    path = folder / "last-40.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))


def damage_gone(folder):
    (folder / "last-40.safetensors").unlink()


def damage_json(folder):
    (folder / "last.json").write_text('{"format": 1, "tens')


def damage_key(folder):
    (folder / "last.json").write_text('{"format": 1}')


def damage_list(folder):
    (folder / "last.json").write_text("[]")


def damage_format(folder):
    values = json.loads((folder / "last.json").read_text())
    (folder / "last.json").write_text(json.dumps({**values, "format": 99}))


def damage_path(folder):
    """The name of the tensors leads out of the folder."""
    values = json.loads((folder / "last.json").read_text())
    (folder / "last.json").write_text(
        json.dumps({**values, "tensors": "../../elsewhere.safetensors"})
    )


@pytest.mark.parametrize(
    "damage",
    [
        damage_cut,
        damage_flip,
        damage_gone,
        damage_json,
        damage_key,
        damage_list,
        damage_format,
        damage_path,
    ],
)
def test_a_damaged_checkpoint_is_a_users_mistake(tmp_path, damage):
    checkpoint.write(tmp_path, "last", a_checkpoint())
    checkpoint.read(tmp_path, "last")  # control: it was whole
    damage(tmp_path)
    with pytest.raises(UserError) as caught:
        checkpoint.read(tmp_path, "last")
    assert caught.value.code in ("checkpoint-damaged", "file-unreadable")
    assert "last" in caught.value.message
