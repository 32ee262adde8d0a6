"""Turns a label column into what is to be predicted: a class, a set of classes, a number, or a class for
every word of a sentence.

Besides what is to be predicted every example gets one whole number, by which samples are stratified and
which stands for the label where a proxy wants classes: its class; the rarest class of a set or a
sentence; the fifth of the train split's numbers in which a number lies.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hubselect.errors import UnsupportedDataset
from hubselect.records import Dataset
from hubselect.training.examples import Truth, ragged
from hubselect.training.labels import UNLABELLED, UNSEEN, LabelCoder, is_null
from hubselect.training.sampling import IntArray

import datasets  # isort: skip  (after examples, which sets the environment)

IGNORED = -100  # a word that has no class, as transformers marks it
_PARTS = 5  # of the train split's numbers
_CHOOSE = "choose another column with --label-column"


@dataclass(frozen=True)
class Coded:
    """The labels of some rows: `labels` int [n] (`UNLABELLED` where there is none) and, where these are
    not what is to be predicted, `truth` [n, ...] as in `examples.Examples`."""

    labels: IntArray
    truth: Truth | None = None


class Coder(Protocol):
    """Maps the values of a label column; learnt from the train split."""

    @property
    def names(self) -> tuple[str, ...]:
        """The classes in index order; empty for numbers."""
        ...

    def code(self, values: Sequence[Any]) -> Coded: ...


def coder_for(dataset: Dataset, values: Sequence[Any], feature: Any, where: str) -> Coder:
    """The coder for a dataset's label column, from the train split's `values` and the datasets `feature`.

    Raises `UnsupportedDataset` for values that are not of the dataset's kind of label, or of which there
    is only one; `where` names the column in messages.
    """
    if dataset.task == "token-classification":
        return Words.learn(values, feature, where)
    if dataset.problem_type == "regression":
        return Numbers.learn(values, where)
    if dataset.problem_type == "multi_label_classification":
        return Sets.learn(values, feature, where)
    return Classes(LabelCoder.learn(values, feature, where))


@dataclass(frozen=True)
class Classes:
    """One class an example."""

    coder: LabelCoder

    @property
    def names(self) -> tuple[str, ...]:
        return self.coder.names

    def code(self, values: Sequence[Any]) -> Coded:
        return Coded(self.coder.encode(values))


@dataclass(frozen=True)
class Numbers:
    """A real number an example. Null and NaN mean "unlabelled", and so does -1 where the train split has
    nothing below zero: test splits withhold labels so."""

    names: tuple[str, ...]
    edges: NDArray[np.float64]
    negative: bool
    where: str

    @classmethod
    def learn(cls, values: Sequence[Any], where: str) -> Numbers:
        known = np.array([n for v in values if (n := _number(v, where)) is not None])
        if len(known) == 0:
            raise UnsupportedDataset(f"{where} has no numbers in its train split", _CHOOSE)
        if np.ptp(known) == 0:
            raise UnsupportedDataset(f"{where} is always {known[0]:g}, nothing to learn", _CHOOSE)
        edges = np.unique(np.quantile(known, np.arange(1, _PARTS) / _PARTS))
        return cls((), edges, bool(known.min() < 0), where)

    def code(self, values: Sequence[Any]) -> Coded:
        numbers = np.array([math.nan if (n := _number(v, self.where)) is None else n for v in values])
        absent = np.isnan(numbers) | ((numbers == -1) & (not self.negative))
        labels = np.searchsorted(self.edges, numbers, side="right").astype(np.int64)
        return Coded(np.where(absent, UNLABELLED, labels), numbers)


def _number(value: Any, where: str) -> float | None:
    if is_null(value):
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        raise UnsupportedDataset(
            f"{where} holds {type(value).__name__}s, not numbers, such as {value!r:.40}", _CHOOSE
        )
    if not math.isfinite(value):
        raise UnsupportedDataset(f"{where} holds {value}, which is no finite number", _CHOOSE)
    return float(value)


@dataclass(frozen=True)
class Sets:
    """Several classes an example, or none. A value is a list of classes, or of zeros and ones, one for
    each class (in all rows). Classes that the train split does not have cannot be predicted."""

    names: tuple[str, ...]
    codes: dict[Any, int]
    flags: bool
    rarity: IntArray
    where: str

    @classmethod
    def learn(cls, values: Sequence[Any], feature: Any, where: str) -> Sets:
        rows = [list(v) for v in values if not is_null(v)]
        declared = _declared_names(feature)
        flags = not declared and _are_flags(rows)
        if flags:
            names: tuple[str, ...] = tuple(map(str, range(len(rows[0]))))
            codes: dict[Any, int] = {}
        elif declared:
            names, codes = declared, {number: number for number in range(len(declared))}
        else:
            ordered = _ordered({v for row in rows for v in row if not is_null(v)}, where)
            names, codes = tuple(map(str, ordered)), {v: i for i, v in enumerate(ordered)}
        if len(names) < 2:
            raise UnsupportedDataset(f"{where} has fewer than two classes in its train split", _CHOOSE)
        made = cls(names, codes, flags, np.zeros(len(names), dtype=np.int64), where)
        sets = made._sets(rows)
        if len(np.unique(sets, axis=0)) < 2:
            raise UnsupportedDataset(f"{where} is the same in all rows, nothing to learn", _CHOOSE)
        return cls(names, codes, flags, sets.sum(0), where)

    def code(self, values: Sequence[Any]) -> Coded:
        present = np.array([not is_null(v) for v in values], dtype=bool)
        sets = self._sets([[] if is_null(v) else list(v) for v in values])
        counts = np.where(sets, self.rarity, np.iinfo(np.int64).max)
        rarest = np.where(sets.any(1), counts.argmin(1), len(self.names))
        return Coded(np.where(present, rarest, UNLABELLED), sets)

    def _sets(self, rows: Sequence[Sequence[Any]]) -> NDArray[np.bool_]:
        sets = np.zeros((len(rows), len(self.names)), dtype=bool)
        for i, row in enumerate(rows):
            if self.flags and row:
                if len(row) != len(self.names):
                    raise UnsupportedDataset(
                        f"{self.where} has {len(row)} flags in one row and {len(self.names)} in another",
                        _CHOOSE,
                    )
                sets[i] = [bool(flag) for flag in row]
            else:
                sets[i, [self.codes[v] for v in row if v in self.codes]] = True
        return sets


def _are_flags(rows: Sequence[Sequence[Any]]) -> bool:
    lengths = {len(row) for row in rows}
    return len(lengths) == 1 and lengths.pop() > 1 and all(v in (0, 1) for row in rows for v in row)


@dataclass(frozen=True)
class Words:
    """A class for every word of a sentence; null and -100 leave a word out."""

    names: tuple[str, ...]
    codes: dict[Any, int]
    rarity: IntArray

    @classmethod
    def learn(cls, values: Sequence[Any], feature: Any, where: str) -> Words:
        seen = Counter(v for row in values if not is_null(row) for v in row if not _is_ignored(v))
        declared = _declared_names(feature)
        ordered = list(range(len(declared))) if declared else _ordered(seen, where)
        if len([v for v in ordered if seen[v]]) < 2:
            raise UnsupportedDataset(f"{where} has fewer than two classes in its train split", _CHOOSE)
        rarity = np.array([seen[v] for v in ordered], dtype=np.int64)
        return cls(declared or tuple(map(str, ordered)), {v: i for i, v in enumerate(ordered)}, rarity)

    def code(self, values: Sequence[Any]) -> Coded:
        rows = [np.array([self._code(v) for v in ([] if is_null(row) else row)], np.int64) for row in values]
        return Coded(np.array([self._rarest(row) for row in rows], dtype=np.int64), ragged(rows))

    def _code(self, value: Any) -> int:
        return IGNORED if _is_ignored(value) else self.codes.get(value, UNSEEN)

    def _rarest(self, row: IntArray) -> int:
        known = row[row >= 0]
        if len(known) == 0:
            return UNLABELLED  # a sentence without words, or none that has a class
        return int(known[self.rarity[known].argmin()])


def _is_ignored(value: Any) -> bool:
    return is_null(value) or value == IGNORED


def _ordered(values: Iterable[Any], where: str) -> list[Any]:
    """The distinct classes in order of their value."""
    found = list(values)
    if not all(isinstance(v, str) for v in found) and not all(isinstance(v, int) for v in found):
        raise UnsupportedDataset(f"{where} holds neither classes nor their numbers", _CHOOSE)
    return sorted(found)


def _declared_names(feature: Any) -> tuple[str, ...]:
    """The class names of a column of lists, if it declares them."""
    inner = getattr(feature, "feature", feature[0] if isinstance(feature, list) and feature else None)
    return tuple(map(str, inner.names)) if isinstance(inner, datasets.ClassLabel) else ()
