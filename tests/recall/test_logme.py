"""LogME, against published numbers, the evidence of the Gaussian it is, and its guards."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from scipy.optimize import minimize
from scipy.stats import multivariate_normal, ortho_group

from hubselect.recall.proxies.logme import logme
from tests.recall.proxy_cases import IRIS, Labels, Table, any_features, groups, published_noise


def test_iris_agrees_with_the_public_reference_implementations() -> None:
    """Tolerance 2e-6: the three of them differ by 1.4e-6, and stop before the maximum."""
    for published in (-0.1600602437, -0.1600602763, -0.1600615738):
        assert logme(*IRIS) == pytest.approx(published, abs=2e-6)


def fixed_point(features: Table, column: Table) -> float:
    """The paper's iteration for alpha and beta as the reference runs it (Algorithm 1), n > d: at most
    11 steps, until the ratio moves by less than 0.1 %, with 1e-5 added to both denominators."""
    n, d = features.shape
    values, vectors = np.linalg.eigh(features.T @ features)
    projected = vectors.T @ features.T @ column
    alpha = beta = ratio = 1.0
    for _ in range(11):
        gamma = (values / (values + ratio)).sum()
        mean = vectors @ (projected * beta / (alpha + beta * values))
        error = ((column - features @ mean) ** 2).sum()
        alpha, beta = gamma / (mean @ mean + 1e-5), (n - gamma) / (error + 1e-5)
        if abs(alpha / beta - ratio) / ratio < 1e-3:
            break
        ratio = alpha / beta
    logs = d * math.log(alpha) + n * math.log(beta / (2 * math.pi)) - np.log(alpha + beta * values).sum()
    return float(logs - beta * error - alpha * mean @ mean) / (2 * n)


def test_noise_agrees_with_the_public_reference_implementation() -> None:
    """Tolerance 2e-4: what the reference adds to its denominators keeps it 1.3e-4 below the maximum."""
    features, labels = published_noise()
    reference = np.mean([fixed_point(features, column) for column in np.eye(3)[labels].T])
    assert reference == pytest.approx(-0.869743793309044, abs=1e-12)
    assert logme(features, labels) == pytest.approx(-0.869743793309044, abs=2e-4)
    assert logme(features, labels) >= reference


@pytest.mark.parametrize("distance", [2.0, 4.0, 8.0])
def test_the_maximum_is_where_the_iteration_of_the_paper_leads(distance: float) -> None:
    features, labels = groups(300, 10, 4, distance=distance)
    reference = float(np.mean([fixed_point(features, column) for column in np.eye(4)[labels].T]))
    assert reference - 1e-9 <= logme(features, labels) <= reference + 1e-5


def evidence_by_density(features: Table, column: Table) -> float:
    """The same maximum found by a general optimiser on the density of N(0, FF'/alpha + I/beta)."""
    n = len(column)

    def negative(logs: Table) -> float:
        alpha, beta = np.exp(np.clip(logs, -30, 30))
        covariance = features @ features.T / alpha + np.eye(n) / beta
        return -float(multivariate_normal(np.zeros(n), covariance).logpdf(column)) / n

    starts = ([a, b] for a in (-4.0, 0.0, 4.0) for b in (0.0, 3.0))
    found = [
        minimize(negative, s, method="Nelder-Mead", options={"xatol": 1e-5, "fatol": 1e-10}) for s in starts
    ]
    return -min(float(f.fun) for f in found)


@pytest.mark.parametrize(("n", "d"), [(40, 3), (30, 30), (25, 60)])
def test_it_is_the_highest_density_of_the_labels_also_with_more_dimensions_than_examples(
    n: int, d: int
) -> None:
    features, labels = groups(n, d, 3, distance=3.0, seed=n)
    expected = np.mean([evidence_by_density(features, c) for c in np.eye(3)[labels].T])
    assert logme(features, labels) == pytest.approx(expected, abs=1e-5)


@settings(max_examples=40, deadline=None)
@given(any_features())
def test_scale_rotation_order_and_names_do_not_matter(case: tuple[Table, Labels]) -> None:
    features, labels = case
    score = logme(features, labels)
    assert math.isfinite(score)
    rng = np.random.default_rng(0)
    rows, names = rng.permutation(len(labels)), rng.permutation(30)
    assert logme(features[rows] * 2.0**40, names[labels[rows]]) == pytest.approx(score, abs=1e-5)
    if features.shape[1] > 1 and np.abs(features).max() < 100:
        turned = features @ ortho_group.rvs(features.shape[1], random_state=1)
        assert logme(turned, labels) == pytest.approx(score, abs=1e-4)


@pytest.mark.parametrize("copies", [1, 2, 5])
def test_sixty_noisy_examples_of_two_hundred_features_do_not_blow_up(copies: int) -> None:
    """The truncated reference gives +7.28 there; noise stays near what no features at all would give."""
    for seed in range(5):
        features, labels = groups(60 * copies, 200, 3, distance=0.0, seed=seed, copies=copies)
        nothing = logme(np.zeros((60, 1)), labels[::copies])
        assert nothing == pytest.approx(-0.5 * math.log(2 * math.pi * math.e / 3), abs=1e-5)
        assert nothing - 1e-3 < logme(features, labels) < nothing + 0.06


def test_a_perfect_fit_is_high_and_finite() -> None:
    labels = np.arange(90) % 3
    assert 5.0 < logme(np.eye(3)[labels], labels) < 50.0


def test_numbers_score_by_how_linear_they_are_whatever_their_unit() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(80, 120))
    values = features[:, :3].sum(axis=1)
    noise = rng.normal(size=80)
    clean, noisy, none = (
        logme(features, v, target="regression") for v in (values, values + 2 * noise, noise)
    )
    assert clean > noisy > none - 0.05
    assert logme(features, 1e6 - 5 * values, target="regression") == pytest.approx(clean, abs=1e-6)
    both = logme(features, np.column_stack([values, noise]), target="regression")
    assert both == pytest.approx((clean + none) / 2)


def test_several_labels_score_as_the_mean_of_their_columns() -> None:
    features, labels = groups(200, 8, 4, distance=4.0)
    one_hot = np.eye(4, dtype=int)[labels]
    assert logme(features, one_hot, target="multi-label") == pytest.approx(logme(features, labels))
    padded = np.column_stack([one_hot, np.zeros(200, dtype=int)])
    assert logme(features, padded, target="multi-label") == pytest.approx(logme(features, labels))


def test_labels_that_are_all_the_same_say_nothing() -> None:
    features = np.random.default_rng(0).normal(size=(20, 5))
    assert logme(features, np.full(20, 3)) == 0.0
    assert logme(features, np.full(20, 0.1), target="regression") == 0.0
    assert logme(features, np.ones((20, 2)), target="multi-label") == 0.0
