"""`fused`: the record on benchmarks and several proxies in one score, weighted as the registry teaches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hubselect.knowledge.matrix import FloatArray
from hubselect.recall.methods.base import Evidence, Scores, ranked
from hubselect.recall.methods.predictors import predictors, proxy_column, standing, z_scores
from hubselect.records import Recalled

LEARNING_DATASETS = 3  # benchmark datasets with proxy scores, before weights are learned from them
_LEARNING_MODELS = 4  # models with a score and proxies, before a dataset teaches anything
_SHRINKAGE = 0.1  # towards equal weights: of a predictor of unit variance, beside one observation


@dataclass(frozen=True)
class Fused:
    """Predictors (`recall.methods.predictors`) summed with weights >= 0.

    The weights are learned on the benchmark datasets whose proxy scores are recorded, each in turn
    taken for a target whose own results are hidden from the predictors: ridge regression towards
    equal weights on how the models really stood there. With fewer than three such datasets, or
    `learned=False`, the predictors weigh the same after each was turned into ranks.
    """

    proxies: tuple[str, ...]
    learned: bool = True

    @property
    def name(self) -> str:
        return "fused" if self.learned else "rank-average"

    def rank(self, evidence: Evidence) -> list[Recalled]:
        shown = next((p for p in self.proxies if evidence.proxies.get(p)), None)
        return ranked(evidence, self.scores(evidence), shown)

    def scores(self, evidence: Evidence) -> Scores:
        """The fused score of every candidate; its unit is a standard deviation over candidates."""
        used = [p for p in self.proxies if evidence.proxies.get(p)]
        columns = _target(evidence, used)
        weights = self._weights(evidence, used) if self.learned else None
        values = _ranks(columns).mean(axis=1) if weights is None else columns @ weights
        return dict(zip(evidence.candidates, z_scores(values).tolist(), strict=True))

    def _weights(self, evidence: Evidence, used: Sequence[str]) -> FloatArray | None:
        """Weights [2 + p] of the predictors, None when there is too little to learn from."""
        scored = set().union(*(evidence.proxies[p] for p in used)) if used else set()
        lessons = [
            lesson
            for dataset in evidence.matrix.datasets
            if (lesson := _lesson(evidence, dataset, used, scored)) is not None
        ]
        if len(lessons) < LEARNING_DATASETS:
            return None
        design = np.concatenate([x for x, _ in lessons])
        truth = np.concatenate([y for _, y in lessons])
        return nonnegative_ridge(design, truth)


def nonnegative_ridge(design: FloatArray, truth: FloatArray) -> FloatArray:
    """Weights w >= 0 [f] that minimise |design w - truth|^2 / n + 0.1 |w - e|^2, e the best equal weights."""
    from scipy.optimize import nnls  # here, because it takes a while to import

    n, f = design.shape
    together = design.sum(axis=1)
    equal = max(0.0, float(together @ truth) / max(float(together @ together), 1e-12))
    pull = np.sqrt(_SHRINKAGE * n)
    left = np.vstack([design, pull * np.eye(f)])
    right = np.concatenate([truth, np.full(f, pull * equal)])
    weights: FloatArray = nnls(left, right)[0]
    return weights if weights.sum() > 0 else np.ones(f)


def _target(evidence: Evidence, used: Sequence[str]) -> FloatArray:
    models = evidence.candidates
    values = [{m: s.score for m, s in evidence.proxies[p].items()} for p in used]
    return predictors(standing(evidence.matrix, models), [proxy_column(v, models) for v in values])


def _lesson(
    evidence: Evidence, dataset: str, used: Sequence[str], scored: set[str]
) -> tuple[FloatArray, FloatArray] | None:
    """Predictors and standing of models on a benchmark dataset taken for a target: [n, f] and [n].

    Only models that were scored on the target are taken for scored here, so that the weights
    are those of the situation at hand. None when the dataset teaches nothing.
    """
    recorded: Mapping[str, Scores] = evidence.benchmark_proxies.get(dataset, {})
    if used and not any(scored & recorded.get(p, {}).keys() for p in used):
        return None
    models = evidence.matrix.models
    truth = evidence.matrix.scores[:, evidence.matrix.datasets.index(dataset)]
    values = [{m: v for m, v in recorded.get(p, {}).items() if m in scored} for p in used]
    stand = standing(evidence.matrix, models, without=dataset)
    columns = predictors(stand, [proxy_column(v, models) for v in values])
    known = np.isfinite(truth)
    if known.sum() < _LEARNING_MODELS or np.ptp(truth[known]) == 0:
        return None
    return columns[known], z_scores(truth[known])


def _ranks(columns: FloatArray) -> FloatArray:
    from scipy.stats import rankdata  # here, because it takes a while to import

    ranks: FloatArray = rankdata(columns, axis=0)
    return ranks
