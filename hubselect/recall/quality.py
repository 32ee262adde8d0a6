"""How good a ranking was, once the truth is known."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import accumulate

import numpy as np
import numpy.typing as npt

from hubselect.errors import InvalidInput

REGRET_AT = (1, 3, 5, 10)
"""The numbers of recalled models at which regret is reported."""

_RESAMPLES = 2_000


def regrets(ranking: Sequence[str], truth: Mapping[str, float]) -> tuple[float, ...]:
    """Regret at 1, 2, ... n: the best test score of all models minus the best among the first k; >= 0.

    `truth` holds the test scores, in the metric's unit; models of the ranking it does not know are
    passed over, so a ranking of more models is judged by those that can be judged. Raises
    `InvalidInput` when none can.
    """
    judged = [truth[m] for m in ranking if m in truth]
    if not judged:
        raise InvalidInput(
            "no model of the ranking has a known test score to judge it by",
            "give the test score of one at least",
        )
    best = max(truth.values())
    return tuple(best - found for found in accumulate(judged, max))


def at(regret: Sequence[float], k: int) -> float:
    """Regret of the first `k`, all of them where there are fewer. k >= 1."""
    return regret[min(k, len(regret)) - 1]


def spearman(scores: Mapping[str, float], truth: Mapping[str, float]) -> float | None:
    """Spearman's rank correlation of the models both know, ties at their mean rank; None when it has
    no value: fewer than two models, or all equal on one side."""
    from scipy.stats import rankdata  # here, because it takes a while to import

    shared = sorted(scores.keys() & truth.keys())
    if len(shared) < 2:
        return None
    left, right = (rankdata([values[m] for m in shared]) for values in (scores, truth))
    if np.ptp(left) == 0 or np.ptp(right) == 0:
        return None
    return float(np.corrcoef(left, right)[0, 1])


def bootstrap_interval(
    values: npt.ArrayLike, *, coverage: float = 0.95, seed: int = 0
) -> tuple[float, float] | None:
    """Percentile bootstrap interval of the mean of `values` [n], one per target; NaN left out.

    None for fewer than two values, which say nothing about their spread.
    """
    known = np.asarray(values, dtype=np.float64)
    known = known[np.isfinite(known)]
    if len(known) < 2:
        return None
    rows = np.random.default_rng(seed).integers(0, len(known), (_RESAMPLES, len(known)))
    low, high = np.quantile(known[rows].mean(axis=1), [(1 - coverage) / 2, (1 + coverage) / 2])
    return float(low), float(high)


def mean(values: Sequence[float | None]) -> float | None:
    """The mean of the values that are there; None when none is."""
    known = [v for v in values if v is not None and math.isfinite(v)]
    return sum(known) / len(known) if known else None
