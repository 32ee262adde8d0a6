"""Reads the input columns of a dataset: which there must be, whether a row has them, and what they hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hubselect.errors import UnsupportedDataset
from hubselect.records import Dataset
from hubselect.training.examples import Images, Recordings, Truth
from hubselect.training.sampling import IntArray
from hubselect.training.sources import column

import datasets  # isort: skip  (after sources, which sets the environment)

_FILES = {"image-classification": ("image", Images), "audio-classification": ("audio", Recordings)}
_MOST_CHOICES = 64


@dataclass(frozen=True)
class Inputs:
    """Inputs of some rows by the field of `examples.Examples`, and their content for a fingerprint."""

    fields: dict[str, Any]
    content: Sequence[bytes] | Iterator[bytes] = field(default=())


def option_for(dataset: Dataset) -> str:
    """The option that names another input column."""
    return {"image-classification": "--image-column", "audio-classification": "--audio-column"}.get(
        dataset.task, "--text-column"
    )


def columns_of(dataset: Dataset) -> tuple[str, ...]:
    """The columns with inputs."""
    files = (dataset.image_column, dataset.audio_column)
    return (*dataset.text_columns, *dataset.choice_columns, *(name for name in files if name))


def check_columns(dataset: Dataset, rows: Any) -> str:
    """Check that the columns exist; returns the label column."""
    inputs, label = columns_of(dataset), dataset.label_column
    absent = [name for name in (*inputs, *([label] if label else [])) if name not in rows.column_names]
    option = option_for(dataset)
    found = f"columns: {', '.join(rows.column_names)}"
    if not inputs or label is None:
        kind = "label" if inputs else option.removeprefix("--").removesuffix("-column")
        name = "--label-column" if inputs else option
        raise UnsupportedDataset(
            f"dataset {dataset.name} has no known {kind} column ({found})", f"name it with {name}"
        )
    if absent:
        raise UnsupportedDataset(
            f"dataset {dataset.name} has no column {', '.join(absent)} ({found})",
            f"name the columns with {option} and --label-column",
        )
    if len(dataset.text_columns) > 2:
        raise UnsupportedDataset(
            f"dataset {dataset.name} has {len(dataset.text_columns)} text columns; one or two can be used",
            "choose them with --text-column",
        )
    return label


def present(rows: Any, dataset: Dataset) -> Any:
    """Whether each row has all its inputs [n]; files are not decoded for it."""
    found = np.ones(len(rows), dtype=bool)
    for name in columns_of(dataset):
        if name not in rows.column_names:
            return np.zeros(len(rows), dtype=bool)
        found &= rows.data.column(name).is_valid().to_numpy()
    return found


def inputs_of(rows: Any, numbers: IntArray, dataset: Dataset, where: str, truth: Truth | None) -> Inputs:
    """The inputs of the rows with these `numbers`; `where` names the rows in messages, `truth` holds the
    classes of words, of which there must be as many as words."""
    if dataset.task in _FILES:
        return _files(rows, numbers, dataset, where)
    taken = rows.select(numbers)  # the cap bounds the memory, not the size of the split
    if dataset.task == "token-classification":
        return _words(taken, numbers, dataset, where, truth)
    texts = _rows_of([_texts(taken, name, dataset) for name in dataset.text_columns])
    if dataset.task == "multiple-choice":
        choices = _choices(taken, numbers, dataset, where)
        contexts = tuple((" ".join(parts),) for parts in texts)
        both = zip(contexts, choices, strict=True)
        return Inputs({"texts": contexts, "choices": choices}, map(_spelled, both))
    return Inputs({"texts": texts}, map(_spelled, texts))


def _spelled(value: object) -> bytes:
    return repr(value).encode("utf-8", "surrogatepass")


def _rows_of(columns: Sequence[Sequence[str]]) -> tuple[tuple[str, ...], ...]:
    return tuple(zip(*columns, strict=True))


def _texts(rows: Any, name: str, dataset: Dataset) -> list[str]:
    values = column(rows, name)
    if isinstance(values[0], list | dict | bytes):
        raise UnsupportedDataset(
            f"column {name!r} of dataset {dataset.name} does not hold text",
            "choose another with --text-column",
        )
    return list(map(str, values))


def _words(rows: Any, numbers: IntArray, dataset: Dataset, where: str, truth: Truth | None) -> Inputs:
    name = dataset.text_columns[0]
    values = column(rows, name)
    if not isinstance(values[0], list):
        raise UnsupportedDataset(
            f"column {name!r} of dataset {dataset.name} does not hold lists of words",
            "choose another with --text-column",
        )
    words = tuple(tuple(map(str, value)) for value in values)
    assert truth is not None
    for number, sentence, classes in zip(numbers.tolist(), words, truth, strict=True):
        if len(sentence) != len(classes):
            raise UnsupportedDataset(
                f"row {number} of {where} has {len(sentence)} words and {len(classes)} labels",
                "mend or remove that row, or choose another column with --label-column",
            )
    return Inputs({"words": words}, map(_spelled, words))


def _choices(rows: Any, numbers: IntArray, dataset: Dataset, where: str) -> tuple[tuple[str, ...], ...]:
    """The options of every row: of several columns, or of one that holds a list."""
    names = dataset.choice_columns
    if len(names) > 1:
        return _rows_of([_texts(rows, name, dataset) for name in names])
    values = column(rows, names[0])
    choices = tuple(tuple(map(str, value)) if isinstance(value, list) else () for value in values)
    for number, options in zip(numbers.tolist(), choices, strict=True):
        if not 2 <= len(options) == len(choices[0]) <= _MOST_CHOICES:
            raise UnsupportedDataset(
                f"row {number} of {where} has {len(options)} options in {names[0]!r}, the first row "
                f"{len(choices[0])}: all need as many, two at least",
                "name columns that hold them with --choice-column",
            )
    return choices


def _files(rows: Any, numbers: IntArray, dataset: Dataset, where: str) -> Inputs:
    field_name, kind = _FILES[dataset.task]
    name = dataset.image_column if kind is Images else dataset.audio_column
    assert name is not None
    cast = _as_files(rows.select_columns([name]), name, dataset, field_name)
    content = f"{rows._fingerprint} {name}".encode() + numbers.tobytes()
    made = kind(cast, name, numbers, where)
    return Inputs({"images" if kind is Images else "recordings": made}, [content])


def _as_files(rows: Any, name: str, dataset: Dataset, noun: str) -> Any:
    """Bare parquet and CSV files hold files as bytes, structs or paths: read them as what they are.
    Sound is left as it is stored: the datasets library needs another library to decode it."""
    feature = datasets.Image() if noun == "image" else datasets.Audio(decode=False)
    if noun == "image" and isinstance(rows.features[name], datasets.Image):
        return rows
    try:
        return rows.cast_column(name, feature)
    except Exception as error:
        kind = "images" if noun == "image" else "sound"
        raise UnsupportedDataset(
            f"column {name!r} of dataset {dataset.name} does not hold {kind}",
            f"choose another with --{noun}-column",
        ) from error
