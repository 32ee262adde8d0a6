"""N-LEEP: LEEP for checkpoints without a classification head (Li et al. 2021, Ranking Neural Checkpoints).

The head's classes are replaced by the components of a Gaussian mixture over the features.
"""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt

from hubselect.recall.proxies.base import FloatArray, Proxy, Target, checked
from hubselect.recall.proxies.guards import ENOUGH, centred, spectrum
from hubselect.recall.proxies.leep import leep

_VARIANCE = 0.8  # kept by PCA, as in the paper
_COMPONENTS_PER_CLASS = 5  # as in the paper
_RIDGE = 1e-4  # added to the variances of components, whose data has unit scale
# Guards against memorising few examples, which the paper's thousands never needed: below this
# many examples per component a component can own single examples and LEEP rises towards 0.
_EXAMPLES_PER_COMPONENT = 8


def nleep(
    features: npt.ArrayLike, labels: npt.ArrayLike, *, target: Target = "classification", seed: int = 0
) -> float:
    """LEEP of the posterior over Gaussian components; <= 0, in nats, never NaN.

    PCA keeps 80 % of the variance; the mixture (full covariances) has 5 components per target
    class, at most one per 8 examples and no more than there are distinct examples; then `leep`.
    Constant features, or too few examples for two components, say nothing about the labels:
    minus their entropy. The features' scale and a shift of them do not matter.

    `features` [n, d], `labels` [n] class numbers; n <= d is fine. `seed` starts the mixture.
    Raises `InvalidInput` for the faults of `base.checked`.
    """
    table, own, classes = checked(features, labels, "features", target)
    reduced = _principal(table)
    components = min(_COMPONENTS_PER_CLASS * classes, len(table) // _EXAMPLES_PER_COMPONENT)
    if components >= 2 and reduced.shape[1] > 0:
        components = min(components, len(np.unique(reduced.round(9), axis=0)))
    if components < 2 or reduced.shape[1] == 0:
        return leep(np.ones((len(table), 1)), own)
    return leep(_posterior(reduced, components, seed), own)


def _principal(features: FloatArray) -> FloatArray:
    """Principal components [n, r] that hold 80 % of the variance, at unit scale; r = 0 if constant.

    At most one per five examples: a covariance of more directions has nothing to rest on.
    """
    left, singular = spectrum(centred(features))
    if len(singular) == 0:
        return features[:, :0]
    variance = singular**2
    enough = int(np.searchsorted(np.cumsum(variance) / variance.sum(), _VARIANCE)) + 1
    kept = min(enough, max(1, len(features) // ENOUGH))
    components = left[:, :kept] * singular[:kept]
    scaled: FloatArray = components / components.std()
    return scaled


def _posterior(reduced: FloatArray, components: int, seed: int) -> FloatArray:
    """Probabilities [n, components] of a Gaussian mixture fitted to `reduced` [n, r]."""
    from sklearn.exceptions import ConvergenceWarning  # here, because it takes a second to import
    from sklearn.mixture import GaussianMixture

    mixture = GaussianMixture(components, reg_covar=_RIDGE, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # an early stop still gives a posterior
        posterior: FloatArray = mixture.fit(reduced).predict_proba(reduced)
    return posterior


PROXY = Proxy(
    name="nleep",
    needs="features",
    normalisation="exp",
    function=nleep,
    summary="LEEP over a Gaussian mixture of the features, for checkpoints without a head (Li et al. 2021)",
)
