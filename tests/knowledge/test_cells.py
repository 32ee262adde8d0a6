"""Which missing cells come first: anchors, then the datasets that tell most, models in turn."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubselect.errors import InvalidInput
from hubselect.knowledge.cells import dataset_order, next_cells
from hubselect.knowledge.matrix import PerformanceMatrix
from hubselect.knowledge.suites import propose

MODELS = tuple(f"m{i:02}" for i in range(12))
DATASETS = tuple(f"d{j}" for j in range(6))


def table(seed: int = 0, hidden: float = 0.0) -> PerformanceMatrix:
    rng = np.random.default_rng(seed)
    scores = rng.random((len(MODELS), 2)) @ rng.random((2, len(DATASETS))) / 2
    scores[rng.random(scores.shape) < hidden] = np.nan
    return PerformanceMatrix(MODELS, DATASETS, scores)


def empty() -> PerformanceMatrix:
    return PerformanceMatrix((), (), np.empty((0, 0)))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 999), st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0]), st.integers(1, 100), st.data())
def test_cells_are_missing_wanted_distinct_and_within_the_budget(
    seed: int, hidden: float, budget: int, data: st.DataObject
) -> None:
    matrix = table(seed, hidden)
    models = (*data.draw(st.lists(st.sampled_from(MODELS), unique=True)), "new-a", "new-b")
    wanted = data.draw(st.lists(st.sampled_from((*DATASETS, "d-new")), unique=True, min_size=1))
    settled = data.draw(st.sets(st.tuples(st.sampled_from(models), st.sampled_from(wanted))))
    cells = next_cells(matrix, models, wanted, budget, settled=settled)
    known = {(matrix.models[i], matrix.datasets[j]) for i, j in np.argwhere(~np.isnan(matrix.scores))}
    missing = {(m, d) for m in models for d in wanted} - known - settled
    assert len(set(cells)) == len(cells) <= budget
    assert set(cells) <= missing
    assert bool(cells) == bool(missing)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 999), st.sampled_from([0.3, 0.9, 1.0]), st.integers(1, 7))
def test_asked_again_and_again_every_cell_is_filled_once(seed: int, hidden: float, step: int) -> None:
    full, now = table(seed), np.array(table(seed, hidden).scores)
    gaps = int(np.isnan(now).sum())
    asked = 0
    while cells := next_cells(PerformanceMatrix(MODELS, DATASETS, now), MODELS, DATASETS, step):
        for model, dataset in cells:
            now[full.index(model), DATASETS.index(dataset)] = full.row(model)[DATASETS.index(dataset)]
        asked += len(cells)
    assert asked == gaps
    np.testing.assert_array_equal(now, full.scores)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 999), st.integers(1, 12))
def test_new_models_get_the_suite_in_its_order_and_in_turn(seed: int, budget: int) -> None:
    """Where the rows of others are full, no new model is two cells ahead of another."""
    matrix = table(seed)
    order = propose(matrix, len(DATASETS)).datasets
    cells = next_cells(matrix, ("new-b", "new-a"), DATASETS, budget)
    for model in ("new-a", "new-b"):
        own = [d for m, d in cells if m == model]
        assert tuple(own) == order[: len(own)]
    counts = Counter(m for m, _ in cells)
    assert abs(counts["new-a"] - counts["new-b"]) <= 1
    assert cells[0] == ("new-a", order[0])


def test_where_nothing_is_known_full_rows_come_first() -> None:
    cells = next_cells(empty(), MODELS, DATASETS, 1000)
    assert cells == tuple((m, d) for m in MODELS[:3] for d in DATASETS)


def test_half_of_the_scores_stay_in_full_rows() -> None:
    """Asked again and again, scores outside full rows never outnumber those inside."""
    full, now = table(), np.full((len(MODELS), len(DATASETS)), np.nan)
    while cells := next_cells(PerformanceMatrix(MODELS, DATASETS, now), MODELS, DATASETS, 1000):
        for model, dataset in cells:
            now[full.index(model), DATASETS.index(dataset)] = full.row(model)[DATASETS.index(dataset)]
        inside = sum(len(DATASETS) for row in now if not np.isnan(row).any())
        enough = inside >= len(DATASETS) ** 2  # as many full rows as datasets
        assert enough or 2 * inside >= np.sum(~np.isnan(now))


def test_a_dataset_that_always_fails_does_not_ask_for_more_full_rows() -> None:
    """A row with nothing left to fill counts as full."""
    scores = np.array(table().scores)
    scores[:, 2] = np.nan
    scores[6:, 1:] = np.nan
    settled = {(m, "d2") for m in MODELS}
    cells = next_cells(PerformanceMatrix(MODELS, DATASETS, scores), MODELS, DATASETS, 6, settled=settled)
    assert len({d for _, d in cells}) == 1
    assert [m for m, _ in cells] == list(MODELS[6:])


def test_the_row_that_is_nearly_full_is_filled_first() -> None:
    scores = np.full((len(MODELS), len(DATASETS)), np.nan)
    scores[7, :5] = 0.5
    cells = next_cells(PerformanceMatrix(MODELS, DATASETS, scores), MODELS, DATASETS, 2)
    assert cells == (("m07", "d5"), ("m00", "d0"))


def test_the_model_with_the_fewest_scores_is_next() -> None:
    scores = np.array(table().scores)
    scores[10, 2:] = np.nan
    scores[11, 1:] = np.nan
    cells = next_cells(PerformanceMatrix(MODELS, DATASETS, scores), MODELS, DATASETS, 3)
    assert [m for m, _ in cells] == ["m11", "m10", "m11"]


def test_datasets_without_scores_come_last_in_the_order_given() -> None:
    matrix = table()
    order = dataset_order(matrix, ("x", *DATASETS, "y"))
    assert order == (*propose(matrix, len(DATASETS)).datasets, "x", "y")


def test_where_little_is_known_datasets_with_more_scores_come_first() -> None:
    scores = np.array([[0.5, np.nan, 0.5], [np.nan, np.nan, 0.6]])
    matrix = PerformanceMatrix(("a", "b"), ("x", "y", "z"), scores)
    assert dataset_order(matrix, ("x", "y", "z")) == ("z", "x", "y")


def test_very_many_models_are_judged_by_a_sample_whatever_their_order() -> None:
    """Copies of one kind of dataset: the sample finds both kinds, as all rows would."""
    rng = np.random.default_rng(0)
    scores = np.repeat(rng.random((5000, 2)), 3, axis=1) + 0.01 * rng.random((5000, 6))
    models = tuple(f"m{i:04}" for i in range(5000))
    order = dataset_order(PerformanceMatrix(models, DATASETS, scores), DATASETS)
    assert {DATASETS.index(d) // 3 for d in order[:2]} == {0, 1}
    back = PerformanceMatrix(models[::-1], DATASETS, scores[::-1])
    assert dataset_order(back, DATASETS) == order


def test_a_budget_of_nothing_is_refused() -> None:
    with pytest.raises(InvalidInput, match="budget of 0"):
        next_cells(table(), MODELS, DATASETS, 0)
