"""The order of training: a pure function of (seed, epoch), so a resumed run needs no sampler state."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hubselect.training.sampling import IntArray

_POOL_BATCHES = 20


def steps_per_epoch(examples: int, batch_size: int) -> int:
    """Batches per epoch. A last batch of one example joins the one before it, because batch
    normalisation cannot train on a single example."""
    full, rest = divmod(examples, batch_size)
    return max(1, full + (rest > 1 or (rest == 1 and full == 0)))


def epoch_batches(lengths: IntArray, batch_size: int, seed: int, epoch: int) -> list[IntArray]:
    """The batches (row numbers) of one epoch, every row exactly once.

    Rows are shuffled, cut into pools of 20 batches, sorted by length inside a pool so that a
    batch needs little padding, and the batches are shuffled again.
    """
    rng = np.random.default_rng([seed, epoch])
    order = rng.permutation(len(lengths))
    pool = _POOL_BATCHES * batch_size
    pools = [order[start : start + pool] for start in range(0, len(order), pool)]
    order = np.concatenate([rows[np.argsort(lengths[rows], kind="stable")] for rows in pools])
    count = steps_per_epoch(len(order), batch_size)
    edges = np.minimum(np.arange(count + 1) * batch_size, len(order))
    edges[-1] = len(order)
    return [order[edges[i] : edges[i + 1]] for i in rng.permutation(count).tolist()]


def evaluation_batches(lengths: NDArray[np.int64], batch_size: int) -> list[IntArray]:
    """Batches of all rows sorted by length: the least padding, always in the same order."""
    order = np.argsort(lengths, kind="stable")
    return [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
