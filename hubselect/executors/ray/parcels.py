"""Files named by their content: how a node knows that it has what the driver has."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

PIECE = 32 << 20  # bytes that go through the object store at once
_OTHER_WEIGHTS = frozenset(
    {".bin", ".ckpt", ".gguf", ".h5", ".msgpack", ".onnx", ".ot", ".pt", ".pth", ".safetensors", ".tflite"}
)
_hashes: dict[tuple[str, int, int], str] = {}

Pieces = Mapping[str, Sequence[Any]]
"""By file name, the pieces of its content in order, as references to the object store."""


@dataclass(frozen=True)
class Parcel:
    """Files below the driver's folder `root`: (name, bytes, sha256), sorted by name."""

    root: Path
    files: tuple[tuple[str, int, str], ...]

    @cached_property
    def digest(self) -> str:
        return hashlib.sha256(json.dumps(self.files).encode()).hexdigest()


def parcel_of(root: Path, names: Iterable[str]) -> Parcel:
    """The files `names` below `root`. Raises `OSError` when one cannot be read."""
    found = ((name, (root / name).stat().st_size, _sha256(root / name)) for name in sorted(names))
    return Parcel(root, tuple(found))


def whole(root: Path) -> Parcel | None:
    """Every file below `root` but drafts, whose names begin with a dot; None when there is none."""
    names = [p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file() and p.name[0] != "."]
    return parcel_of(root, names) if names else None


def checkpoint_parcel(root: Path, weights_files: Sequence[str]) -> Parcel:
    """What a checkpoint loads from: its weights of one format, and the small files beside them."""
    beside = [p.name for p in root.iterdir() if p.is_file() and p.suffix not in _OTHER_WEIGHTS]
    return parcel_of(root, {*weights_files, *beside})


def lies_at(parcel: Parcel, root: Path) -> bool:
    """Whether the very files of `parcel` are below `root` on this machine."""
    try:
        return all(
            (root / name).stat().st_size == size and _sha256(root / name) == sha256
            for name, size, sha256 in parcel.files
        )
    except OSError:
        return False


def pieces_of(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            yield piece


def unpack(parcel: Parcel, folder: Path, pieces: Pieces, fetch: Callable[[Any], bytes]) -> None:
    """Make the new folder `folder` of the pieces; it appears whole or not at all."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".unpacking-", dir=folder.parent))
    try:
        for name, _, _ in parcel.files:
            place = draft / name
            place.parent.mkdir(parents=True, exist_ok=True)
            with place.open("wb") as file:
                for piece in pieces[name]:
                    file.write(fetch(piece))
        os.rename(draft, folder)
    except OSError:
        if not folder.is_dir():  # else another process of this node was faster
            raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _sha256(path: Path) -> str:
    status = path.stat()
    key = (str(path), status.st_size, status.st_mtime_ns)
    if key not in _hashes:
        with path.open("rb") as file:
            _hashes[key] = hashlib.file_digest(file, "sha256").hexdigest()
    return _hashes[key]
