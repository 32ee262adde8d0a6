"""The policies, on curves small enough to follow by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubselect.backtest import MemoryJournal
from hubselect.errors import InvalidInput, SelectionFailed
from hubselect.executors.replay import ReplayExecutor
from hubselect.records import CurvePoint, Run
from hubselect.selection import (
    BruteForce,
    FineSelection,
    Finished,
    History,
    Stage,
    StagedPolicy,
    SuccessiveHalving,
    drive,
    make_policy,
)


@dataclass(frozen=True)
class Forecasts:
    """Predictions by (model, stage): the role that convergence trends play in the product."""

    ends: Mapping[tuple[str, int], float] = field(default_factory=dict)

    def predict(self, model: str, point: CurvePoint) -> float | None:
        return self.ends.get((model, point.stage))


def runs(curves: Mapping[str, list[float]]) -> dict[str, Run]:
    return {
        m: Run(m, "d", "r", "done", curve=tuple(CurvePoint(m, s, float(s), v) for s, v in enumerate(vals, 1)))
        for m, vals in curves.items()
    }


def played(policy: StagedPolicy, curves: Mapping[str, list[float]]) -> tuple[Finished, float]:
    journal = MemoryJournal(sorted(curves))
    done = drive(policy, ReplayExecutor(runs(curves)), journal)
    return done, journal.epochs()


def rising(count: int, stages: int) -> dict[str, list[float]]:
    return {f"m{i:02d}": [0.5 + 0.01 * i + 0.001 * s for s in range(stages)] for i in range(count)}


@pytest.mark.parametrize("name", ["fine-selection", "successive-halving"])
@pytest.mark.parametrize("per_epoch", [1, 2, 4])
def test_the_papers_policies_decide_once_an_epoch(name: str, per_epoch: int) -> None:
    """However often curves are validated: the same verdicts, at the ends of the epochs."""
    policy = make_policy(name, 5 * per_epoch, Forecasts(), stages_per_epoch=per_epoch)
    done, spent = played(policy, rising(10, 5 * per_epoch))
    assert spent == 19 * per_epoch
    assert [v.stage for v in done.verdicts if v.model == done.winner] == [per_epoch * n for n in range(1, 6)]


def test_the_last_stage_is_always_a_barrier() -> None:
    assert tuple(SuccessiveHalving(7, every=3).barriers()) == (3, 6, 7)
    with pytest.raises(InvalidInput, match="apart"):
        SuccessiveHalving(7, every=0)


@pytest.mark.parametrize(("models", "epochs", "cost"), [(10, 5, 19), (40, 5, 77), (10, 4, 18), (30, 4, 55)])
def test_halving_costs_what_the_paper_counts(models: int, epochs: int, cost: int) -> None:
    """Table V: successive halving of 10 and 40 models in 5 epochs, and of 10 and 30 in 4."""
    done, spent = played(SuccessiveHalving(epochs), rising(models, epochs))
    assert spent == cost
    assert done.winner == f"m{models - 1:02d}"


@pytest.mark.parametrize(("models", "epochs", "cost"), [(10, 5, 50), (40, 5, 200), (30, 4, 120)])
def test_brute_force_trains_everything_to_the_end(models: int, epochs: int, cost: int) -> None:
    """Table V: the cost of brute force is models times epochs, with one barrier at the end."""
    done, spent = played(BruteForce(epochs), rising(models, epochs))
    assert spent == cost
    assert done.winner == f"m{models - 1:02d}"


def test_fine_selection_follows_the_hand_worked_example() -> None:
    """Algorithm 1 on six models and three stages, worked by hand:

    stage 1, val:       a .60  b .58  c .55  d .50  e .45  f .40
             predicted: a .70  b .80  c .75  d .72  e .90  f .60
      worst first. f: e is better in val (.45) and predicted (.90) -> leaves. e: nobody with a
      better val is predicted above .90 -> stays. d: b (.58, .80) -> leaves. c: b (.58, .80) ->
      leaves. b: a has a better val but a lower prediction -> stays. a: best val -> stays.
      Left a, b, e: not more than floor(6/2) = 3, so nobody is halved.
    stage 2, val:       a .65  b .66  e .50
             predicted: a .71  b .71  e .95
      a: b is better in val, its prediction equal, not better -> stays. e stays. Left three, more
      than floor(3/2) = 1: the lowest vals e, then a, are halved away.
    stage 3: b alone, trained to the end.
    """
    curves = {
        "a": [0.60, 0.65, 0.70],
        "b": [0.58, 0.66, 0.71],
        "c": [0.55, 0.60, 0.62],
        "d": [0.50, 0.60, 0.62],
        "e": [0.45, 0.50, 0.99],
        "f": [0.40, 0.60, 0.62],
    }
    first = {"a": 0.70, "b": 0.80, "c": 0.75, "d": 0.72, "e": 0.90, "f": 0.60}
    second = {"a": 0.71, "b": 0.71, "e": 0.95}
    ends = {(m, 1): v for m, v in first.items()} | {(m, 2): v for m, v in second.items()}
    done, spent = played(FineSelection(3, Forecasts(ends)), curves)
    left = {(v.model, v.stage): v.reason.split()[0] for v in done.verdicts if not v.kept}
    assert left == {("f", 1): "e", ("d", 1): "b", ("c", 1): "b", ("e", 2): "halved:", ("a", 2): "halved:"}
    assert done.winner == "b"
    assert spent == 6 + 3 + 1


def test_threshold_keeps_models_whose_prediction_is_nearly_as_good() -> None:
    """With a threshold of 10 % a prediction of .75 does not beat .70, but .78 does (Table IV)."""
    ends = {("a", 1): 0.75, ("b", 1): 0.70, ("c", 1): 0.78, ("d", 1): 0.70, ("e", 1): 0.1}
    curves = {"a": [0.9], "b": [0.8], "c": [0.7], "d": [0.6], "e": [0.95]}
    points = [CurvePoint(m, 1, 1.0, v[0]) for m, v in curves.items()]
    kept = {v.model for v in FineSelection(1, Forecasts(ends), 0.1).filter(points, 10) if v.kept}
    assert kept == {"a", "b", "c", "e"}


def test_models_without_a_prediction_can_only_be_halved_away() -> None:
    """A model the registry has no curves of is neither dropped by prediction nor drops others."""
    curves = {"a": [0.9, 0.9], "b": [0.8, 0.8], "c": [0.7, 0.7], "d": [0.6, 0.6]}
    fine, _ = played(FineSelection(2, Forecasts()), curves)
    halving, _ = played(SuccessiveHalving(2), curves)
    assert [(v.model, v.kept) for v in fine.verdicts] == [(v.model, v.kept) for v in halving.verdicts]


def test_equal_validation_scores_are_told_apart_by_id() -> None:
    """Ties never depend on the order in which results arrive."""
    points = [CurvePoint(m, 1, 1.0, 0.5) for m in ("b", "d", "a", "c")]
    kept = [v.model for v in SuccessiveHalving(1).filter(points, 4) if v.kept]
    assert kept == ["a", "b"]


def test_a_failed_model_is_eliminated_and_the_others_go_on() -> None:
    """A model whose curve breaks off leaves with its reason; the selection ends with another."""
    curves = {"a": [0.9], "b": [0.8, 0.8], "c": [0.7, 0.7], "d": [0.6, 0.6]}
    done, _ = played(SuccessiveHalving(2), curves)
    assert done.winner == "b"
    assert [v.reason for v in done.verdicts if v.model == "a" and not v.kept] == [
        "failed: no recorded validation at stage 2"
    ]


def test_when_all_survivors_fail_the_best_eliminated_model_comes_back() -> None:
    """Two of three survive a stage; when both fail later the third is trained on instead."""
    curves = {"a": [0.9], "b": [0.8], "c": [0.7, 0.7, 0.7], "d": [0.6, 0.6, 0.6]}
    done, _ = played(SuccessiveHalving(3), curves)
    assert done.winner == "c"
    assert any(v.reason.startswith("back in") for v in done.verdicts if v.model == "c")


def test_a_selection_in_which_everything_fails_says_why() -> None:
    """Only when no candidate is left does a selection fail, and it names every reason."""
    with pytest.raises(SelectionFailed, match="a: no recorded validation at stage 1"):
        played(BruteForce(2), {"a": [], "b": [0.5]})


@given(
    st.dictionaries(
        st.sampled_from([f"m{i}" for i in range(12)]),
        st.lists(st.floats(0, 1), min_size=4, max_size=4),
        min_size=1,
    ),
    st.lists(st.floats(0, 1), min_size=48, max_size=48),
    st.sampled_from(["fine-selection", "successive-halving", "knowledge-gradient", "brute-force"]),
)
def test_every_policy_ends_with_one_fully_trained_winner(
    curves: dict[str, list[float]], ends: list[float], name: str
) -> None:
    """For any curves and predictions: the winner has gone through every stage, at least half of the
    models leave at each barrier, and fine selection never costs more than halving."""
    forecasts = Forecasts({(f"m{i}", s): ends[i * 4 + s - 1] for i in range(12) for s in range(1, 5)})
    done, spent = played(make_policy(name, 4, forecasts), curves)
    halving = played(SuccessiveHalving(4), curves)[1]
    assert done.winner in curves
    assert 4 <= spent <= 4 * len(curves)
    if name == "fine-selection":
        assert spent <= halving
    if name != "brute-force":
        for stage in range(1, 5):
            judged = [v for v in done.verdicts if v.stage == stage]
            assert sum(v.kept for v in judged) <= max(1, len(judged) // 2)


@given(st.permutations([f"m{i}" for i in range(7)]))
def test_decisions_do_not_depend_on_the_order_of_candidates(order: list[str]) -> None:
    """The same curves give the same winner whatever the order of recall."""
    curves = {m: [0.1 * ((i * 3) % 7), 0.1 * ((i * 5) % 7)] for i, m in enumerate(sorted(order))}
    journal = MemoryJournal(order)
    assert (
        drive(SuccessiveHalving(2), ReplayExecutor(runs(curves)), journal).winner
        == played(SuccessiveHalving(2), curves)[0].winner
    )


def test_next_is_pure_and_asks_only_for_what_is_missing() -> None:
    """Asked twice with the same history a policy answers the same; with part of a stage, for the rest."""
    policy = SuccessiveHalving(2)
    history = History(("a", "b"), {"a": (CurvePoint("a", 1, 1.0, 0.5),)})
    step = policy.next(history)
    assert step == policy.next(history)
    assert isinstance(step, Stage)
    assert step.number == 1


def test_bad_settings_are_refused() -> None:
    """Unknown policies, thresholds out of range and zero stages are errors, not surprises."""
    with pytest.raises(InvalidInput, match="unknown policy"):
        make_policy("best", 5, Forecasts())
    with pytest.raises(InvalidInput, match="proportion"):
        make_policy("fine-selection", 5, Forecasts(), threshold=1.0)
    with pytest.raises(InvalidInput, match="at least one stage"):
        make_policy("brute-force", 0, Forecasts())
