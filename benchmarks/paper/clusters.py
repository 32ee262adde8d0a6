"""Tables I, II, III, X and XI: how models cluster by their results, and by what their cards say.

Two cuts of the average linkage stand side by side. `chosen` is the product's own (best silhouette).
`paper-like` leaves as many clusters per model as the paper has (18 of 40, 11 of 30); singletons, which
Table III is about, exist only there. Silhouettes are the standard coefficient and the paper authors'
variant (b over all outside points), which is the one to compare with the paper.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import Any, Literal

import numpy as np

from benchmarks.paper.cards import Cards, FloatArray
from benchmarks.paper.published import MODELS, TABLE_II
from benchmarks.paper.sources import Zoo, short
from hubselect.knowledge.clusters import chosen_threshold, cluster
from hubselect.knowledge.linkage import cut, tree
from hubselect.knowledge.matrix import PerformanceMatrix
from hubselect.knowledge.placement import ancestors
from hubselect.knowledge.silhouette import silhouette, silhouette_paper
from hubselect.knowledge.similarity import distance_matrix
from hubselect.records import Cluster, Clustering

Method = Literal["average", "kmeans"]
CUTS = ("chosen", "paper-like")
METHODS: tuple[Method, ...] = ("average", "kmeans")
KS = {"text": (5, 10, 15), "image": (3, 4, 5)}
TOP_K = 5


def paper_like_number(kind: str, models: int) -> int:
    """How many clusters `models` would have in the paper: its clusters per model, singletons counted."""
    sizes = TABLE_II[kind]
    clusters = len(sizes) + MODELS[kind] - sum(sizes)
    return max(2, round(models * clusters / MODELS[kind]))


def height_for(distances: FloatArray, number: int) -> float:
    """The lowest cut of the average linkage that leaves `number` clusters (fewer where merges tie)."""
    return float(tree(distances)[len(distances) - number - 1, 2])


def threshold_of(name: str, kind: str, matrix: PerformanceMatrix, top_k: int = TOP_K) -> float:
    if name == "chosen":
        return chosen_threshold(matrix, top_k)
    distances = distance_matrix(matrix.scores, top_k)
    return height_for(distances, paper_like_number(kind, len(distances)))


def clustering(
    zoo: Zoo, matrix: PerformanceMatrix, name: str, method: Method, top_k: int = TOP_K
) -> Clustering:
    """k-means gets as many clusters as the average linkage leaves."""
    at = threshold_of(name, zoo.kind, matrix, top_k)
    return cluster(matrix, task=zoo.task, recipe="paper", threshold=at, top_k=top_k, method=method)


def table_i(zoo: Zoo, cards: Cards) -> dict[str, Any]:
    """Silhouettes by cut, similarity and method; `seeds` are those of the single seeds' matrices, and
    `by results` judges the clusters made from cards by the distances of Eq. 1."""
    return {name: _by_similarity(zoo, cards, name) for name in CUTS}


def _by_similarity(zoo: Zoo, cards: Cards, name: str) -> dict[str, Any]:
    matrix = zoo.matrix.scored()
    found: dict[str, Any] = {"performance": {}}
    for method in METHODS:
        made = clustering(zoo, matrix, name, method)
        seeds = [clustering(zoo, zoo.of_seed(s), name, method) for s in zoo.seeds]
        found["performance"][method] = {
            "standard": made.silhouette,
            "paper": made.silhouette_paper,
            "clusters": len(made.clusters),
            "seeds": [c.silhouette_paper for c in seeds],
        }
    number = found["performance"]["average"]["clusters"]
    results = distance_matrix(matrix.scores, TOP_K)
    for label, vectors in (
        ("card text", cards.vectors(matrix.models)),
        ("card words", cards.bags(matrix.models)),
    ):
        found[label] = {m: _of_texts(matrix.models, vectors, number, m, results) for m in METHODS}
    return found


def _of_texts(
    models: Sequence[str], vectors: FloatArray, number: int, method: Method, results: FloatArray
) -> dict[str, Any]:
    distances: FloatArray = np.maximum(0.0, 1.0 - vectors @ vectors.T).round(12)
    np.fill_diagonal(distances, 0.0)
    if method == "average":
        labels = cut(tree(distances), height_for(distances, number), len(models))
    else:
        table = PerformanceMatrix(tuple(models), tuple(f"{i:04}" for i in range(vectors.shape[1])), vectors)
        made = cluster(table, task="text-classification", recipe="cards", method=method, n_clusters=number)
        labels = labels_of(made.clusters, models)
    return {
        "standard": silhouette(distances, labels),
        "paper": silhouette_paper(distances, labels),
        "clusters": len(np.unique(labels)),
        "by results": silhouette_paper(results, labels),
    }


def labels_of(clusters: Iterable[Cluster], models: Sequence[str]) -> np.typing.NDArray[np.int64]:
    """Cluster ids [n] in the order of `models`."""
    own = {m: c.id for c in clusters for m in c.members}
    return np.array([own[m] for m in models], dtype=np.int64)


def membership(zoo: Zoo, method: Method) -> dict[str, Any]:
    """Tables II and XI: the non-singleton clusters of each cut, and what their members have in common."""
    found = {}
    for name in CUTS:
        clusters = clustering(zoo, zoo.matrix, name, method).clusters
        groups = [c for c in clusters if c.size > 1]
        found[name] = {
            "clusters": len(clusters),
            "non-singleton": len(groups),
            "members": sum(c.size for c in groups),
            "sizes": [c.size for c in groups],
            "groups": [[short(m) for m in sorted(c.members, key=_first(c))] for c in groups],
            "alike": alike(zoo, groups),
        }
    return found


def _first(own: Cluster) -> Any:
    """Representative first, then by name."""
    return lambda model: (model != own.representative, model)


def alike(zoo: Zoo, groups: Sequence[Cluster]) -> dict[str, dict[str, float | None]]:
    """The share of pairs of models that have something in common: within clusters, and of all models."""
    base_of = {m.id: m.base_model for m in zoo.models.values() if m.base_model}
    within = [pair for c in groups for pair in combinations(c.members, 2)]
    everyone = list(combinations(sorted(zoo.models), 2))

    def relatives(a: str, b: str) -> bool:
        return bool(set(ancestors(a, base_of)) & set(ancestors(b, base_of)))

    def architecture(a: str, b: str) -> bool:
        return zoo.models[a].model_type == zoo.models[b].model_type

    def share(same: Any, pairs: Sequence[tuple[str, str]]) -> float | None:
        return sum(same(a, b) for a, b in pairs) / len(pairs) if pairs else None

    return {
        name: {"within": share(same, within), "all": share(same, everyone)}
        for name, same in (("relatives", relatives), ("architecture", architecture))
    }


def table_iii(zoo: Zoo) -> dict[str, Any]:
    """Mean score of models in non-singleton and in singleton clusters, and who is best where."""
    matrix, found = zoo.matrix.scored(), {}
    best = [matrix.models[i] for i in np.nanargmax(matrix.scores, axis=0).tolist()]
    for name in CUTS:
        grouped = {
            m: c.size > 1 for c in clustering(zoo, matrix, name, "average").clusters for m in c.members
        }
        found[name] = {
            label: {
                "models": sum(g == wanted for g in grouped.values()),
                "accuracy": _mean([matrix.mean(m) for m, g in grouped.items() if g == wanted]),
                "best": sum(grouped[m] == wanted for m in best),
            }
            for label, wanted in (("non-singleton", True), ("singleton", False))
        }
    return found


def table_x(zoo: Zoo) -> dict[str, Any]:
    """Silhouettes by the k of Eq. 1; a k beyond the number of datasets takes all of them."""
    return {
        name: {
            str(k): {
                "paper": made.silhouette_paper,
                "standard": made.silhouette,
                "clusters": len(made.clusters),
            }
            for k in KS[zoo.kind]
            for made in [clustering(zoo, zoo.matrix, name, "average", k)]
        }
        for name in CUTS
    }


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None
