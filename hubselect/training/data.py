"""Makes the train, validation and test examples of a dataset.

The split rule:

* labelled train, validation and test splits are used as they are;
* no labelled test split (absent, or its labels are -1 or null): the validation split becomes
  the test split, and a validation split is carved from train;
* no validation split either: first a test, then a validation split is carved from train;
* a carved split takes 15 % of what is left of train, stratified by class (`targets` for labels that are
  none) and seeded, at least one row of each class that has two.

Rows whose inputs or label are null are dropped and counted. The recipe's caps then take
stratified, seeded samples. Train and evaluation samples never share a row.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import numpy as np

from hubselect.errors import InvalidInput, UnsupportedDataset
from hubselect.records import DATASET_CONTENT, Dataset, Recipe
from hubselect.training.cautions import cautions
from hubselect.training.examples import Examples, Images, Truth
from hubselect.training.inputs import check_columns, inputs_of, option_for, present
from hubselect.training.labels import UNLABELLED, UNSEEN
from hubselect.training.sampling import IntArray, carve, stratified_sample
from hubselect.training.sources import column, read_dataset, split_roles
from hubselect.training.targets import coder_for

CARVED_FRACTION = 0.15
_KEPT_SPLITS = 8


@dataclass(frozen=True)
class Splits:
    """The three parts of a dataset. The `*_origin` fields say in words where two of them come from;
    `label_names` is empty where numbers are predicted; `dropped` counts rows left out for a null input or
    label; `warnings` are lines for people (`training.cautions`)."""

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
    """Rows of one Hub split with their labels (`targets.Coded`); not read any further yet."""

    split: str
    rows: Any
    numbers: IntArray
    labels: IntArray
    truth: Truth | None

    def take(self, positions: IntArray) -> _Part:
        truth = None if self.truth is None else self.truth[positions]
        return _Part(self.split, self.rows, self.numbers[positions], self.labels[positions], truth)


_SPLITS: OrderedDict[tuple[Any, ...], Splits] = OrderedDict()


def load_splits(dataset: Dataset, recipe: Recipe) -> Splits:
    """The examples of `dataset` under `recipe` (its sample caps and seed); see the module's split rule.

    Splits of a pinned revision are kept in memory for the next call. Raises
    `UnsupportedDataset` for missing columns, missing labels, labels of another kind than the dataset's,
    one class or no rows, and the Hub errors of `sources.read_dataset`.
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
    content = (getattr(dataset, name) for name in DATASET_CONTENT)
    which = (dataset.id, dataset.config, dataset.task, *content)
    return (*which, recipe.seed, recipe.max_train_samples, recipe.max_eval_samples)


def _load(dataset: Dataset, recipe: Recipe) -> Splits:
    if dataset.task != recipe.task:
        raise InvalidInput(
            f"dataset {dataset.name} is for {dataset.task}, the recipe for {recipe.task}",
            f"use a recipe for {dataset.task}",
        )
    source = read_dataset(dataset)
    roles = split_roles(list(source), f"dataset {dataset.name}")
    label_column = check_columns(dataset, source[roles["train"]])
    where = f"column {label_column!r} of dataset {dataset.name}"
    train_rows = source[roles["train"]]
    learnt_from = column(train_rows, label_column)
    coder = coder_for(dataset, learnt_from, train_rows.features[label_column], where)
    parts: dict[str, _Part] = {}
    dropped = 0
    for role, split in roles.items():
        rows = source[split]
        if label_column not in rows.column_names:
            continue
        coded = coder.code(column(rows, label_column))
        keep = np.flatnonzero((coded.labels != UNLABELLED) & present(rows, dataset))
        if len(keep) == 0 and role == "train":
            raise UnsupportedDataset(
                f"no row of the train split of {dataset.name} has both an input and a label",
                f"choose other columns with {option_for(dataset)} and --label-column",
            )
        if len(keep) == 0:
            continue  # an unlabelled split: its labels are withheld
        dropped += len(rows) - len(keep)
        truth = None if coded.truth is None else coded.truth[keep]
        parts[role] = _Part(split, rows, keep, coded.labels[keep], truth)
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
    if train.truth is None and len(np.unique(train.labels)) < 2:
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
            f"dataset {dataset.name} has too few examples to hold some out for evaluation",
            "add examples, or choose another dataset",
        )
    return train.take(kept), train.take(carved)


def _examples(part: _Part, dataset: Dataset) -> Examples:
    where = f"the {part.split} split of {dataset.name}"
    inputs = inputs_of(part.rows, part.numbers, dataset, where, part.truth)
    digest = hashlib.sha256(part.labels.tobytes())
    if part.truth is not None:
        for truth in part.truth:
            digest.update(truth.tobytes())
    for content in inputs.content:
        digest.update(content)
    return Examples(part.labels, digest.hexdigest()[:32], truth=part.truth, **inputs.fields)


__all__ = ["CARVED_FRACTION", "UNSEEN", "Examples", "Images", "Splits", "keep_splits", "load_splits"]
