"""Makes the train, validation and test examples of a dataset.

The split rule:

* labelled train, validation and test splits are used as they are;
* no labelled test split (absent, or its labels are -1 or null): the validation split becomes
  the test split, and a validation split is carved from train;
* no validation split either: first a test, then a validation split is carved from train;
* a carved split takes 15 % of what is left of train, stratified by class and seeded, at least
  one row of each class that has two.

Rows whose text, image or label is null are dropped and counted. The recipe's caps then take
stratified, seeded samples. Train and evaluation samples never share a row.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hubselect.errors import InvalidInput, UnsupportedDataset
from hubselect.records import Dataset, Recipe
from hubselect.training.cautions import cautions
from hubselect.training.labels import UNLABELLED, UNSEEN, LabelCoder
from hubselect.training.sampling import IntArray, carve, stratified_sample
from hubselect.training.sources import column, read_dataset, split_roles

import datasets  # isort: skip  (after sources, which sets the environment)

CARVED_FRACTION = 0.15
_KEPT_SPLITS = 8


class Images(Sequence[Any]):
    """The images of some rows of a dataset, decoded when they are asked for."""

    def __init__(self, rows: Any, name: str, numbers: IntArray, where: str = "the dataset") -> None:
        self._rows, self._name, self._numbers, self._where = rows, name, numbers, where

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return Images(self._rows, self._name, self._numbers[index], self._where)
        number = int(self._numbers[index])
        try:
            return self._rows[number][self._name]
        except Exception as error:
            raise UnsupportedDataset(
                f"the image of row {number} of {self._where} cannot be decoded: {error}",
                "mend or remove that row, or choose another column with --image-column",
            ) from error

    @property
    def place(self) -> tuple[Any, str, IntArray, str]:
        """Where the images are: the rows, the column, the numbers of the rows, and the rows in words."""
        return self._rows, self._name, self._numbers, self._where

    def files(self) -> Iterator[bytes]:
        """The image files as they are stored, not decoded."""
        stored = self._rows.cast_column(self._name, datasets.Image(decode=False))
        for number in self._numbers.tolist():
            image = stored[number][self._name]
            yield image["bytes"] if image["bytes"] is not None else Path(image["path"]).read_bytes()

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))


@dataclass(frozen=True)
class Examples:
    """Labelled examples: `texts` (one or two strings each) or `images`, and `labels` [n].

    A label of `labels.UNSEEN` is a class the train split does not have. `fingerprint`
    identifies the content.
    """

    labels: IntArray
    fingerprint: str
    texts: tuple[tuple[str, ...], ...] = ()
    images: Sequence[Any] = ()

    def __len__(self) -> int:
        return len(self.labels)

    def files(self) -> Iterator[bytes]:
        """The stored file of every image; nothing for texts."""
        return self.images.files() if isinstance(self.images, Images) else iter(())


@dataclass(frozen=True)
class Splits:
    """The three parts of a dataset. The `*_origin` fields say in words where two of them come from;
    `dropped` counts rows left out for a null text, image or label; `warnings` are lines for people
    (`training.cautions`)."""

    train: Examples
    validation: Examples
    test: Examples
    label_names: tuple[str, ...]
    validation_origin: str
    test_origin: str
    dropped: int
    fingerprint: str
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Part:
    """Rows of one Hub split with their class numbers; not read any further yet."""

    split: str
    rows: Any
    numbers: IntArray
    labels: IntArray

    def take(self, positions: IntArray) -> _Part:
        return _Part(self.split, self.rows, self.numbers[positions], self.labels[positions])


_SPLITS: OrderedDict[tuple[Any, ...], Splits] = OrderedDict()


def load_splits(dataset: Dataset, recipe: Recipe) -> Splits:
    """The examples of `dataset` under `recipe` (its sample caps and seed); see the module's split rule.

    Splits of a pinned revision are kept in memory for the next call. Raises
    `UnsupportedDataset` for missing columns, missing labels, regression targets, one class or
    no rows, and the Hub errors of `sources.read_dataset`.
    """
    key = _key(dataset, recipe)
    if key in _SPLITS:
        _SPLITS.move_to_end(key)
        return _SPLITS[key]
    splits = _load(dataset, recipe)
    if dataset.revision is not None:
        keep_splits(dataset, recipe, splits)
    return splits


def keep_splits(dataset: Dataset, recipe: Recipe, splits: Splits) -> None:
    """Let the next calls of `load_splits` answer with `splits`, which may come from another machine."""
    key = _key(dataset, recipe)
    _SPLITS[key] = splits
    _SPLITS.move_to_end(key)
    while len(_SPLITS) > _KEPT_SPLITS:
        _SPLITS.popitem(last=False)


def _key(dataset: Dataset, recipe: Recipe) -> tuple[Any, ...]:
    pinned = (dataset.id, dataset.config, dataset.data_revision, dataset.revision, dataset.task)
    columns = (dataset.text_columns, dataset.image_column, dataset.label_column)
    return (*pinned, *columns, recipe.seed, recipe.max_train_samples, recipe.max_eval_samples)


def _load(dataset: Dataset, recipe: Recipe) -> Splits:
    if dataset.task != recipe.task:
        raise InvalidInput(f"dataset {dataset.name} is for {dataset.task}, the recipe for {recipe.task}")
    source = read_dataset(dataset)
    roles = split_roles(list(source), f"dataset {dataset.name}")
    label_column = _columns(dataset, source[roles["train"]])
    where = f"column {label_column!r} of dataset {dataset.name}"
    train_rows = source[roles["train"]]
    coder = LabelCoder.learn(column(train_rows, label_column), train_rows.features[label_column], where)
    parts: dict[str, _Part] = {}
    dropped = 0
    for role, split in roles.items():
        rows = source[split]
        if label_column not in rows.column_names:
            continue
        labels = coder.encode(column(rows, label_column))
        keep = np.flatnonzero((labels != UNLABELLED) & _present(rows, dataset))
        if len(keep) == 0 and role == "train":
            inputs = "--image-column" if dataset.image_column else "--text-column"
            raise UnsupportedDataset(
                f"no row of the train split of {dataset.name} has both an input and a label",
                f"choose other columns with {inputs} and --label-column",
            )
        if len(keep) == 0:
            continue  # an unlabelled split: its labels are withheld
        dropped += len(rows) - len(keep)
        parts[role] = _Part(split, rows, keep, labels[keep])
    return _arrange(parts, dataset, recipe, coder.names, dropped)


def _arrange(
    parts: dict[str, _Part], dataset: Dataset, recipe: Recipe, names: tuple[str, ...], dropped: int
) -> Splits:
    train, validation, test = parts["train"], parts.get("validation"), parts.get("test")
    test_origin = validation_origin = "carved from train"
    if test is None and validation is not None:
        test, validation = validation, None
    if test is None:
        train, test = _carve(train, dataset, recipe.seed)
    else:
        test_origin = f"{test.split} split"
    if validation is None:
        train, validation = _carve(train, dataset, recipe.seed + 1)
    else:
        validation_origin = f"{validation.split} split"
    if len(np.unique(train.labels)) < 2:
        raise UnsupportedDataset(
            f"dataset {dataset.name} has fewer than two classes to train on",
            "choose a column of classes with --label-column",
        )
    made = [
        _examples(part.take(stratified_sample(part.labels, cap, recipe.seed)), dataset)
        for part, cap in (
            (train, recipe.max_train_samples),
            (validation, recipe.max_eval_samples),
            (test, recipe.max_eval_samples),
        )
    ]
    content = "".join(examples.fingerprint for examples in made) + repr(names)
    digest = hashlib.sha256(content.encode()).hexdigest()[:32]
    told = cautions(dataset.name, made[0], made[1], made[2], dropped)
    return Splits(made[0], made[1], made[2], names, validation_origin, test_origin, dropped, digest, told)


def _carve(train: _Part, dataset: Dataset, seed: int) -> tuple[_Part, _Part]:
    kept, carved = carve(train.labels, CARVED_FRACTION, seed)
    if len(carved) == 0:
        raise UnsupportedDataset(
            f"dataset {dataset.name} has too few examples to hold some out for evaluation"
        )
    return train.take(kept), train.take(carved)


def _columns(dataset: Dataset, rows: Any) -> str:
    """Check that the columns exist; returns the label column."""
    text = dataset.task == "text-classification"
    inputs = list(dataset.text_columns) if text else [c for c in (dataset.image_column,) if c]
    wanted = [*inputs, *([dataset.label_column] if dataset.label_column else [])]
    absent = [name for name in wanted if name not in rows.column_names]
    option = "--text-column" if text else "--image-column"
    found = f"columns: {', '.join(rows.column_names)}"
    if not inputs or dataset.label_column is None:
        kind = "label" if inputs else "text" if text else "image"
        name = "--label-column" if inputs else option
        raise UnsupportedDataset(
            f"dataset {dataset.name} has no known {kind} column ({found})", f"name it with {name}"
        )
    if absent:
        raise UnsupportedDataset(
            f"dataset {dataset.name} has no column {', '.join(absent)} ({found})",
            f"name the columns with {option} and --label-column",
        )
    if len(inputs) > 2:
        raise UnsupportedDataset(
            f"dataset {dataset.name} has {len(inputs)} text columns; one or two can be used"
        )
    return dataset.label_column


def _present(rows: Any, dataset: Dataset) -> Any:
    """Whether each row has all its inputs [n]; images are not decoded for it."""
    names = dataset.text_columns if dataset.task == "text-classification" else (dataset.image_column,)
    present = np.ones(len(rows), dtype=bool)
    for name in names:
        if name not in rows.column_names:
            return np.zeros(len(rows), dtype=bool)
        present &= rows.data.column(name).is_valid().to_numpy()
    return present


def _examples(part: _Part, dataset: Dataset) -> Examples:
    digest = hashlib.sha256(part.labels.tobytes())
    if dataset.task == "image-classification":
        assert dataset.image_column is not None
        rows = _as_images(part.rows.select_columns([dataset.image_column]), dataset)
        digest.update(f"{part.rows._fingerprint} {dataset.image_column}".encode() + part.numbers.tobytes())
        where = f"the {part.split} split of {dataset.name}"
        images = Images(rows, dataset.image_column, part.numbers, where)
        return Examples(part.labels, digest.hexdigest()[:32], images=images)
    taken = part.rows.select(part.numbers)  # the cap bounds the memory, not the size of the split
    columns = [column(taken, name) for name in dataset.text_columns]
    for name, values in zip(dataset.text_columns, columns, strict=True):
        if isinstance(values[0], list | dict | bytes):
            raise UnsupportedDataset(
                f"column {name!r} of dataset {dataset.name} does not hold text",
                "choose another with --text-column",
            )
    texts = tuple(tuple(map(str, row)) for row in zip(*columns, strict=True))
    for text in texts:
        digest.update(repr(text).encode("utf-8", "surrogatepass"))
    return Examples(part.labels, digest.hexdigest()[:32], texts=texts)


def _as_images(rows: Any, dataset: Dataset) -> Any:
    """Bare parquet and CSV files hold images as bytes, structs or paths: read them as images."""
    name = dataset.image_column
    if isinstance(rows.features[name], datasets.Image):
        return rows
    try:
        return rows.cast_column(name, datasets.Image())
    except Exception as error:
        raise UnsupportedDataset(
            f"column {name!r} of dataset {dataset.name} does not hold images",
            "choose another with --image-column",
        ) from error


__all__ = ["CARVED_FRACTION", "UNSEEN", "Examples", "Images", "Splits", "keep_splits", "load_splits"]
