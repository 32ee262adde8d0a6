"""Eq. 1: two models are as similar as their scores on the benchmark datasets where they differ most.

    sim(a, b) = 1 - mean of the k largest |a_d - b_d| over the datasets d that both have scores on

Fewer than k shared datasets: the mean goes over all shared ones. Fewer than `min_overlap`
shared datasets: not comparable, similarity 0. `min_overlap` None means min(3, n_datasets).

For scores in [0, 1] a similarity is in [0, 1]. A pair's value is the same to the last bit from
`similarity_row` and `similarity_matrix`, in both directions and for any order of datasets, so
that a model inserted later gets the distances that a full rebuild would give.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hubselect.errors import InvalidInput

FloatArray = npt.NDArray[np.float64]

# Elements of |differences| held at once; a tile of this size stays in the processor's cache.
_TILE = 1 << 17

# Distances are rounded so that scores with two decimals give exact ties and meet a threshold
# they equal on paper; the noise of the arithmetic is four orders of magnitude below.
_DECIMALS = 12


def similarity_row(
    row: npt.ArrayLike, scores: npt.ArrayLike, top_k: int = 5, min_overlap: int | None = None
) -> FloatArray:
    """Eq. 1 of one model against many: `row` [n_datasets], `scores` [n, n_datasets] -> [n].

    NaN is a missing score. Raises `InvalidInput` for top_k < 1, min_overlap < 1 or shapes
    that do not fit. Cost: O(n * n_datasets); 100,000 x 24 takes about 30 ms on one core.
    """
    one, many = np.asarray(row, dtype=np.float64), np.asarray(scores, dtype=np.float64)
    if one.ndim != 1 or many.ndim != 2 or many.shape[1] != one.shape[0]:
        raise InvalidInput(f"a row of shape {one.shape} cannot be compared with scores of shape {many.shape}")
    needed = _checked(top_k, min_overlap, many.shape[1])
    result = np.empty(many.shape[0])
    step = max(1, _TILE // max(1, many.shape[1]))
    for start in range(0, many.shape[0], step):
        tile = slice(start, start + step)
        result[tile] = _similarity(np.abs(many[tile] - one), top_k, needed)
    return result


def similarity_matrix(scores: npt.ArrayLike, top_k: int = 5, min_overlap: int | None = None) -> FloatArray:
    """Eq. 1 of every pair: `scores` [n, n_datasets] -> [n, n], symmetric, with 1 on the diagonal.

    Works in blocks of rows, so that memory beyond the result (8 n^2 bytes) stays small.
    Raises `InvalidInput` for top_k < 1, min_overlap < 1 or scores that are not a table.
    """
    table = np.asarray(scores, dtype=np.float64)
    if table.ndim != 2:
        raise InvalidInput(f"scores must be a table of models x datasets, not of shape {table.shape}")
    n, width = table.shape
    needed = _checked(top_k, min_overlap, width)
    result = np.eye(n)
    start = 0
    while start < n:
        rest = n - start
        stop = min(n, start + max(1, _TILE // max(1, rest * width)))
        differences = np.abs(table[start:stop, None, :] - table[None, start:, :])
        pairs = differences.reshape((stop - start) * rest, width)
        block = _similarity(pairs, top_k, needed).reshape(stop - start, rest)
        result[start:stop, start:] = block
        result[start:, start:stop] = block.T
        start = stop
    np.fill_diagonal(result, 1.0)
    return result


def distance_row(
    row: npt.ArrayLike, scores: npt.ArrayLike, top_k: int = 5, min_overlap: int | None = None
) -> FloatArray:
    """1 - `similarity_row`, rounded to 12 decimals: [n]."""
    return _distance(similarity_row(row, scores, top_k, min_overlap))


def distance_matrix(scores: npt.ArrayLike, top_k: int = 5, min_overlap: int | None = None) -> FloatArray:
    """1 - `similarity_matrix`, rounded to 12 decimals: [n, n], symmetric, with 0 on the diagonal."""
    return _distance(similarity_matrix(scores, top_k, min_overlap))


def distance_pairs(
    first: npt.ArrayLike, second: npt.ArrayLike, top_k: int = 5, min_overlap: int | None = None
) -> FloatArray:
    """The distances of row i of `first` and row i of `second`, both [n, n_datasets]: [n].

    Raises `InvalidInput` as `similarity_row` does.
    """
    one, other = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if one.ndim != 2 or one.shape != other.shape:
        raise InvalidInput(f"scores of shape {one.shape} cannot be paired with scores of shape {other.shape}")
    needed = _checked(top_k, min_overlap, one.shape[1])
    result = np.empty(len(one))
    step = max(1, _TILE // max(1, one.shape[1]))
    for start in range(0, len(one), step):
        tile = slice(start, start + step)
        result[tile] = _similarity(np.abs(one[tile] - other[tile]), top_k, needed)
    return _distance(result)


def shared_needed(top_k: int, min_overlap: int | None, n_datasets: int) -> int:
    """How many shared datasets make two models comparable. Raises `InvalidInput` for senseless values."""
    return _checked(top_k, min_overlap, n_datasets)


def _distance(similarity: FloatArray) -> FloatArray:
    distance: FloatArray = np.round(1.0 - similarity, _DECIMALS)
    return distance


def _checked(top_k: int, min_overlap: int | None, n_datasets: int) -> int:
    """The number of shared datasets that makes two models comparable; at least one."""
    if top_k < 1:
        raise InvalidInput(f"top_k is {top_k}", "Eq. 1 needs at least the largest difference: 1")
    if min_overlap is None:
        return max(1, min(3, n_datasets))
    if min_overlap < 1:
        raise InvalidInput(f"min_overlap is {min_overlap}", "comparing needs at least one shared dataset")
    return min_overlap


def _similarity(differences: FloatArray, top_k: int, needed: int) -> FloatArray:
    """Eq. 1 from |differences| [n, n_datasets], NaN where a score is missing: [n]. Overwrites its input."""
    n, width = differences.shape
    k = min(top_k, width)
    if width == 0:
        return np.zeros(n)
    missing = np.isnan(differences)
    gaps = bool(missing.any())
    if gaps:
        differences[missing] = -1.0  # below every difference: never among the largest while others are left
    if k < width:
        differences.partition(width - k, axis=1)
    largest = differences[:, width - k :]
    largest.sort(axis=1)
    if not gaps:
        return np.zeros(n) if width < needed else 1.0 - _total(largest) / k
    shared = width - missing.sum(axis=1)
    mean = _total(np.maximum(largest, 0.0)) / np.maximum(1, np.minimum(k, shared))
    return np.where(shared >= needed, 1.0 - mean, 0.0)


def _total(ascending: FloatArray) -> FloatArray:
    """Row sums, always added from the smallest up: numpy's own order depends on the memory layout."""
    total: FloatArray = np.add.reduce(np.ascontiguousarray(ascending.T), axis=0)
    return total
