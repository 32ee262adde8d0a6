"""Forward passes kept on disk, so that a second proxy or a second recall costs no inference and no download.

One file per pass, a plain `.npz` without pickled objects. Files appear whole (written beside, then
renamed), so any number of processes may read and write at once: the worst that can happen is
that two of them take the same pass. What cannot be read again is removed and counts as missing;
losing the whole folder only costs time.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
import time
import zipfile
import zlib
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from hubselect.errors import StorageFailed
from hubselect.recall.features import KEPT, Features
from hubselect.records import DATASET_CONTENT, Dataset, Model, Recipe

FORMAT = 2  # raise it whenever the same key would now give other numbers
LIMIT_BYTES = 5_000_000_000
_ABANDONED_SECONDS = 3600.0  # no file takes that long to write
_COMMIT = re.compile(r"[0-9a-f]{40}")
_MODEL_FIELDS = ("id", "revision", "weights_format", "weights_files")
_DATASET_FIELDS = ("id", "config", "task", *DATASET_CONTENT)
_NUMBERS = ("samples", "train_size", "seconds")
_OPTIONAL = ("posterior", "truth")
_RECIPE_FIELDS = ("seed", "max_train_samples", "max_length", "max_seconds")


def feature_key(model: Model, dataset: Dataset, recipe: Recipe, max_samples: int) -> str | None:
    """Everything that decides the outcome of a forward pass, as text; None when it is not pinned down.

    Batch size, device and threads are no part of it: they change the outcome by rounding only.
    """
    revisions = [model.revision, dataset.revision]
    revisions += [dataset.data_revision] if dataset.data_revision is not None else []
    if not all(_COMMIT.fullmatch(revision or "") for revision in revisions):
        return None
    content = {
        "format": FORMAT,
        "model": _fields(model, _MODEL_FIELDS) | {"has_head": model.has_head},
        "dataset": _fields(dataset, _DATASET_FIELDS),
        "sample": _fields(recipe, _RECIPE_FIELDS) | {"max_samples": max_samples},
    }
    return json.dumps(content, sort_keys=True)


def _fields(record: Any, names: tuple[str, ...]) -> dict[str, Any]:
    values = asdict(record)
    return {name: values[name] for name in names}


class FeatureCache:
    """The passes in `folder`, of `limit_bytes` at most together: the longest unused leave first."""

    def __init__(self, folder: Path, limit_bytes: int = LIMIT_BYTES) -> None:
        self._folder = folder
        self._limit = limit_bytes

    def get(self, key: str) -> Features | None:
        """The pass kept under `key` (`feature_key`), None when there is none."""
        path = self._path(key)
        try:
            found = _read(path, key)
            os.utime(path)  # used just now
        except FileNotFoundError:
            return None
        except PermissionError:  # somebody else's file: usable as it is, but it cannot be marked or removed
            return _readable(path, key)
        except _UNREADABLE:
            _remove(path)
            return None
        return found

    def put(self, key: str, features: Features) -> None:
        """Keep a pass under `key`, replacing what was there.

        Raises `StorageFailed` when the folder cannot be written; what was kept before stays.
        """
        path, draft = self._path(key), None
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            handle, draft = tempfile.mkstemp(dir=self._folder, suffix=".partial")
            with os.fdopen(handle, "wb") as file:
                np.savez(file, allow_pickle=False, **_arrays(key, features))
            os.replace(draft, path)
        except OSError as error:
            if draft is not None:
                _remove(Path(draft))
            raise StorageFailed(
                f"features cannot be kept in {self._folder}: {error.strerror or error}",
                "check the free space and permissions there",
            ) from error
        self._trim(newest=path)

    def _path(self, key: str) -> Path:
        return self._folder / f"{hashlib.sha256(key.encode()).hexdigest()[:40]}.npz"

    def _trim(self, newest: Path) -> None:
        """Remove the longest unused beyond the limit, and drafts of processes that were killed."""
        others, total = [], 0
        for entry in os.scandir(self._folder):
            try:
                status = entry.stat()
            except FileNotFoundError:  # another process trims too
                continue
            if entry.name.endswith(".npz"):
                total += status.st_size
                if entry.name != newest.name:
                    others.append((status.st_mtime_ns, status.st_size, Path(entry.path)))
            elif entry.name.endswith(".partial") and time.time() - status.st_mtime > _ABANDONED_SECONDS:
                _remove(Path(entry.path))
        for _, size, path in sorted(others):
            if total <= self._limit:
                return
            _remove(path)
            total -= size


# What numpy and zipfile raise for files that are cut off, changed or not theirs.
_UNREADABLE = (OSError, ValueError, KeyError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error)


def _readable(path: Path, key: str) -> Features | None:
    try:
        return _read(path, key)
    except _UNREADABLE:
        return None


def _remove(path: Path) -> None:
    """Remove a file unless that is not possible: it will be found again next time."""
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return


def _arrays(key: str, features: Features) -> dict[str, Any]:
    about = {name: getattr(features, name) for name in _NUMBERS} | {"key": key}
    arrays: dict[str, Any] = {f"hidden.{pooling}": table for pooling, table in features.hidden.items()}
    arrays["labels"] = features.labels
    arrays["about"] = np.frombuffer(json.dumps(about).encode(), dtype=np.uint8)
    for name in _OPTIONAL:
        if (array := getattr(features, name)) is not None:
            arrays[name] = array
    return arrays


def _read(path: Path, key: str) -> Features:
    """Raises `_UNREADABLE`, also when the file holds another key or arrays that do not fit together."""
    with path.open("rb") as file:
        with zipfile.ZipFile(file) as archive:
            if archive.testzip() is not None:  # reads everything against its checksums
                raise ValueError("damaged")
        file.seek(0)
        with np.load(file, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
    about = json.loads(arrays["about"].tobytes())
    labels = arrays["labels"]
    optional: dict[str, Any] = {name: arrays.get(name) for name in _OPTIONAL}
    hidden = {pooling: arrays[f"hidden.{pooling}"] for pooling in KEPT}
    if about["key"] != key or any(
        len(a) != len(labels) for a in (*hidden.values(), *optional.values()) if a is not None
    ):
        raise ValueError("not the pass asked for")
    numbers: dict[str, Any] = {name: about[name] for name in _NUMBERS}
    return Features(hidden=hidden, labels=labels, **optional, **numbers)
