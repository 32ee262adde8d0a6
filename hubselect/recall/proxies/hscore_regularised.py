"""Regularised H-score: Newer is not always better (Ibrahim et al. 2022), with Ledoit-Wolf shrinkage."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hubselect.recall.proxies.base import FloatArray, Proxy, Target, checked
from hubselect.recall.proxies.guards import centred, fewer_copies, spectrum
from hubselect.recall.proxies.hscore import between_classes

_ROUNDING = 1e-12


def hscore_regularised(
    features: npt.ArrayLike, labels: npt.ArrayLike, *, target: Target = "classification", seed: int = 0
) -> float:
    """(1 - a) tr(S_a^-1 cov(E[f | y])) with S_a = (1 - a) cov(f) + a mu I; at least 0, no unit.

    mu is the mean variance of the d features and a, in [0, 1], the shrinkage that estimates the
    covariance best (Ledoit and Wolf 2004): many dimensions and few examples give a large one, so
    n <= d needs no other guard, except that copies of an example count once where there are fewer
    than five examples per dimension. As in the reference implementation cov(f) is divided by n and
    cov(E[f | y]) by n - 1. Scale, shift and rotation of the features do not matter; constant
    features and a single class give 0.

    `features` [n, d], `labels` [n] class numbers. `seed` has no effect. Raises `InvalidInput`
    for the faults of `base.checked`.
    """
    table, own, classes = checked(features, labels, "features", target)
    rows = fewer_copies(table, own, kinds=classes)
    table, own = centred(table[rows]), own[rows]
    left, singular = spectrum(table)
    n, d = table.shape
    if len(singular) == 0 or classes == 1:
        return 0.0
    variances = singular**2 / n
    shrinkage = _ledoit_wolf(table, variances)
    shrunk = (1.0 - shrinkage) * variances + shrinkage * variances.sum() / d
    between = between_classes(left * singular, own) / (n - 1)
    return float((1.0 - shrinkage) * (between / shrunk).sum())


def _ledoit_wolf(table: FloatArray, variances: FloatArray) -> float:
    """Optimal shrinkage of the covariance of centred features [n, d] with those eigenvalues [r].

    Lemma 3.2 and 3.3 of Ledoit and Wolf, written without a [d, d] matrix: the squared error of
    the covariance over its squared distance from mu I.
    """
    n, d = table.shape
    squares = (variances**2).sum()
    distance = squares - variances.sum() ** 2 / d
    error = ((table**2).sum(axis=1) ** 2).sum() / n**2 - squares / n
    if distance <= _ROUNDING * squares:
        return 0.0  # cov(f) is mu I already
    return float(np.clip(error / distance, 0.0, 1.0))


PROXY = Proxy(
    name="hscore-reg",
    needs="features",
    normalisation="min-max",
    function=hscore_regularised,
    summary="H-score with a shrunk covariance, for few examples in many dimensions (Ibrahim et al. 2022)",
)
