"""What test score a recalled model will reach, as an interval: conformal prediction from held-out datasets.

A recall score ranks models; it is no accuracy. Here every benchmark dataset is taken for the target
in turn: a ridge regression fitted on the others predicts the scores of its models, and the size of
its errors is what the interval promises (Vovk et al. 2005; the leave-one-group-out residuals of
the jackknife+, Barber et al. 2021, with datasets as groups).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hubselect.knowledge.matrix import FloatArray
from hubselect.recall.methods.base import Evidence, Scores
from hubselect.recall.methods.predictors import predictors, proxy_column, standing

MIN_DATASETS = 4  # held-out datasets below which the spread of errors is not known
_RIDGE = 1.0
_MOST_ROWS = 2_000  # models per held-out dataset
_FRONT = 5  # models at the front of a prediction, among which recall has to choose
_CLUSTERED = 0.25  # of the residuals' weight is shared within a dataset


@dataclass(frozen=True)
class Prediction:
    """A test score in the metric's unit, and the interval that holds it with the coverage asked for.

    `sd` is the standard deviation of the error against other models at the front: what all of them have
    in common, such as how hard the dataset is, does not count. It is the same for all models.
    """

    value: float
    low: float
    high: float
    sd: float


def predictions(
    evidence: Evidence, proxies: Sequence[str], *, coverage: float = 0.9
) -> Mapping[str, Prediction]:
    """The predicted test score of every candidate that has results or was scored; empty when too little
    is known to say how wrong predictions are.

    `proxies` are those to predict from, as far as they were computed for the target; one that
    measures held-out accuracy (`linear`) tells how hard the target is. At least four benchmark
    datasets with recorded proxies are needed to know the errors (without proxies: four datasets).
    """
    used = [p for p in proxies if evidence.proxies.get(p)]
    lessons = _lessons(evidence, used)
    if len(lessons) < MIN_DATASETS:
        return {}
    target = {p: {m: s.score for m, s in evidence.proxies[p].items()} for p in used}
    design = _design(evidence, evidence.everyone, target, used, None)[evidence.candidate_rows]
    fitted = _Ridge.fit(lessons)
    held_out = [
        (_Ridge.fit([other for other in lessons if other is not lesson]).predict(lesson[0]), lesson[1])
        for lesson in lessons
    ]
    width = _quantile([np.abs(y - predicted) for predicted, y in held_out], coverage)
    sd = _front_sd(held_out)
    values = np.clip(fitted.predict(design), 0.0, 1.0)
    return {
        model: Prediction(value, max(0.0, value - width), min(1.0, value + width), sd)
        for model, value in zip(evidence.candidates, values.tolist(), strict=True)
        if model in evidence.matrix or any(model in evidence.proxies[p] for p in used)
    }


def as_priors(
    found: Mapping[str, Prediction],
) -> tuple[dict[str, tuple[float, float, float]], float | None]:
    """What `CurveEnds.with_priors` takes: by model the score and its bounds, and the error in front."""
    return {m: (p.value, p.low, p.high) for m, p in found.items()}, next((p.sd for p in found.values()), None)


def _lessons(evidence: Evidence, used: Sequence[str]) -> list[tuple[FloatArray, FloatArray]]:
    """Predictors and test scores of the models known on each benchmark dataset with proxies."""
    scored = set().union(*(evidence.proxies[p] for p in used)) if used else set()
    found = []
    for column, dataset in enumerate(evidence.matrix.datasets):
        recorded = evidence.benchmark_proxies.get(dataset, {})
        kept = {p: {m: v for m, v in recorded.get(p, {}).items() if m in scored} for p in used}
        if used and not any(kept.values()):
            continue
        truth = evidence.matrix.scores[:, column]
        known = np.isfinite(truth)
        if known.sum() >= 2:
            design = _design(evidence, evidence.matrix.models, kept, used, dataset)
            rows = _spaced(np.flatnonzero(known))
            found.append((design[rows], truth[rows]))
    return found


def _spaced(rows: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """At most `_MOST_ROWS` of the rows, evenly spaced: more would cost time and tell nothing new."""
    return rows[:: -(-len(rows) // _MOST_ROWS)]


def _design(
    evidence: Evidence,
    models: Sequence[str],
    proxies: Mapping[str, Scores],
    used: Sequence[str],
    without: str | None,
) -> FloatArray:
    """[n, 1 + 2 p + 2]: a constant, how hard the dataset looks to each proxy, and each model's predictors."""
    stand = standing(evidence.matrix, models, without=without)
    columns = [proxy_column(proxies.get(p, {}), models) for p in used]
    levels = [np.full(len(models), np.nanmean(c) if np.isfinite(c).any() else 0.0) for c in columns]
    return np.column_stack([np.ones(len(models)), *levels, predictors(stand, columns)])


@dataclass(frozen=True)
class _Ridge:
    """Ridge regression whose constant is free; columns are scaled as they were when it was fitted."""

    centre: FloatArray
    spread: FloatArray
    weights: FloatArray

    @classmethod
    def fit(cls, lessons: Sequence[tuple[FloatArray, FloatArray]]) -> _Ridge:
        design = np.concatenate([x for x, _ in lessons])
        truth = np.concatenate([y for _, y in lessons])
        # every dataset counts alike, however many models were tried on it
        weight = np.concatenate([np.full(len(y), 1.0 / len(y)) for _, y in lessons])
        weight *= len(truth) / weight.sum()
        centre, spread = design.mean(axis=0), design.std(axis=0)
        centre[0], spread[0] = 0.0, 1.0
        spread[spread < 1e-12] = np.inf
        scaled = (design - centre) / spread
        penalty = _RIDGE * len(lessons) * np.eye(design.shape[1])
        penalty[0, 0] = 0.0
        left = scaled.T @ (scaled * weight[:, None]) + penalty
        return cls(centre, spread, np.linalg.solve(left, scaled.T @ (truth * weight)))

    def predict(self, design: FloatArray) -> FloatArray:
        predicted: FloatArray = (design - self.centre) / self.spread @ self.weights
        return predicted


def _front_sd(held_out: Sequence[tuple[FloatArray, FloatArray]]) -> float:
    """Of the errors among the models predicted best on one dataset, the median over datasets."""
    spreads = []
    for predicted, y in held_out:
        front = np.argsort(-predicted, kind="stable")[:_FRONT]
        spreads.append(float((y - predicted)[front].std(ddof=1)))
    return float(np.sqrt(np.median(np.square(spreads))))


def _quantile(errors: Sequence[FloatArray], coverage: float) -> float:
    """The conformal quantile of errors by dataset: of all of them, each dataset weighing the same,
    with the finite-sample correction for the number of datasets, which are what is exchangeable."""
    values = np.concatenate(errors)
    weight = np.concatenate([np.full(len(e), 1.0 / (len(e) * len(errors))) for e in errors])
    order = np.argsort(values)
    level = min(1.0, coverage * (1 + _CLUSTERED / len(errors)))
    position = int(np.searchsorted(np.cumsum(weight[order]), level - 1e-12))
    return float(values[order][min(position, len(values) - 1)])
