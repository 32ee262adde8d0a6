"""LogME: Practical Assessment of Pre-trained Models for Transfer Learning (You et al. 2021)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hubselect.recall.proxies.base import TARGETS, FloatArray, Proxy, Target
from hubselect.recall.proxies.guards import fewer_copies, spectrum, unit
from hubselect.recall.proxies.outcomes import outcomes

# Range of the ratio lambda, relative to the largest squared singular value. Where features explain
# a label without any error the evidence has no bound: the lower end keeps it finite.
_LOWEST, _HIGHEST = 1e-12, 1e6
_STEPS = 73  # four per decade
_REFINEMENTS, _REFINED = 4, 11
_EXACT = 1e-12  # of a label's squared length: an error below it is rounding


def logme(
    features: npt.ArrayLike, labels: npt.ArrayLike, *, target: Target = "classification", seed: int = 0
) -> float:
    """Log maximum evidence of a Bayesian linear model of the labels, per example, in nats.

    For each column y of the labels (one-vs-rest for classes), with F [n, d] of singular values
    s_i and left vectors u_i, weights ~ N(0, 1/alpha) and noise 1/beta, lambda = alpha / beta:
    log p(y) = -n/2 log(2 pi e v) - 1/2 sum_i log(1 + s_i^2 / lambda), at the best noise variance
    v = (sum_i (u_i y)^2 / (1 + s_i^2 / lambda) + |y|^2 - sum_i (u_i y)^2) / n. The mean over
    columns of the maximum over lambda, divided by n.

    The paper's fixed-point iteration ends near this maximum (1e-4 below it on noise); here it is exact,
    over the rank of the features and not their width, so n <= d needs no special case. There is
    no intercept, as in the paper: the scale and a rotation of the features do not matter, a shift
    does. Where examples are scarce, copies of an example count once: two would look like labels
    without noise. Numbers are standardised, so their unit does not matter. Labels that are all
    the same give 0.

    `features` [n, d]; `labels` class numbers [n], numbers [n] or [n, t], or 0/1 [n, c]. `seed`
    has no effect. Raises `InvalidInput` for NaN and arrays that do not fit.
    """
    data = outcomes(features, labels, target)
    if data.nothing_to_predict:
        return 0.0
    data = data.taken(fewer_copies(data.features, data.columns, kinds=data.kinds))
    left, singular = spectrum(unit(data.features))
    inside = (left.T @ data.columns) ** 2
    total = (data.columns**2).sum(axis=0)
    outside = np.maximum(total - inside.sum(axis=0), _EXACT * total)
    best = [
        _highest_evidence(singular**2, inside[:, t], float(outside[t]), len(data))
        for t in range(inside.shape[1])
    ]
    return float(np.mean(best)) / len(data)


def _highest_evidence(squares: FloatArray, inside: FloatArray, outside: float, n: int) -> float:
    """Maximum over lambda of the log evidence of one column, in nats.

    `squares` [r] are the squared singular values, `inside` [r] the squared projections of the
    column, `outside` what they leave of its squared length. A grid first: there may be two maxima.
    """
    largest = squares[0] if len(squares) else 1.0
    lambdas = np.log(largest * np.geomspace(_LOWEST, _HIGHEST, _STEPS))
    step = lambdas[1] - lambdas[0]
    for _ in range(_REFINEMENTS):
        evidence = _evidence(lambdas, squares, inside, outside, n)
        lambdas = lambdas[evidence.argmax()] + np.linspace(-step, step, _REFINED)
        step = lambdas[1] - lambdas[0]
    return float(_evidence(lambdas, squares, inside, outside, n).max())


def _evidence(
    lambdas: FloatArray, squares: FloatArray, inside: FloatArray, outside: float, n: int
) -> FloatArray:
    """Log evidence at each log lambda [g], the noise variance being the best one for it."""
    growth = 1.0 + np.exp(np.log(squares)[:, None] - lambdas)
    variance = (inside @ (1.0 / growth) + outside) / n
    evidence: FloatArray = -0.5 * (n * np.log(2 * np.pi * np.e * variance) + np.log(growth).sum(axis=0))
    return evidence


PROXY = Proxy(
    name="logme",
    needs="features",
    normalisation="min-max",
    function=logme,
    summary="evidence of a linear model of the labels on the features (You et al. 2021)",
    targets=TARGETS,
)
