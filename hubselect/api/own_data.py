"""Data of one's own: brought from Python as files that workers and later commands can read, and what is
told of it to others."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any, TypeVar, cast

from hubselect.errors import InvalidInput, StorageFailed
from hubselect.hub import content_digest

_T = TypeVar("_T")


def public_name(dataset: str) -> str:
    """What others read instead of the name of a file of one's own: that it is data, with the beginning of
    its content's hash. Names of the Hub stay."""
    return f"./data@{dataset.rpartition('@')[2]}" if dataset.startswith("./") else dataset


def without_own_name(told: _T, dataset: str) -> _T:
    """The same record or JSON value with the public name wherever a text of it names `dataset`."""
    return cast(_T, _renamed(told, dataset, public_name(dataset)))


def _renamed(told: Any, old: str, new: str) -> Any:
    if isinstance(told, str):
        return told.replace(old, new)
    if isinstance(told, Mapping):
        return {_renamed(key, old, new): _renamed(value, old, new) for key, value in told.items()}
    if isinstance(told, list | tuple):
        return type(told)(_renamed(value, old, new) for value in told)
    if is_dataclass(told) and not isinstance(told, type):
        parts = {f.name: _renamed(getattr(told, f.name), old, new) for f in fields(told) if f.init}
        return replace(told, **parts)
    return told


def placed(dataset: Any, home: Path) -> str:
    """What names a dataset: an id or path as it is, and for a `datasets.Dataset` or `DatasetDict` the folder
    below the registry's `home` that it is written to, once for the same content.

    Raises `InvalidInput` for anything else, `StorageFailed` when the disk does not take it.
    """
    if isinstance(dataset, str):
        return dataset
    if isinstance(dataset, os.PathLike):
        return str(Path(dataset).expanduser().absolute())
    splits = dataset if isinstance(dataset, Mapping) else {"train": dataset}
    if not splits or not all(hasattr(split, "to_parquet") for split in splits.values()):
        raise InvalidInput(
            f"a {type(dataset).__name__} is no dataset",
            "give the id of one on the Hub, a path, or a datasets.Dataset or DatasetDict",
        )
    try:
        return str(_written(splits, home / "data"))
    except OSError as error:
        raise StorageFailed(
            f"the dataset cannot be written below {home}: {error.strerror or error}", "make room for it"
        ) from error


def _written(splits: Mapping[str, Any], folder: Path) -> Path:
    draft = folder / f".draft-{os.getpid()}-{secrets.token_hex(4)}"
    try:
        draft.mkdir(parents=True)
        for name, split in splits.items():
            split.to_parquet(str(draft / f"{name}.parquet"))
        place = folder / content_digest(draft)
        if not place.exists():
            os.replace(draft, place)
        return place
    finally:
        shutil.rmtree(draft, ignore_errors=True)
