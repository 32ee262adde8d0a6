"""N-LEEP: LEEP over a Gaussian mixture, for features of any shape."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits

from hubselect.errors import InvalidInput
from hubselect.recall.proxies.nleep import nleep


def minus_entropy(labels: npt.ArrayLike) -> float:
    p = np.unique(labels, return_counts=True)[1] / np.asarray(labels).size
    return float((p * np.log(p)).sum())


@pytest.fixture(scope="module")
def digits() -> tuple[npt.NDArray[np.float64], npt.NDArray[np.intp]]:
    data = load_digits()
    return data.data[:400], data.target[:400]


def test_features_that_tell_the_classes_apart_score_higher(
    digits: tuple[npt.NDArray[np.float64], npt.NDArray[np.intp]],
) -> None:
    features, labels = digits
    noise = np.random.default_rng(0).normal(size=features.shape)
    good, worse, none = (nleep(features + level * noise, labels) for level in (0.0, 8.0, 1000.0))
    assert 0.0 >= good > worse > none
    assert good > -0.5
    assert none < -1.7


def test_noise_with_more_dimensions_than_examples_is_not_memorised() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 60)
    assert nleep(rng.normal(size=(60, 200)), labels) < 0.8 * minus_entropy(labels)


def test_it_repeats_by_seed_and_ignores_scale_and_shift(
    digits: tuple[npt.NDArray[np.float64], npt.NDArray[np.intp]],
) -> None:
    features, labels = digits
    score = nleep(features, labels, seed=1)
    assert nleep(features, labels, seed=1) == score
    assert nleep(features * 2.0**80, labels, seed=1) == pytest.approx(score, abs=1e-6)
    assert nleep(features * 2.0**-80, labels, seed=1) == pytest.approx(score, abs=1e-6)
    assert nleep(features + 64.0, labels, seed=1) == pytest.approx(score, abs=1e-6)


@pytest.mark.parametrize("value", [0.0, 0.1, -7e8])
def test_constant_features_say_nothing(value: float) -> None:
    labels = np.arange(60) % 4
    assert nleep(np.full((60, 5), value), labels) == pytest.approx(minus_entropy(labels))


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 40),
    st.integers(1, 50),
    st.integers(1, 6),
    st.sampled_from(["normal", "ties", "heavy", "constant columns"]),
    st.integers(0, 999),
)
def test_any_shape_gives_a_finite_log_likelihood(n: int, d: int, classes: int, kind: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    features = rng.standard_t(1, size=(n, d)) if kind == "heavy" else rng.normal(size=(n, d))
    if kind == "ties":
        features = features.round()
    if kind == "constant columns":
        features[:, 1:] = 3.0
    labels = rng.integers(0, classes, n)
    score = nleep(features, labels)
    assert math.isfinite(score)
    assert score <= 0.0


def test_few_distinct_examples_are_enough() -> None:
    labels = np.arange(64) % 2
    assert nleep(labels[:, None] * np.ones((64, 10)), labels) == pytest.approx(0.0, abs=1e-6)


def test_features_that_cannot_be_scored_are_refused() -> None:
    for features, labels in (
        ([[math.nan, 1.0]], [0]),
        ([[1.0], [2.0]], [0]),
        (np.empty((0, 3)), np.empty(0, dtype=int)),
        ([[1.0], [2.0]], [0, -1]),
    ):
        with pytest.raises(InvalidInput):
            nleep(features, labels)
