"""What the fused recall sees."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hubselect.knowledge.matrix import PerformanceMatrix
from hubselect.recall.methods.predictors import predictors, proxy_column, standing, z_scores

values = st.floats(-1e3, 1e3).map(lambda x: round(x, 3))
tables = arrays(np.float64, (7, 4), elements=st.one_of(values, st.just(np.nan)))


@given(tables)
def test_z_scores_have_mean_0_and_deviation_1_where_known(table: np.ndarray) -> None:
    """Missing values stay missing, constant columns become 0, the order of values is kept."""
    scaled = z_scores(table)
    assert (np.isnan(scaled) == np.isnan(table)).all()
    for before, after in zip(table.T, scaled.T, strict=True):
        known = after[~np.isnan(after)]
        if len(known) == 0:
            continue
        assert abs(known.mean()) < 1e-6
        assert abs(known.std() - 1) < 1e-6 or (known == 0).all()
        rising = np.argsort(before[~np.isnan(before)], kind="stable")
        assert (np.diff(known[rising]) >= 0).all()


def test_standing_leaves_a_dataset_out_and_knows_strangers() -> None:
    """A model without a row stands nowhere; the column left out is not there."""
    matrix = PerformanceMatrix(("a", "b"), ("x", "y"), np.array([[0.1, 0.9], [0.3, np.nan]]))
    found = standing(matrix, ["b", "new", "a"], without="y")
    assert found.shape == (3, 1)
    np.testing.assert_allclose(found[:, 0], [1, np.nan, -1])


def test_a_proxy_reaches_models_that_were_not_scored() -> None:
    """Scored models rank on the target as on benchmark 0: so the others are ranked by it too."""
    dice = np.random.default_rng(0)
    stand = dice.normal(size=(40, 3))
    proxy = np.where(np.arange(40) < 20, stand[:, 0], np.nan)
    columns = predictors(stand, [proxy])
    rest = slice(20, 40)
    for column in (1, 2):  # the proxy itself, and the mean proxy passed through the benchmarks
        assert np.corrcoef(columns[rest, column], stand[rest, 0])[0, 1] > 0.95
    assert np.corrcoef(columns[:20, 1], stand[:20, 0])[0, 1] > 0.999


@settings(max_examples=50)
@given(arrays(np.float64, (9, 3), elements=st.one_of(values, st.just(np.nan))), st.integers(0, 2**32 - 1))
def test_neither_unit_nor_order_matters(table: np.ndarray, seed: int) -> None:
    """Other units of a proxy change nothing; models in another order give the same, reordered."""
    dice = np.random.default_rng(seed)
    proxy = np.where(dice.random(9) < 0.6, dice.normal(size=9), np.nan)
    found = predictors(table, [proxy])
    np.testing.assert_allclose(found, predictors(table, [100 * proxy - 7]), atol=1e-6)
    order = dice.permutation(9)
    np.testing.assert_allclose(found[order], predictors(table[order], [proxy[order]]), atol=1e-6)
    assert np.isfinite(found).all()


def test_one_result_counts_less_than_many() -> None:
    """A model that stood well once does not outrank one that stood well five times."""
    stand = np.full((3, 6), np.nan)
    stand[0, 0], stand[1, :5], stand[2] = 1.5, 1.4, -1.0
    prior = predictors(stand, [])[:, 0]
    assert prior[1] > prior[0] > prior[2]


def test_values_that_are_no_numbers_are_missing() -> None:
    """NaN and infinite proxy scores are as good as none."""
    column = proxy_column({"a": 1.0, "b": float("inf"), "c": float("nan")}, ["c", "b", "a", "d"])
    np.testing.assert_array_equal(column, [np.nan, np.nan, 1.0, np.nan])
