"""A model trains on while what is learned about it may gain more than its epochs cost.

The rule is the knowledge gradient (Frazier, Powell & Dayanik 2008) with a price: every candidate has a
predicted end with an uncertainty, which shrinks as it trains. Looking at a set of candidates again at a
later barrier is worth the expected gain in the best predicted end; it costs an epoch's price for every
epoch beyond those of the best. The set and the barrier with the highest net value decide who goes on. So
a model leaves when it is confidently worse, among equals the lower one leaves because nothing is lost,
and the winner trains to the end alone once nothing is likely enough to overtake it. The same rule decides
who starts at all, by what recall expects.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Protocol

import numpy as np
import numpy.typing as npt

from hubselect.errors import InvalidInput
from hubselect.records import CurvePoint, Verdict
from hubselect.selection.rounds import StagedPolicy, best_first, judge
from hubselect.selection.stages import History

PRICE = 0.00125
"""What an epoch of one model may cost in expected score: an eighth of a point (`benchmarks/quality`)."""

_STARTING = 1.0
"""The epochs that a model costs which starts and does not win (about as measured in `benchmarks/quality`)."""

_DRAWS = 512


class Expected(Protocol):
    """The test score a curve is expected to reach, and the standard deviation of the error."""

    @property
    def mean(self) -> float: ...

    @property
    def sd(self) -> float: ...


class Ends(Protocol):
    """Predicts where curves end that stand at the same stage."""

    def predict(self, curves: Mapping[str, Sequence[CurvePoint]]) -> Mapping[str, Expected]:
        """Empty when nothing is known about this stage."""
        ...

    def remaining(self, now: float, then: float) -> float:
        """The share of the standard deviation after `now` epochs that is left after `then`: in [0, 1]."""
        ...

    def expected(self, models: Collection[str]) -> Mapping[str, Expected]:
        """The ends before any training; empty when they are not known of all `models`."""
        ...


@dataclass(frozen=True)
class NothingKnown:
    """The ends of curves when no curve was ever recorded."""

    def predict(self, curves: Mapping[str, Sequence[CurvePoint]]) -> Mapping[str, Expected]:
        return {}

    def remaining(self, now: float, then: float) -> float:
        return 1.0

    def expected(self, models: Collection[str]) -> Mapping[str, Expected]:
        return {}


@dataclass(frozen=True)
class KnowledgeGradient(StagedPolicy):
    """`price`: the expected score that one more epoch of one more model must be worth, in the metric's
    unit; 0 trains everything that may win at all. `epochs` are those after each stage; empty when all
    stages are equally long. Where nothing is known about a stage, the better
    half by validation stays after each whole epoch. The winner is the best predicted end.
    """

    ends: Ends = field(default_factory=NothingKnown)
    price: float = PRICE
    epochs: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.price < 1:
            raise InvalidInput(
                f"the price of an epoch is a score in [0, 1), not {self.price}", "choose one within that"
            )
        if self.epochs and len(self.epochs) != self.stages:
            raise InvalidInput(
                f"{self.stages} stages end after as many epochs, not {len(self.epochs)}",
                "give a number per stage",
            )

    def left_out(self, models: Sequence[str]) -> Mapping[str, str]:
        expected = self.ends.expected(models)
        if not expected:
            return {}
        order = sorted(models, key=lambda m: (-expected[m].mean, m))
        mean, sd = (np.array([getattr(expected[m], name) for m in order]) for name in ("mean", "sd"))
        places, _ = worthwhile(mean, sd, self.price * _STARTING)
        behind = {m: expected[order[0]].mean - expected[m].mean for m in order}
        return {
            m: f"not started: recall expects it {behind[m]:.3f} behind {order[0]}, give or take "
            f"{expected[m].sd:.3f}: not worth an epoch"
            for place, m in enumerate(order)
            if place not in places
        }

    def filter(self, points: Sequence[CurvePoint], started: int) -> list[Verdict]:
        """The verdicts when nothing but this stage is known of the curves."""
        return self._verdicts({p.model: (p,) for p in points}, started)

    def decide(self, history: History, points: Sequence[CurvePoint], started: int) -> list[Verdict]:
        curves = {p.model: tuple(q for q in history.points[p.model] if q.stage <= p.stage) for p in points}
        return self._verdicts(curves, started)

    def _verdicts(self, curves: Mapping[str, Sequence[CurvePoint]], started: int) -> list[Verdict]:
        points = [curve[-1] for curve in curves.values()]
        expected = self.ends.predict(curves)
        if not expected:
            return self._halved(points, started)
        order = sorted(points, key=lambda p: (-expected[p.model].mean, p.model))
        best = order[0]
        if best.stage >= self.stages:
            kept = {best.model}
        else:
            kept = {order[place].model for place in self._worth(order, expected)}
        top = expected[best.model]
        return [
            judge(
                p,
                p.model in kept,
                _reason(p.model, kept, best, top, expected[p.model]),
                expected[p.model].mean,
            )
            for p in order
        ]

    def _worth(self, order: Sequence[CurvePoint], expected: Mapping[str, Expected]) -> Sequence[int]:
        """Who goes on, as places in `order`: of the later barrier that is worth most to wait for."""
        mean = np.array([expected[p.model].mean for p in order])
        sd = np.array([expected[p.model].sd for p in order])
        stage, now = order[0].stage, order[0].epochs
        best: Sequence[int] = (0,)
        most = 0.0
        for later in self.barriers():
            if later <= stage:
                continue
            then = self.epochs[later - 1] if self.epochs else now * later / stage
            share = self.ends.remaining(now, then)
            learned = sd * np.sqrt(max(0.0, 1.0 - share * share))
            places, value = worthwhile(mean, learned, self.price * (then - now))
            if value > most + 1e-12:
                best, most = places, value
        return best

    def _halved(self, points: Sequence[CurvePoint], started: int) -> list[Verdict]:
        ranked = best_first(points)
        whole = abs(ranked[0].epochs - round(ranked[0].epochs)) < 1e-6
        last = ranked[0].stage >= self.stages
        keep = 1 if last else max(1, started // 2) if whole else len(ranked)
        why = "in the better half by validation; no curve is known to compare with"
        if not whole and not last:
            why = "no curve is known to compare with before the epoch is over"
        return [judge(p, True, why) for p in ranked[:keep]] + [
            judge(p, False, "halved: among the lowest validation scores") for p in ranked[keep:]
        ]


def worthwhile(
    mean: npt.NDArray[np.float64], learned: npt.NDArray[np.float64], cost: float
) -> tuple[Sequence[int], float]:
    """The set to look at again, and what that is worth beyond what it costs.

    `mean` [n] are predicted ends in descending order, `learned` [n] the standard deviations by which
    the predictions will move until then; `cost` is paid for each member but the first. Members are
    added as long as the gain in the expected maximum exceeds it, the largest gain first. The
    expectation is taken over the same draws for ever, one column per place.
    """
    draws = mean + learned * _normal(len(mean))
    places, ahead, value = [0], draws[:, 0], 0.0
    left = list(range(1, len(mean)))
    while left:
        gains = np.maximum(draws[:, left] - ahead[:, None], 0.0).mean(axis=0)
        largest = int(np.argmax(gains))
        if gains[largest] <= cost:
            break
        place = left.pop(largest)
        places.append(place)
        ahead = np.maximum(ahead, draws[:, place])
        value += float(gains[largest]) - cost
    return places, value


@lru_cache(maxsize=64)
def _normal(n: int) -> npt.NDArray[np.float64]:
    drawn = np.random.default_rng(0).standard_normal((n, _DRAWS)).T
    drawn.setflags(write=False)
    return drawn


def _reason(model: str, kept: set[str], best: CurvePoint, top: Expected, own: Expected) -> str:
    if model == best.model:
        return (
            "the best predicted end"
            if len(kept) > 1
            else "the best predicted end; no other is worth an epoch"
        )
    behind = f"predicted {top.mean - own.mean:.3f} behind {best.model}, give or take {own.sd:.3f}"
    return f"{behind}: {'may still win' if model in kept else 'not worth its epochs'}"
