"""What travels to other machines, without a cluster: files named by content, leases, needs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubselect.errors import InvalidInput
from hubselect.executors.pool import memory_for
from hubselect.executors.ray import leases
from hubselect.executors.ray.needs import GPUS, Needs, needs_for
from hubselect.executors.ray.parcels import checkpoint_parcel, lies_at, pieces_of, unpack, whole


def test_a_parcel_is_known_by_its_content_wherever_it_lies(tmp_path: Path) -> None:
    """Pieces make the same files elsewhere; one changed byte, or a missing file, makes them others."""
    source, copy = tmp_path / "source", tmp_path / "cache" / "copy"
    (source / "inner").mkdir(parents=True)
    (source / "a.bin").write_bytes(bytes(range(256)) * 100)
    (source / "inner" / "empty.txt").touch()
    (source / ".draft").write_text("not part of it")
    parcel = whole(source)
    assert parcel is not None
    assert [name for name, _, _ in parcel.files] == ["a.bin", "inner/empty.txt"]
    unpack(parcel, copy, {n: list(pieces_of(source / n)) for n, _, _ in parcel.files}, lambda piece: piece)
    again = whole(copy)
    assert again is not None
    assert again.digest == parcel.digest
    assert lies_at(parcel, copy)
    (copy / "inner" / "empty.txt").unlink()
    assert not lies_at(parcel, copy)
    (source / "a.bin").write_bytes(bytes(range(255, -1, -1)) * 100)
    assert not lies_at(parcel, source)
    assert [p.name for p in copy.parent.iterdir()] == ["copy"]


def test_a_checkpoint_travels_with_the_weights_of_one_format(tmp_path: Path) -> None:
    """Another format of the same weights, and folders of others, stay behind."""
    for name in ("config.json", "tokenizer.json", "model.safetensors", "pytorch_model.bin", "tf_model.h5"):
        (tmp_path / name).write_text(name)
    (tmp_path / "onnx").mkdir()
    (tmp_path / "onnx" / "model.onnx").touch()
    parcel = checkpoint_parcel(tmp_path, ("model.safetensors",))
    assert [name for name, _, _ in parcel.files] == ["config.json", "model.safetensors", "tokenizer.json"]


def test_what_a_killed_process_left_is_swept_and_what_is_used_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder is held by the processes that use it, and goes when the last one has ended, however."""
    environment = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[2])}
    code = "from hubselect.executors.ray import leases; print(leases.lease('x'), flush=True); input()"
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    user = subprocess.Popen(
        [sys.executable, "-c", code],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert user.stdout is not None
    folder = Path(user.stdout.readline().strip())
    leases.sweep()
    assert folder.is_dir()
    user.kill()
    user.communicate()
    mine = leases.lease("mine")
    (leases.root() / "without-lock").mkdir()
    leases.sweep()
    assert (leases.root() / "without-lock").exists()  # somebody may be about to lock it
    os.utime(leases.root() / "without-lock", (0, 0))
    leases.sweep()
    assert [p.name for p in leases.root().iterdir()] == ["mine"]
    assert not folder.exists()
    assert mine.is_dir()
    leases.remove_all("m")
    assert not leases.root().exists() or not list(leases.root().iterdir())


@given(cpus=st.integers(0, 64), gpus=st.integers(0, 8), memory=st.integers(0, 1 << 40))
def test_no_node_gets_more_than_it_has(cpus: int, gpus: int, memory: int) -> None:
    """Whatever fits, fits: cores, memory and GPUs of a node bound the trainings on it."""
    needs = Needs(memory=3 << 30, gpus=0.5)
    room = needs.fits({"CPU": float(cpus), "GPU": float(gpus), "memory": float(memory)})
    assert room == min(cpus, 2 * gpus, memory // (3 << 30))


def test_a_training_takes_a_gpu_where_there_are_any_unless_told_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And never more memory than the largest node that comes into question has."""
    cpu, gpu = {"CPU": 8.0, "memory": 64e9}, {"CPU": 8.0, "GPU": 2.0, "memory": 16e9}
    monkeypatch.delenv(GPUS, raising=False)
    assert needs_for(10**9, [cpu]) == Needs(memory_for(10**9), 0.0)
    assert needs_for(10**9, [cpu, gpu]) == Needs(memory_for(10**9), 1.0)
    assert needs_for(10**10, [cpu, gpu]).memory == 16e9
    monkeypatch.setenv(GPUS, "0.25")
    assert needs_for(10**9, [cpu, gpu]).gpus == 0.25
    monkeypatch.setenv(GPUS, "0")
    assert needs_for(10**10, [cpu, gpu]) == Needs(memory_for(10**10), 0.0)
    for wrong in ("two", "-1", "1.5", "nan", "inf"):
        monkeypatch.setenv(GPUS, wrong)
        with pytest.raises(InvalidInput, match="is no number of GPUs"):
            needs_for(10**9, [cpu])
