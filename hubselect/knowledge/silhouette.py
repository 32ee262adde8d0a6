"""How well a clustering separates: the standard silhouette and the paper authors' variant, each named.

For a point i in a cluster with others, a(i) is its mean distance to the others of its cluster and
s(i) = (b(i) - a(i)) / max(a(i), b(i)), or 0 when both are 0. A point alone in its cluster has
s(i) = 0. The coefficient is the mean of s over all points, singletons included.

- standard (Rousseeuw 1987): b(i) is the smallest mean distance to the points of another cluster;
- paper's variant: b(i) is the mean distance to ALL points outside the cluster, as the published
  code of the two-phase framework computes it; never below the standard one.

Both are None for fewer than two clusters, where nothing separates. With every point alone in its
cluster both are 0.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hubselect.errors import InvalidInput

FloatArray = npt.NDArray[np.float64]


def silhouette(distances: npt.ArrayLike, labels: npt.ArrayLike) -> float | None:
    """The standard coefficient, in [-1, 1]. `distances` [n, n] symmetric, `labels` [n] integers.

    None for fewer than two clusters. Raises `InvalidInput` when the shapes do not fit.
    """
    table = _to_clusters(distances, labels)
    if table is None:
        return None
    sums, sizes, own = table
    rows = np.arange(len(own))
    others = sums / sizes
    others[rows, own] = np.inf
    return _coefficient(_within(sums, sizes, own), others.min(axis=1), sizes[own])


def silhouette_paper(distances: npt.ArrayLike, labels: npt.ArrayLike) -> float | None:
    """The paper authors' variant, in [-1, 1]: b over all outside points. Otherwise as `silhouette`."""
    table = _to_clusters(distances, labels)
    if table is None:
        return None
    sums, sizes, own = table
    outside = sums.sum(axis=1) - sums[np.arange(len(own)), own]
    b = outside / (len(own) - sizes[own])
    return _coefficient(_within(sums, sizes, own), b, sizes[own])


def _to_clusters(
    distances: npt.ArrayLike, labels: npt.ArrayLike
) -> tuple[FloatArray, npt.NDArray[np.intp], npt.NDArray[np.intp]] | None:
    """Sums of distances from every point to every cluster [n, c], sizes [c], each point's cluster [n]."""
    table, names = np.asarray(distances, dtype=np.float64), np.asarray(labels)
    if names.ndim != 1 or table.shape != (len(names), len(names)):
        raise InvalidInput(f"distances of shape {table.shape} do not fit {names.size} labels")
    _, own, sizes = np.unique(names, return_inverse=True, return_counts=True)
    if len(sizes) < 2:
        return None
    order = np.argsort(own, kind="stable")
    starts = np.concatenate(([0], np.cumsum(sizes)[:-1]))
    sums = np.add.reduceat(table[:, order], starts, axis=1)
    return sums, sizes, own


def _within(sums: FloatArray, sizes: npt.NDArray[np.intp], own: npt.NDArray[np.intp]) -> FloatArray:
    """a(i): the mean distance to the other members of the own cluster; 0 for a singleton."""
    within: FloatArray = sums[np.arange(len(own)), own] / np.maximum(1, sizes[own] - 1)
    return within


def _coefficient(a: FloatArray, b: FloatArray, size: npt.NDArray[np.intp]) -> float:
    scale = np.maximum(a, b)
    scores = np.zeros_like(a)
    np.divide(b - a, scale, out=scores, where=(scale > 0) & (size > 1))
    return float(scores.mean())
