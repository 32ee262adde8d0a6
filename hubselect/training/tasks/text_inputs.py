"""The inputs of texts as tables of token ids: of single texts or pairs, of words, of options."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from hubselect.training.device import bytes_kept_on
from hubselect.training.sampling import IntArray
from hubselect.training.tasks.base import Prepared
from hubselect.training.tasks.resident import ResidentText


def padded(lists: list[list[int]], lengths: IntArray, fill: int, kind: type[Any]) -> NDArray[Any]:
    """Lists of several lengths as one table [n, longest], filled up on the right."""
    table = np.full((len(lists), int(lengths.max())), fill, dtype=kind)
    for row, values in zip(table, lists, strict=True):
        row[: len(values)] = values
    return table


@dataclass(frozen=True)
class PreparedText:
    """Token ids [n, longest] padded on the right, token types likewise or None, lengths [n]."""

    ids: NDArray[np.int32]
    types: NDArray[np.int8] | None
    lengths: IntArray

    @property
    def largest(self) -> int:
        """The largest token id."""
        return int(self.ids.max())

    @property
    def nbytes(self) -> int:
        return self.ids.nbytes + self.lengths.nbytes + (0 if self.types is None else self.types.nbytes)

    def on(self, device: torch.device) -> Prepared:
        inputs = 2 if self.types is None else 3
        if 8 * inputs * self.ids.size > bytes_kept_on(device):
            return self
        return ResidentText.of(self.batch(np.arange(len(self.lengths))), self.lengths, device)

    def batch(self, rows: IntArray) -> dict[str, torch.Tensor]:
        """input_ids, attention_mask and perhaps token_type_ids, each int64 [batch, longest of the batch]."""
        lengths = self.lengths[rows]
        longest = int(lengths.max())
        mask = np.arange(longest) < lengths[:, None]
        batch = {
            "input_ids": torch.from_numpy(self.ids[rows, :longest].astype(np.int64)),
            "attention_mask": torch.from_numpy(mask.astype(np.int64)),
        }
        if self.types is not None:
            batch["token_type_ids"] = torch.from_numpy(self.types[rows, :longest].astype(np.int64))
        return batch


@dataclass(frozen=True)
class PreparedWords:
    """Sentences, and which word begins at which token: `places` [n, longest] counts words over all
    sentences, -1 where none begins."""

    text: PreparedText
    places: IntArray

    @property
    def largest(self) -> int:
        return self.text.largest

    @property
    def lengths(self) -> IntArray:
        return self.text.lengths

    @property
    def nbytes(self) -> int:
        return self.text.nbytes + self.places.nbytes

    def on(self, device: torch.device) -> Prepared:
        return self.text.on(device)

    def batch(self, rows: IntArray) -> dict[str, torch.Tensor]:
        return self.text.batch(rows)


@dataclass(frozen=True)
class PreparedChoices:
    """Examples of `count` options each: every option with what it follows is a text of its own in
    `options`, those of an example one after another. `lengths` [n] are all tokens of an example."""

    options: Prepared
    count: int
    lengths: IntArray
    largest: int

    @classmethod
    def of(cls, texts: PreparedText, count: int) -> PreparedChoices:
        return cls(texts, count, count * texts.lengths.reshape(-1, count).max(1), texts.largest)

    @property
    def nbytes(self) -> int:
        return self.options.nbytes + self.lengths.nbytes

    def on(self, device: torch.device) -> Prepared:
        return PreparedChoices(self.options.on(device), self.count, self.lengths, self.largest)

    def batch(self, rows: IntArray) -> dict[str, torch.Tensor]:
        """Each input int64 [batch, options, longest of the batch]."""
        each = (rows[:, None] * self.count + np.arange(self.count)).reshape(-1)
        flat = self.options.batch(each)
        return {name: tensor.view(len(rows), self.count, -1) for name, tensor in flat.items()}
