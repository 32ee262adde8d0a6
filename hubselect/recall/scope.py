"""Whose proxies are computed on a target: what has to be downloaded for a recall."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal, get_args

from hubselect.errors import InvalidInput
from hubselect.recall.coarse import representatives_to_score
from hubselect.recall.methods.base import Evidence

Scope = Literal["representatives", "top", "all"]
SCOPES: tuple[Scope, ...] = get_args(Scope)


def models_to_score(
    evidence: Evidence,
    scope: Scope,
    *,
    top: int = 10,
    sizes: Mapping[str, int] | None = None,
    limit: int | None = None,
) -> tuple[str, ...]:
    """The candidates whose proxies are to be computed, in the order in which they are wanted.

    "representatives": those of non-singleton clusters, as in the paper; "top": the `top`
    candidates by mean benchmark score; "all". `limit` bounds the sum of `sizes` (bytes by
    model; 0 for what needs no download): a model that does not fit, or whose size is not known, is
    left out, and so on down the list. Raises `InvalidInput` for an unknown scope and top < 1.
    """
    if scope not in SCOPES:
        raise InvalidInput(f"{scope!r} says not whom to score", f"choose one of {', '.join(SCOPES)}")
    if top < 1:
        raise InvalidInput(f"{top} models cannot be scored", "give at least 1")
    order = sorted(evidence.candidates, key=lambda m: (_worst_first(evidence.prior(m)), m))
    if scope == "representatives":
        wanted = set(representatives_to_score(evidence.clustering))
        order = [m for m in order if m in wanted]
    elif scope == "top":
        order = order[:top]
    if limit is None:
        return tuple(order)
    chosen, left = [], limit
    for model in order:
        size = (sizes or {}).get(model)
        if size is not None and size <= left:
            chosen.append(model)
            left -= size
    return tuple(chosen)


def _worst_first(prior: float) -> float:
    return math.inf if math.isnan(prior) else -prior
