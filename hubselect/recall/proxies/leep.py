"""LEEP: a New Measure to Evaluate Transferability of Learned Representations (Nguyen et al. 2020)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hubselect.errors import InvalidInput
from hubselect.recall.proxies.base import FloatArray, IntArray, Proxy, Target, checked

# Half-precision heads give probabilities that add up to 1 within a few thousandths.
_TOLERANCE = 1e-2


def leep(
    posterior: npt.ArrayLike, labels: npt.ArrayLike, *, target: Target = "classification", seed: int = 0
) -> float:
    """Mean log-likelihood of the labels under the expected empirical predictor; <= 0, in nats.

    With theta(x) the source head's class probabilities, P(y, z) = mean over examples labelled y
    of theta(x)_z (divided by all n), and P(y | z) = P(y, z) / P(z):
    LEEP = mean_i log sum_z P(y_i | z) theta(x_i)_z. Never NaN: a source class that is never
    predicted drops out of the sum. A head that says nothing about the labels gives minus their
    entropy.

    `posterior` [n, z] rows of probabilities (rescaled to a sum of exactly 1), `labels` [n]
    class numbers, in which classes may be absent. `seed` has no effect. Raises `InvalidInput`
    for NaN, negative probabilities, rows that do not sum to 1 (within 0.01) and the faults
    of `base.checked`.
    """
    return _expected_empirical(*probabilities(posterior, labels, target))


def probabilities(
    posterior: npt.ArrayLike, labels: npt.ArrayLike, target: Target = "classification"
) -> tuple[FloatArray, IntArray, int]:
    """`base.checked` inputs whose rows are probabilities, rescaled to a sum of exactly 1 [n, z]."""
    table, own, classes = checked(posterior, labels, "probabilities", target)
    if table.min() < 0:
        raise InvalidInput("some probabilities are negative", "pass the softmax of the logits")
    totals = table.sum(axis=1, keepdims=True)
    if np.abs(totals - 1.0).max() > _TOLERANCE:
        raise InvalidInput("some probabilities do not sum to 1", "pass the softmax of the logits")
    return table / totals, own, classes


def _expected_empirical(theta: FloatArray, own: IntArray, classes: int) -> float:
    """LEEP of valid probabilities [n, z] and labels 0 .. classes-1, all of which occur: [n]."""
    n = len(theta)
    order = np.argsort(own, kind="stable")
    theta = theta[order]
    bounds = np.searchsorted(own[order], np.arange(classes + 1))
    joint = np.add.reduceat(theta, bounds[:-1], axis=0) / n
    marginal = joint.sum(axis=0)
    conditional = np.zeros_like(joint)
    np.divide(joint, marginal, out=conditional, where=marginal > 0)
    likelihood = np.empty(n)
    for y in range(classes):  # one matrix-vector product per target class: no [n, z] copy
        rows = slice(bounds[y], bounds[y + 1])
        likelihood[rows] = theta[rows] @ conditional[y]
    return min(0.0, float(np.log(likelihood).mean()))


PROXY = Proxy(
    name="leep",
    needs="head",
    normalisation="exp",
    function=leep,
    summary="log-likelihood of the labels given the checkpoint's own predictions (Nguyen et al. 2020)",
    fallback="nleep",
)
