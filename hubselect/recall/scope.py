"""Whose proxies are computed on a target: what has to be downloaded for a recall."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, get_args

from hubselect.errors import InvalidInput
from hubselect.recall.coarse import representatives_to_score
from hubselect.recall.methods.base import Evidence, by_record

Scope = Literal["representatives", "top", "all"]
SCOPES: tuple[Scope, ...] = get_args(Scope)


def models_to_score(evidence: Evidence, scope: Scope, *, top: int = 10) -> tuple[str, ...]:
    """The candidates whose proxies are to be computed, in the order in which they are wanted.

    "representatives": those of non-singleton clusters, as in the paper; "top": the `top`
    candidates by mean benchmark score, then those without any result, the largest first; "all".
    Raises `InvalidInput` for an unknown scope and top < 1.
    """
    if scope not in SCOPES:
        raise InvalidInput(f"{scope!r} says not whom to score", f"choose one of {', '.join(SCOPES)}")
    if top < 1:
        raise InvalidInput(f"{top} models cannot be scored", "give at least 1")
    order = sorted(evidence.candidates, key=lambda m: by_record(evidence.prior(m), evidence.size(m), m))
    if scope == "representatives":
        wanted = set(representatives_to_score(evidence.clustering))
        order = [m for m in order if m in wanted]
    elif scope == "top":
        order = order[:top]
    return tuple(order)


def fitting(models: Iterable[str], sizes: Mapping[str, int], limit: int) -> tuple[str, ...]:
    """Those of `models`, in their order, whose `sizes` (bytes by model; 0 for what needs no download)
    add up to `limit` at most: one that does not fit, or whose size is not known, is passed over."""
    chosen, left = [], limit
    for model in models:
        size = sizes.get(model)
        if size is not None and size <= left:
            chosen.append(model)
            left -= size
    return tuple(chosen)
