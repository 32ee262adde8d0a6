"""Convergence trends (Sec. IV.C): where a model's validation score at a stage usually ends.

For one model and one stage, the benchmark datasets are grouped by the validation score the model
had on them (exact k-means in one dimension); a trend is the mean validation and the mean test
score of a group. A new dataset is matched to the trend with the nearest validation mean (Eq. 5),
whose test mean is the prediction (Eq. 6).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hubselect.errors import InvalidInput, KnowledgeMissing

DEFAULT_GROUPS = 4  # the paper's number (Fig. 4)


@dataclass(frozen=True)
class Trend:
    """`val` and `test`: means over `datasets` (sorted) of the validation and the final test score."""

    val: float
    test: float
    datasets: tuple[str, ...]


def kmeans_1d(values: npt.ArrayLike, c: int) -> npt.NDArray[np.intp]:
    """Optimal k-means of numbers: `values` [n] -> labels [n], 0 for the group of the lowest values.

    Exact, by dynamic programming over the sorted distinct values (an optimal group is an
    interval), so there is neither a seed nor a bad start: O(c n^2) time, O(c n) memory. Equal
    values always share a group, so fewer than c distinct values give fewer groups. Of equally
    good partitions the one whose upper groups begin lowest is taken. Raises `InvalidInput` for
    c < 1 and for values that are not finite.
    """
    numbers = np.asarray(values, dtype=np.float64)
    if c < 1:
        raise InvalidInput(f"{c} groups were asked for", "ask for at least one")
    if numbers.ndim != 1 or not np.isfinite(numbers).all():
        raise InvalidInput("only finite numbers can be grouped", "leave out missing values")
    if numbers.size == 0:
        return np.zeros(0, dtype=np.intp)
    distinct, inverse, counts = np.unique(numbers, return_inverse=True, return_counts=True)
    starts = _group_starts(distinct, counts.astype(np.float64), min(c, len(distinct)))
    return np.searchsorted(starts, np.arange(len(distinct)), side="right")[inverse] - 1


def _group_starts(
    x: npt.NDArray[np.float64], weight: npt.NDArray[np.float64], c: int
) -> npt.NDArray[np.intp]:
    """Where the c optimal groups of the ascending, distinct `x` begin: indices [c], the first is 0."""
    n = len(x)
    x = x - np.average(x, weights=weight)  # keeps the cancellation in the prefix sums small
    w, s, q = (np.concatenate(([0.0], np.cumsum(v))) for v in (weight, weight * x, weight * x * x))
    # best[k, j]: lowest cost of the first j values in k groups; first[k, j]: where its last group begins
    best = np.full((c + 1, n + 1), np.inf)
    best[0, 0] = 0.0
    first = np.zeros((c + 1, n + 1), dtype=np.intp)
    for j in range(1, n + 1):
        total = s[j] - s[:j]
        # the cost of the group [i, j), for every i
        cost = np.maximum(0.0, q[j] - q[:j] - total * total / (w[j] - w[:j]))
        candidates = best[:-1, :j] + cost
        first[1:, j] = candidates.argmin(axis=1)
        best[1:, j] = candidates.min(axis=1)
    starts, stop = np.zeros(c, dtype=np.intp), n
    for k in range(c, 0, -1):
        stop = int(first[k, stop])
        starts[k - 1] = stop
    return starts


def mine(curves: Sequence[tuple[str, float, float]], groups: int = DEFAULT_GROUPS) -> tuple[Trend, ...]:
    """The trends of one model at one stage, in ascending order of `val`.

    `curves`: for every benchmark dataset (name, validation score at the stage, final test score).
    At most `groups` trends; none without curves. Raises `InvalidInput` for scores that are not
    finite and groups < 1.
    """
    ordered = sorted(curves)
    tests = np.array([test for _, _, test in ordered], dtype=np.float64)
    vals = np.array([val for _, val, _ in ordered], dtype=np.float64)
    if not np.isfinite(tests).all():
        raise InvalidInput("a trend needs finite test scores", "leave out unfinished runs")
    labels = kmeans_1d(vals, groups)
    trends = []
    for group in range(int(labels.max(initial=-1)) + 1):
        mask = labels == group
        names = tuple(name for (name, _, _), inside in zip(ordered, mask, strict=True) if inside)
        trends.append(Trend(float(vals[mask].mean()), float(tests[mask].mean()), names))
    return tuple(trends)


def match(trends: Sequence[Trend], val: float) -> Trend:
    """Eq. 5: the trend whose `val` is nearest; of two equally near ones the lower, the cautious guess.

    Raises `KnowledgeMissing` without trends and `InvalidInput` when `val` is not finite.
    """
    if not trends:
        raise KnowledgeMissing("there is no convergence trend to match", "benchmark the model first")
    if not np.isfinite(val):
        raise InvalidInput(f"a validation score of {val} matches no trend")
    return min(trends, key=lambda trend: (round(abs(trend.val - val), 12), trend.val))


def predict(trends: Sequence[Trend], val: float) -> float:
    """Eq. 6: the final test score of the matched trend. Errors as `match`."""
    return match(trends, val).test
