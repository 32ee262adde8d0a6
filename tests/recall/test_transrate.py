"""TransRate, against the published number, determinants written out, and its guards."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from scipy.stats import ortho_group

from hubselect.recall.proxies.transrate import coding_rate_reduction, transrate
from tests.recall.proxy_cases import IRIS, Labels, Table, any_features, groups


def test_the_coding_rates_agree_with_the_public_reference_implementation() -> None:
    """Tolerance 1e-9 for the rates of features as they are; 5e-4 for the score, at unit variance."""
    assert coding_rate_reduction(*IRIS) == pytest.approx(0.5894054064, abs=1e-9)
    assert transrate(*IRIS) == pytest.approx(0.5894054064, abs=5e-4)


def slow(features: Table, labels: Labels) -> float:
    features = features - features.mean(axis=0)

    def rate(table: Table) -> float:
        n, d = table.shape
        return 0.5 * math.log(np.linalg.det(np.eye(d) + table.T @ table / (n * 1e-4)))

    parts = [rate(features[labels == c]) * (labels == c).mean() for c in set(labels.tolist())]
    return rate(features) - sum(parts)


@pytest.mark.parametrize("d", [1, 3, 20])
def test_the_coding_rates_are_the_determinants_of_the_paper(d: int) -> None:
    features, labels = groups(40, d, 3, distance=2.0)
    assert coding_rate_reduction(features, labels) == pytest.approx(slow(features, labels), abs=1e-8)


@settings(max_examples=40, deadline=None)
@given(any_features())
def test_scale_shift_rotation_order_and_names_do_not_matter(case: tuple[Table, Labels]) -> None:
    features, labels = case
    score = transrate(features, labels)
    assert math.isfinite(score)
    assert score > -1e-9
    if np.abs(features).max() > 100 or np.unique(features.round(6)).size < features.size / 3:
        return  # rounding or ties decide which of two equal components is left out
    rng = np.random.default_rng(0)
    rows, names = rng.permutation(len(labels)), rng.permutation(30)
    assert transrate(features[rows] * 2.0**40, names[labels[rows]]) == pytest.approx(score, abs=1e-6)
    if features.shape[1] > 1:
        turned = features @ ortho_group.rvs(features.shape[1], random_state=1) + 4.0
        assert transrate(turned, labels) == pytest.approx(score, abs=1e-6)


@pytest.mark.parametrize(("classes", "copies"), [(3, 1), (3, 4), (20, 1)])
def test_a_class_of_few_examples_in_many_dimensions_is_no_knowledge(classes: int, copies: int) -> None:
    n = 60 * copies
    noise = [transrate(*groups(n, 200, classes, distance=0.0, seed=s, copies=copies)) for s in range(5)]
    good = [transrate(*groups(n, 200, classes, distance=12.0, seed=s, copies=copies)) for s in range(5)]
    assert max(noise) < 0.85 * min(good)


def test_features_of_a_single_value_and_a_single_class_score_zero() -> None:
    features, labels = groups(60, 8, 3, distance=2.0)
    assert transrate(np.full((60, 8), 0.1), labels) == 0.0
    assert transrate(features, np.zeros(60, dtype=int)) == pytest.approx(0.0, abs=1e-9)
    assert transrate([[1.0, 2.0]], [0]) == 0.0
