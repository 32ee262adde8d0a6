"""TransRate: Frustratingly Easy Transferability Estimation (Huang et al. 2022)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hubselect.recall.proxies.base import FloatArray, IntArray, Proxy, Target, checked
from hubselect.recall.proxies.guards import ENOUGH, centred, fewer_copies, spectrum

DISTORTION = 1e-4  # the paper's epsilon
_LEAST = 2  # components, however few the examples of a class


def transrate(
    features: npt.ArrayLike, labels: npt.ArrayLike, *, target: Target = "classification", seed: int = 0
) -> float:
    """Mutual information of features and classes as a difference of coding rates, in nats.

    `coding_rate_reduction` of the features at unit variance: the paper's distortion is absolute,
    so without it a checkpoint with larger numbers would win. A class of fewer examples than
    dimensions has a low rate whatever its features say. So where there are fewer than five
    examples per dimension and class, copies count once and only the largest principal components
    are used: one per five examples of a class, at least two. Scale, shift and rotation of the features
    do not matter; constant features and a single class give 0.

    `features` [n, d], `labels` [n] class numbers. `seed` has no effect. Raises `InvalidInput`
    for the faults of `base.checked`.
    """
    table, own, classes = checked(features, labels, "features", target)
    rows = fewer_copies(table, own, kinds=classes)
    left, singular = spectrum(centred(table[rows]))
    own = own[rows]
    if len(singular) == 0:
        return 0.0
    most = max(_LEAST, len(own) // (ENOUGH * classes))
    components = (left * singular)[:, :most]
    return coding_rate_reduction(components / components.std(), own)


def coding_rate_reduction(features: FloatArray, own: IntArray, distortion: float = DISTORTION) -> float:
    """R(Z) - sum_c n_c / n R(Z_c) of features [n, d] and class numbers [n], in nats.

    R(Z) = 1/2 log det(I + Z'Z / (n distortion)); Z is centred over all examples, not by class.
    """
    table = features - features.mean(axis=0)
    within = [_rate(table[own == c], distortion) * np.mean(own == c) for c in np.unique(own)]
    return _rate(table, distortion) - float(np.sum(within))


def _rate(table: FloatArray, distortion: float) -> float:
    """Coding rate of [n, d], by whichever Gram matrix is smaller."""
    gram = table.T @ table if table.shape[0] > table.shape[1] else table @ table.T
    return 0.5 * float(np.linalg.slogdet(np.eye(len(gram)) + gram / (len(table) * distortion))[1])


PROXY = Proxy(
    name="transrate",
    needs="features",
    normalisation="min-max",
    function=transrate,
    summary="how many fewer nats code the features once the classes are known (Huang et al. 2022)",
)
