"""Folders of recordings, read as the datasets library reads them, which needs another library to do so.

With a metadata file (`metadata.csv` or `metadata.jsonl`) its columns, `file_name` being the recording; else
the class of a recording is the name of its folder. Recordings are not decoded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hubselect.hub.dataset_files import METADATA_FILES, format_of
from hubselect.training.quiet import quiet

import datasets  # isort: skip  (after quiet, which sets the environment)

_AUDIO = "audio"
_STORED = {"bytes": datasets.Value("binary"), "path": datasets.Value("string")}


def is_sound(data_files: Mapping[str, Sequence[str]]) -> bool:
    """Whether the files of a dataset are recordings."""
    return any(format_of(address) == _AUDIO for addresses in data_files.values() for address in addresses)


def read_sound(
    data_files: Mapping[str, Sequence[str]], local_file: Callable[[str], Path]
) -> datasets.DatasetDict:
    """Every split with its column `audio` ({bytes: null, path}) and the label or what the metadata say.

    `data_files` are addresses by split, `local_file` tells where each lies on this machine.
    """
    places = {str(split): [local_file(address) for address in files] for split, files in data_files.items()}
    names = sorted({p.parent.name for files in places.values() for p in files if _is_recording(p)})
    with quiet():
        return datasets.DatasetDict({s: _split(files, names) for s, files in places.items()})


def _is_recording(place: Path) -> bool:
    return format_of(place.name) == _AUDIO


def _split(places: Sequence[Path], names: Sequence[str]) -> datasets.Dataset:
    tables = [place for place in places if place.name in METADATA_FILES]
    if tables:
        return datasets.concatenate_datasets([_described(table) for table in tables])
    recordings = [place for place in places if _is_recording(place)]
    features: dict[str, Any] = {_AUDIO: _STORED, "label": datasets.ClassLabel(names=list(names))}
    columns = {
        _AUDIO: [{"bytes": None, "path": str(place)} for place in recordings],
        "label": [names.index(place.parent.name) for place in recordings],
    }
    return datasets.Dataset.from_dict(columns, features=datasets.Features(features))


def _described(table: Path) -> datasets.Dataset:
    readers: dict[str, Callable[[str], Any]] = {
        ".csv": datasets.Dataset.from_csv,
        ".jsonl": datasets.Dataset.from_json,
        ".parquet": datasets.Dataset.from_parquet,
    }
    rows = readers[table.suffix](str(table))
    files = [{"bytes": None, "path": str(table.parent / name)} for name in rows["file_name"][:]]
    made: datasets.Dataset = rows.remove_columns("file_name").add_column(_AUDIO, files)
    return made
