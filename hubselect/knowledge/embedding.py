"""Distances between models as positions in the plane, for a map of them.

Classical scaling (Torgerson 1952): the squared distances, centred twice, are inner products, and their
two largest eigenvalues give the plane that keeps most of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hubselect.errors import InvalidInput

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Embedding:
    """`positions` [n, 2], centred; `kept` in [0, 1] is the share of the positive eigenvalues that the two
    axes hold: 1 when the plane loses nothing that any number of axes could keep."""

    positions: FloatArray
    kept: float


def embed(distances: npt.ArrayLike) -> Embedding:
    """Classical scaling of `distances` [n, n], symmetric with 0 on the diagonal, to two dimensions.

    Distances of points in a plane are kept exactly; others as well as a plane can. The same distances
    give the same positions: the larger end of each axis is positive. Raises `InvalidInput` for a table
    that is not square or not finite.
    """
    table = np.asarray(distances, dtype=np.float64)
    if table.ndim != 2 or table.shape[0] != table.shape[1] or not np.isfinite(table).all():
        raise InvalidInput(f"distances of shape {table.shape} are not a square table of finite numbers")
    n = len(table)
    positions = np.zeros((n, 2))
    if n < 2:
        return Embedding(positions, 1.0)
    squares = table**2
    inner = -0.5 * (squares - squares.mean(axis=0) - squares.mean(axis=1)[:, None] + squares.mean())
    values, vectors = np.linalg.eigh((inner + inner.T) / 2)
    values, vectors = np.maximum(values[::-1], 0.0), vectors[:, ::-1]
    for axis in range(min(2, n)):
        along = vectors[:, axis] * np.sqrt(values[axis])
        positions[:, axis] = along * (-1.0 if along[np.argmax(np.abs(along))] < 0 else 1.0)
    total = float(values.sum())
    return Embedding(positions, float(values[:2].sum()) / total if total > 0 else 1.0)
