"""Turns a label column of any kind into class numbers.

ClassLabel columns keep their numbers and names (-1 and null mean "unlabelled"). Any other
column gets the classes of the train split, sorted by value: integers, strings, booleans, and
floats that are all whole numbers. -1 in an integer column is a class when the train split has
it, and means "unlabelled" otherwise. Values the train split does not have become `UNSEEN`: no
model can predict them, so they count as wrong wherever they are evaluated.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import datasets
import numpy as np

from hubselect.errors import UnsupportedDataset
from hubselect.training.sampling import IntArray

UNSEEN = -1
UNLABELLED = -2
_MANY_CLASSES = 100
_CHOOSE = "choose a column of classes with --label-column"


def is_null(value: Any) -> bool:
    """Whether there is no value: null, or NaN in a column of numbers."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def _plain(value: Any, where: str) -> int | str | None:
    if is_null(value):
        return None
    if isinstance(value, bool | np.bool_):
        return int(value)
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, str):
        return value
    if isinstance(value, float | np.floating):
        if not float(value).is_integer():
            raise UnsupportedDataset(
                f"the labels of {where} are real numbers (such as {value}), which is regression",
                _CHOOSE,
            )
        return int(value)
    raise UnsupportedDataset(
        f"the labels of {where} are of type {type(value).__name__}, not one class per row",
        _CHOOSE,
    )


@dataclass(frozen=True)
class LabelCoder:
    """Maps label values to class numbers; made by `learn` from the train split."""

    names: tuple[str, ...]
    codes: dict[int | str, int]
    where: str

    @classmethod
    def learn(cls, values: Sequence[Any], feature: Any, where: str) -> LabelCoder:
        """The classes of the train split's label `values`, whose datasets feature is `feature`.

        Raises `UnsupportedDataset` for regression targets, several labels per row, a column
        without labels and a column with a single class; `where` names the column in messages.
        """
        if isinstance(feature, datasets.ClassLabel):
            names = tuple(str(name) for name in feature.names)
            coder = cls(names, {number: number for number in range(len(names))}, where)
            present = {v for v in values if not is_null(v) and v in coder.codes}
        else:
            plain = [_plain(value, where) for value in values]
            present = {value for value in plain if value is not None}
            coder = cls._of_values(present, plain, any(isinstance(v, bool) for v in values), where)
        if not present:
            raise UnsupportedDataset(f"{where} has no labels in its train split", _CHOOSE)
        if len(present) == 1:
            raise UnsupportedDataset(
                f"{where} has a single class in its train split, nothing to learn", _CHOOSE
            )
        return coder

    @classmethod
    def _of_values(
        cls, present: set[int | str], rows: Sequence[Any], boolean: bool, where: str
    ) -> LabelCoder:
        if len(present) > _MANY_CLASSES and 2 * len(present) > len(rows):
            raise UnsupportedDataset(
                f"{where} has {len(present)} different labels in {len(rows)} rows",
                _CHOOSE,
            )
        ordered = sorted(present)  # type: ignore[type-var]
        names = tuple(str(bool(value)) if boolean else str(value) for value in ordered)
        return cls(names, {value: number for number, value in enumerate(ordered)}, where)

    def encode(self, values: Sequence[Any]) -> IntArray:
        """Class numbers [n] of `values`; `UNLABELLED` for null and -1, `UNSEEN` for unknown classes."""
        return np.fromiter((self._code(value) for value in values), dtype=np.int64, count=len(values))

    def _code(self, value: Any) -> int:
        plain = _plain(value, self.where)
        if plain is None:
            return UNLABELLED
        code = self.codes.get(plain)
        if code is not None:
            return code
        return UNLABELLED if plain == -1 else UNSEEN
