"""Labelled examples: what goes into a model, and what should come out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import hubselect.training.quiet  # noqa: F401  (sets the environment)
from hubselect.errors import HubselectError, UnsupportedDataset
from hubselect.training.sampling import IntArray
from hubselect.training.sound import decoded

import datasets  # isort: skip  (after quiet, which sets the environment)

Truth = NDArray[Any]


class Stored(Sequence[Any]):
    """The files in a column of some rows of a dataset, decoded when they are asked for."""

    option = "--image-column"
    noun = "image"

    def __init__(self, rows: Any, name: str, numbers: IntArray, where: str = "the dataset") -> None:
        self._rows, self._name, self._numbers, self._where = rows, name, numbers, where

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return type(self)(self._rows, self._name, self._numbers[index], self._where)
        number = int(self._numbers[index])
        try:
            return self._decoded(self._rows[number][self._name])
        except HubselectError:
            raise
        except Exception as error:
            raise UnsupportedDataset(
                f"the {self.noun} of row {number} of {self._where} cannot be decoded: {error}",
                f"mend or remove that row, or choose another column with {self.option}",
            ) from error

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    @property
    def place(self) -> tuple[Any, str, IntArray, str]:
        """Where the files are: the rows, the column, the numbers of the rows, and the rows in words."""
        return self._rows, self._name, self._numbers, self._where

    def files(self) -> Iterator[bytes]:
        """The files as they are stored, not decoded."""
        stored = self._as_stored()
        for number in self._numbers.tolist():
            file = stored[number][self._name]
            yield file["bytes"] if file["bytes"] is not None else Path(file["path"]).read_bytes()

    def _as_stored(self) -> Any:
        return self._rows.cast_column(self._name, datasets.Image(decode=False))

    def _decoded(self, value: Any) -> Any:
        return value


class Images(Stored):
    """PIL images, as the datasets library decodes them."""


class Recordings(Stored):
    """Waveforms float32 [samples] of one channel with their rates in Hz (`sound.decoded`); the column is
    not decoded by the datasets library, which needs another library for that."""

    option = "--audio-column"
    noun = "recording"

    def _as_stored(self) -> Any:
        return self._rows

    def _decoded(self, value: Any) -> Any:
        return decoded(value["bytes"] if value["bytes"] is not None else Path(value["path"]).read_bytes())


@dataclass(frozen=True)
class Examples:
    """Labelled examples: `texts` (one or two strings each), `words` (of a sentence), `images` or
    `recordings`, and what is to be predicted of them. With `choices` the answer to `texts` is one of them.

    `labels` int [n] are the classes, the right choices, or else what samples are stratified by
    (`training.targets`); one of `labels.UNSEEN` is a class the train split does not have. `truth` [n, ...]
    is what is to be predicted where it is no class: float64 [n] numbers, bool [n, c] sets of classes,
    or of every sentence the classes of its words (objects, each int [words]). `fingerprint` identifies
    the content.
    """

    labels: IntArray
    fingerprint: str
    texts: tuple[tuple[str, ...], ...] = ()
    images: Sequence[Any] = ()
    recordings: Sequence[Any] = ()
    words: tuple[tuple[str, ...], ...] = ()
    choices: tuple[tuple[str, ...], ...] = ()
    truth: Truth | None = field(default=None)

    def __len__(self) -> int:
        return len(self.labels)

    def files(self) -> Iterator[bytes]:
        """The stored file of every image or recording; nothing for texts."""
        inputs = self.images or self.recordings
        return inputs.files() if isinstance(inputs, Stored) else iter(())

    def taken(self, rows: IntArray, fingerprint: str) -> Examples:
        """Some rows as a set of their own."""
        picked = rows.tolist()

        def some(inputs: Sequence[Any]) -> Any:
            return tuple(inputs[i] for i in picked) if len(inputs) else ()

        return Examples(
            self.labels[rows],
            fingerprint,
            some(self.texts),
            some(self.images),
            some(self.recordings),
            some(self.words),
            some(self.choices),
            None if self.truth is None else self.truth[rows],
        )


def ragged(parts: Sequence[IntArray]) -> Truth:
    """An array of arrays, also where all are of one length."""
    made = np.empty(len(parts), dtype=object)
    for i, part in enumerate(parts):
        made[i] = part
    return made
