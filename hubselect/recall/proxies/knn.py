"""k nearest neighbours (Cover and Hart 1967) on frozen features, each example left out in its turn."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hubselect.recall.proxies.base import TARGETS, FloatArray, IntArray, Proxy, Target
from hubselect.recall.proxies.guards import ENOUGH, centred, first_copies
from hubselect.recall.proxies.outcomes import outcomes
from hubselect.recall.proxies.quality import quality

_EQUAL = 1e-12  # squared distances this close, relative to the squared lengths, are ties


def knn(
    features: npt.ArrayLike,
    labels: npt.ArrayLike,
    *,
    target: Target = "classification",
    seed: int = 0,
    k: int = 5,
) -> float:
    """Leave-one-out quality of the mean label of the `k` nearest neighbours (Euclidean distance).

    Accuracy in [0, 1] of the majority vote (classification), mean over labels of the accuracy
    (multi-label) or mean over numbers of R2 (regression; at most 1, below 0 when the mean of all
    would do better): see `quality.quality`. Neighbours as far as the k-th all vote, and classes
    with equally many votes share the credit, so neither the order of examples nor the names of
    classes matter; nor do scale, shift and rotation of the features. Copies of an example are left
    out with it, unless there are fewer than five distinct examples per class. Constant features
    predict what is most frequent; of a single class everything is right: 1.

    `features` [n, d]; `labels` class numbers [n], numbers [n] or [n, t], or 0/1 [n, c]. `seed`
    has no effect. Raises `InvalidInput` for NaN and arrays that do not fit.
    """
    data = outcomes(features, labels, target)
    if data.nothing_to_predict:
        return 0.0 if target == "regression" else 1.0
    table = centred(data.features)
    if not table.any():
        return quality(np.broadcast_to(data.columns.mean(axis=0), data.columns.shape), data)
    same = first_copies(table, data.columns)
    if len(np.unique(same)) < ENOUGH * data.kinds:
        same = np.arange(len(data))
    return quality(_neighbours(table, same, k) @ data.columns, data)


def _neighbours(table: FloatArray, same: IntArray, k: int) -> FloatArray:
    """Weights [n, n]: each row averages over an example's `k` nearest others, ties with the k-th included."""
    squares = (table**2).sum(axis=1)
    sums = squares[:, None] + squares
    distances = sums - 2.0 * table @ table.T
    distances[same[:, None] == same] = np.inf
    place = min(k, len(table)) - 1
    nearest = np.partition(distances, place, axis=1)[:, place]
    furthest = np.where(np.isfinite(distances), distances, 0.0).max(axis=1)  # with fewer than k others
    limit = np.minimum(nearest, furthest)[:, None] + _EQUAL * sums
    chosen = (distances <= limit).astype(np.float64)
    weights: FloatArray = chosen / np.maximum(chosen.sum(axis=1, keepdims=True), 1.0)
    return weights


PROXY = Proxy(
    name="knn",
    needs="features",
    normalisation="min-max",
    function=knn,
    summary="leave-one-out accuracy (R2 for numbers) of the five nearest neighbours of each example",
    targets=TARGETS,
)
