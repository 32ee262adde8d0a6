"""Groups of models with similar benchmark results (Sec. III.A), their representatives and stable ids.

Deterministic: models are sorted by id first, ties go to the lower id. Clusters are numbered from
1 by the mean score of their representative, best first (ties: by its id); `inherit_ids` then
carries ids over from an earlier clustering. Models without any score belong to no cluster.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from hubselect.errors import InvalidInput
from hubselect.knowledge.linkage import cut, cut_distances, cut_scores, tree
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

# Up to so many models all pairs of distances are held (0.6 GB); beyond, distances are computed
# within connected components only and no silhouette, which needs all pairs, is given.
ALL_PAIRS = 5_000


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

    `average`: average linkage on 1 - Eq. 1, cut at `threshold` (a merge at the threshold counts),
    each connected component of {distance <= threshold} on its own (`linkage`).
    `kmeans`: k-means on the rows, a missing score filled with its dataset's mean; `n_clusters`
    defaults to the number of clusters of the average-linkage cut at the same threshold.
    `threshold` None: `best_threshold`, a cut chosen by the data. The record holds the threshold
    that was used, or None when k-means was given `n_clusters` alone. Of more than 5,000 models a
    threshold is chosen by 5,000 of them, evenly spaced by id, and the silhouettes are None.

    Any number of models works, none included. Raises `InvalidInput` for a negative or non-finite
    threshold, top_k < 1, min_overlap < 1, n_clusters < 1 or beyond the number of models.
    """
    _check(threshold, method, n_clusters)
    matrix = matrix.scored()
    if n_clusters is not None and n_clusters > len(matrix.models):
        raise InvalidInput(f"{n_clusters} clusters of {len(matrix.models)} models", "ask for fewer clusters")
    whole = len(matrix.models) <= ALL_PAIRS
    distances = distance_matrix(matrix.scores, top_k, min_overlap) if whole else None
    if threshold is None and n_clusters is None:
        threshold = chosen_threshold(matrix, top_k, min_overlap)
    if n_clusters is None:
        at = PUBLISHED_CUT if threshold is None else threshold
        if distances is not None:
            labels = cut_distances(distances, at)
        else:
            labels = cut_scores(matrix.scores, at, top_k, min_overlap)
    if method == "kmeans":
        labels = _kmeans(matrix.scores, n_clusters or len(np.unique(labels)), seed)
    return Clustering(
        task=task,
        recipe=recipe,
        threshold=threshold,
        top_k=top_k,
        method=method,
        clusters=_numbered(matrix, labels),
        silhouette=silhouette(distances, labels) if distances is not None else None,
        silhouette_paper=(silhouette_paper(distances, labels) if distances is not None else None),
    )


def chosen_threshold(matrix: PerformanceMatrix, top_k: int = 5, min_overlap: int | None = None) -> float:
    """`best_threshold` of the models of `matrix` that have a score, or of 5,000 evenly spaced ones."""
    return best_threshold(distance_matrix(_spaced(matrix.scored().scores), top_k, min_overlap))


def best_threshold(distances: FloatArray, merges: FloatArray | None = None) -> float:
    """The merge height whose cut has the best standard silhouette (ties: the lowest height).

    Candidates leave at least two clusters, one of them non-singleton, and none that holds more
    than two thirds of the models: the silhouette alone favours one big cluster beside a few
    outliers (37 + 2 on the published text matrix), whose one proxy score would say nothing.
    When that leaves no candidate the limit on the size is dropped, and without any candidate
    the answer is `PUBLISHED_CUT`.

    `distances` [n, n]; `merges` is their average linkage, computed when not given. Of more than
    200 heights, 200 evenly spaced ones are tried.
    """
    if merges is None:
        merges = tree(distances)
    heights = np.unique(merges[:, 2])
    if len(heights) > _MAX_CUTS:
        heights = heights[np.linspace(0, len(heights) - 1, _MAX_CUTS).round().astype(np.intp)]
    best, threshold = (False, -math.inf), PUBLISHED_CUT
    for height in heights.tolist():
        labels = cut(merges, height, len(distances))
        score = silhouette(distances, labels)
        if score is None:
            continue
        balanced = bool(np.bincount(labels).max() <= _LARGEST_SHARE * len(labels))
        if (balanced, round(score, 12)) > best:
            best, threshold = (balanced, round(score, 12)), height
    return float(threshold)


def inherit_ids(previous: Clustering | None, new: Clustering, highest: int = 0) -> Clustering:
    """`new` with the ids of `previous` wherever a cluster lives on, as `carried_ids` says.

    `highest` is the highest id ever given, so that fresh ids never repeat a retired one. Clusters
    are returned in order of id.
    """
    if previous is None or not (previous.clusters or highest):
        return new
    ids = carried_ids(previous.clusters, new.clusters, highest)
    renamed = (replace(c, id=ids[c.id]) for c in new.clusters)
    return replace(new, clusters=tuple(sorted(renamed, key=lambda c: c.id)))


def carried_ids(old: Sequence[Cluster], new: Sequence[Cluster], highest: int = 0) -> Mapping[int, int]:
    """The lasting id of every cluster of `new`, by the id it has there.

    Pairs of an old and a new cluster are taken by number of shared members, largest first (ties:
    lower old id, then lower new id), each cluster once; the new one inherits the old one's id.
    The others get fresh ids above `highest` and above those of `old`, in the order of their own.
    """
    old_of = {member: c.id for c in old for member in c.members}
    shared: dict[tuple[int, int], int] = defaultdict(int)
    for c in new:
        for member in c.members:
            if member in old_of:
                shared[old_of[member], c.id] += 1
    inherited: dict[int, int] = {}
    taken: set[int] = set()
    for (of_old, own), _ in sorted(shared.items(), key=lambda item: (-item[1], item[0])):
        if own not in inherited and of_old not in taken:
            inherited[own] = of_old
            taken.add(of_old)
    fresh = max([highest, *(c.id for c in old)])
    for own in sorted(c.id for c in new):
        if own not in inherited:
            fresh += 1
            inherited[own] = fresh
    return inherited


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


def _spaced(scores: FloatArray) -> FloatArray:
    """At most `ALL_PAIRS` rows, evenly spaced."""
    if len(scores) <= ALL_PAIRS:
        return scores
    return scores[np.linspace(0, len(scores) - 1, ALL_PAIRS).round().astype(np.intp)]


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
