"""Average linkage, cut at a threshold, one connected component at a time.

Two models are neighbours when their distance is at most the threshold. Average linkage cut there
never merges across the connected components of this graph (the mean of distances that all
exceed the threshold exceeds it), so every component is linked on its own: by scipy's average
linkage, its models in order of id. Where distances tie, the linkage of a whole matrix depends on
the order of all its models; linked by component, a cluster depends on nothing outside its
component, so a model that arrives elsewhere never changes it.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial.distance import squareform

from hubselect.errors import InvalidInput
from hubselect.knowledge.similarity import distance_matrix, distance_pairs, distance_row

FloatArray = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]

ROUNDING = 1e-12  # a merge height that equals the threshold on paper counts as reached

# Linking n models takes 8 n^2 bytes and more: 5 GB here.
LARGEST_COMPONENT = 25_000

_BLOCK = 256  # rows whose neighbours are looked for at once
_PAIRS = 1 << 18  # pairs whose scores are held at once
_SLACK = 1e-9  # the noise of projections, far above that of the arithmetic


def tree(distances: FloatArray) -> FloatArray:
    """Average linkage of `distances` [n, n]: scipy's linkage matrix [n - 1, 4]."""
    if len(distances) < 2:
        return np.empty((0, 4))
    merges: FloatArray = linkage(squareform(distances, checks=False), method="average")
    return merges


def cut(merges: FloatArray, threshold: float, n: int) -> Labels:
    """Labels [n] of the clusters left when every merge at or below `threshold` is made."""
    if n < 2:
        return np.zeros(n, dtype=np.int64)
    labels: Labels = fcluster(merges, threshold + ROUNDING, criterion="distance").astype(np.int64)
    return labels


def linked(condensed: FloatArray, threshold: float) -> Labels:
    """Cluster labels of one component from its condensed distances [n (n - 1) / 2], models in order of id."""
    if len(condensed) < 2:  # two models are only in one component when they are within the threshold
        return np.zeros(1 + len(condensed), dtype=np.int64)
    merges = linkage(condensed, method="average")
    return cut(merges, threshold, len(merges) + 1)


def cut_distances(distances: FloatArray, threshold: float) -> Labels:
    """Cluster labels [n] from all `distances` [n, n], models in order of id, component by component."""
    component = joined(np.arange(len(distances)), *np.nonzero(distances <= threshold + ROUNDING))
    labels = np.zeros(len(distances), dtype=np.int64)
    count = 0
    for members in by_label(component):
        found = linked(squareform(distances[np.ix_(members, members)], checks=False), threshold)
        labels[members] = found + count
        count += int(found.max()) + 1
    return labels


def cut_scores(scores: FloatArray, threshold: float, top_k: int, min_overlap: int | None) -> Labels:
    """Cluster labels [n] from `scores` [n, n_datasets], models in order of id.

    The same as `cut_distances`, but only distances within a component are held. Raises
    `InvalidInput` for a component of more than 25,000 models.
    """
    component = components(scores, threshold, top_k, min_overlap)
    labels = np.zeros(len(scores), dtype=np.int64)
    count = 0
    for members in by_label(component):
        found = linked(component_distances(scores[members], top_k, min_overlap), threshold)
        labels[members] = found + count
        count += int(found.max()) + 1
    return labels


def component_distances(scores: FloatArray, top_k: int, min_overlap: int | None) -> FloatArray:
    """The condensed distances of one component's `scores`. Raises `InvalidInput` when it is too large."""
    refuse_too_large(len(scores))
    if len(scores) < 2:
        return np.zeros(0)
    condensed: FloatArray = squareform(distance_matrix(scores, top_k, min_overlap), checks=False)
    return condensed


def refuse_too_large(n: int) -> None:
    """Raises `InvalidInput` for more models than can be linked."""
    if n > LARGEST_COMPONENT:
        raise InvalidInput(
            f"distances within the threshold connect {n:,} models, more than {LARGEST_COMPONENT:,}",
            "lower the threshold",
        )


def components(scores: FloatArray, threshold: float, top_k: int, min_overlap: int | None) -> Labels:
    """Connected components of the graph {distance <= threshold} over `scores` [n, n_datasets]: labels [n].

    Exact, without the n x n distances. Eq. 1's distance of complete rows is a norm, for which the
    means over all columns and over any k of them are contractions: rows that are further apart in
    one of these means than the threshold need no comparison. Neither do rows that are known to
    share a component. Rows with gaps are compared with all others.
    """
    reach = threshold + ROUNDING
    labels = np.arange(len(scores), dtype=np.int64)
    whole = ~np.isnan(scores).any(axis=1)
    full = np.flatnonzero(whole)
    if len(full) and scores.shape[1]:
        means = _contractions(scores[full], top_k)
        order = np.argsort(means[:, 0], kind="stable")
        full, means = full[order], means[order]
        for start in range(0, len(full), _BLOCK):
            for left, right in _candidates(means, labels[full], start, reach + _SLACK):
                a, b = full[left], full[right]
                near = distance_pairs(scores[a], scores[b], top_k, min_overlap) <= reach
                labels = joined(labels, a[near], b[near])
    for row in np.flatnonzero(~whole):
        others = np.flatnonzero(labels != labels[row])
        close = others[distance_row(scores[row], scores[others], top_k, min_overlap) <= reach]
        if len(close):
            labels = joined(labels, np.full(len(close), row), close)
    return labels


def _contractions(scores: FloatArray, top_k: int) -> FloatArray:
    """Means [n, m] that differ by at most the distance of Eq. 1: over all columns, then over k at a time."""
    width = scores.shape[1]
    k = min(top_k, width)
    groups = [scores[:, j : j + k].mean(axis=1) for j in range(0, width - k + 1, k)]
    return np.stack([scores.mean(axis=1), *groups], axis=1)


def _candidates(
    means: FloatArray, labels: Labels, start: int, reach: float
) -> Iterator[tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]]:
    """Pairs of a row of the block at `start` and a later one that may be neighbours, in bounded parts."""
    stop = min(start + _BLOCK, len(means))
    end = int(np.searchsorted(means[:, 0], means[stop - 1, 0] + reach, side="right"))
    block, window = means[start:stop], means[start:end]
    close = labels[start:stop, None] != labels[None, start:end]
    for j in range(means.shape[1]):
        close &= np.abs(block[:, j, None] - window[None, :, j]) <= reach
    close &= np.arange(end - start)[None, :] > np.arange(stop - start)[:, None]
    left, right = np.nonzero(close)
    for part in range(0, len(left), _PAIRS):
        chosen = slice(part, part + _PAIRS)
        yield left[chosen] + start, right[chosen] + start


def joined(labels: Labels, left: npt.NDArray[np.intp], right: npt.NDArray[np.intp]) -> Labels:
    """`labels` [n] of components after the edges `left[i]`-`right[i]`; consecutive numbers from 0."""
    n = int(labels.max(initial=-1)) + 1
    edges = coo_array((np.ones(len(left), dtype=np.int8), (labels[left], labels[right])), shape=(n, n))
    if n == 0:
        return labels
    _, merged = connected_components(edges, directed=False)
    result: Labels = merged[labels].astype(np.int64)
    return result


def by_label(labels: Labels) -> list[npt.NDArray[np.intp]]:
    """The indices of every label, ascending, in order of the labels."""
    if not len(labels):
        return []
    order = np.argsort(labels, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(labels[order])) + 1)
