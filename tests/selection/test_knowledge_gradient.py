"""The knowledge gradient: worked by hand, and what holds for any curves."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubselect.backtest import MemoryJournal
from hubselect.errors import InvalidInput
from hubselect.executors.replay import ReplayExecutor
from hubselect.records import CurvePoint, Failed, Run
from hubselect.selection import Finished, History, KnowledgeGradient, drive, make_policy
from hubselect.selection.knowledge_gradient import worthwhile

STAGES = 4


class Expected(NamedTuple):
    mean: float
    sd: float


@dataclass(frozen=True)
class LastScore:
    """Expects a curve to end where it is, give or take `sd` after one stage and ever less later."""

    sd: float = 0.02
    known: frozenset[int] = field(default_factory=lambda: frozenset(range(1, 100)))

    def predict(self, curves: Mapping[str, Sequence[CurvePoint]]) -> Mapping[str, Expected]:
        return {
            m: Expected(c[-1].val, self.sd / math.sqrt(c[-1].stage))
            for m, c in curves.items()
            if c[-1].stage in self.known
        }

    def remaining(self, now: float, then: float) -> float:
        return math.sqrt(now / then)

    def expected(self, models: Collection[str]) -> Mapping[str, Expected]:
        return {}


def runs(curves: Mapping[str, Sequence[float]]) -> dict[str, Run]:
    return {
        m: Run(m, "d", "r", "done", curve=tuple(CurvePoint(m, s, float(s), v) for s, v in enumerate(vals, 1)))
        for m, vals in curves.items()
    }


def played(
    policy: KnowledgeGradient, curves: Mapping[str, Sequence[float]], order: Sequence[str] | None = None
) -> tuple[Finished, float]:
    journal = MemoryJournal(sorted(curves) if order is None else order)
    done = drive(policy, ReplayExecutor(runs(curves)), journal)
    return done, journal.epochs()


CURVES = st.dictionaries(
    st.sampled_from([f"m{i}" for i in range(8)]),
    st.lists(st.floats(0, 1), min_size=STAGES, max_size=STAGES),
    min_size=1,
)


def test_the_gain_of_looking_again_is_the_known_integral() -> None:
    """Two ends .80 and .79, each about to move by .02: E[max] - .80 = t f(d/t) + d F(d/t) with d = -.01 and
    t = .02 sqrt(2), worked by hand: .00698. A third end at .60 adds nothing at any price."""
    mean, learned = np.array([0.80, 0.79, 0.60]), np.full(3, 0.02)
    places, value = worthwhile(mean, learned, 0.001)
    assert sorted(places) == [0, 1]
    assert value == pytest.approx(0.00698 - 0.001, abs=0.0015)
    assert worthwhile(mean, learned, 0.01) == ([0], 0.0)


def test_a_selection_follows_the_hand_worked_example() -> None:
    """Stage 1: b leads by .01 with errors of .02, which is worth another stage, at a price of .001 an
    epoch, to find out about a; c is .2 behind and leaves. Stage 2: a is .06 ahead with errors of
    .014: b leaves, and a trains on alone. Cost: 3 + 2 + 1 + 1 epochs."""
    curves = {"a": [0.79, 0.86, 0.9, 0.9], "b": [0.8, 0.8, 0.9, 0.9], "c": [0.6, 0.99, 0.99, 0.99]}
    done, spent = played(KnowledgeGradient(4, LastScore()), curves)
    left = {v.model: v.stage for v in done.verdicts if not v.kept}
    assert (done.winner, spent, left) == ("a", 7.0, {"c": 1, "b": 2})
    reasons = {(v.model, v.stage): v.reason for v in done.verdicts}
    assert reasons["c", 1] == "predicted 0.200 behind b, give or take 0.020: not worth its epochs"
    assert reasons["a", 1].endswith("may still win")


def test_equals_leave_once_nothing_more_can_be_learned() -> None:
    """A tie whose errors no further training reduces costs nothing: the lower id goes on alone."""
    done, spent = played(KnowledgeGradient(4, LastScore(sd=0.0)), {"b": [0.5] * 4, "a": [0.5] * 4})
    assert (done.winner, spent) == ("a", 5.0)


def test_an_epoch_at_any_price_stops_all_others_at_once() -> None:
    """At a price above every gain only the best goes on; without a price everything that may win does."""
    curves = {"a": [0.5, 0.6, 0.6, 0.6], "b": [0.51, 0.5, 0.5, 0.5]}
    assert played(KnowledgeGradient(4, LastScore(), 0.5), curves)[1] == 5.0
    assert played(KnowledgeGradient(4, LastScore(), 0.0), curves)[1] > 5.0


def test_without_recorded_curves_the_better_half_stays_after_whole_epochs() -> None:
    """Nothing known: halving, and no decision in the middle of an epoch."""
    curves = {f"m{i}": [0.1 * i] * 4 for i in range(8)}
    quarters = {
        m: Run(m, "d", "r", "done", curve=tuple(CurvePoint(m, s, s / 2, v) for s, v in enumerate(vals, 1)))
        for m, vals in curves.items()
    }
    journal = MemoryJournal(sorted(curves))
    policy = make_policy("knowledge-gradient", 4, LastScore())  # type: ignore[arg-type]
    assert drive(policy, ReplayExecutor(quarters), journal).winner == "m7"
    assert journal.epochs() == 8 + 4


def test_the_winner_is_the_best_predicted_end_not_the_last_validation() -> None:
    """Two trained to the end: the prediction, which may know more than one validation, decides."""

    @dataclass(frozen=True)
    class Knows(LastScore):
        def predict(self, curves: Mapping[str, Sequence[CurvePoint]]) -> Mapping[str, Expected]:
            return {m: Expected({"a": 0.7, "b": 0.71}[m], 0.1 / c[-1].stage) for m, c in curves.items()}

        def remaining(self, now: float, then: float) -> float:
            return now / then

    done, spent = played(KnowledgeGradient(2, Knows(), 0.0), {"a": [0.9, 0.9], "b": [0.8, 0.8]})
    assert (done.winner, spent) == ("b", 4.0)


@given(CURVES, st.floats(0, 0.2), st.floats(0, 0.1))
@settings(max_examples=60, deadline=None)
def test_one_winner_is_trained_to_the_end(curves: dict[str, list[float]], sd: float, price: float) -> None:
    """For any curves: the winner went through every stage, the only one left never leaves, each stage
    keeps somebody, and asking again gives the same."""
    policy = KnowledgeGradient(STAGES, LastScore(sd), price)
    done, spent = played(policy, curves)
    assert max(v.stage for v in done.verdicts if v.model == done.winner and v.kept) == STAGES
    assert STAGES <= spent <= STAGES * len(curves)
    for stage in range(1, STAGES + 1):
        assert any(v.kept for v in done.verdicts if v.stage == stage)
    assert played(policy, curves) == (done, spent)


@given(CURVES, st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_the_order_of_recall_does_not_matter(curves: dict[str, list[float]], chance: object) -> None:
    """Candidates in any order: the same verdicts about the same models."""
    order = sorted(curves)
    chance.shuffle(order)  # type: ignore[attr-defined]
    policy = KnowledgeGradient(STAGES, LastScore())
    assert played(policy, curves, order) == played(policy, curves)


@given(CURVES, st.integers(0, 40))
@settings(max_examples=40, deadline=None)
def test_a_selection_killed_anywhere_continues_with_the_same_decisions(
    curves: dict[str, list[float]], events: int
) -> None:
    """The journal is cut after any number of events; a new policy and executor end alike."""
    whole, _ = played(KnowledgeGradient(STAGES, LastScore()), curves)

    class Killed(Exception):
        pass

    class Journal(MemoryJournal):
        left = events

        def append(self, event: CurvePoint | Failed) -> None:
            if self.left == 0:
                raise Killed
            self.left -= 1
            super().append(event)

    journal = Journal(sorted(curves))
    try:
        drive(KnowledgeGradient(STAGES, LastScore()), ReplayExecutor(runs(curves)), journal)
    except Killed:
        journal.left = -1
    again = _Resumed(runs(curves), journal.history())
    assert drive(KnowledgeGradient(STAGES, LastScore()), again, journal) == whole


class _Resumed(ReplayExecutor):
    """Goes on from what a journal holds, as a training state on disk would."""

    def __init__(self, recorded: Mapping[str, Run], history: History) -> None:
        super().__init__(recorded)
        self._reached = {m: points[-1].stage for m, points in history.points.items()}


@given(st.integers(0, 3), st.integers(0, 3))
def test_a_clear_winner_is_never_dropped(place: int, leads_from: int) -> None:
    """A model that is ahead of all others at every stage by far more than the errors wins."""
    curves = {f"m{i}": [0.5 + 0.001 * i * leads_from] * STAGES for i in range(4)}
    curves[f"m{place}"] = [0.8] * STAGES
    assert played(KnowledgeGradient(STAGES, LastScore()), curves)[0].winner == f"m{place}"


def test_nothing_after_a_failed_model_breaks() -> None:
    """The leader fails after the others left: the best of those comes back and is trained to the end."""
    curves = {"a": [0.9, 0.9], "b": [0.6] * 4, "c": [0.7] * 4}
    done, _ = played(KnowledgeGradient(4, LastScore()), curves)
    assert done.winner == "c"
    assert any(v.reason.startswith("failed") for v in done.verdicts if v.model == "a")
    assert any(v.reason.startswith("back in") for v in done.verdicts if v.model == "c")


def test_a_stage_of_which_nothing_is_known_is_passed_over() -> None:
    """Half epochs were never recorded: nobody leaves there, the next stage decides as ever."""
    curves = {"a": [0.5] * 4, "b": [0.9] * 4}
    halves = {
        m: Run(m, "d", "r", "done", curve=tuple(CurvePoint(m, s, s / 2, v) for s, v in enumerate(vals, 1)))
        for m, vals in curves.items()
    }
    policy = KnowledgeGradient(4, LastScore(known=frozenset({2, 3, 4})))
    done = drive(policy, ReplayExecutor(halves), MemoryJournal(["a", "b"]))
    assert [(v.model, v.stage) for v in done.verdicts if not v.kept] == [("a", 2)]


def test_bad_settings_are_refused() -> None:
    """A price that is no score, and epochs for another number of stages."""
    with pytest.raises(InvalidInput, match="price"):
        KnowledgeGradient(4, LastScore(), -0.1)
    with pytest.raises(InvalidInput, match="4 stages"):
        KnowledgeGradient(4, LastScore(), epochs=(1.0, 2.0))
