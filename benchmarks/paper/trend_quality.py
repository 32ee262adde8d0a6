"""Fig. 6 and Fig. 5: what the first validation tells about the end, and what recall brings to the top.

Fig. 6, per model: the benchmark datasets grouped by the first validation score (convergence trends),
beside random groups of the same sizes, by silhouette; and every dataset in turn left out and its test score
predicted by the matched trend (Eq. 6), beside the mean over the other datasets, by relative error.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from statistics import fmean
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.paper.replays import Replayed, Replays, Setup
from benchmarks.paper.selections import over
from benchmarks.paper.sources import Zoo, short
from hubselect.knowledge.silhouette import silhouette
from hubselect.knowledge.trend_book import TrendBook
from hubselect.recall.quality import at
from hubselect.records import CurvePoint

FIRST = 1.0
"""Epochs before the first decision."""

SHUFFLES = 20
KS = (1, 3, 5, 10, 15)

IntArray = npt.NDArray[np.int64]


def figure_6(zoo: Zoo) -> dict[str, Any]:
    """By model: silhouettes of the groups by validation distances, of random groups, of the same groups by
    distances of final test scores, and both relative errors; their means over the models."""
    book = TrendBook.from_runs(zoo.runs)
    models = {short(m): _of_model(zoo, book, m) for m in sorted(book.models)}
    names = list(next(iter(models.values())))
    known = {n: [v for row in models.values() if (v := row[n]) is not None] for n in names}
    return {
        "mean": {n: fmean(values) for n, values in known.items()},
        "better grouped": _share(models, "silhouette", "random", higher=True),
        "better predicted": _share(models, "error", "error of the mean", higher=False),
        "models": models,
    }


def _share(models: dict[str, dict[str, float | None]], ours: str, other: str, *, higher: bool) -> float:
    """The share of models for which `ours` beats `other`."""
    pairs = [
        (a, b) for row in models.values() if (a := row[ours]) is not None and (b := row[other]) is not None
    ]
    return fmean(float(a > b if higher else a < b) for a, b in pairs)


def _of_model(zoo: Zoo, book: TrendBook, model: str) -> dict[str, float | None]:
    groups = book.trends(model, FIRST)
    ends = {d: (val, test) for d, val, test in book.curves[model][FIRST]}
    names = sorted(ends)
    vals, tests = (np.array([ends[d][i] for d in names]) for i in (0, 1))
    of = {d: i for i, trend in enumerate(groups) for d in trend.datasets}
    labels = np.array([of[d] for d in names], dtype=np.int64)
    ours, plain = _errors(book, model, ends)
    return {
        "silhouette": silhouette(_apart(vals), labels),
        "random": _random(_apart(vals), labels),
        "silhouette by test": silhouette(_apart(tests), labels),
        "random by test": _random(_apart(tests), labels),
        "error": ours,
        "error of the mean": plain,
    }


def _errors(
    book: TrendBook, model: str, ends: dict[str, tuple[float, float]]
) -> tuple[float | None, float | None]:
    """Mean |predicted - test| / test over the datasets left out: by the trend, by the mean of the others."""
    trend, plain = [], []
    for name, (val, test) in ends.items():
        predicted = book.without_dataset(name).predict(model, CurvePoint(model, 1, FIRST, val))
        others = [t for d, (_, t) in ends.items() if d != name]
        if predicted is not None and others and test > 0:
            trend.append(abs(predicted - test) / test)
            plain.append(abs(fmean(others) - test) / test)
    return (fmean(trend), fmean(plain)) if trend else (None, None)


def _apart(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.abs(values[:, None] - values[None, :])


def _random(distances: npt.NDArray[np.float64], labels: IntArray) -> float | None:
    """The mean over shuffles: groups of the same sizes, filled by chance."""
    chance = np.random.default_rng(0)
    found = [silhouette(distances, chance.permutation(labels)) for _ in range(SHUFFLES)]
    known = [f for f in found if f is not None]
    return fmean(known) if known else None


def figure_5(replays: Replays) -> dict[str, Any]:
    """Mean test score of the first K recalled models of every target, and of random ones (the pool's mean:
    what K models drawn at random have on average); how many have to be recalled for the best. Where the
    pool is smaller than K all of it is recalled."""
    found = replays.of(Setup("fine-selection", None))
    rows: dict[str, Any] = {}
    for name in sorted({r.target.dataset for r in found}):
        own = [r for r in found if r.target.dataset == name]
        curves = np.mean([_running_means(r.recalled_tests) for r in own], axis=0)
        rows[short(name)] = {
            "random": fmean(fmean(r.tests.values()) for r in own),
            "recalled": curves.tolist(),
            "needed for best": fmean(r.needed_for_best for r in own),
        }
    return {
        "at": {str(k): over(found, partial(_gain, k=k)) for k in KS},
        "above random": {
            str(k): fmean(float(at(row["recalled"], k) > row["random"]) for row in rows.values()) for k in KS
        },
        "best within": {str(k): fmean(float(r.needed_for_best <= k) for r in found) for k in KS},
        "targets": rows,
    }


def _running_means(tests: Sequence[float]) -> npt.NDArray[np.float64]:
    return np.cumsum(tests) / np.arange(1, len(tests) + 1)


def _gain(r: Replayed, k: int) -> float:
    """How much the first k recalled models (all where there are fewer) are better than random ones."""
    return fmean(r.recalled_tests[:k]) - fmean(r.tests.values())
