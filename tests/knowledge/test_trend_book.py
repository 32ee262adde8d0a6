"""The trends of many models, and that they survive JSON unchanged."""

from __future__ import annotations

import json
import math

import pytest

from hubselect.errors import InvalidInput
from hubselect.knowledge.trend_book import TrendBook
from hubselect.knowledge.trends import mine
from hubselect.records import CurvePoint, Run


def run(
    model: str, dataset: str, vals: list[float], test: float | None, per_epoch: int = 1, **other: object
) -> Run:
    curve = tuple(CurvePoint(model, i, i / per_epoch, val) for i, val in enumerate(vals, start=1))
    fields = {"recipe": "r", "status": "done", "curve": curve, "test": test, **other}
    return Run(model, dataset, **fields)  # type: ignore[arg-type]


def at(epochs: float, val: float) -> CurvePoint:
    return CurvePoint("any", 1, epochs, val)


RUNS = [
    run("a", "x", [0.2, 0.3], 0.4),
    run("a", "y", [0.8, 0.9], 0.95),
    run("a", "z", [0.7, 0.8], 0.9),
    run("b", "x", [0.5, 0.6], 0.7),
]


def test_predictions_are_those_of_the_trends_mined_at_that_stage() -> None:
    book = TrendBook.from_runs(RUNS, groups=2)
    assert book.trends("a", 1.0) == mine([("x", 0.2, 0.4), ("y", 0.8, 0.95), ("z", 0.7, 0.9)], 2)
    assert book.predict("a", at(1.0, 0.6)) == pytest.approx(0.925)
    assert book.predict("a", at(2.0, 0.4)) == pytest.approx(0.4)
    assert book.models == ("a", "b")


def test_seeds_of_a_dataset_are_averaged_before_mining() -> None:
    book = TrendBook.from_runs([run("a", "x", [0.2], 0.4), run("a", "x", [0.4], 0.8, seed=1)])
    (trend,) = book.trends("a", 1.0)
    assert (trend.val, trend.test, trend.datasets) == (pytest.approx(0.3), pytest.approx(0.6), ("x",))


def test_a_model_or_stage_without_a_record_predicts_nothing() -> None:
    book = TrendBook.from_runs(RUNS)
    assert book.predict("unknown", at(1.0, 0.5)) is None
    assert book.predict("a", at(0.5, 0.5)) is None
    assert book.trends("a", 0.5) == ()
    assert TrendBook.from_runs([]).predict("a", at(1.0, 0.5)) is None
    assert TrendBook.from_runs([run("a", "x", [], 0.4)]).models == ()


def test_stages_meet_by_epochs_and_fall_back_to_the_record_before() -> None:
    book = TrendBook.from_runs([run("a", "x", [0.1, 0.2, 0.3], 0.5, per_epoch=3)])
    assert book.trends("a", 0.1 + 0.2 + 1 / 30)[0].val == 0.1  # a third, computed in another way
    assert book.trends("a", 0.9)[0].val == 0.2
    assert book.trends("a", 7.0)[0].val == 0.3


def test_only_finished_benchmark_runs_count() -> None:
    others = [
        run("c", "x", [0.5], None, status="running"),
        run("c", "y", [0.5], 0.5, status="stopped"),
        run("c", "z", [0.5], 0.5, selection=1),
    ]
    assert TrendBook.from_runs([*RUNS, *others]) == TrendBook.from_runs(RUNS)


def test_a_validation_score_of_nan_is_left_out() -> None:
    book = TrendBook.from_runs([run("a", "x", [math.nan, 0.3], 0.4)])
    assert book.trends("a", 1.0) == ()
    assert book.trends("a", 2.0)[0].val == 0.3


def test_infinite_scores_mixed_recipes_and_no_groups_are_refused() -> None:
    for runs in (
        [run("a", "x", [math.inf], 0.4)],
        [run("a", "x", [0.1], math.inf)],
        [*RUNS, run("a", "x", [0.1], 0.2, recipe="other")],
    ):
        with pytest.raises(InvalidInput):
            TrendBook.from_runs(runs)
    with pytest.raises(InvalidInput):
        TrendBook.from_runs(RUNS, groups=0)


def test_the_order_of_the_runs_changes_nothing() -> None:
    assert TrendBook.from_runs(RUNS[::-1]).to_dict() == TrendBook.from_runs(RUNS).to_dict()


def test_without_a_dataset_the_book_is_as_if_it_had_never_been_benchmarked() -> None:
    book = TrendBook.from_runs(RUNS)
    assert book.without_dataset("x") == TrendBook.from_runs([r for r in RUNS if r.dataset != "x"])
    assert book.without_dataset("x").models == ("a",)
    assert book.without_dataset("unknown") == book


def test_a_book_can_be_narrowed_to_some_models() -> None:
    book = TrendBook.from_runs(RUNS).only(["b", "unknown"])
    assert book == TrendBook.from_runs([RUNS[3]])


def test_a_book_survives_json_to_the_last_bit() -> None:
    runs = [*RUNS, run("c", "x", [1 / 3, 0.1 + 0.2], 2 / 3, per_epoch=3)]
    book = TrendBook.from_runs(runs, groups=3)
    copy = TrendBook.from_dict(json.loads(json.dumps(book.to_dict(), allow_nan=False)))
    assert copy == book
    assert copy.predict("c", at(1 / 3, 0.5)) == book.predict("c", at(1 / 3, 0.5))


@pytest.mark.parametrize(
    "data", [{}, {"format": 2, "groups": 4, "curves": {}}, {"format": 1, "groups": 4}, []]
)
def test_anything_else_is_not_a_book(data: object) -> None:
    with pytest.raises(InvalidInput):
        TrendBook.from_dict(data)  # type: ignore[arg-type]
