"""The contract of a task adapter, and the memory shared by all adapters of a process."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch

from hubselect.training.examples import Examples
from hubselect.training.sampling import IntArray

_LIMIT_BYTES = 1 << 30


class Prepared(Protocol):
    """The model inputs of one set of examples, made once."""

    @property
    def lengths(self) -> IntArray:
        """What each example costs [n] (tokens of a text; the same for every image)."""
        ...

    @property
    def nbytes(self) -> int: ...

    def on(self, device: torch.device) -> Prepared:
        """The same inputs, kept on `device` where that is an accelerator with room for them."""
        ...

    def batch(self, rows: IntArray) -> dict[str, torch.Tensor]:
        """The keyword arguments of a model's forward for these rows, on the device they are kept on."""
        ...


class Adapter(Protocol):
    """Turns examples into model inputs the way one checkpoint wants them."""

    def prepare(self, examples: Examples) -> Prepared: ...

    def configure(self, config: Any) -> None:
        """Write into a model's config what training with this adapter needs."""
        ...

    def export(self, output: Path) -> None:
        """Save the tokenizer or image processor, as used, into the folder `output`."""
        ...


@dataclass
class Statistics:
    hits: int = 0
    misses: int = 0


class PreparedCache:
    """Keeps prepared inputs, least recently used out first, so that checkpoints which share a
    tokenizer or image processor share the tensors of a dataset: one tokenisation per (model
    family, dataset) and process. Bounded by bytes."""

    def __init__(self, limit_bytes: int = _LIMIT_BYTES) -> None:
        self.limit_bytes = limit_bytes
        self.statistics = Statistics()
        self._entries: OrderedDict[tuple[Any, ...], Prepared] = OrderedDict()

    def get(self, key: tuple[Any, ...], make: Callable[[], Prepared]) -> Prepared:
        """What is kept under `key`, else what `make` returns, kept from now on if it fits."""
        if key in self._entries:
            self.statistics.hits += 1
            self._entries.move_to_end(key)
            return self._entries[key]
        self.statistics.misses += 1
        made = make()
        if made.nbytes <= self.limit_bytes:
            self._entries[key] = made
            while sum(entry.nbytes for entry in self._entries.values()) > self.limit_bytes:
                self._entries.popitem(last=False)
        return made

    def clear(self) -> None:
        self._entries.clear()
        self.statistics = Statistics()


PREPARED = PreparedCache()
