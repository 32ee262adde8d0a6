"""Eq. 1, against a plain loop written from the paper's sentence."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubselect.errors import InvalidInput
from hubselect.knowledge.similarity import (
    distance_matrix,
    distance_pairs,
    distance_row,
    similarity_matrix,
    similarity_row,
)

NAN = math.nan
Table = npt.NDArray[np.float64]


def plain(a: list[float], b: list[float], k: int, needed: int) -> float:
    differences = sorted(
        abs(x - y) for x, y in zip(a, b, strict=True) if not (math.isnan(x) or math.isnan(y))
    )
    if len(differences) < needed:
        return 0.0
    largest = differences[-k:]
    return 1.0 - sum(largest) / len(largest)


@st.composite
def tables(draw: st.DrawFn) -> Table:
    n, width = draw(st.integers(1, 7)), draw(st.integers(1, 9))
    cell = st.floats(0, 1, width=32) | (st.just(NAN) if draw(st.booleans()) else st.floats(0, 1))
    return np.array(draw(st.lists(st.lists(cell, min_size=width, max_size=width), min_size=n, max_size=n)))


@settings(deadline=None)
@given(tables(), st.integers(1, 10), st.none() | st.integers(1, 5))
def test_it_is_one_minus_the_mean_of_the_largest_differences(
    scores: Table, top_k: int, min_overlap: int | None
) -> None:
    needed = min(3, scores.shape[1]) if min_overlap is None else min_overlap
    rows = scores.tolist()
    expected = [plain(rows[0], other, top_k, needed) for other in rows]
    np.testing.assert_allclose(similarity_row(scores[0], scores, top_k, min_overlap), expected, atol=1e-12)


@settings(deadline=None)
@given(tables(), st.integers(1, 10))
def test_the_matrix_is_symmetric_with_ones_and_its_rows_are_the_row_function(
    scores: Table, top_k: int
) -> None:
    matrix = similarity_matrix(scores, top_k)
    assert (matrix == matrix.T).all()
    assert (np.diag(matrix) == 1.0).all()
    assert ((matrix >= 0.0) & (matrix <= 1.0)).all()
    for i in range(len(scores)):
        others = np.arange(len(scores)) != i
        assert (similarity_row(scores[i], scores, top_k)[others] == matrix[i][others]).all()
        assert (
            distance_row(scores[i], scores, top_k)[others] == distance_matrix(scores, top_k)[i][others]
        ).all()


@settings(deadline=None)
@given(tables(), st.integers(1, 10), st.integers(0, 99))
def test_the_order_of_models_and_datasets_changes_nothing(scores: Table, top_k: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows, columns = rng.permutation(scores.shape[0]), rng.permutation(scores.shape[1])
    shuffled = similarity_matrix(scores[rows][:, columns], top_k)
    assert (shuffled == similarity_matrix(scores, top_k)[rows][:, rows]).all()


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 10_000))
def test_tables_larger_than_a_tile_are_pieced_together_correctly(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.random((400, 24))
    scores[rng.random(scores.shape) < 0.2] = NAN
    matrix = similarity_matrix(scores)
    rows = scores.tolist()
    for i, j in rng.integers(0, 400, (50, 2)):
        expected = 1.0 if i == j else plain(rows[i], rows[j], 5, 3)
        assert matrix[i, j] == pytest.approx(expected, abs=1e-12)
    many = np.tile(scores, (20, 1))
    np.testing.assert_array_equal(
        similarity_row(scores[3], many), np.tile(similarity_row(scores[3], scores), 20)
    )


def test_a_worked_example() -> None:
    """Differences .5 .1 .3 (one missing): k 2 takes .5 and .3, so 1 - .4; k 5 takes all three."""
    a, b = [0.9, 0.2, NAN, 0.7], [0.4, 0.3, 0.5, 0.4]
    assert similarity_row(a, [b], 2)[0] == pytest.approx(0.6)
    assert similarity_row(a, [b], 5)[0] == pytest.approx(0.7)


def test_models_with_too_few_shared_datasets_are_not_comparable() -> None:
    a, b = [0.5, 0.5, NAN, 0.5, NAN], [0.5, 0.5, 0.5, NAN, 0.5]
    assert similarity_row(a, [b])[0] == 0.0
    assert similarity_row(a, [b], min_overlap=2)[0] == 1.0
    assert similarity_row([0.5, 0.5], [[0.5, 0.5]])[0] == 1.0  # two datasets in all: two suffice


def test_tables_without_rows_or_columns_work() -> None:
    assert similarity_matrix(np.empty((0, 4))).shape == (0, 0)
    np.testing.assert_array_equal(similarity_matrix(np.empty((2, 0))), np.eye(2))
    np.testing.assert_array_equal(similarity_row(np.empty(0), np.empty((2, 0))), [0.0, 0.0])


def test_distances_of_round_scores_are_round() -> None:
    """0.3 - 0.21 is 0.09000000000000002 in floating point: on paper it meets a cut at 0.09."""
    assert distance_matrix([[0.3], [0.21]], 1)[0, 1] == 0.09


@pytest.mark.parametrize(("top_k", "min_overlap"), [(0, None), (-1, None), (5, 0)])
def test_senseless_parameters_are_refused(top_k: int, min_overlap: int | None) -> None:
    with pytest.raises(InvalidInput):
        similarity_matrix(np.zeros((2, 3)), top_k, min_overlap)
    with pytest.raises(InvalidInput):
        similarity_row(np.zeros(3), np.zeros((2, 3)), top_k, min_overlap)


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InvalidInput):
        similarity_row(np.zeros(3), np.zeros((2, 4)))
    with pytest.raises(InvalidInput):
        similarity_matrix(np.zeros(3))


def test_pairs_have_the_distances_of_the_matrix() -> None:
    """To the last bit, with gaps, whatever the number of pairs."""
    scores = np.random.default_rng(4).random((60, 7))
    scores[np.random.default_rng(5).random(scores.shape) < 0.2] = np.nan
    left, right = np.triu_indices(60, 1)
    assert np.array_equal(
        distance_pairs(scores[left], scores[right], 3, 2), distance_matrix(scores, 3, 2)[left, right]
    )
    with pytest.raises(InvalidInput):
        distance_pairs(scores, scores[:5])
