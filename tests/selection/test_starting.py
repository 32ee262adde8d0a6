"""Who starts at all: models that recall expects far behind do not, unless those in front fail."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubselect.backtest import MemoryJournal
from hubselect.errors import SelectionFailed
from hubselect.executors.replay import ReplayExecutor
from hubselect.knowledge.curve_ends import CurveEnds, End
from hubselect.records import CurvePoint, Run, Verdict
from hubselect.selection import Budget, Budgeted, Costs, Finished, KnowledgeGradient, drive

STAGES = 4


@dataclass(frozen=True)
class Recalled:
    """Recall expects these ends, give or take `sd`; a curve is expected to end where it is."""

    ends: Mapping[str, float]
    sd: float = 0.01

    def expected(self, models: Collection[str]) -> Mapping[str, End]:
        return {m: End(self.ends[m], self.sd) for m in models} if set(models) <= set(self.ends) else {}

    def predict(self, curves: Mapping[str, Sequence[CurvePoint]]) -> Mapping[str, End]:
        return {m: End(c[-1].val, 0.02 / math.sqrt(c[-1].stage)) for m, c in curves.items()}

    def remaining(self, now: float, then: float) -> float:
        return math.sqrt(now / then)


def run(model: str, values: Sequence[float]) -> Run:
    """One that ends early fails there."""
    curve = tuple(CurvePoint(model, s, float(s), v) for s, v in enumerate(values, 1))
    return Run(model, "d", "r", "done", curve=curve)


def played(
    ends: Mapping[str, float], curves: Mapping[str, Sequence[float]], budget: Budget | None = None
) -> tuple[Finished, MemoryJournal]:
    policy = KnowledgeGradient(STAGES, Recalled(ends))
    within = Budgeted.around(policy, budget or Budget(), Costs(tuple(map(float, range(1, STAGES + 1)))))
    journal = MemoryJournal(list(curves))
    done = drive(within, ReplayExecutor({m: run(m, c) for m, c in curves.items()}), journal)
    assert within.next(journal.history()) == done  # a function of the history alone
    return done, journal


def out(done: Finished) -> dict[str, Verdict]:
    return {v.model: v for v in done.verdicts if v.stage == 0}


def test_a_model_expected_far_behind_does_not_start() -> None:
    ends, curve = {"a": 0.9, "b": 0.895, "c": 0.8}, [0.8] * STAGES
    done, journal = played(ends, dict.fromkeys(ends, curve))
    assert list(out(done)) == ["c"]
    assert out(done)["c"].reason == (
        "not started: recall expects it 0.100 behind a, give or take 0.010: not worth an epoch"
    )
    assert not journal.history().points.get("c")
    assert done.verdicts[0].model == "c"


def test_all_start_where_recall_says_nothing_of_one_of_them() -> None:
    done, journal = played({"a": 0.9, "b": 0.1}, dict.fromkeys("abc", [0.8] * STAGES))
    assert not out(done)
    assert set(journal.history().points) == set("abc")


def test_who_fails_in_the_first_stage_makes_room() -> None:
    ends = {"a": 0.9, "b": 0.8, "c": 0.7}
    done, journal = played(ends, {"a": [], "b": [0.5] * STAGES, "c": [0.9] * STAGES})
    assert done.winner == "b"
    assert list(out(done)) == ["c"]
    assert "c" not in journal.history().points


def test_who_was_left_out_comes_in_when_all_others_failed() -> None:
    ends = {"a": 0.9, "b": 0.8, "c": 0.7}
    done, _ = played(ends, {"a": [0.6, 0.7], "b": [0.5] * STAGES, "c": [0.9] * STAGES})
    assert done.winner == "b"
    with pytest.raises(SelectionFailed, match="every candidate failed"):
        played(ends, {m: [0.5] for m in ends})


def test_a_budget_does_not_start_those_who_are_left_out() -> None:
    ends = {"a": 0.9, "b": 0.5, "c": 0.5}
    done, journal = played(ends, dict.fromkeys(ends, [0.6] * STAGES), Budget(epochs=12.0))
    assert (done.winner, set(journal.history().points)) == ("a", {"a"})


def test_what_recall_expects_is_kept_with_the_ends_and_needs_an_error() -> None:
    priors = {"a": (0.9, 0.8, 1.0), "b": (0.7, 0.6, 0.8)}
    ends = CurveEnds().with_priors(priors, 0.03)
    assert CurveEnds.from_dict(ends.to_dict()) == ends
    assert ends.expected(["a"]) == {"a": End(0.9, 0.03)}
    assert ends.expected(["a", "c"]) == {}
    assert CurveEnds().with_priors(priors).expected(["a"]) == {}


@given(
    st.dictionaries(
        st.sampled_from([f"m{i}" for i in range(6)]),
        st.tuples(st.floats(0, 1), st.lists(st.floats(0, 1), max_size=STAGES)),
        min_size=1,
    )
)
@settings(max_examples=150, deadline=None)
def test_whoever_fails_somebody_wins_who_can(models: dict[str, tuple[float, list[float]]]) -> None:
    """A winner reached the end; without one nobody could. Asking again gives the same."""
    ends, curves = {m: e for m, (e, _) in models.items()}, {m: c for m, (_, c) in models.items()}
    try:
        done, _ = played(ends, curves)
    except SelectionFailed:
        assert all(len(c) < STAGES for c in curves.values())
    else:
        assert len(curves[done.winner]) == STAGES
