"""Whose proxies are computed on a target: what has to be downloaded for a recall."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Literal, get_args

from hubselect.errors import InvalidInput
from hubselect.recall.adaptive import first_to_score, next_to_score
from hubselect.recall.coarse import representatives_to_score
from hubselect.recall.methods.base import Evidence, Method, by_record

Scope = Literal["representatives", "adaptive", "top", "all"]
SCOPES: tuple[Scope, ...] = get_args(Scope)

TOP = 7
"""Unless it is said otherwise so many models are scored at most, or a third of the candidates where that is
less, but three anyway (`benchmarks/recall/adaptive.py`, `benchmarks/quality/policies.py`)."""


def default_top(candidates: int) -> int:
    """How many of so many candidates are scored at most where nobody says."""
    return max(3, min(TOP, -(-candidates // 3)))


def models_to_score(evidence: Evidence, scope: Scope, *, top: int | None = None) -> tuple[str, ...]:
    """The candidates whose proxies are to be computed, in the order in which they are wanted.

    "representatives": those of non-singleton clusters, as in the paper; "top": the `top`
    candidates by mean benchmark score, then those without any result, the largest first; "all";
    "adaptive": those to begin with, who is next is told by `next_models`. `top` None: `default_top`.
    Raises `InvalidInput` for an unknown scope and top < 1.
    """
    if scope not in SCOPES:
        raise InvalidInput(f"{scope!r} says not whom to score", f"choose one of {', '.join(SCOPES)}")
    top = _most(evidence, top)
    if top < 1:
        raise InvalidInput(f"{top} models cannot be scored", "give at least 1")
    if scope == "adaptive":
        return first_to_score(evidence)[:top]
    order = sorted(evidence.candidates, key=lambda m: by_record(evidence.prior(m), evidence.size(m), m))
    if scope == "representatives":
        wanted = set(representatives_to_score(evidence.clustering))
        order = [m for m in order if m in wanted]
    elif scope == "top":
        order = order[:top]
    return tuple(order)


def next_models(
    evidence: Evidence, method: Method, scope: Scope, asked: Collection[str], *, top: int | None = None
) -> tuple[str, ...]:
    """Whose proxies to compute now, the models `asked` having been tried; empty when there is nobody left.

    A scope that is fixed from the start is asked for once; "adaptive" looks at what came out so far, and
    tries `top` models at most.
    """
    if scope == "adaptive":
        return next_to_score(evidence, method, asked, most=_most(evidence, top))
    return () if asked else models_to_score(evidence, scope, top=top)


def most_scored(evidence: Evidence, scope: Scope, *, top: int | None = None) -> int:
    """How many models are scored at most."""
    if scope == "adaptive":
        return min(_most(evidence, top), len(evidence.candidates))
    return len(models_to_score(evidence, scope, top=top))


def _most(evidence: Evidence, top: int | None) -> int:
    return default_top(len(evidence.candidates)) if top is None else top


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
