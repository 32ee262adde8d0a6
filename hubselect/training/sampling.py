"""Stratified, seeded sampling of rows by their labels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]


def allocate(counts: IntArray, size: int, limits: IntArray | None = None) -> IntArray:
    """How many rows of each class a stratified sample of `size` rows takes (largest remainders).

    `counts` [c] are the rows per class, `limits` [c] the most that may be taken of each
    (default: all). Every class gets at least one row where `size` and its limit allow it.
    Fewer than `size` rows come back only when the limits hold no more.
    """
    limits = counts if limits is None else np.minimum(limits, counts)
    size = min(size, int(limits.sum()))
    share = counts * (size / max(int(counts.sum()), 1))
    quota: IntArray = np.minimum(np.floor(share).astype(np.int64), limits)
    if size >= np.count_nonzero(limits):
        quota = np.maximum(quota, np.minimum(limits, 1))
    while quota.sum() > size:
        spare = np.where(quota > 1, quota - share, -np.inf)
        quota[int(np.argmax(spare))] -= 1
    while quota.sum() < size:
        wanted = np.where(quota < limits, share - quota, -np.inf)
        quota[int(np.argmax(wanted))] += 1
    return quota


def _draw(labels: IntArray, quota: IntArray, classes: IntArray, seed: int) -> IntArray:
    rng = np.random.default_rng([seed, len(labels)])
    order = np.argsort(labels, kind="stable")  # one sort, not a search per class: there may be thousands
    ends = np.searchsorted(labels[order], classes, side="right")
    rows = np.split(order, ends[:-1]) if len(classes) else []
    taken = [rng.permutation(mine)[:amount] for mine, amount in zip(rows, quota, strict=True)]
    return np.sort(np.concatenate(taken)) if taken else np.empty(0, dtype=np.int64)


def stratified_sample(labels: IntArray, size: int | None, seed: int) -> IntArray:
    """Sorted row numbers of a stratified sample of at most `size` rows (None: all rows)."""
    if size is None or size >= len(labels):
        return np.arange(len(labels), dtype=np.int64)
    classes, counts = np.unique(labels, return_counts=True)
    return _draw(labels, allocate(counts.astype(np.int64), size), classes, seed)


def carve(labels: IntArray, fraction: float, seed: int) -> tuple[IntArray, IntArray]:
    """Split rows into (kept, carved): a stratified `fraction` is carved out.

    A class with one row stays in `kept`; every other class gives at least one row and keeps at
    least one. `carved` is empty when no class has two rows.
    """
    classes, counts = np.unique(labels, return_counts=True)
    limits = counts.astype(np.int64) - 1
    size = max(round(fraction * len(labels)), int(np.count_nonzero(limits)))
    carved = _draw(labels, allocate(counts.astype(np.int64), size, limits), classes, seed)
    kept = np.setdiff1d(np.arange(len(labels), dtype=np.int64), carved)
    return kept, carved
