"""Data that somebody has at hand in Python, as files that workers and later commands can read."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hubselect.errors import InvalidInput, StorageFailed
from hubselect.hub import content_digest


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
