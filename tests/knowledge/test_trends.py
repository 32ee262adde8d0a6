"""Convergence trends: exact one-dimensional k-means, Eq. 5 and Eq. 6."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubselect.errors import InvalidInput, KnowledgeMissing
from hubselect.knowledge.trends import Trend, kmeans_1d, match, mine, predict


def partitions(items: list[float]) -> Iterator[list[list[float]]]:
    """Every way to split items into non-empty groups."""
    if not items:
        yield []
        return
    for rest in partitions(items[1:]):
        for i in range(len(rest)):
            yield [*rest[:i], [items[0], *rest[i]], *rest[i + 1 :]]
        yield [[items[0]], *rest]


def cost(groups: list[list[float]]) -> float:
    return sum(sum((x - sum(g) / len(g)) ** 2 for x in g) for g in groups)


SCORES = st.floats(0, 1) | st.integers(0, 5).map(lambda i: i / 5)


@settings(max_examples=60, deadline=None)
@given(st.lists(SCORES, min_size=1, max_size=7), st.integers(1, 5))
def test_no_partition_is_better_than_the_one_found(values: list[float], c: int) -> None:
    labels = kmeans_1d(values, c).tolist()
    groups = [[v for v, own in zip(values, labels, strict=True) if own == g] for g in set(labels)]
    best = min(cost(p) for p in partitions(values) if len(p) <= c)
    assert cost(groups) == pytest.approx(best, abs=1e-9)


@settings(deadline=None)
@given(st.lists(SCORES, max_size=40), st.integers(1, 6))
def test_labels_ascend_with_the_values_and_equal_values_share_one(values: list[float], c: int) -> None:
    labels = kmeans_1d(values, c)
    assert sorted(set(labels.tolist())) == list(range(min(c, len(set(values)))))
    for v, a in zip(values, labels, strict=True):
        for w, b in zip(values, labels, strict=True):
            assert v != w or a == b
            assert v >= w or a <= b


@settings(deadline=None)
@given(st.lists(SCORES, min_size=1, max_size=20), st.integers(1, 4))
def test_the_order_of_the_values_changes_nothing(values: list[float], c: int) -> None:
    order = np.random.default_rng(0).permutation(len(values))
    shuffled = kmeans_1d(np.array(values)[order], c)
    assert (shuffled == kmeans_1d(values, c)[order]).all()


def test_clear_groups_are_found() -> None:
    assert kmeans_1d([0.9, 0.1, 0.5, 0.11, 0.52, 0.89], 3).tolist() == [2, 0, 1, 0, 1, 2]
    assert kmeans_1d([0.9, 0.1], 4).tolist() == [1, 0]
    assert kmeans_1d([0.3, 0.3, 0.3], 4).tolist() == [0, 0, 0]
    assert kmeans_1d([], 4).tolist() == []


def test_a_frequent_value_weighs_as_often_as_it_occurs() -> None:
    """Pairing 1 with 0 costs .5 and with 2.1 .605; ten zeros make the first pairing cost .909."""
    assert kmeans_1d([0.0, 1.0, 2.1], 2).tolist() == [0, 0, 1]
    assert kmeans_1d([0.0] * 10 + [1.0, 2.1], 2).tolist() == [0] * 10 + [1, 1]


def test_values_that_are_not_finite_and_no_groups_are_refused() -> None:
    for values in ([0.1, math.nan], [math.inf]):
        with pytest.raises(InvalidInput):
            kmeans_1d(values, 2)
    with pytest.raises(InvalidInput):
        kmeans_1d([0.1], 0)


CURVES = [
    ("sst2", 0.80, 0.90),
    ("cola", 0.30, 0.50),
    ("rte", 0.34, 0.40),
    ("qnli", 0.84, 0.92),
    ("cb", 0.6, 0.7),
]


def test_a_trend_is_the_mean_of_its_group() -> None:
    low, middle, high = mine(CURVES, 3)
    assert (low.val, low.test, low.datasets) == (pytest.approx(0.32), pytest.approx(0.45), ("cola", "rte"))
    assert (middle.val, middle.test, middle.datasets) == (0.6, 0.7, ("cb",))
    assert (high.val, high.test, high.datasets) == (
        pytest.approx(0.82),
        pytest.approx(0.91),
        ("qnli", "sst2"),
    )


def test_the_order_of_the_datasets_changes_no_trend() -> None:
    assert mine(CURVES[::-1], 3) == mine(CURVES, 3)


def test_few_datasets_give_few_trends() -> None:
    assert [t.datasets for t in mine(CURVES[:2])] == [("cola",), ("sst2",)]
    assert mine([]) == ()


def test_the_nearest_trend_predicts_its_test_mean() -> None:
    trends = mine(CURVES, 3)
    assert match(trends, 0.1) is trends[0]
    assert match(trends, 0.65) is trends[1]
    assert predict(trends, 0.99) == pytest.approx(0.91)


def test_of_two_equally_near_trends_the_lower_is_matched() -> None:
    """0.4 - 0.3 and 0.3 - 0.2 differ in the last bit; on paper 0.3 lies in the middle."""
    trends = (Trend(0.2, 0.5, ("a",)), Trend(0.4, 0.9, ("b",)))
    assert match(trends, 0.3).test == 0.5
    assert match(trends[::-1], 0.3).test == 0.5


def test_nothing_to_match_and_nothing_to_match_with_are_errors() -> None:
    with pytest.raises(KnowledgeMissing):
        match((), 0.5)
    with pytest.raises(InvalidInput):
        match(mine(CURVES), math.nan)
    with pytest.raises(InvalidInput):
        mine([("a", 0.1, math.nan)])
