"""How good held-out predictions are: accuracy of classes and labels, R2 of numbers."""

from __future__ import annotations

import numpy as np

from hubselect.recall.proxies.base import FloatArray
from hubselect.recall.proxies.outcomes import Outcomes

_TIE = 1e-9


def quality(predicted: FloatArray, data: Outcomes) -> float:
    """Quality of `predicted` [n, t] for `data.columns` [n, t]; higher is better, at most 1.

    Classification: accuracy of the class with the highest prediction. Columns of 0 and 1: the
    mean over columns of the accuracy at a half. Numbers: the mean over columns of R2. A tie
    counts as its expected accuracy under a draw, so no class is preferred for its number.
    """
    if data.classes is not None:
        best = predicted >= predicted.max(axis=1, keepdims=True) - _TIE
        own = np.arange(len(data)), data.classes
        return float((best[own] / best.sum(axis=1)).mean())
    if data.target == "multi-label":
        undecided = np.abs(predicted - 0.5) <= _TIE
        return float(np.where(undecided, 0.5, (predicted > 0.5) == (data.columns > 0.5)).mean())
    errors = ((predicted - data.columns) ** 2).sum(axis=0)
    spread = ((data.columns - data.columns.mean(axis=0)) ** 2).sum(axis=0)
    return float((1.0 - errors / spread).mean())
