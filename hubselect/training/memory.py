"""When memory runs out: a batch goes through a model in smaller portions, and counts as the same batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np
import torch

from hubselect.training.sampling import IntArray

Result = TypeVar("Result")

# Only CUDA has an error of its own for it. The allocators of the CPU, of MPS and of CUDA's libraries say it,
# and oneDNN, which computes on the CPU, says no more than that it could not.
_SAID = (
    "out of memory",
    "can't allocate memory",
    "bad_alloc",
    "alloc_failed",
    "could not create a primitive",
    "could not execute a primitive",
    "could not create a memory",
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an allocation failed, on the accelerator or on the CPU."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error).lower() for words in _SAID)


class Portions:
    """How many examples go through a model at once: `most` (None: a whole batch), and half as many from
    then on whenever memory runs out."""

    def __init__(self, most: int | None = None) -> None:
        self.most = most

    def of(self, rows: IntArray) -> list[IntArray]:
        """`rows`, in order, in as few portions as there can be, of sizes that differ by one at most."""
        return np.array_split(rows, -(-len(rows) // (self.most or len(rows))))

    def run(
        self, rows: IntArray, work: Callable[[IntArray], Result], undo: Callable[[], None] = lambda: None
    ) -> list[Result]:
        """What `work` returns for each portion of `rows` (one at least).

        When it runs out of memory, `undo` takes back what it has done, and all of `rows` are worked on
        again in smaller portions. Raises what `work` raises, running out of memory with a single example
        included.
        """
        while True:
            portions = self.of(rows)
            try:
                return [work(portion) for portion in portions]
            except Exception as error:
                if len(portions[0]) == 1 or not is_out_of_memory(error):
                    raise
            # here and not in the handler: the error's traceback held on to the tensors of what failed
            self.most = len(portions[0]) // 2
            undo()
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
