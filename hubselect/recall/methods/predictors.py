"""What the fused recall sees of every candidate: its record on other datasets and its proxy scores.

Everything is centred and scaled over the models at hand (z-scores), since neither a benchmark's
level nor a proxy's unit says anything about which model is better.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence

import numpy as np

from hubselect.knowledge.matrix import FloatArray, PerformanceMatrix

_CONSTANT = 1e-9  # a spread below it is rounding: such a column tells no models apart


def z_scores(values: FloatArray) -> FloatArray:
    """Columns of [n] or [n, d] to mean 0 and standard deviation 1 over the values known; NaN stays NaN.

    A constant column becomes 0.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a column without any value stays NaN
        centred = values - np.nanmean(values, axis=0)
        spread = np.nanstd(values, axis=0)
    scaled: FloatArray = np.divide(centred, np.where(spread > _CONSTANT, spread, np.inf))
    return scaled


def standing(matrix: PerformanceMatrix, models: Sequence[str], without: str | None = None) -> FloatArray:
    """How models stand on each benchmark dataset, z-scored per dataset: [n, d], NaN for missing cells.

    `without` names a dataset that is left out.
    """
    rows = [matrix.index(m) if m in matrix else -1 for m in models]
    padded = np.vstack([matrix.scores, np.full((1, matrix.scores.shape[1]), np.nan)])
    columns = [j for j, name in enumerate(matrix.datasets) if name != without]
    return z_scores(padded[rows][:, columns])


def predictors(stand: FloatArray, proxies: Sequence[FloatArray]) -> FloatArray:
    """The predictors of one target, [n, 2 + p]: the prior, each proxy, and what benchmarks make of them.

    `stand` [n, d] is what `standing` gives; `proxies` are p arrays [n] of raw scores, NaN for models
    that were not scored. The columns:

    - the prior: mean standing, shrunk by d' / (d' + 1) for d' known cells;
    - each proxy, z-scored; a model that was not scored takes what the scored ones pass on to it;
    - the mean proxy passed through the benchmarks: ridge regression of the scored models' proxies
      on their standings. Benchmarks on which models rank as their proxies do on the target weigh
      more in it, so it is a prior made for the target; and it is known for models that were not
      scored, which generalises Eq. 3 and 4.
    """
    known = np.isfinite(stand).sum(axis=1)
    filled = np.nan_to_num(stand, nan=0.0)
    prior = filled.sum(axis=1) / (known + 1.0)
    columns = [prior]
    scaled = [z_scores(p) for p in proxies]
    for each in scaled:
        columns.append(np.where(np.isfinite(each), each, _passed_on(filled, each)))
    if scaled:
        columns.append(_passed_on(filled, _mean(scaled)))
    return np.nan_to_num(z_scores(np.stack(columns, axis=1)), nan=0.0)


def _mean(columns: Sequence[FloatArray]) -> FloatArray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a model without any proxy stays NaN
        mean: FloatArray = np.nanmean(np.stack(columns), axis=0)
    return mean


def _passed_on(stand: FloatArray, proxy: FloatArray) -> FloatArray:
    """Ridge regression of `proxy` [n] (NaN: not scored) on standings [n, d], evaluated for all: [n].

    The ridge is d: as much noise in a proxy as there is signal, under a covariance of models
    stand @ stand.T / d.
    """
    scored = np.isfinite(proxy)
    d = stand.shape[1]
    if d == 0 or not scored.any():
        return np.zeros(len(stand))
    design = stand[scored]
    weights = np.linalg.solve(design.T @ design + d * np.eye(d), design.T @ proxy[scored])
    passed: FloatArray = stand @ weights
    return passed


def proxy_column(values: Mapping[str, float], models: Sequence[str]) -> FloatArray:
    """The raw proxy scores of `models` [n]; NaN where there is none or it is not finite."""
    column = np.array([values.get(m, np.nan) for m in models], dtype=np.float64)
    column[~np.isfinite(column)] = np.nan
    return column
