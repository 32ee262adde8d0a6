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
_TEMPERATURE = 0.3  # of "how likely is this model the best", in standard deviations of the results
_EQUALITY = 0.5  # pull of the weights towards one another: there are few datasets to learn from
_SIZE = 1e-3

Lesson = tuple[FloatArray, FloatArray]
"""Predictors [n, f] and z-scored results [n] of models on one benchmark dataset."""


@dataclass(frozen=True)
class Fused:
    """Predictors (`recall.methods.predictors`) summed with weights >= 0.

    The weights are learned on the benchmark datasets whose proxy scores are recorded, each in turn
    taken for a target whose own results are hidden from the predictors (`listwise_weights`): those
    under which the models that were really best there come first. With fewer than three such datasets, or
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
        return None if len(lessons) < LEARNING_DATASETS else listwise_weights(lessons)


def listwise_weights(lessons: Sequence[Lesson]) -> FloatArray:
    """Weights w >= 0 [f] under which the best models of every lesson come first.

    ListNet (Cao et al. 2007): the mean over lessons of the cross entropy between the probabilities
    softmax(truth / 0.3) of being the best and softmax(predictors w), plus |w - mean(w)|^2 / 2 (and
    |w|^2 / 1000, so that there is one optimum). Unlike least squares it cares for the top of the
    list, which is all that a recall hands on.
    """
    from scipy.optimize import minimize  # here, because it takes a while to import

    width = lessons[0][0].shape[1]
    best = [_softmax(truth / _TEMPERATURE) for _, truth in lessons]

    def loss(weights: FloatArray) -> tuple[float, FloatArray]:
        value, slope = 0.0, np.zeros(width)
        for (columns, _), wanted in zip(lessons, best, strict=True):
            given = _softmax(columns @ weights)
            value -= float(wanted @ np.log(np.maximum(given, 1e-300)))
            slope -= columns.T @ (wanted - given)
        apart = weights - weights.mean()
        value = value / len(lessons) + _EQUALITY * float(apart @ apart) + _SIZE * float(weights @ weights)
        return value, slope / len(lessons) + 2 * _EQUALITY * apart + 2 * _SIZE * weights

    start = np.full(width, 1.0 / width)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(0.0, None)] * width)
    weights = np.asarray(found.x, dtype=np.float64)
    return weights if weights.sum() > 0 else start


def _softmax(values: FloatArray) -> FloatArray:
    powers = np.exp(values - values.max())
    shares: FloatArray = powers / powers.sum()
    return shares


def _target(evidence: Evidence, used: Sequence[str]) -> FloatArray:
    """The predictors of the candidates, [n, f], on the scale of all models that are known."""
    models = evidence.everyone
    values = [{m: s.score for m, s in evidence.proxies[p].items()} for p in used]
    columns = predictors(standing(evidence.matrix, models), [proxy_column(v, models) for v in values])
    return columns[evidence.candidate_rows]


def _lesson(evidence: Evidence, dataset: str, used: Sequence[str], scored: set[str]) -> Lesson | None:
    """A benchmark dataset taken for a target.

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
