"""Coarse recall (Sec. III.B): rank every known model for a dataset from a few proxy scores.

A proxy score is computed only for the representatives of non-singleton clusters. With p the
normalised proxy score and acc(m) the mean benchmark score of m:

    Eq. 3   m in a non-singleton cluster:  acc(m) * p(representative of its cluster)
    Eq. 4   m alone in its cluster:        acc(m) * mean over the non-singleton clusters C of
                                           sim(m, representative of C) * p(representative of C)
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from hubselect.errors import InvalidInput
from hubselect.knowledge.matrix import FloatArray, PerformanceMatrix
from hubselect.knowledge.similarity import similarity_row
from hubselect.recall.normalise import declared, normalised
from hubselect.recall.proxies.base import Normalisation
from hubselect.records import Cluster, Clustering, ProxyScore, Recalled

PROPAGATED = "propagated"


def representatives_to_score(clustering: Clustering) -> tuple[str, ...]:
    """The only models whose proxy score recall uses, hence the only ones to download for it."""
    return tuple(c.representative for c in clustering.clusters if c.size > 1)


def recall(
    matrix: PerformanceMatrix,
    clustering: Clustering,
    proxies: Mapping[str, ProxyScore],
    *,
    k: int | None = None,
    top_k: int | None = None,
    normalise: Normalisation | None = None,
    min_overlap: int | None = None,
) -> list[Recalled]:
    """The models of `matrix`, best first: the top `k`, or all for None.

    `proxies` holds the target's proxy scores by representative; others are ignored, and so is a
    score of NaN. A non-singleton cluster whose representative has none (its checkpoint was
    broken) is treated as singletons: Eq. 4 over the clusters that have one. Models that
    `clustering` does not know are singletons too. Without any usable proxy score the ranking is
    by acc(m) alone and every `proxy_score` and `proxy_origin` is None.

    `top_k` and `min_overlap` are those of Eq. 1 (default: the clustering's top_k);
    `normalise` defaults to what the proxy declares. Models without a score in the matrix
    are left out. Ties: the higher acc(m), then the lower id.

    Under Eq. 4 `proxy_score` is None and `proxy_origin` "propagated". Raises `InvalidInput` for
    k < 1, infinite proxy scores and scores of proxies that share no scale.
    """
    if k is not None and k < 1:
        raise InvalidInput(f"{k} models were asked for", "recall at least one: -k 1")
    matrix = matrix.scored()
    scored = _scored_clusters(clustering, proxies)
    used = {c.representative: proxies[c.representative] for c in scored}
    weights = normalised({m: s.score for m, s in used.items()}, normalise or declared(used))
    top_k = clustering.top_k if top_k is None else top_k
    spread = _propagated(matrix, weights, top_k, min_overlap)
    cluster_of = {member: c for c in clustering.clusters for member in c.members}
    origin = PROPAGATED if used else None
    ranked = []
    for model, prior, factor in zip(matrix.models, matrix.means.tolist(), spread.tolist(), strict=True):
        own = cluster_of.get(model)
        cluster_id, best = (own.id, own.representative) if own is not None else (None, None)
        if own is not None and own.size > 1 and own.representative in used:
            score, recall_score = used[own.representative], prior * weights[own.representative]
            entry = Recalled(model, recall_score, prior, score.score, cluster_id, best, score.origin)
        else:
            entry = Recalled(model, prior * factor, prior, None, cluster_id, best, origin)
        ranked.append(entry)
    ranked.sort(key=lambda r: (-r.recall_score, -r.prior, r.model))
    return ranked[:k]


def _scored_clusters(clustering: Clustering, proxies: Mapping[str, ProxyScore]) -> list[Cluster]:
    """The non-singleton clusters whose representative has a proxy score: C_non of Eq. 4."""
    return [
        c
        for c in clustering.clusters
        if c.size > 1 and c.representative in proxies and not math.isnan(proxies[c.representative].score)
    ]


def _propagated(
    matrix: PerformanceMatrix, weights: Mapping[str, float], top_k: int, min_overlap: int | None
) -> FloatArray:
    """The mean of Eq. 4 for every model of the matrix [n]; 1 when nothing is to be passed on.

    A representative without a score in the matrix is comparable with no model: similarity 0.
    """
    if not weights:
        return np.ones(len(matrix.models))
    total = np.zeros(len(matrix.models))
    for representative, weight in sorted(weights.items()):
        if representative in matrix:
            total += weight * similarity_row(matrix.row(representative), matrix.scores, top_k, min_overlap)
    return total / len(weights)
