"""Proxy scores to [0, 1], as Eq. 2 needs them.

- "exp": exp(score), for a mean log-likelihood (LEEP, N-LEEP): the typical probability given to the
  right label. In (0, 1]; a model's value does not depend on the others.
- "min-max": (score - lowest) / (highest - lowest) over the models scored, for everything else.
  In [0, 1]; all 1 when all scores are equal, one model included.

Each proxy declares its own (`Proxy.normalisation`); imported proxies that hubselect does not
know get min-max.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from hubselect.errors import InvalidInput
from hubselect.recall.proxies import PROXIES
from hubselect.recall.proxies.base import Normalisation
from hubselect.records import ProxyScore

_ROUNDING = 1e-9  # a log-likelihood may exceed 0 by this much


def declared(scores: Mapping[str, ProxyScore]) -> Normalisation:
    """The one normalisation that all of `scores` declare ("exp" when there are none).

    Raises `InvalidInput` for proxies that share no scale: two normalisations, or min-max of
    two different proxies.
    """
    names = sorted({s.proxy for s in scores.values()})
    kinds: set[Normalisation] = {_of(name) for name in names}
    if len(kinds) > 1 or (kinds == {"min-max"} and len(names) > 1):
        raise InvalidInput(
            f"scores of different proxies cannot be ranked together ({', '.join(names)})",
            "compute one proxy for all representatives",
        )
    return kinds.pop() if kinds else "exp"


def _of(name: str) -> Normalisation:
    """What a proxy declares, under any pooling (`nleep@cls`)."""
    own = name.partition("@")[0]
    return PROXIES[own].normalisation if own in PROXIES else "min-max"


def normalised(scores: Mapping[str, float], how: Normalisation) -> dict[str, float]:
    """Scores by model -> normalised scores by model.

    Raises `InvalidInput` for a score that is not finite, a log-likelihood above 0 under "exp",
    and an unknown normalisation.
    """
    for model, score in scores.items():
        if not math.isfinite(score):
            raise InvalidInput(f"the proxy score of {model} is {score}", "score that model again")
    if how == "exp":
        return {model: _exp(model, score) for model, score in scores.items()}
    if how != "min-max":
        raise InvalidInput(f"there is no normalisation {how!r}", "choose exp or min-max")
    low, high = min(scores.values(), default=0.0), max(scores.values(), default=0.0)
    if high == low:
        return dict.fromkeys(scores, 1.0)
    return {model: (score - low) / (high - low) for model, score in scores.items()}


def _exp(model: str, score: float) -> float:
    if score > _ROUNDING:
        raise InvalidInput(
            f"the proxy score of {model} is {score}, but a mean log-likelihood is never above 0",
            "choose the min-max normalisation",
        )
    return math.exp(min(0.0, score))
