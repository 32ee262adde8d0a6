"""H-score, against published numbers, the two covariances it is made of, and its guards."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubselect.recall.proxies.hscore import hscore
from tests.recall.proxy_cases import IRIS, Labels, Table, groups, published_noise


def test_it_agrees_with_the_public_reference_implementation() -> None:
    """Tolerance 1e-9."""
    assert hscore(*IRIS) == pytest.approx(1.1918988250, abs=1e-9)
    assert hscore(*published_noise()) == pytest.approx(0.0062823262257, abs=1e-12)


def by_covariances(features: Table, labels: Labels) -> float:
    means = np.array([features[labels == y].mean(axis=0) for y in labels])
    return float(np.trace(np.linalg.pinv(np.cov(features.T)) @ np.cov(means.T)))


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 6), st.integers(2, 5), st.floats(0, 5), st.integers(0, 9999))
def test_it_is_the_trace_of_the_two_covariances(d: int, classes: int, distance: float, seed: int) -> None:
    features, labels = groups(60, d, classes, distance=distance, seed=seed)
    score = hscore(features, labels)
    assert score == pytest.approx(by_covariances(features, labels), rel=1e-8)
    assert 0.0 <= score <= min(classes - 1, d) + 1e-9
    mixed = features @ (np.eye(d) * 3 + np.random.default_rng(seed).uniform(-1, 1, (d, d)) / d) + 7.0
    assert hscore(mixed, 10 - labels) == pytest.approx(score, rel=1e-6)


@pytest.mark.parametrize("copies", [1, 4])
def test_more_dimensions_than_examples_do_not_separate_everything(copies: int) -> None:
    """The reference gives c - 1 to any features there, or with every example four times."""
    noise = [hscore(*groups(60 * copies, 200, 3, distance=0.0, seed=s, copies=copies)) for s in range(5)]
    good = [hscore(*groups(60 * copies, 200, 3, distance=8.0, seed=s, copies=copies)) for s in range(5)]
    assert by_covariances(*groups(60, 200, 3, distance=0.0)) == pytest.approx(2.0)
    assert max(noise) < 0.7
    assert min(good) > 1.4


def test_features_of_a_single_value_and_a_single_class_score_zero() -> None:
    features, labels = groups(60, 8, 3, distance=2.0)
    assert hscore(np.full((60, 8), 0.1), labels) == 0.0
    assert hscore(features, np.zeros(60, dtype=int)) == pytest.approx(0.0, abs=1e-12)
    assert hscore([[1.0, 2.0]], [0]) == 0.0


def test_the_same_output_for_all_of_a_class_is_no_copy() -> None:
    labels = np.arange(60) % 3
    assert hscore(np.eye(3)[labels], labels) == pytest.approx(2.0)
