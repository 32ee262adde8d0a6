"""A budget around a policy: worked by hand, and what holds for any curves, failures and budgets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubselect.backtest import MemoryJournal
from hubselect.errors import InvalidInput, SelectionFailed
from hubselect.executors.replay import ReplayExecutor
from hubselect.records import CurvePoint, Failed, Run
from hubselect.selection import (
    POLICIES,
    Budget,
    Budgeted,
    Costs,
    Finished,
    Stage,
    StagedPolicy,
    SuccessiveHalving,
    drive,
    make_policy,
)

STAGES = 4
EPOCHS = (0.5, 1.0, 1.5, 2.0)


@dataclass(frozen=True)
class Forecasts:
    ends: Mapping[str, float] = field(default_factory=dict)

    def predict(self, model: str, point: CurvePoint) -> float | None:
        return self.ends.get(model)


def runs(curves: Mapping[str, Sequence[float]], pace: Mapping[str, float] | None = None) -> dict[str, Run]:
    """Curves at half epochs; an epoch of a model takes its `pace`."""
    return {
        m: Run(
            m,
            "d",
            "r",
            "done",
            curve=tuple(
                CurvePoint(m, s, EPOCHS[s - 1], v, (pace or {}).get(m, 0.0) / 2)
                for s, v in enumerate(values, 1)
            ),
        )
        for m, values in curves.items()
    }


def played(
    policy: StagedPolicy, recorded: dict[str, Run], order: Sequence[str]
) -> tuple[Finished, MemoryJournal]:
    journal = MemoryJournal(order)
    return drive(policy, ReplayExecutor(recorded), journal), journal


def inner(name: str) -> StagedPolicy:
    return make_policy(name, STAGES, Forecasts(), epochs=EPOCHS)


CURVES = st.dictionaries(
    st.sampled_from([f"m{i}" for i in range(8)]),
    st.lists(st.floats(0, 1), min_size=STAGES, max_size=STAGES),
    min_size=1,
)
NAMES = st.sampled_from(sorted(POLICIES))


def test_a_selection_follows_the_hand_worked_example() -> None:
    """5 epochs, 0.3 of them spent on recall, are 4.7 for five candidates that take 2 each in stages of 0.5.
    Start: n * 0.5 + 1.5 fits for n = 5 (4.0). After it 2.2 are left: 0.5 n + 1.0 fits for n = 2, which
    is what halving keeps. After stage 2, 1.2 are left: 0.5 n + 0.5 fits for the one that halving keeps.
    Cost: 2.5 + 1 + 0.5 + 0.5."""
    curves = {m: [0.5 + 0.01 * i] * STAGES for i, m in enumerate("edcba")}
    policy = Budgeted.around(SuccessiveHalving(STAGES), Budget(5.0), Costs(EPOCHS, recall_epochs=0.3))
    done, journal = played(policy, runs(curves), "abcde")
    assert (done.winner, journal.epochs()) == ("a", 4.5)
    tight = Budgeted.around(SuccessiveHalving(STAGES), Budget(4.0), Costs(EPOCHS, recall_epochs=0.3))
    done, journal = played(tight, runs(curves), "abcde")
    left = {v.model: (v.stage, v.reason) for v in done.verdicts if not v.kept}
    assert left["e"] == (0, "not started: the budget of 4 epochs pays for no more")
    assert left["b"][0] == 1
    assert left["b"][1].startswith("the budget of 4 epochs pays for 1; it would have gone on: in the better")
    assert journal.epochs() == 4 * 0.5 + 1.5


def test_time_is_counted_as_workers_share_it() -> None:
    """Two workers: 1, 1 and 4 seconds take at most 3 + 4 / 2. A model too slow to be finished is passed over,
    and faster ones after it start."""
    assert Costs(EPOCHS, workers=2).together([1.0, 1.0, 4.0]) == 5.0
    pace = {"slow": 100.0, "a": 2.0, "b": 2.0, "c": 2.0}
    curves = {m: [0.5] * STAGES for m in pace}
    policy = Budgeted.around(inner("brute-force"), Budget(seconds=9.0), Costs(EPOCHS, pace))
    done, journal = played(policy, runs(curves, pace), ["slow", "a", "b", "c"])
    assert sorted(m for m, points in journal.history().points.items() if points) == ["a", "b"]
    assert {v.model for v in done.verdicts if v.stage == 0} == {"slow", "c"}


def test_a_failure_makes_room_for_the_next() -> None:
    """The budget pays for two from the start; the first fails at once, so the third starts."""
    curves: dict[str, Sequence[float]] = {"a": [], "b": [0.5] * STAGES, "c": [0.6] * STAGES}
    policy = Budgeted.around(inner("brute-force"), Budget(4.0), Costs(EPOCHS))
    done, _ = played(policy, runs(curves), "abc")
    assert done.winner == "c"


def test_a_budget_that_failures_used_up_ends_the_selection() -> None:
    """Both that were paid for fail at the last stage; nothing is left for a third."""
    curves = {"a": [0.5] * 3, "b": [0.5] * 3, "c": [0.6] * STAGES}
    policy = Budgeted.around(inner("brute-force"), Budget(4.0), Costs(EPOCHS))
    with pytest.raises(SelectionFailed, match="the budget of 4 epochs"):
        played(policy, runs(curves), "abc")


def test_a_budget_below_one_training_trains_nothing() -> None:
    policy = Budgeted.around(inner("brute-force"), Budget(2.0), Costs(EPOCHS, recall_epochs=0.1))
    with pytest.raises(SelectionFailed, match="one full training"):
        played(policy, runs({"a": [0.5] * STAGES}), "a")
    with pytest.raises(InvalidInput, match="pays for nothing"):
        Budget(epochs=0)
    with pytest.raises(InvalidInput, match="4 stages"):
        Budgeted.around(inner("brute-force"), Budget(2.0), Costs((1.0,)))


def test_when_recall_took_all_the_time_one_model_is_trained() -> None:
    """A slow recall must not have been for nothing: the first recalled model is trained whatever it takes."""
    curves = {m: [0.5] * STAGES for m in "ab"}
    costs = Costs(EPOCHS, {"a": 1.0, "b": 1.0}, recall_seconds=9.0)
    done, journal = played(
        Budgeted.around(inner("brute-force"), Budget(seconds=3.0), costs), runs(curves), "ba"
    )
    assert (done.winner, journal.epochs()) == ("b", 2.0)


@given(CURVES, NAMES, st.floats(2.0, 20.0), st.floats(0.0, 1.0))
@settings(max_examples=60, deadline=None)
def test_epochs_never_exceed_the_budget_and_the_winner_is_fully_trained(
    curves: dict[str, list[float]], name: str, epochs: float, recall: float
) -> None:
    """For any curves, policy and budget that pays for one training."""
    budget = Budget(epochs + recall)
    policy = Budgeted.around(inner(name), budget, Costs(EPOCHS, recall_epochs=recall))
    done, journal = played(policy, runs(curves), sorted(curves))
    assert journal.epochs() + recall <= epochs + recall + 1e-6
    assert journal.history().reached(done.winner, STAGES)
    assert {v.model for v in done.verdicts} == set(curves)


@given(CURVES, st.lists(st.integers(0, STAGES), min_size=8, max_size=8), NAMES, st.floats(2.0, 12.0))
@settings(max_examples=60, deadline=None)
def test_failures_do_not_break_the_budget(
    curves: dict[str, list[float]], ends: list[int], name: str, epochs: float
) -> None:
    """Models that break off anywhere: a winner within the budget, or a selection that ends without."""
    broken = {m: values[: ends[int(m[1])]] for m, values in curves.items()}
    policy = Budgeted.around(inner(name), Budget(epochs), Costs(EPOCHS))
    journal = MemoryJournal(sorted(curves))
    with suppress(SelectionFailed):
        done = drive(policy, ReplayExecutor(runs(broken)), journal)
        assert journal.history().reached(done.winner, STAGES)
    assert journal.epochs() <= epochs + 1e-6


@given(
    CURVES, NAMES, st.lists(st.floats(0.1, 5.0), min_size=8, max_size=8), st.floats(1, 5), st.integers(1, 3)
)
@settings(max_examples=60, deadline=None)
def test_seconds_are_kept_where_models_take_as_long_as_expected(
    curves: dict[str, list[float]], name: str, paces: list[float], times: float, workers: int
) -> None:
    """The budget is at least what the fastest model needs; rounds are counted as workers share them."""
    pace = {m: paces[int(m[1])] for m in curves}
    costs = Costs(EPOCHS, pace, workers, recall_seconds=0.5)
    budget = Budget(seconds=0.5 + times * 2 * min(pace.values()))
    done, journal = played(Budgeted.around(inner(name), budget, costs), runs(curves, pace), sorted(curves))
    assert budget.seconds is not None
    assert costs.spent(journal.history(), done.verdicts)[1] <= budget.seconds + 1e-6
    assert journal.history().reached(done.winner, STAGES)


@given(CURVES, NAMES)
@settings(max_examples=60, deadline=None)
def test_without_a_limit_nothing_is_decided_differently(curves: dict[str, list[float]], name: str) -> None:
    """No budget, or one that pays for everything: the same verdicts, reasons included."""
    plain, _ = played(inner(name), runs(curves), sorted(curves))
    for budget in (Budget(), Budget(1000.0), Budget(1000.0, 1e9)):
        policy = Budgeted.around(inner(name), budget, Costs(EPOCHS, {"m0": 1.0}))
        assert played(policy, runs(curves), sorted(curves))[0] == plain


class Killed(Exception):
    pass


class Mortal(ReplayExecutor):
    """Is killed whenever it has given `events` results, six times; what was reached stays."""

    def __init__(self, recorded: dict[str, Run], events: int) -> None:
        super().__init__(recorded)
        self.events, self.given, self.lives = events, 0, 6

    def run(self, stage: Stage) -> Iterator[CurvePoint | Failed]:
        for event in super().run(stage):
            yield event
            self.given += 1
            if self.given % self.events == 0 and self.lives:
                self.lives -= 1
                raise Killed


@given(
    CURVES,
    st.lists(st.integers(0, STAGES), min_size=8, max_size=8),
    NAMES,
    st.floats(2.0, 8.0),
    st.integers(1, 3),
)
@settings(max_examples=60, deadline=None)
def test_a_killed_selection_decides_the_same(
    curves: dict[str, list[float]], ends: list[int], name: str, epochs: float, events: int
) -> None:
    """Killed again and again, also in the middle of a stage, with failures: the same end, in the same
    verdicts, as without a kill."""
    recorded = runs({m: values[: max(1, ends[int(m[1])])] for m, values in curves.items()})
    policy = Budgeted.around(inner(name), Budget(epochs, 50.0), Costs(EPOCHS, {"m0": 1.0}, 2))

    def outcome(journal: MemoryJournal, executor: ReplayExecutor) -> Finished | str:
        while True:
            try:
                return drive(policy, executor, journal)
            except SelectionFailed as error:
                return str(error)
            except Killed:
                continue

    whole = outcome(MemoryJournal(sorted(curves)), ReplayExecutor(recorded))
    assert outcome(MemoryJournal(sorted(curves)), Mortal(recorded, events)) == whole


def test_failures_are_events_of_the_history_like_any_other() -> None:
    """What a failed model spent before the first barrier counts: it made half an epoch, so of 4 epochs
    3.5 are left for the others, one full training."""
    curves = {"a": [0.9], "b": [0.5] * STAGES, "c": [0.6] * STAGES}
    policy = Budgeted.around(inner("brute-force"), Budget(4.0), Costs(EPOCHS))
    done, journal = played(policy, runs(curves), "abc")
    assert (done.winner, journal.epochs()) == ("b", 2.5)
    assert isinstance(journal.history().failed["a"], Failed)
