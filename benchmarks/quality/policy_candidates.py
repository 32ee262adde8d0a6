"""The policies that `policies.py` compares: the product's, and those that were tried beside them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from hubselect.knowledge.curve_ends import CurveEnds, End
from hubselect.knowledge.curve_lessons import RECENT, Lesson, log_odds
from hubselect.knowledge.matrix import FloatArray
from hubselect.records import CurvePoint, Verdict
from hubselect.selection import StagedPolicy
from hubselect.selection.rounds import judge, winners_first

_NEIGHBOURS = 15
_LENGTH = 1.0  # of the Gaussian process, in standard deviations of a predictor


@dataclass(frozen=True)
class ConstantDiscard(StagedPolicy):
    """All but the best by validation leave after a constant number of stages (arXiv 2404.04111)."""

    after: int = 1

    def barriers(self) -> Sequence[int]:
        return sorted({min(self.after, self.stages), self.stages})

    def filter(self, points: Sequence[CurvePoint], started: int) -> list[Verdict]:
        best, rest = winners_first(points, 1)
        return [judge(p, True, "best") for p in best] + [judge(p, False, "not the best") for p in rest]


@dataclass(frozen=True)
class LearnedEnds:
    """Ends from rows of recorded curves: predictors are the last validation score and the mean of the last
    three (log odds); the gain to the end is learned. How fast errors shrink is taken from `shrinking`."""

    lessons: Sequence[Lesson]
    barriers: Sequence[float]
    shrinking: CurveEnds
    _tables: dict[int, tuple[FloatArray, FloatArray, FloatArray]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def remaining(self, now: float, then: float) -> float:
        return self.shrinking.remaining(now, then)

    def expected(self, models: Collection[str]) -> Mapping[str, End]:
        return {}

    def predict(self, curves: Mapping[str, Sequence[CurvePoint]]) -> Mapping[str, End]:
        models = sorted(curves)
        epochs = curves[models[0]][-1].epochs
        place = max((n for n, e in enumerate(self.barriers) if e <= epochs + 1e-6), default=None)
        if place is None:
            return {}
        last = log_odds([curves[m][-1].val for m in models])
        recent = np.array([log_odds([p.val for p in curves[m][-RECENT:]]).mean() for m in models])
        gain, sd = self._gains(place, np.column_stack([last, recent]))
        mean = 1.0 / (1.0 + np.exp(-(last + gain)))
        q = np.clip(mean, 0.02, 0.98)
        return {m: End(float(a), float(b)) for m, a, b in zip(models, mean, sd * q * (1 - q), strict=True)}

    def _gains(self, place: int, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        raise NotImplementedError

    def _table(self, place: int) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Predictors [n, 2] scaled to unit variance, gains [n], and the scale [2]."""
        if place not in self._tables:
            rows = []
            for lesson in self.lessons:
                window = lesson.val[:, max(0, place - RECENT + 1) : place + 1]
                rows.append(np.column_stack([window[:, -1], window.mean(axis=1), lesson.test]))
            table = np.concatenate(rows)
            table = table[np.isfinite(table).all(axis=1)]
            scale = table[:, :2].std(axis=0) + 1e-9
            self._tables[place] = table[:, :2] / scale, table[:, 2] - table[:, 0], scale
        return self._tables[place]


@dataclass(frozen=True)
class NearestCurves(LearnedEnds):
    """The mean gain of the 15 recorded curves that looked most alike at the same stage."""

    def _gains(self, place: int, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        known, gains, scale = self._table(place)
        distance = ((x / scale)[:, None, :] - known[None]) ** 2
        nearest = np.argsort(distance.sum(axis=2), axis=1, kind="stable")[:, :_NEIGHBOURS]
        found = gains[nearest]
        return found.mean(axis=1), found.std(axis=1) + 1e-3


@dataclass(frozen=True)
class GaussianProcessEnds(LearnedEnds):
    """A Gaussian process over the same predictors: squared exponential, noise as left by a line."""

    @cached_property
    def _solved(self) -> dict[int, tuple[FloatArray, FloatArray, float, float, float]]:
        return {}

    def _gains(self, place: int, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        known, gains, scale = self._table(place)
        if place not in self._solved:
            centre, signal = float(gains.mean()), float(gains.var()) + 1e-6
            line = np.column_stack([np.ones(len(known)), known])
            noise = float(np.mean((gains - line @ np.linalg.lstsq(line, gains, rcond=None)[0]) ** 2)) + 1e-6
            inverse = np.linalg.inv(signal * _kernel(known, known) + noise * np.eye(len(known)))
            self._solved[place] = inverse, inverse @ (gains - centre), centre, signal, noise
        inverse, weights, centre, signal, noise = self._solved[place]
        cross = signal * _kernel(x / scale, known)
        variance = signal + noise - np.einsum("ij,jk,ik->i", cross, inverse, cross)
        return centre + cross @ weights, np.sqrt(np.maximum(variance, 1e-6))


def _kernel(a: FloatArray, b: FloatArray) -> FloatArray:
    found: FloatArray = np.exp(-0.5 * ((a[:, None] - b[None]) ** 2).sum(axis=2) / _LENGTH**2)
    return found
