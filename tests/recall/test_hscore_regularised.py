"""Regularised H-score, against published numbers and scikit-learn's Ledoit-Wolf covariance."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ortho_group
from sklearn.covariance import ledoit_wolf

from hubselect.recall.proxies.hscore_regularised import hscore_regularised
from tests.recall.proxy_cases import IRIS, Labels, Table, groups, published_noise


def test_it_agrees_with_the_public_reference_implementation() -> None:
    """Tolerance 1e-9."""
    assert hscore_regularised(*IRIS) == pytest.approx(1.1778424993, abs=1e-9)
    assert hscore_regularised(*published_noise()) == pytest.approx(0.00041730338694, abs=1e-12)


def by_scikit_learn(features: Table, labels: Labels) -> float:
    covariance, shrinkage = ledoit_wolf(features)
    means = np.array([features[labels == y].mean(axis=0) for y in labels])
    return float((1 - shrinkage) * np.trace(np.linalg.solve(covariance, np.cov(means.T))))


@settings(max_examples=30, deadline=None)
@given(st.integers(10, 60), st.integers(2, 90), st.floats(0, 9), st.integers(0, 9999))
def test_it_is_the_h_score_of_the_shrunk_covariance_in_any_shape(
    n: int, d: int, distance: float, seed: int
) -> None:
    features, labels = groups(n, d, 3, distance=distance, seed=seed)
    score = hscore_regularised(features, labels)
    assert score == pytest.approx(by_scikit_learn(features, labels), rel=1e-6, abs=1e-9)
    turned = features @ ortho_group.rvs(d, random_state=seed) * 1e-3 + 5.0
    assert hscore_regularised(turned, 10 - labels) == pytest.approx(score, rel=1e-5, abs=1e-9)


@pytest.mark.parametrize("copies", [1, 4])
def test_noise_in_many_dimensions_is_shrunk_away(copies: int) -> None:
    for seed in range(5):
        noise = hscore_regularised(*groups(60 * copies, 200, 3, distance=0.0, seed=seed, copies=copies))
        good = hscore_regularised(*groups(60 * copies, 200, 3, distance=8.0, seed=seed, copies=copies))
        assert 0.0 <= noise < 0.6
        assert good > 1.4


def test_features_of_a_single_value_a_single_class_and_one_feature_are_scored() -> None:
    features, labels = groups(60, 8, 3, distance=2.0)
    assert hscore_regularised(np.full((60, 8), 0.1), labels) == 0.0
    assert hscore_regularised(features, np.zeros(60, dtype=int)) == 0.0
    assert hscore_regularised([[1.0, 2.0]], [0]) == 0.0
    assert hscore_regularised(labels[:, None] % 2, labels % 2) == pytest.approx(60 / 59)
