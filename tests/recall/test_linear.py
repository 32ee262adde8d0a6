"""The linear probe, against refits by scikit-learn and its guards."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from sklearn.linear_model import Ridge

from hubselect.recall.proxies import linear as module
from hubselect.recall.proxies.linear import linear
from hubselect.recall.proxies.outcomes import outcomes
from hubselect.recall.proxies.quality import quality
from tests.recall.proxy_cases import IRIS, Labels, Table, any_features, groups


@pytest.mark.parametrize(("n", "d"), [(90, 10), (60, 60), (50, 120)])
def test_held_out_predictions_are_those_of_a_refit_without_the_fold(n: int, d: int) -> None:
    features, labels = groups(n, d, 3, distance=3.0)
    data = outcomes(features, labels, "classification")
    table, folds = module._standardised(features), module._folds(data, seed=1)
    left, squares = module._spectrum(table)
    scores = []
    for share in module._PENALTIES:
        penalty = share * squares.sum()
        predicted = module._held_out(left, squares / (squares + penalty), data.columns, folds)
        refitted = np.empty_like(predicted)
        for rows in folds:
            others = np.setdiff1d(np.arange(n), rows)
            refit = Ridge(penalty, solver="svd").fit(table[others], data.columns[others])
            refitted[rows] = refit.predict(table[rows])
        assert predicted == pytest.approx(refitted, abs=1e-6)
        scores.append((float(((refitted - data.columns) ** 2).sum()), quality(refitted, data)))
    assert linear(features, labels, seed=1) == pytest.approx(min(scores)[1])


def test_folds_hold_every_class_in_equal_shares_and_every_example_once() -> None:
    labels = np.array([7] * 50 + [2] * 23 + [4])
    data = outcomes(np.arange(74.0)[:, None], labels, "classification")
    folds = module._folds(data, seed=3)
    assert sorted(np.concatenate(folds).tolist()) == list(range(74))
    for value, share in ((7, 10), (2, 4.6)):
        assert all(abs((labels[rows] == value).sum() - share) < 1 for rows in folds)


def test_known_data_sets_get_the_accuracy_a_ridge_classifier_has() -> None:
    """Iris 0.82: its middle class is hidden from a linear regression, whatever the implementation."""
    assert linear(*IRIS) == pytest.approx(0.82, abs=0.03)
    assert linear(*groups(512, 100, 4, distance=8.0)) > 0.98


@settings(max_examples=40, deadline=None)
@given(any_features())
def test_scale_shift_and_names_do_not_matter(case: tuple[Table, Labels]) -> None:
    features, labels = case
    score = linear(features, labels, seed=2)
    assert 0.0 <= score <= 1.0
    names = np.random.default_rng(0).permutation(30)
    if np.abs(features).max() < 100:
        features = features * 4.0 + 8.0
    assert linear(features, names[labels], seed=2) == pytest.approx(score, abs=0.1)


@pytest.mark.parametrize(("n", "d", "copies"), [(60, 200, 1), (240, 200, 4), (210, 200, 1)])
def test_noise_is_not_memorised_and_copies_prove_nothing(n: int, d: int, copies: int) -> None:
    scores = [linear(*groups(n, d, 3, distance=0.0, seed=s, copies=copies)) for s in range(5)]
    assert np.mean(scores) == pytest.approx(1 / 3, abs=0.1)


def test_features_of_a_single_value_predict_the_most_frequent_class() -> None:
    labels = np.array([0] * 30 + [1] * 10)
    constant = np.full((40, 3), 0.1)
    assert linear(constant, labels) == 0.75
    assert linear(constant, np.arange(40) % 4) == pytest.approx(0.25)
    assert linear(constant, np.column_stack([labels, 1 - labels]), target="multi-label") == 0.75
    assert linear(constant, np.arange(40.0), target="regression") == pytest.approx(0.0, abs=0.2)


def test_numbers_are_scored_by_r2_and_labels_by_their_mean_accuracy() -> None:
    rng = np.random.default_rng(0)
    features, noise = rng.normal(size=(200, 20)), rng.normal(size=200)
    values = features @ rng.normal(size=20)
    clean = linear(features, values, target="regression")
    assert clean > 0.999
    assert linear(features, 1e6 - 3 * values, target="regression") == pytest.approx(clean, abs=1e-6)
    assert linear(features, noise, target="regression") < 0.1
    both = np.column_stack([values > 0, noise > 0, np.ones(200)])
    assert linear(features, both, target="multi-label") == pytest.approx(0.73, abs=0.07)


def test_small_samples_are_scored() -> None:
    assert linear([[1.0]], [4]) == 1.0
    assert linear([[1.0], [2.0]], [0, 1]) == 0.0
    assert linear([[1.0], [2.0]], [3.0, 3.0], target="regression") == 0.0
    assert linear(*groups(12, 40, 12, distance=5.0)) == pytest.approx(0.0)  # twelve classes of one
