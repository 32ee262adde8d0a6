"""Compact suites: exact leave-one-out errors, greedy choice, chance beside it."""

from __future__ import annotations

from itertools import combinations
from math import sqrt

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubselect.errors import InvalidInput, KnowledgeMissing
from hubselect.knowledge.matrix import PerformanceMatrix
from hubselect.knowledge.suites import (
    RIDGE,
    held_out_error,
    leave_one_out_error,
    predict,
    propose,
    random_errors,
)

FloatArray = npt.NDArray[np.float64]


def matrix(scores: FloatArray) -> PerformanceMatrix:
    n, d = scores.shape
    return PerformanceMatrix(tuple(f"m{i:02}" for i in range(n)), tuple(f"d{j:02}" for j in range(d)), scores)


@st.composite
def tables(draw: st.DrawFn, *, gaps: bool = True) -> PerformanceMatrix:
    """Scores of correlated datasets, some missing; two rows are full and none is empty."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n, d = draw(st.integers(4, 12)), draw(st.integers(2, 7))
    scores = rng.random((n, 2)) @ rng.random((2, d)) / 2 + 0.05 * rng.random((n, d))
    if gaps and draw(st.booleans()):
        holes = rng.random((n, d)) < 0.3
        holes[:2] = False
        holes[np.arange(n), rng.integers(d, size=n)] = False
        scores[holes] = np.nan
    return matrix(scores)


def refitted_error(scores: FloatArray, chosen: list[int]) -> float:
    """The definition: for every model a regression without it, at the ridge of the full one."""
    n, d = scores.shape
    outside = [j for j in range(d) if j not in chosen]
    squares = []
    for i in range(n):
        rest = np.delete(scores, i, axis=0)
        x, y = rest[:, chosen], rest[:, outside]
        centre = x.mean(axis=0)
        gram = (x - centre).T @ (x - centre) + RIDGE * n * np.eye(len(chosen))
        weights = np.linalg.solve(gram, (x - centre).T @ (y - y.mean(axis=0)))
        squares.append((y.mean(axis=0) + (scores[i, chosen] - centre) @ weights - scores[i, outside]) ** 2)
    return sqrt(np.mean(squares))


@settings(max_examples=60, deadline=None)
@given(tables(gaps=False), st.data())
def test_the_closed_form_equals_refitting_without_each_model(
    table: PerformanceMatrix, data: st.DataObject
) -> None:
    width = len(table.datasets)
    chosen = data.draw(st.lists(st.integers(0, width - 1), unique=True, max_size=width - 1))
    found = leave_one_out_error(table, [table.datasets[j] for j in chosen])
    assert found == pytest.approx(refitted_error(np.array(table.scores), chosen), rel=1e-8, abs=1e-10)


@settings(max_examples=40, deadline=None)
@given(tables(), st.randoms())
def test_the_order_of_rows_and_columns_does_not_matter(table: PerformanceMatrix, random: object) -> None:
    size = len(table.datasets) - 1
    rows, columns = list(range(len(table.models))), list(range(len(table.datasets)))
    random.shuffle(rows)  # type: ignore[attr-defined]
    random.shuffle(columns)  # type: ignore[attr-defined]
    shuffled = PerformanceMatrix(
        tuple(table.models[i] for i in rows),
        tuple(table.datasets[j] for j in columns),
        table.scores[rows][:, columns],
    )
    assert propose(shuffled, size) == propose(table, size)


@settings(max_examples=40, deadline=None)
@given(tables())
def test_each_step_adds_the_best_next_dataset_and_smaller_suites_are_prefixes(
    table: PerformanceMatrix,
) -> None:
    suite = propose(table, len(table.datasets))
    assert sorted(suite.datasets) == list(table.datasets)
    assert suite.error == suite.errors_by_size[-1] == 0.0
    for size in range(1, len(table.datasets)):
        chosen, errors = suite.datasets[:size], suite.errors_by_size
        assert propose(table, size).datasets == chosen
        assert errors[size] == pytest.approx(leave_one_out_error(table, chosen))
        others = [
            leave_one_out_error(table, (*chosen[:-1], d)) for d in table.datasets if d not in chosen[:-1]
        ]
        assert errors[size] == pytest.approx(min(others), abs=1e-11)


@settings(max_examples=25, deadline=None)
@given(tables())
def test_where_they_are_few_all_suites_of_the_size_are_the_random_ones(table: PerformanceMatrix) -> None:
    found = sorted(random_errors(table, 2, draws=50))
    every = sorted(leave_one_out_error(table, pair) for pair in combinations(table.datasets, 2))
    np.testing.assert_allclose(found, every)


@settings(max_examples=25, deadline=None)
@given(tables(), st.integers(0, 100))
def test_missing_scores_never_make_an_error_undefined(table: PerformanceMatrix, seed: int) -> None:
    """Every figure is finite and not negative, with gaps or without."""
    size = len(table.datasets) - 1
    figures = [*propose(table, size).errors_by_size, *random_errors(table, size, draws=3, seed=seed)]
    assert np.isfinite(figures).all()
    assert min(figures) >= 0


def test_datasets_that_copy_each_other_need_one_of_each_kind() -> None:
    """Of two families of copies the suite takes one each, and predicts the rest."""
    rng = np.random.default_rng(0)
    kinds = rng.random((30, 2))
    table = matrix(np.repeat(kinds, 3, axis=1))
    suite = propose(table, 2)
    assert {int(name[1:]) // 3 for name in suite.datasets} == {0, 1}
    assert suite.error < 0.02 < suite.errors_by_size[1]
    assert held_out_error(table, 2) == pytest.approx(suite.error, rel=0.1)  # ridge times one model less
    assert suite.error < random_errors(table, 2).mean()


def test_the_error_on_unseen_models_is_not_smaller_for_pure_noise() -> None:
    """Choosing by data finds luck in noise; models without a part in the choice show it."""
    table = matrix(np.random.default_rng(1).random((14, 12)))
    assert held_out_error(table, 4) > propose(table, 4).error


@settings(max_examples=25, deadline=None)
@given(tables())
def test_predictions_keep_what_is_given_and_fill_the_rest(table: PerformanceMatrix) -> None:
    chosen = table.datasets[:1]
    predicted = predict(table, chosen, table.scores[:2])
    np.testing.assert_array_equal(predicted[:, 0], table.scores[:2, 0])
    assert np.isfinite(predicted).all()


def test_the_same_seed_draws_the_same_random_suites() -> None:
    table = matrix(np.random.default_rng(2).random((10, 12)))
    first, again = random_errors(table, 5, draws=20, seed=3), random_errors(table, 5, draws=20, seed=3)
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, random_errors(table, 5, draws=20, seed=4))


def test_what_cannot_be_answered_is_refused() -> None:
    table = matrix(np.random.default_rng(4).random((5, 4)))
    for size in (0, 5):
        with pytest.raises(InvalidInput, match="cannot be chosen from 4"):
            propose(table, size)
    with pytest.raises(InvalidInput, match="ridge"):
        propose(table, 2, ridge=0.0)
    with pytest.raises(InvalidInput, match="no scores on nowhere"):
        leave_one_out_error(table, ["nowhere"])
    with pytest.raises(InvalidInput, match="at least 1"):
        random_errors(table, 2, draws=0)
    with pytest.raises(KnowledgeMissing, match="2 models"):
        propose(table.subset_models(["m00", "m01"]), 1)
    with pytest.raises(KnowledgeMissing, match="1 benchmark"):
        propose(matrix(np.ones((5, 1))), 1)
