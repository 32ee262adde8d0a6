"""Which benchmark datasets tell most about the others: compact suites, by data.

A suite S of datasets is judged by how well a model's scores on the datasets outside S follow
from its scores on S. Every outside dataset is predicted by a ridge regression with an intercept
on the scores on S, and the error is the root mean square over the known outside cells when the
predicted model itself is left out of the regression. Leaving one model out needs no refitting:

    residual_i / (1 - 1/n - x_i' (X'X + n ridge I)^-1 x_i)        X centred, [n, |S|]

is exact for a given ridge (Cook and Weisberg, Residuals and Influence in Regression, 1982).
Datasets are added one by one, each time the one that lowers that error most: the greedy forward
selection of regression, which also orders the datasets by what they tell.

A missing score on S counts as its dataset's mean; a missing score outside S is not predicted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb, sqrt

import numpy as np
import numpy.typing as npt

from hubselect.errors import InvalidInput, KnowledgeMissing
from hubselect.knowledge.matrix import PerformanceMatrix

FloatArray = npt.NDArray[np.float64]

# In squared score units per model: the variance that repeating a fine-tuning run would show
# (a standard deviation of about 0.02 to 0.03 on the recorded testbeds).
RIDGE = 1e-3
MIN_MODELS = 3  # with fewer, leaving one out leaves nothing to regress on

_DECIMALS = 12  # errors that differ by the noise of the arithmetic are ties, decided by name
_MOST_FOLDS = 50


@dataclass(frozen=True)
class Suite:
    """Benchmark datasets in the order of what they add, and what predicting the others costs.

    `error` is the root mean square error, in score units, of predicting a left-out model's
    scores on the datasets outside the suite; `errors_by_size[k]` the same for the first k
    datasets alone (k = 0: every model is predicted by the mean of the others).
    """

    datasets: tuple[str, ...]
    error: float
    errors_by_size: tuple[float, ...]


def propose(matrix: PerformanceMatrix, size: int, *, ridge: float = RIDGE) -> Suite:
    """The `size` datasets of `matrix` found by greedy forward selection.

    The result does not depend on the order of rows or columns. Raises `InvalidInput` for a size
    that is not in 1 .. number of datasets with a score, or a ridge that is not positive, and
    `KnowledgeMissing` for fewer than three models or two datasets with scores.
    """
    table = _Table(_informative(matrix), ridge)
    _check_size(size, table)
    chosen: list[int] = []
    errors = [table.error(())]
    while len(chosen) < size:
        left = [j for j in range(table.width) if j not in chosen]
        found = {j: table.error((*chosen, j)) for j in left}
        best = min(left, key=lambda j: (round(found[j], _DECIMALS), table.datasets[j]))
        chosen.append(best)
        errors.append(found[best])
    return Suite(tuple(table.datasets[j] for j in chosen), errors[-1], tuple(errors))


def leave_one_out_error(matrix: PerformanceMatrix, datasets: Sequence[str], *, ridge: float = RIDGE) -> float:
    """The error of the suite `datasets`, as in `Suite.error`; 0 when nothing is outside it.

    Raises `InvalidInput` for a dataset without any score in the matrix, `KnowledgeMissing` as `propose`.
    """
    table = _Table(_informative(matrix), ridge)
    unknown = [name for name in datasets if name not in table.datasets]
    if unknown:
        raise InvalidInput(f"the matrix has no scores on {unknown[0]}")
    return table.error(tuple(table.datasets.index(name) for name in dict.fromkeys(datasets)))


def random_errors(
    matrix: PerformanceMatrix, size: int, *, draws: int = 200, seed: int = 0, ridge: float = RIDGE
) -> FloatArray:
    """The errors of `draws` random suites of `size` datasets; of all of them when there are no more.

    Raises as `propose`, and `InvalidInput` for fewer than one draw.
    """
    if draws < 1:
        raise InvalidInput(f"the number of random suites must be at least 1, not {draws}")
    table = _Table(_informative(matrix), ridge)
    _check_size(size, table)
    if comb(table.width, size) <= draws:
        suites: Iterator[tuple[int, ...]] = combinations(range(table.width), size)
    else:
        rng = np.random.default_rng(seed)
        suites = (tuple(rng.choice(table.width, size, replace=False).tolist()) for _ in range(draws))
    return np.array([table.error(suite) for suite in suites])


def held_out_error(matrix: PerformanceMatrix, size: int, *, seed: int = 0, ridge: float = RIDGE) -> float:
    """The error on models that had no part in choosing the suite.

    `Suite.error` leaves a model out of the regression, but not out of the choice of datasets.
    Here both happen without it: one model at a time, or 50 groups of models when there are more.
    NaN when no suite can be chosen without one of the groups. Raises as `propose`.
    """
    known = _informative(matrix)
    _check_size(size, _Table(known, ridge))
    order = np.random.default_rng(seed).permutation(len(known.models))
    total, count = 0.0, 0
    for fold in np.array_split(order, min(len(order), _MOST_FOLDS)):
        rest = PerformanceMatrix(
            tuple(m for i, m in enumerate(known.models) if i not in set(fold.tolist())),
            known.datasets,
            np.delete(known.scores, fold, axis=0),
        )
        try:
            suite = propose(rest, size, ridge=ridge)
        except (InvalidInput, KnowledgeMissing):  # too little is known without this group
            continue
        squares = (predict(rest, suite.datasets, known.scores[fold], ridge=ridge) - known.scores[fold]) ** 2
        outside = [j for j, name in enumerate(known.datasets) if name not in suite.datasets]
        squares = squares[:, outside][~np.isnan(squares[:, outside])]
        total, count = total + float(squares.sum()), count + len(squares)
    if size == len(known.datasets):
        return 0.0
    return sqrt(total / count) if count else float("nan")


def predict(
    matrix: PerformanceMatrix, datasets: Sequence[str], rows: npt.ArrayLike, *, ridge: float = RIDGE
) -> FloatArray:
    """Scores of other models on all datasets of `matrix` from their scores on `datasets`.

    `rows` and the result have shape [n, n_datasets] with the columns of `matrix`; the columns of
    `datasets` come back as they are (where missing: their mean). NaN for a column without scores.
    """
    given = np.asarray(rows, dtype=np.float64)
    chosen = [matrix.datasets.index(name) for name in datasets]
    filled, known = _filled(matrix.scores), ~np.isnan(matrix.scores)
    means = filled.mean(axis=0) if len(filled) else np.full(len(matrix.datasets), np.nan)
    inputs = np.where(np.isnan(given), means, given)
    result = np.full(given.shape, np.nan)
    result[:, chosen] = inputs[:, chosen]
    for members, targets in _alike(known, set(chosen)):
        x, y = filled[members][:, chosen], matrix.scores[members][:, targets]
        centre = x.mean(axis=0)
        gram = _gram(x - centre, ridge)
        weights = np.linalg.solve(gram, (x - centre).T @ (y - y.mean(axis=0)))
        result[:, targets] = (inputs[:, chosen] - centre) @ weights + y.mean(axis=0)
    return result


class _Table:
    """The scores prepared for many suites to be judged."""

    def __init__(self, matrix: PerformanceMatrix, ridge: float) -> None:
        if not ridge > 0:
            raise InvalidInput(f"the ridge must be positive, not {ridge}")
        self.datasets = matrix.datasets
        self.width = len(matrix.datasets)
        self._ridge = ridge
        self._scores = matrix.scores
        self._known = ~np.isnan(matrix.scores)
        self._filled = _filled(matrix.scores)

    def error(self, chosen: Sequence[int]) -> float:
        """Root mean square of the leave-one-out residuals of all known cells outside `chosen`."""
        total, count = 0.0, 0
        columns = list(chosen)
        for members, targets in _alike(self._known, set(columns)):
            y = self._scores[members][:, targets]
            x = self._filled[members][:, columns]
            n = len(x)
            x, y = x - x.mean(axis=0), y - y.mean(axis=0)
            hat = np.linalg.solve(_gram(x, self._ridge), x.T)
            leverage = 1 / n + np.einsum("ik,ki->i", x, hat)
            residuals = (y - x @ (hat @ y)) / (1 - leverage)[:, None]
            total, count = total + float(np.sum(residuals**2)), count + residuals.size
        return sqrt(total / count) if count else 0.0


def _alike(
    known: npt.NDArray[np.bool_], chosen: set[int]
) -> Iterator[tuple[npt.NDArray[np.intp], list[int]]]:
    """The columns outside `chosen`, those known for the same two or more models together."""
    groups: dict[bytes, list[int]] = defaultdict(list)
    for j in range(known.shape[1]):
        if j not in chosen:
            groups[known[:, j].tobytes()].append(j)
    for targets in groups.values():
        members = np.flatnonzero(known[:, targets[0]])
        if len(members) >= 2:
            yield members, targets


def _gram(x: FloatArray, ridge: float) -> FloatArray:
    gram: FloatArray = x.T @ x + ridge * len(x) * np.eye(x.shape[1])
    return gram


def _filled(scores: FloatArray) -> FloatArray:
    """The scores with every missing one replaced by the mean of its column (0 for an empty column)."""
    known = ~np.isnan(scores)
    totals = np.where(known, scores, 0.0).sum(axis=0)
    return np.where(known, scores, totals / np.maximum(known.sum(axis=0), 1))


def _informative(matrix: PerformanceMatrix) -> PerformanceMatrix:
    """The canonical matrix of the models and datasets that have scores."""
    known = matrix.scored()
    keep = np.flatnonzero((~np.isnan(known.scores)).sum(axis=0) > 0)
    if len(known.models) < MIN_MODELS or len(keep) < 2:
        raise KnowledgeMissing(
            f"{len(known.models)} models with scores on {len(keep)} benchmark datasets do not tell "
            "which datasets predict the others",
            f"benchmark at least {MIN_MODELS} models on 2 datasets, or import published results",
        )
    return PerformanceMatrix(known.models, tuple(known.datasets[j] for j in keep), known.scores[:, keep])


def _check_size(size: int, table: _Table) -> None:
    if not 1 <= size <= table.width:
        raise InvalidInput(
            f"a suite of {size} cannot be chosen from {table.width} benchmark datasets",
            f"choose a size from 1 to {table.width}",
        )
