"""The performance matrix: models x benchmark datasets of test scores, NaN where nothing is known."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from hubselect.errors import InvalidInput, UnknownEntry
from hubselect.knowledge.benchmark_runs import finished
from hubselect.records import Run

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PerformanceMatrix:
    """Test scores of models (rows) on benchmark datasets (columns).

    `scores` has shape [n_models, n_datasets]; NaN is a missing cell, 0 is a score of 0. It is
    copied and made read-only. Scores are fractions (accuracy in [0, 1]); Eq. 1 is meaningful
    on no other scale. Raises `InvalidInput` when the shape does not fit the names, a name
    occurs twice or a score is infinite.
    """

    models: tuple[str, ...]
    datasets: tuple[str, ...]
    scores: FloatArray

    def __post_init__(self) -> None:
        scores = np.array(self.scores, dtype=np.float64)
        if scores.size == 0:
            scores = scores.reshape(len(self.models), len(self.datasets))
        if scores.shape != (len(self.models), len(self.datasets)):
            raise InvalidInput(
                f"a matrix of shape {scores.shape} does not fit {len(self.models)} models "
                f"and {len(self.datasets)} datasets"
            )
        for what, names in (("model", self.models), ("dataset", self.datasets)):
            if len(set(names)) != len(names):
                raise InvalidInput(f"a {what} occurs twice in the matrix", "merge its entries first")
        if np.isinf(scores).any():
            row, column = np.argwhere(np.isinf(scores))[0]
            raise InvalidInput(
                f"the score of {self.models[row]} on {self.datasets[column]} is infinite",
                "leave a missing cell empty (NaN)",
            )
        scores.setflags(write=False)
        object.__setattr__(self, "scores", scores)

    @classmethod
    def from_runs(cls, runs: Iterable[Run]) -> PerformanceMatrix:
        """The matrix of the finished benchmark runs among `runs`; models and datasets sorted.

        A cell is the mean over the seeds of one model on one dataset. Raises `InvalidInput`
        for an infinite score and for runs under more than one recipe.
        """
        cells: dict[tuple[str, str], list[float]] = defaultdict(list)
        for run in finished(runs):
            if run.test is not None:
                cells[run.model, run.dataset].append(run.test)
        models = tuple(sorted({model for model, _ in cells}))
        datasets = tuple(sorted({dataset for _, dataset in cells}))
        rows = {model: i for i, model in enumerate(models)}
        columns = {dataset: j for j, dataset in enumerate(datasets)}
        scores = np.full((len(models), len(datasets)), np.nan)
        for (model, dataset), values in cells.items():
            scores[rows[model], columns[dataset]] = np.mean(sorted(values))
        return cls(models, datasets, scores)

    @cached_property
    def _index(self) -> dict[str, int]:
        return {model: i for i, model in enumerate(self.models)}

    @cached_property
    def means(self) -> FloatArray:
        """acc(m) of Eq. 2 for every model: the mean over its known scores, [n_models]; NaN if none."""
        known = ~np.isnan(self.scores)
        counts = known.sum(axis=1)
        totals = np.where(known, self.scores, 0.0).sum(axis=1)
        means = np.full(len(self.models), np.nan)
        np.divide(totals, counts, out=means, where=counts > 0)
        means.setflags(write=False)
        return means

    def mean(self, model: str) -> float:
        """acc(m) of Eq. 2: the mean over the known scores of `model`; NaN when it has none."""
        return float(self.means[self.index(model)])

    def row(self, model: str) -> FloatArray:
        """The scores of `model`, [n_datasets]."""
        row: FloatArray = self.scores[self.index(model)]
        return row

    def index(self, model: str) -> int:
        """The row number of `model`. Raises `UnknownEntry` when the matrix does not hold it."""
        if model not in self._index:
            raise UnknownEntry(f"{model} has no row in the performance matrix", "benchmark it with add-model")
        return self._index[model]

    def __contains__(self, model: object) -> bool:
        return model in self._index

    def without_dataset(self, name: str) -> PerformanceMatrix:
        """The matrix without one column; the same matrix when it has no such column.

        Every model keeps its row, so a model may be left without any score.
        """
        if name not in self.datasets:
            return self
        keep = [j for j, dataset in enumerate(self.datasets) if dataset != name]
        return PerformanceMatrix(self.models, tuple(self.datasets[j] for j in keep), self.scores[:, keep])

    def subset_models(self, models: Sequence[str]) -> PerformanceMatrix:
        """The rows of `models`, in their order. Raises `UnknownEntry` for one it does not hold."""
        rows = np.array([self.index(model) for model in models], dtype=np.intp)
        return PerformanceMatrix(tuple(models), self.datasets, self.scores[rows])

    def scored(self) -> PerformanceMatrix:
        """The models with at least one score, sorted by id, over the datasets sorted by name.

        The canonical form: what is computed from it does not depend on the order of insertion.
        """
        known = np.flatnonzero(~np.isnan(self.means))
        rows = sorted(known.tolist(), key=lambda i: self.models[i])
        columns = sorted(range(len(self.datasets)), key=lambda j: self.datasets[j])
        return PerformanceMatrix(
            tuple(self.models[i] for i in rows),
            tuple(self.datasets[j] for j in columns),
            self.scores[np.array(rows, dtype=np.intp)][:, np.array(columns, dtype=np.intp)],
        )
