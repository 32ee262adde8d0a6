"""LEEP, against published numbers, a slow loop written from the paper, and its own guarantees."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_iris

from hubselect.errors import InvalidInput
from hubselect.recall.proxies.leep import leep

Table = npt.NDArray[np.float64]


def softmax(logits: Table) -> Table:
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    softened: Table = e / e.sum(axis=1, keepdims=True)
    return softened


def slow(theta: list[list[float]], labels: list[int]) -> float:
    """Sections 2 and 3 of the paper, one example at a time."""
    n, sources = len(theta), range(len(theta[0]))
    joint = {(y, z): 0.0 for y in set(labels) for z in sources}
    for row, y in zip(theta, labels, strict=True):
        for z in sources:
            joint[y, z] += row[z] / n
    total = 0.0
    for row, y in zip(theta, labels, strict=True):
        likelihood = 0.0
        for z in sources:
            marginal = sum(joint[other, z] for other in set(labels))
            if marginal > 0:
                likelihood += joint[y, z] / marginal * row[z]
        total += math.log(likelihood)
    return total / n


@pytest.mark.parametrize(
    ("posterior", "labels", "expected"),
    [
        (
            [
                [0.7, 0.2, 0.1],
                [0.6, 0.3, 0.1],
                [0.2, 0.5, 0.3],
                [0.1, 0.6, 0.3],
                [0.1, 0.2, 0.7],
                [0.3, 0.3, 0.4],
            ],
            [0, 0, 1, 1, 1, 0],
            -0.5307125161584593,
        ),
        ([[0.8, 0.2], [0.1, 0.9], [0.6, 0.4], [0.3, 0.7]], [0, 1, 0, 1], -0.4712479065218318),
    ],
)
def test_small_cases_agree_with_the_public_reference_implementation(
    posterior: list[list[float]], labels: list[int], expected: float
) -> None:
    assert leep(posterior, labels) == pytest.approx(expected, abs=1e-14)


def test_iris_and_noise_agree_with_the_public_reference_implementation() -> None:
    iris = load_iris()
    assert leep(softmax(iris.data), iris.target) == pytest.approx(-0.9855696036587, abs=1e-12)
    rng = np.random.default_rng(42)
    labels = rng.integers(0, 3, 1000)
    assert leep(softmax(rng.normal(size=(1000, 5))), labels) == pytest.approx(-1.0977557804674, abs=1e-12)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Table, npt.NDArray[np.int64]]:
    n, z, c = draw(st.integers(1, 30)), draw(st.integers(1, 6)), draw(st.integers(1, 5))
    rng = np.random.default_rng(draw(st.integers(0, 99_999)))
    theta = softmax(rng.normal(size=(n, z)) * draw(st.sampled_from([0.1, 1.0, 30.0, 2000.0])))
    if draw(st.booleans()):
        theta = np.column_stack([theta, np.zeros(n)])  # a source class nobody is predicted as
    return theta, rng.integers(0, c, n) * draw(st.integers(1, 3))  # class numbers may have gaps


@settings(deadline=None)
@given(cases())
def test_it_equals_the_slow_loop_and_is_a_finite_log_likelihood(case: tuple[Table, Table]) -> None:
    theta, labels = case
    score = leep(theta, labels)
    assert score == pytest.approx(slow(theta.tolist(), labels.tolist()), abs=1e-9)
    assert math.isfinite(score)
    assert score <= 0.0


@settings(deadline=None)
@given(cases(), st.integers(0, 999))
def test_the_order_of_examples_and_source_classes_and_the_names_of_labels_do_not_matter(
    case: tuple[Table, Table], seed: int
) -> None:
    theta, labels = case
    rng = np.random.default_rng(seed)
    rows, columns, names = rng.permutation(len(theta)), rng.permutation(theta.shape[1]), rng.permutation(20)
    assert leep(theta[rows][:, columns], names[labels[rows]]) == pytest.approx(leep(theta, labels), abs=1e-9)


@settings(deadline=None)
@given(cases())
def test_a_head_that_tells_nothing_apart_scores_minus_the_entropy_of_the_labels(
    case: tuple[Table, Table],
) -> None:
    theta, labels = case
    p = np.unique(labels, return_counts=True)[1] / len(labels)
    assert leep(np.full_like(theta, 1 / theta.shape[1]), labels) == pytest.approx((p * np.log(p)).sum())


def test_a_head_that_already_knows_the_answer_scores_zero() -> None:
    assert leep(np.eye(3)[[0, 1, 2, 1]], [5, 7, 9, 7]) == 0.0


def test_probabilities_in_single_precision_are_accepted() -> None:
    theta = softmax(np.random.default_rng(0).normal(size=(50, 7)))
    labels = np.arange(50) % 3
    assert leep(theta.astype(np.float32), labels) == pytest.approx(leep(theta, labels), abs=1e-6)


@pytest.mark.parametrize(
    ("posterior", "labels"),
    [
        ([[0.5, 0.6]], [0]),
        ([[3.0, -2.0]], [0]),
        ([[math.nan, 1.0]], [0]),
        ([[math.inf, 0.0]], [0]),
        ([[0.0, 0.0]], [0]),
        ([[0.5, 0.5]], [0, 1]),
        ([[0.5, 0.5]], [[0]]),
        ([0.5, 0.5], [0, 1]),
        ([[0.5, 0.5]], [0.0]),
        ([[0.5, 0.5]], ["positive"]),
        ([[0.5, 0.5], [0.5, 0.5]], [0, -1]),
        (np.empty((0, 2)), np.empty(0, dtype=int)),
        (np.empty((2, 0)), [0, 1]),
    ],
)
def test_what_is_no_probability_or_label_is_refused(posterior: object, labels: object) -> None:
    with pytest.raises(InvalidInput):
        leep(posterior, labels)  # type: ignore[arg-type]
