"""Groups of models with similar benchmark results (Sec. III.A), their representatives and stable ids.

Deterministic: models are sorted by id first, ties go to the lower id. Clusters are numbered from
1 by the mean score of their representative, best first (ties: by its id); `inherit_ids` then
carries ids over from an earlier clustering. Models without any score belong to no cluster.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from hubselect.errors import InvalidInput
from hubselect.knowledge.matrix import PerformanceMatrix
from hubselect.knowledge.silhouette import silhouette, silhouette_paper
from hubselect.knowledge.similarity import distance_matrix
from hubselect.records import Cluster, Clustering, Task

FloatArray = npt.NDArray[np.float64]
Labels = npt.NDArray[np.intp]

# The paper's cut for text models: used when no cut has a silhouette (fewer than three models, or
# all at one distance), where the data cannot choose.
PUBLISHED_CUT = 0.09

_LARGEST_SHARE = 2 / 3  # of the models in one cluster, for a cut chosen by the data
_MAX_CUTS = 200  # thresholds tried at most, evenly spaced among the merges
_ROUNDING = 1e-12  # a merge height that equals the threshold on paper counts as reached


def cluster(
    matrix: PerformanceMatrix,
    *,
    task: Task,
    recipe: str,
    threshold: float | None = None,
    top_k: int = 5,
    method: Literal["average", "kmeans"] = "average",
    n_clusters: int | None = None,
    seed: int = 0,
    min_overlap: int | None = None,
) -> Clustering:
    """Cluster the models of `matrix` that have a score.

    `average`: average linkage on 1 - Eq. 1, cut at `threshold` (a merge at the threshold counts).
    `kmeans`: k-means on the rows, a missing score filled with its dataset's mean; `n_clusters`
    defaults to the number of clusters of the average-linkage cut at the same threshold.
    `threshold` None: `best_threshold`, a cut chosen by the data. The record holds the threshold
    that was used, or None when k-means was given `n_clusters` alone.

    Any number of models works, none included. Raises `InvalidInput` for a negative or non-finite
    threshold, top_k < 1, min_overlap < 1, n_clusters < 1 or beyond the number of models.
    """
    _check(threshold, method, n_clusters)
    matrix = matrix.scored()
    distances = distance_matrix(matrix.scores, top_k, min_overlap)
    tree = _tree(distances)
    if threshold is None and n_clusters is None:
        threshold = best_threshold(distances, tree)
    if method == "average":
        labels = _cut(tree, PUBLISHED_CUT if threshold is None else threshold, len(matrix.models))
    else:
        if n_clusters is None:
            cut = _cut(tree, PUBLISHED_CUT if threshold is None else threshold, len(matrix.models))
            n_clusters = len(set(cut.tolist()))
        elif n_clusters > len(matrix.models):
            raise InvalidInput(
                f"{n_clusters} clusters of {len(matrix.models)} models", "ask for fewer clusters"
            )
        labels = _kmeans(matrix.scores, n_clusters, seed)
    return Clustering(
        task=task,
        recipe=recipe,
        threshold=threshold,
        top_k=top_k,
        method=method,
        clusters=_numbered(matrix, labels),
        silhouette=silhouette(distances, labels),
        silhouette_paper=silhouette_paper(distances, labels),
    )


def best_threshold(distances: FloatArray, tree: FloatArray | None = None) -> float:
    """The merge height whose cut has the best standard silhouette (ties: the lowest height).

    Candidates leave at least two clusters, one of them non-singleton, and none that holds more
    than two thirds of the models: the silhouette alone favours one big cluster beside a few
    outliers (37 + 2 on the published text matrix), whose one proxy score would say nothing.
    When that leaves no candidate the limit on the size is dropped, and without any candidate
    the answer is `PUBLISHED_CUT`.

    `distances` [n, n]; `tree` is their average linkage, computed when not given. Of more than
    200 heights, 200 evenly spaced ones are tried.
    """
    if tree is None:
        tree = _tree(distances)
    heights = np.unique(tree[:, 2])
    if len(heights) > _MAX_CUTS:
        heights = heights[np.linspace(0, len(heights) - 1, _MAX_CUTS).round().astype(np.intp)]
    best, threshold = (False, -math.inf), PUBLISHED_CUT
    for height in heights.tolist():
        labels = _cut(tree, height, len(distances))
        score = silhouette(distances, labels)
        if score is None:
            continue
        balanced = bool(np.bincount(labels).max() <= _LARGEST_SHARE * len(labels))
        if (balanced, round(score, 12)) > best:
            best, threshold = (balanced, round(score, 12)), height
    return float(threshold)


def inherit_ids(previous: Clustering | None, new: Clustering) -> Clustering:
    """`new` with the ids of `previous` wherever a cluster lives on.

    Pairs of an old and a new cluster are taken by number of shared members, largest first (ties:
    lower old id, then lower new id), each cluster once; the new one inherits the old one's id.
    The others get fresh ids above the highest of `previous`, in the order of their own.
    Clusters are returned in order of id.
    """
    if previous is None or not previous.clusters:
        return new
    old_of = {member: c.id for c in previous.clusters for member in c.members}
    shared: dict[tuple[int, int], int] = defaultdict(int)
    for c in new.clusters:
        for member in c.members:
            if member in old_of:
                shared[old_of[member], c.id] += 1
    inherited: dict[int, int] = {}
    for (old, own), _ in sorted(shared.items(), key=lambda item: (-item[1], item[0])):
        if own not in inherited and old not in inherited.values():
            inherited[own] = old
    fresh = max(c.id for c in previous.clusters)
    for c in sorted(new.clusters, key=lambda c: c.id):
        if c.id not in inherited:
            fresh += 1
            inherited[c.id] = fresh
    renamed = (replace(c, id=inherited[c.id]) for c in new.clusters)
    return replace(new, clusters=tuple(sorted(renamed, key=lambda c: c.id)))


def representative(members: Iterable[str], matrix: PerformanceMatrix) -> str:
    """The member with the highest mean score; of equal ones the lowest id."""
    return min(members, key=lambda m: (-round(matrix.mean(m), 12), m))


def _check(threshold: float | None, method: str, n_clusters: int | None) -> None:
    if method not in ("average", "kmeans"):
        raise InvalidInput(f"no clustering method {method!r}", "choose average or kmeans")
    if threshold is not None and not (math.isfinite(threshold) and threshold >= 0):
        raise InvalidInput(f"the threshold is {threshold}", "give a distance, for example 0.09")
    if n_clusters is not None and n_clusters < 1:
        raise InvalidInput(f"{n_clusters} clusters were asked for", "ask for at least one")
    if n_clusters is not None and method == "average":
        raise InvalidInput("average linkage is cut by a threshold, not by n_clusters", "use method kmeans")


def _tree(distances: FloatArray) -> FloatArray:
    """Average linkage of `distances` [n, n]: scipy's linkage matrix [n - 1, 4]."""
    if len(distances) < 2:
        return np.empty((0, 4))
    tree: FloatArray = linkage(squareform(distances, checks=False), method="average")
    return tree


def _cut(tree: FloatArray, threshold: float, n: int) -> Labels:
    """Labels [n] of the clusters left when every merge at or below `threshold` is made."""
    if n < 2:
        return np.zeros(n, dtype=np.intp)
    labels: Labels = fcluster(tree, threshold + _ROUNDING, criterion="distance").astype(np.intp)
    return labels


def _kmeans(scores: FloatArray, n_clusters: int, seed: int) -> Labels:
    """k-means labels of the rows; a missing score counts as the mean of its column."""
    from sklearn.cluster import KMeans  # here, because it takes a second to import and few need it

    known = ~np.isnan(scores)
    table = scores[:, known.any(axis=0)]
    known = known[:, known.any(axis=0)]
    means = np.where(known, table, 0.0).sum(axis=0) / known.sum(axis=0)
    filled = np.where(known, table, means)
    distinct = len(np.unique(filled, axis=0))
    if distinct < 2:
        return np.zeros(len(scores), dtype=np.intp)
    model = KMeans(min(n_clusters, distinct), n_init=10, random_state=seed)
    labels: Labels = model.fit_predict(filled).astype(np.intp)
    return labels


def _numbered(matrix: PerformanceMatrix, labels: Labels) -> tuple[Cluster, ...]:
    groups: dict[int, list[str]] = defaultdict(list)
    for model, label in zip(matrix.models, labels.tolist(), strict=True):
        groups[label].append(model)
    chosen = [(representative(members, matrix), tuple(sorted(members))) for members in groups.values()]
    chosen.sort(key=lambda pair: (-round(matrix.mean(pair[0]), 12), pair[0]))
    return tuple(Cluster(i, best, members) for i, (best, members) in enumerate(chosen, start=1))
