"""What keeps few examples in many dimensions from looking like knowledge.

A linear fit with as many directions as examples explains any labels, and copies of an example
look like proof. Proxies that fit therefore leave out directions and copies beyond what the
examples can bear; with five examples per dimension (`ENOUGH`) or more nothing is changed.
"""

from __future__ import annotations

import numpy as np

from hubselect.recall.proxies.base import FloatArray, IntArray

ENOUGH = 5  # examples per dimension
_RELATIVE_NOISE = 1e-12  # of the largest feature: variation below it is rounding
_ROUNDING = 1e-6  # of an example's length: what float32 and another batch change


def unit(features: FloatArray) -> FloatArray:
    """Features divided by the largest absolute value, so that squares neither overflow nor vanish."""
    largest = np.abs(features).max()
    scaled: FloatArray = features / largest if largest > 0 else features.copy()
    return scaled


def centred(features: FloatArray) -> FloatArray:
    """`unit` features with mean 0; features that are constant up to rounding become 0."""
    table = unit(features)
    table -= table.mean(axis=0)
    table[:, np.abs(table).max(axis=0) <= _RELATIVE_NOISE] = 0.0
    return table


def spectrum(table: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Left singular vectors [n, r] and singular values [r], largest first, of `unit` or `centred` features.

    Only those that are not rounding: r is the numerical rank, 0 for a table of zeros. With more
    columns than rows the right side is never formed, which makes wide tables cheap.
    """
    if table.shape[1] > table.shape[0]:
        triangle = np.asarray(np.linalg.qr(table.T, mode="r"))
        table = triangle.T  # same left side, same singular values
    left, singular, _ = np.linalg.svd(table, full_matrices=False)
    kept = singular > _RELATIVE_NOISE * np.sqrt(table.size)
    return left[:, kept], singular[kept]


def first_copies(features: FloatArray, labels: FloatArray | IntArray) -> IntArray:
    """For each example [n] the first row with the same features and labels: itself when there is none.

    Features are the same when they differ by float32 rounding: an example in another batch, or
    turned, is still a copy. Rows are compared along one random direction, where copies are neighbours.
    """
    table, columns = unit(features), labels.reshape(len(labels), -1)
    direction = np.random.default_rng(0).normal(size=table.shape[1])
    order = np.lexsort((table @ direction, *columns.T))
    table, columns = table[order], columns[order]
    apart = np.linalg.norm(np.diff(table, axis=0), axis=1) > _ROUNDING * np.linalg.norm(table[1:], axis=1)
    starts = np.concatenate([[True], apart | np.diff(columns, axis=0).any(axis=1)])
    first = np.empty(len(table), dtype=np.intp)
    first[order] = np.minimum.reduceat(order, np.flatnonzero(starts))[np.cumsum(starts) - 1]
    return first


def independent(features: FloatArray, labels: FloatArray | IntArray, *, kinds: int = 0) -> IntArray:
    """Which rows to fit: one of each set of copies, in order [m].

    All rows where the distinct ones are fewer than five times the `kinds` of labels (0 for
    numbers): a checkpoint that gives each class one and the same output is no data set of copies.
    """
    distinct = np.unique(first_copies(features, labels))
    return distinct if len(distinct) >= ENOUGH * kinds else np.arange(len(features))


def scarce(features: FloatArray) -> bool:
    """Whether there are fewer than five examples per dimension."""
    n, d = features.shape
    return bool(n < ENOUGH * d)


def fewer_copies(features: FloatArray, labels: FloatArray | IntArray, *, kinds: int = 0) -> IntArray:
    """`independent` rows where examples are `scarce`, else all: there copies do no harm."""
    return independent(features, labels, kinds=kinds) if scarce(features) else np.arange(len(features))
