"""H-score: An Information-Theoretic Approach to Transferability (Bao et al. 2019)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hubselect.recall.proxies.base import FloatArray, IntArray, Proxy, Target, checked
from hubselect.recall.proxies.guards import ENOUGH, centred, fewer_copies, spectrum


def hscore(
    features: npt.ArrayLike, labels: npt.ArrayLike, *, target: Target = "classification", seed: int = 0
) -> float:
    """tr(cov(f)^-1 cov(E[f | y])): the between-class share of the variance; 0 to c - 1, no unit.

    It is the sum of the squared canonical correlations of features and classes: c - 1 when the
    features tell all c classes apart linearly, 0 for constant features or a single class. Any
    invertible linear map of the features leaves it as it is.

    With as many dimensions as examples every checkpoint would get c - 1. So where there are fewer
    than five examples per dimension, copies count once and only the largest principal components
    are used: one per five examples, at least c.

    `features` [n, d], `labels` [n] class numbers. `seed` has no effect. Raises `InvalidInput`
    for the faults of `base.checked`.
    """
    table, own, classes = checked(features, labels, "features", target)
    rows = fewer_copies(table, own, kinds=classes)
    table, own = table[rows], own[rows]
    left, _ = spectrum(centred(table))
    if left.shape[1] * ENOUGH > len(table):
        left = left[:, : max(classes, len(table) // ENOUGH)]
    return float(between_classes(left, own).sum())


def between_classes(scores: FloatArray, own: IntArray) -> FloatArray:
    """Squared class means summed over the examples: sum_c n_c mean_c(scores)^2, per column [r]."""
    counts = np.bincount(own)
    sums = np.eye(len(counts))[:, own] @ scores
    per_class: FloatArray = (sums**2 / np.maximum(counts, 1)[:, None]).sum(axis=0)
    return per_class


PROXY = Proxy(
    name="hscore",
    needs="features",
    normalisation="min-max",
    function=hscore,
    summary="share of the features' variance that lies between the classes (Bao et al. 2019)",
)
