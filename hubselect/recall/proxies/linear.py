"""Linear probe: held-out accuracy of ridge regression on frozen features (Alain and Bengio 2016)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hubselect.recall.proxies.base import TARGETS, FloatArray, IntArray, Proxy, Target
from hubselect.recall.proxies.guards import centred, independent, spectrum
from hubselect.recall.proxies.outcomes import Outcomes, outcomes
from hubselect.recall.proxies.quality import quality

_FOLDS = 5
_PENALTIES = np.geomspace(1e-6, 10.0, 8)  # of the sum of squared singular values

_RELATIVE_NOISE = 1e-12  # of the largest squared singular value


def linear(
    features: npt.ArrayLike, labels: npt.ArrayLike, *, target: Target = "classification", seed: int = 0
) -> float:
    """Five-fold cross-validated quality of a ridge regression of the label columns on the features.

    Accuracy in [0, 1] (classification), its mean over labels (multi-label) or the mean over
    numbers of R2 (regression; at most 1, below 0 when the mean of all would do better): see
    `quality.quality`. Features are standardised over the sample and there is an intercept, so
    shift and scale of each feature do not matter. Of eight penalties the one with the smallest
    held-out squared error is taken. The held-out predictions are exactly those of a refit without
    the fold, from one decomposition: y_F - (I - H_FF)^-1 (y - H y)_F with H the hat matrix.

    Folds hold each class in equal shares, drawn by `seed`. Copies of an example count once
    (`guards.independent`), so none is predicted from itself. Constant features predict what is
    most frequent; of a single class everything is right: 1.

    `features` [n, d]; `labels` class numbers [n], numbers [n] or [n, t], or 0/1 [n, c]. Raises
    `InvalidInput` for NaN and arrays that do not fit.
    """
    data = outcomes(features, labels, target)
    if data.nothing_to_predict:
        return 0.0 if target == "regression" else 1.0
    data = data.taken(independent(data.features, data.columns, kinds=data.kinds))
    left, squares = _spectrum(_standardised(data.features))
    folds = _folds(data, seed)
    best, least = 0.0, np.inf
    for penalty in _PENALTIES:
        shrinkage = squares / (squares + penalty * squares.sum())
        predicted = _held_out(left, shrinkage, data.columns, folds)
        error = float(((predicted - data.columns) ** 2).sum())
        if error < least:
            best, least = quality(predicted, data), error
    return best


def _standardised(features: FloatArray) -> FloatArray:
    """Features with mean 0 and variance 1, over the width [n, d]; constant ones are left out."""
    table = centred(features)
    deviation = table.std(axis=0)
    kept = deviation > 0
    standardised: FloatArray = table[:, kept] / (deviation[kept] * np.sqrt(table.size))
    return standardised if kept.any() else table[:, :1]


def _spectrum(table: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Left singular vectors [n, r] and squared singular values [r].

    Wide tables by way of their Gram matrix, three times as fast: what it loses in the smallest
    values lies far below the smallest penalty.
    """
    if table.shape[0] >= table.shape[1]:
        left, singular = spectrum(table)
        return left, singular**2
    squares, left = np.linalg.eigh(table @ table.T)
    kept = squares > _RELATIVE_NOISE * squares[-1]
    return left[:, kept], squares[kept]


def _folds(data: Outcomes, seed: int) -> list[IntArray]:
    """The rows of each fold: examples in random order, class after class, dealt out in turn."""
    shuffled = np.random.default_rng(seed).permutation(len(data))
    if data.classes is not None:
        _, first, own = np.unique(data.classes, return_index=True, return_inverse=True)
        shuffled = shuffled[np.argsort(first[own][shuffled], kind="stable")]  # whatever classes are called
    count = min(_FOLDS, len(data))
    return [np.sort(shuffled[fold::count]) for fold in range(count)]


def _held_out(
    left: FloatArray, shrinkage: FloatArray, columns: FloatArray, folds: list[IntArray]
) -> FloatArray:
    """Predictions [n, t] for every fold by the fit to the others."""
    n = len(columns)
    residuals = columns - columns.mean(axis=0) - (left * shrinkage) @ (left.T @ columns)
    predicted = np.empty_like(columns)
    for rows in folds:
        hat = (left[rows] * shrinkage) @ left[rows].T + 1.0 / n
        errors = np.linalg.solve(np.eye(len(rows)) - hat, residuals[rows])
        predicted[rows] = columns[rows] - errors
    return predicted


PROXY = Proxy(
    name="linear",
    needs="features",
    normalisation="min-max",
    function=linear,
    summary="held-out accuracy (R2 for numbers) of a linear probe: ridge regression, five folds",
    targets=TARGETS,
)
