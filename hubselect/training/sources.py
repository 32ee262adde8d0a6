"""Reads a dataset with the `datasets` library; its errors become ours here.

Nothing is streamed: fine-tuning reads every row many times, and the Hub cache keeps the files.
"""

from __future__ import annotations

import errno
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hubselect.errors import (
    HubError,
    HubselectError,
    HubUnreachable,
    RepoGated,
    RepoNotFound,
    StorageFailed,
    UnsupportedDataset,
)
from hubselect.hub.dataset_files import fetch_dataset_files, guarded, hub_token, local_file, persistent
from hubselect.records import Dataset
from hubselect.training.quiet import quiet
from hubselect.training.sound_folders import is_sound, read_sound

import datasets  # isort: skip  (after quiet, which sets the environment)

_BATCH = 1000  # rows of a parquet file at once, where the file does not tell
_NO_WRITING = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
_MEND = "mend its files, or choose another dataset"
_PREFIXES = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val", "dev"),
    "test": ("test", "testing"),
}


def read_dataset(dataset: Dataset) -> datasets.DatasetDict:
    """Every split of `dataset` at its pinned revision; `dataset.id` may also be a local folder, and
    `dataset.path` is one's own file or folder.

    Files are checked against the Hub's hashes before they are read. Raises `RepoNotFound`, `RepoGated`,
    `HubUnreachable`, `DownloadIncomplete` or `HubError` when it cannot be fetched, `StorageFailed` when the
    disk does not take it, `UnsupportedDataset` when there is nothing readable in it.
    """
    if dataset.path is not None:
        return _read_own(Path(dataset.path), dataset)
    if dataset.revision is not None and Path(dataset.id).exists():
        raise UnsupportedDataset(
            f"the local folder {dataset.id} hides the dataset of the Hub with the same name",
            "run hubselect from another folder",
        )
    name, folder = dataset.config, None
    if dataset.data_revision is not None and dataset.config is not None:
        name, folder = None, dataset.config  # the conversion of a script keeps a folder per config
    revision = dataset.data_revision or dataset.revision
    # The parquet export is asked of another server, which knows nothing of pinned revisions.
    datasets.config.USE_PARQUET_EXPORT = False
    try:
        with quiet(), guarded():
            builder = persistent(
                lambda: datasets.load_dataset_builder(
                    dataset.id, name=name, data_dir=folder, revision=revision, token=hub_token()
                )
            )
            # what was read before is kept as a table, but for sound, which is read from its files
            if not Path(builder.cache_dir).is_dir() or is_sound(_data_files(builder)):
                fetch_dataset_files([a for files in _data_files(builder).values() for a in files])
            return _read(builder, dataset)
    except HubselectError:
        raise
    except Exception as error:
        raise _mapped(error, dataset) from error


def _read_own(place: Path, dataset: Dataset) -> datasets.DatasetDict:
    """Files of this machine. That they are what was indexed was made sure of when they were."""
    if not place.exists():
        raise UnsupportedDataset(
            f"the files of dataset {dataset.name} are no longer at {place}", "name them where they are now"
        )
    folder, files = (place.parent, {"train": place.name}) if place.is_file() else (place, None)
    try:
        with quiet():
            builder = datasets.load_dataset_builder(str(folder), data_files=files)
            return _read(builder, dataset)
    except HubselectError:
        raise
    except Exception as error:
        raise _mapped(error, dataset) from error


def _read(builder: Any, dataset: Dataset) -> datasets.DatasetDict:
    """Every split from files that are on this machine."""
    if is_sound(_data_files(builder)):
        return read_sound(_data_files(builder), local_file)
    _prepare(builder)
    return _splits(builder, f"dataset {dataset.name}")


def _prepare(builder: Any) -> None:
    """Convert the files to arrow. The library reads a parquet file in batches as large as its first row
    group, which fails for a split without rows: then a number is named."""
    try:
        builder.download_and_prepare()
    except datasets.exceptions.DatasetGenerationError as error:
        if "BatchSize" not in str(error.__cause__):
            raise
        builder.config.batch_size = _BATCH
        builder.download_and_prepare()


def _splits(builder: Any, where: str) -> datasets.DatasetDict:
    """Every split that has rows; the library raises for one without. The train split must have some."""
    counts = {name: split.num_examples for name, split in builder.info.splits.items()}
    train = split_roles(list(counts), where)["train"]
    if not counts[train]:
        raise UnsupportedDataset(
            f"the {train} split of {where} has no rows", "choose another --config, or another dataset"
        )
    return datasets.DatasetDict({n: builder.as_dataset(split=n) for n, count in counts.items() if count})


def _data_files(builder: Any) -> Mapping[str, list[str]]:
    """The addresses of the files by split."""
    return builder.config.data_files or {}


def _mapped(error: Exception, dataset: Dataset) -> HubselectError:
    text = " ".join(str(error).split())
    known = datasets.exceptions
    if (refused := _refused(error)) is not None:
        return StorageFailed(
            f"dataset {dataset.name} cannot be written to {datasets.config.HF_DATASETS_CACHE}: {refused}",
            "check the free space and permissions there, and repeat",
        )
    if isinstance(error, known.DatasetNotFoundError):
        if "gated" in text:
            return RepoGated(f"dataset {dataset.id} is gated", "ask for access on its page, then log in")
        if text.startswith("Revision"):
            revision = dataset.data_revision or dataset.revision
            return RepoNotFound(
                f"dataset {dataset.id} has no revision {revision}", "run `hubselect add-dataset` again"
            )
        return RepoNotFound(f"dataset {dataset.id} was not found", "check the id, or log in if it is private")
    if isinstance(error, known.DatasetGenerationError):
        cause = error.__cause__ or error
        return UnsupportedDataset(
            f"dataset {dataset.name} cannot be read: {_first_sentence(str(cause))}", _MEND
        )
    if (
        isinstance(error, ConnectionError)
        or "Connect" in type(error).__name__
        or "Timeout" in type(error).__name__
        or type(error).__module__.startswith("httpx")
    ):
        return HubUnreachable(
            f"dataset {dataset.id} cannot be fetched: the Hub does not answer",
            "check the network, and repeat",
        )
    if type(error).__name__.endswith("HTTPError"):
        status = getattr(getattr(error, "response", None), "status_code", None) or 0
        kind = HubUnreachable if status == 429 or status >= 500 else HubError  # those pass by themselves
        return kind(f"dataset {dataset.id} cannot be fetched: {_first_sentence(text)}", "repeat it later")
    if isinstance(error, UnicodeDecodeError | json.JSONDecodeError):
        return HubError(
            f"what the Hub answered for dataset {dataset.id} is not a Hub's answer",
            "check HF_ENDPOINT and any proxy",
        )
    if "scripts are no longer supported" in text:
        return UnsupportedDataset(
            f"dataset {dataset.id} is a loading script",
            "run `hubselect add-dataset` again to use its parquet conversion",
        )
    if isinstance(error, ValueError) and "BuilderConfig" in text:
        return UnsupportedDataset(
            f"dataset {dataset.id} has no configuration {dataset.config!r} ({text[:200]})",
            "choose one with --config",
        )
    return UnsupportedDataset(f"dataset {dataset.name} cannot be read: {_first_sentence(text)}", _MEND)


def _refused(error: BaseException | None) -> str | None:
    """What the operating system said, if it is behind `error` that nothing more can be written."""
    while error is not None:
        if isinstance(error, OSError) and (error.errno in _NO_WRITING or "Not enough disk" in str(error)):
            return error.strerror or _first_sentence(str(error))
        error = error.__cause__ or error.__context__
    return None


def _first_sentence(text: str) -> str:
    return " ".join(text.split()).split(". ")[0][:200]


def split_roles(names: list[str], where: str) -> dict[str, str]:
    """Which split plays which role: {"train": name, "validation": name, "test": name}.

    Exact names win over prefixed ones ("validation_matched"), the first listed wins among
    equals; roles nobody plays are absent. A dataset's only split is its train split whatever
    its name. Raises `UnsupportedDataset` when nothing can be trained on.
    """
    roles: dict[str, str] = {}
    for role, words in _PREFIXES.items():
        exact = [name for word in words for name in names if name.lower() == word]
        prefixed = [
            name
            for name in names
            for word in words
            if name.lower().startswith((f"{word}_", f"{word}-", f"{word}."))
        ]
        if exact or prefixed:
            roles[role] = (exact + prefixed)[0]
    if "train" not in roles:
        if len(names) != 1:
            raise UnsupportedDataset(
                f"{where} has no train split (splits: {', '.join(names) or 'none'})",
                "rename one to train, or choose another --config",
            )
        roles = {"train": names[0]}
    return roles


def column(rows: Any, name: str) -> list[Any]:
    """All values of one column as Python objects."""
    return list(rows[name][:])
