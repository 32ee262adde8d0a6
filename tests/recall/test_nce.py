"""NCE, against published numbers, the conditional entropy counted by hand, and its own guarantees."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubselect.errors import InvalidInput
from hubselect.recall.proxies.nce import PROXY, nce
from tests.recall.proxy_cases import IRIS, Table, published_noise, softmax

SMALL = [
    [0.7, 0.2, 0.1],
    [0.6, 0.3, 0.1],
    [0.2, 0.5, 0.3],
    [0.1, 0.6, 0.3],
    [0.1, 0.2, 0.7],
    [0.3, 0.3, 0.4],
]


def test_it_agrees_with_the_public_reference_implementation() -> None:
    """Tolerance 1e-12: counts and logarithms only."""
    features, labels = published_noise()
    assert nce(SMALL, [0, 0, 1, 1, 1, 0]) == pytest.approx(-0.23104906018664842, abs=1e-12)
    assert nce(softmax(IRIS[0]), IRIS[1]) == pytest.approx(-1.0986122886681, abs=1e-12)
    assert nce(softmax(features), labels) == pytest.approx(-1.0959623197901, abs=1e-12)


def slow(answers: list[int], labels: list[int]) -> float:
    """Minus H(Y | Z) = H(Z) - H(Y, Z), from counts."""
    n = len(labels)

    def entropy(values: Counter[object]) -> float:
        return -sum(v / n * math.log(v / n) for v in values.values())

    return entropy(Counter(answers)) - entropy(Counter(zip(answers, labels, strict=True)))


@settings(deadline=None)
@given(st.integers(1, 40), st.integers(1, 6), st.integers(1, 5), st.integers(0, 9999))
def test_it_is_the_conditional_entropy_whatever_classes_are_called(n: int, z: int, c: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    theta, labels = softmax(rng.normal(size=(n, z))), rng.integers(0, c, n)
    theta = np.column_stack([theta, np.zeros(n)])  # a source class nobody is predicted as
    score = nce(theta, labels)
    assert score <= 0.0
    assert score == pytest.approx(slow(theta.argmax(axis=1).tolist(), labels.tolist()), abs=1e-9)
    rows, columns, names = rng.permutation(n), rng.permutation(z + 1), rng.permutation(20)
    assert nce(theta[rows][:, columns], names[labels[rows]]) == pytest.approx(score, abs=1e-9)


def test_knowing_everything_scores_zero_and_knowing_nothing_minus_the_entropy() -> None:
    labels = np.array([5, 7, 9, 7])
    assert nce(np.eye(3)[[0, 1, 2, 1]], labels) == 0.0
    p = np.array([0.25, 0.5, 0.25])
    assert nce(np.full((4, 3), 1 / 3), labels) == pytest.approx((p * np.log(p)).sum())
    assert nce(np.eye(3)[[0, 1, 2, 1]], [4, 4, 4, 4]) == 0.0


def test_a_clearer_head_scores_higher() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 400)
    noise: Table = rng.normal(size=(400, 4))
    scores = [nce(softmax(strength * np.eye(4)[labels] + noise), labels) for strength in (0.0, 1.0, 4.0)]
    assert scores == sorted(scores)
    assert scores[0] < -1.3


def test_it_falls_back_on_features_and_refuses_what_is_no_probability() -> None:
    assert PROXY.fallback == "nleep"
    for posterior, labels in (([[0.5, 0.6]], [0]), ([[math.nan, 1.0]], [0]), ([[0.5, 0.5]], [-1])):
        with pytest.raises(InvalidInput):
            nce(posterior, labels)
