"""Examples that travel: the splits of a dataset as a folder of files, and back.

A machine that trains for another one is given the very examples that the other one read, capped and
split, so that both train on the same and only one of them asks the Hub. Images travel as they are
stored and are decoded where they are used, and so does sound.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from hubselect.records import Dataset, Recipe
from hubselect.training.data import Splits, keep_splits
from hubselect.training.examples import Examples, Images, Recordings, Stored, Truth, ragged
from hubselect.training.quiet import quiet
from hubselect.training.sampling import IntArray

import datasets  # isort: skip  (after quiet, which sets the environment)

_ABOUT = "splits.json"
_PARTS = ("train", "validation", "test")
_LABEL, _NUMBER = "hubselect:label", "hubselect:number"  # beside the file, whatever its column is called
_TRUTH, _LENGTHS = "truth.npy", "lengths.npy"
_LISTS = ("words", "choices")
_KINDS = {"images": Images, "recordings": Recordings}


def write_splits(splits: Splits, folder: Path) -> None:
    """Write all that `splits` holds to the new folder `folder`."""
    about: dict[str, Any] = {
        "label_names": list(splits.label_names),
        "validation_origin": splits.validation_origin,
        "test_origin": splits.test_origin,
        "dropped": splits.dropped,
        "fingerprint": splits.fingerprint,
        "warnings": list(splits.warnings),
    }
    folder.mkdir(parents=True)
    with quiet():
        for part in _PARTS:
            examples: Examples = getattr(splits, part)
            rows, described = _rows(examples)
            rows.save_to_disk(str(folder / part))
            _write_truth(examples.truth, folder / part)
            about[part] = {"fingerprint": examples.fingerprint, **described}
    (folder / _ABOUT).write_text(json.dumps(about), encoding="utf-8")


def read_splits(folder: Path) -> Splits:
    """What `write_splits` wrote; equal to it, but for where images lie."""
    about = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
    with quiet():
        train, validation, test = (_examples(folder / part, about[part]) for part in _PARTS)
    return Splits(
        train,
        validation,
        test,
        tuple(about["label_names"]),
        about["validation_origin"],
        about["test_origin"],
        about["dropped"],
        about["fingerprint"],
        tuple(about["warnings"]),
    )


def use_splits(dataset: Dataset, recipe: Recipe, folder: Path) -> None:
    """Let trainings in this process take the examples of `dataset` under `recipe` from `folder`."""
    keep_splits(dataset, recipe, read_splits(folder))


def _write_truth(truth: Truth | None, folder: Path) -> None:
    """What is to be predicted, where it is no class; classes of words one after another."""
    if truth is None:
        return
    if truth.dtype == object:
        np.save(folder / _LENGTHS, np.array([len(words) for words in truth], dtype=np.int64))
        truth = np.concatenate(truth)
    np.save(folder / _TRUTH, truth, allow_pickle=False)


def _read_truth(folder: Path) -> Truth | None:
    if not (folder / _TRUTH).exists():
        return None
    truth: Truth = np.load(folder / _TRUTH, allow_pickle=False)
    if not (folder / _LENGTHS).exists():
        return truth
    return ragged(np.split(truth, np.cumsum(np.load(folder / _LENGTHS, allow_pickle=False))[:-1]))


def _rows(examples: Examples) -> tuple[Any, dict[str, Any]]:
    """The examples as rows of the datasets library, and what these do not tell."""
    for kind in _KINDS:
        files = getattr(examples, kind)
        if isinstance(files, Stored):
            rows, name, numbers, where = files.place
            taken = rows.select(numbers).add_column(_LABEL, examples.labels.tolist())
            about = {"texts": 0, "kind": kind, "column": name, "where": where}
            return taken.add_column(_NUMBER, numbers.tolist()), about
    width = len(examples.texts[0]) if examples.texts else 0
    columns: dict[str, Any] = {f"text{i}": [text[i] for text in examples.texts] for i in range(width)}
    lists = [name for name in _LISTS if getattr(examples, name)]
    columns |= {name: [list(row) for row in getattr(examples, name)] for name in lists}
    rows = datasets.Dataset.from_dict({_LABEL: examples.labels.tolist(), **columns})
    return rows, {"texts": width, "lists": lists}


def _examples(folder: Path, about: dict[str, Any]) -> Examples:
    rows = datasets.load_from_disk(str(folder))
    labels, truth = np.asarray(rows[_LABEL][:], dtype=np.int64), _read_truth(folder)
    if "column" in about:
        numbers = np.asarray(rows[_NUMBER][:], dtype=np.int64)
        taken = _Taken(rows.select_columns([about["column"]]), numbers)
        files = _KINDS[about["kind"]](taken, about["column"], numbers, about["where"])
        of_kind: dict[str, Any] = {about["kind"]: files}
        return Examples(labels, about["fingerprint"], truth=truth, **of_kind)
    columns = [rows[f"text{i}"][:] for i in range(about["texts"])]
    lists = {name: tuple(map(tuple, rows[name][:])) for name in about["lists"]}
    texts = tuple(zip(*columns, strict=True))
    return Examples(labels, about["fingerprint"], texts=texts, truth=truth, **lists)


class _Taken:
    """Some rows of a dataset under the numbers they have there, so that errors name the same rows."""

    def __init__(self, rows: Any, numbers: IntArray) -> None:
        self._rows, self._numbers = rows, numbers
        self._places = {number: place for place, number in enumerate(numbers.tolist())}

    def __getitem__(self, number: int) -> Any:
        return self._rows[self._places[number]]

    def select(self, numbers: IntArray) -> Any:
        return self._rows.select([self._places[number] for number in numbers.tolist()])

    def cast_column(self, name: str, feature: Any) -> _Taken:
        return _Taken(self._rows.cast_column(name, feature), self._numbers)
