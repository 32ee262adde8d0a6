"""Nearest neighbours, against published numbers, scikit-learn, and their guards."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import LeaveOneOut, cross_val_predict
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from hubselect.recall.proxies.knn import knn
from tests.recall.proxy_cases import IRIS, Labels, Table, any_features, groups


@pytest.mark.parametrize(("k", "published"), [(1, 0.96), (3, 0.96), (5, 0.96667), (13, 0.96667)])
def test_iris_agrees_with_transformer_ranker(k: int, published: float) -> None:
    """Its protocol: each example left out in turn, Euclidean distance, majority. Tolerance 5e-6."""
    assert knn(*IRIS, k=k) == pytest.approx(published, abs=5e-6)


@settings(max_examples=8, deadline=None)
@given(st.integers(20, 60), st.integers(1, 30), st.integers(0, 9999))
def test_it_agrees_with_scikit_learn_leaving_one_out(n: int, d: int, seed: int) -> None:
    features, labels = groups(n, d, 2, distance=1.0, seed=seed)
    predicted = cross_val_predict(KNeighborsClassifier(5), features, labels, cv=LeaveOneOut())
    assert knn(features, labels) == pytest.approx((predicted == labels).mean())
    assert knn(features, np.eye(2)[labels], target="multi-label") == pytest.approx(
        (predicted == labels).mean()
    )
    values = features[:, 0] + labels
    predicted = cross_val_predict(KNeighborsRegressor(5), features, values, cv=LeaveOneOut())
    r2 = 1 - ((predicted - values) ** 2).sum() / ((values - values.mean()) ** 2).sum()
    assert knn(features, values, target="regression") == pytest.approx(r2)


@settings(max_examples=40, deadline=None)
@given(any_features())
def test_scale_shift_order_and_names_do_not_matter(case: tuple[Table, Labels]) -> None:
    features, labels = case
    score = knn(features, labels)
    assert 0.0 <= score <= 1.0
    rng = np.random.default_rng(0)
    rows, names = rng.permutation(len(labels)), rng.permutation(30)
    moved = features[rows] * 2.0**40 + (2.0**42 if np.abs(features).max() < 100 else 0.0)
    assert knn(moved, names[labels[rows]]) == pytest.approx(score)


def test_a_neighbour_that_is_a_copy_proves_nothing() -> None:
    features, labels = groups(240, 50, 3, distance=0.0, copies=4)
    assert knn(features, labels, k=1) < 0.6


def test_the_same_output_for_all_of_a_class_is_no_copy() -> None:
    labels = np.arange(60) % 3
    assert knn(np.eye(3)[labels], labels) == 1.0


def test_features_of_a_single_value_predict_the_most_frequent_class() -> None:
    labels = np.array([0] * 30 + [1] * 10)
    constant = np.full((40, 3), 0.1)
    assert knn(constant, labels) == 0.75
    assert knn(constant, np.arange(40) % 4) == 0.25
    assert knn(constant, np.column_stack([labels, 1 - labels]), target="multi-label") == 0.75
    assert knn(constant, np.arange(40.0), target="regression") == 0.0


def test_small_samples_are_scored() -> None:
    assert knn([[1.0]], [4]) == 1.0
    assert knn([[1.0], [2.0]], [0, 1]) == 0.0  # each one's only neighbour is of the other class
    assert knn([[1.0], [2.0], [9.0]], [0, 0, 1], k=1) == pytest.approx(2 / 3)  # a class of one is lost
    assert knn([[1.0], [2.0]], [3.0, 3.0], target="regression") == 0.0
