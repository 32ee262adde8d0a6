"""The regression behind `curve_ends`: recorded curves as lessons, one fit per barrier."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hubselect.knowledge.benchmark_runs import finished
from hubselect.knowledge.matrix import FloatArray
from hubselect.records import Run

RECENT = 3
"""Validations that are averaged into the second predictor."""

MIN_DATASETS = 3  # one is held out to measure the error, two are left to learn from
MIN_MODELS = 3
_RIDGE = 0.05  # of predictors of unit variance
_FLOOR = 0.03  # of the mean squared error
_FAR = 0.05  # weight of a dataset whose epochs are of another length altogether


@dataclass(frozen=True)
class Lesson:
    """One dataset under one seed: log odds of validation [models, barriers] (NaN: not recorded) and of
    the test score [models]. `weight` is shared by the seeds of a dataset."""

    dataset: str
    weight: float
    val: FloatArray
    test: FloatArray


def log_odds(scores: npt.ArrayLike) -> FloatArray:
    """ln(p / (1 - p)), of scores no nearer to 0 than 0.01 and to 1 than 0.005."""
    p = np.clip(np.asarray(scores, dtype=np.float64), 0.01, 0.995)
    found: FloatArray = np.log(p / (1 - p))
    return found


def recorded_lessons(
    runs: Iterable[Run], barriers: Sequence[float], steps: Mapping[str, float], target_steps: float | None
) -> list[Lesson]:
    """One lesson per dataset and seed with at least three models, sorted; arguments as in `CurveEnds`."""
    cells: dict[tuple[str, int], list[Run]] = {}
    for run in finished(runs):
        if run.curve:
            cells.setdefault((run.dataset, run.seed), []).append(run)
    cells = {key: group for key, group in cells.items() if len(group) >= MIN_MODELS}
    seeds: dict[str, int] = {}
    for dataset, _ in cells:
        seeds[dataset] = seeds.get(dataset, 0) + 1
    lessons = []
    for (dataset, _), group in sorted(cells.items()):
        group.sort(key=lambda r: r.model)
        weight = _likeness(steps.get(dataset), target_steps) / seeds[dataset]
        val = np.array([_at(run, barriers) for run in group])
        test = np.array([run.test for run in group], dtype=np.float64)
        lessons.append(Lesson(dataset, weight, log_odds(val), log_odds(test)))
    return lessons


def _at(run: Run, barriers: Sequence[float]) -> list[float]:
    """The validation scores at the barriers, each of the last recorded epochs until then."""
    return [
        next((p.val for p in reversed(run.curve) if p.epochs <= epochs + 1e-6), math.nan)
        for epochs in barriers
    ]


def _likeness(steps: float | None, target: float | None) -> float:
    """How much a dataset of so many steps per epoch says about the target: 1 for the same number."""
    if not steps or not target:
        return 1.0
    return math.exp(-0.5 * math.log(steps / target) ** 2) + _FAR


@dataclass(frozen=True)
class _Rows:
    """All lessons at one barrier, centred within each: predictors [n, 2], ends [n], weights [n]; the
    numbers that the variance is explained by [n, 2]; the row's dataset [n]; and the means by lesson."""

    x: FloatArray
    y: FloatArray
    weight: FloatArray
    explained: FloatArray
    dataset: npt.NDArray[np.intp]
    means: FloatArray  # [lessons, 3]: validation, test, weight


def fit_rung(
    lessons: Sequence[Lesson], barrier: int
) -> tuple[float, float, float, float, float, float, float, float] | None:
    """`Rung` without its epochs, for the `barrier`-th one; None when too little was recorded."""
    rows = _rows(lessons, barrier)
    if rows is None:
        return None
    everyone = np.ones(len(rows.y), dtype=bool)
    last, recent = _ridge(rows, everyone)
    error = np.empty(len(rows.y))
    for dataset in np.unique(rows.dataset):
        held_out = rows.dataset == dataset
        error[held_out] = rows.y[held_out] - rows.x[held_out] @ _ridge(rows, ~held_out)
    share = rows.weight / rows.weight.sum()
    mean_square = float(share @ error**2)
    spread, noise = _variance(rows.explained, error**2, share)
    level, slope = _levels(rows.means)
    floor = max(_FLOOR * mean_square, 1e-6)
    return float(last), float(recent), level, slope, spread, noise, floor, math.sqrt(mean_square)


def _rows(lessons: Sequence[Lesson], barrier: int) -> _Rows | None:
    x, y, weight, explained, dataset, means = [], [], [], [], [], []
    names = sorted({lesson.dataset for lesson in lessons})
    for lesson in lessons:
        window = lesson.val[:, max(0, barrier - RECENT + 1) : barrier + 1]
        known = np.isfinite(window[:, -1])
        if known.sum() < MIN_MODELS:
            continue
        last, recent = window[known, -1], np.nanmean(window[known], axis=1)
        test, n = lesson.test[known], int(known.sum())
        x.append(np.column_stack([last - last.mean(), recent - recent.mean()]))
        y.append(test - test.mean())
        weight.append(np.full(n, lesson.weight / n))
        p = np.clip(1 / (1 + np.exp(-last)), 0.02, 0.98)
        explained.append(np.column_stack([np.full(n, last.var()), 1 / (p * (1 - p))]))
        dataset.append(np.full(n, names.index(lesson.dataset)))
        means.append([last.mean(), test.mean(), lesson.weight])
    if len({int(d[0]) for d in dataset}) < MIN_DATASETS:
        return None
    return _Rows(
        np.concatenate(x),
        np.concatenate(y),
        np.concatenate(weight),
        np.concatenate(explained),
        np.concatenate(dataset),
        np.array(means),
    )


def _ridge(rows: _Rows, used: npt.NDArray[np.bool_]) -> FloatArray:
    x, weight = rows.x[used], rows.weight[used] / rows.weight[used].sum()
    size = np.sqrt(weight @ x**2) + 1e-9
    scaled = x / size
    left = (scaled * weight[:, None]).T @ scaled + _RIDGE * np.eye(2)
    found: FloatArray = np.linalg.solve(left, (scaled * weight[:, None]).T @ rows.y[used]) / size
    return found


def _variance(explained: FloatArray, square: FloatArray, share: FloatArray) -> tuple[float, float]:
    """Non-negative (spread, noise), so that spread * variance + noise / (p (1 - p)) is the mean square."""
    from scipy.optimize import nnls  # here, because it takes a while to import

    # large expected errors vary more, so they are weighted down
    root = np.sqrt(share) / (0.1 * explained.sum(axis=1) + 1e-4)
    spread, noise = nnls(explained * root[:, None], square * root)[0].tolist()
    return spread, noise


def _levels(means: FloatArray) -> tuple[float, float]:
    """Where the mean of all candidates ends, as a line through where it is; drawn towards slope 1."""
    val, test, weight = means[:, 0], means[:, 1], means[:, 2] / means[:, 2].sum()
    x, y = val - weight @ val, test - weight @ test
    slope = float((weight @ (x * y) + _RIDGE) / (weight @ (x * x) + _RIDGE))
    return float(weight @ test) - slope * float(weight @ val), slope
