"""Both silhouettes, against scikit-learn and a naive loop."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import silhouette_score

from hubselect.errors import InvalidInput
from hubselect.knowledge.silhouette import silhouette, silhouette_paper


@st.composite
def partitions(draw: st.DrawFn) -> tuple[npt.NDArray[np.float64], list[int]]:
    n = draw(st.integers(3, 12))
    points = np.random.default_rng(draw(st.integers(0, 9999))).random((n, 3))
    distances = np.abs(points[:, None] - points[None]).sum(axis=2)
    labels = draw(st.lists(st.integers(0, 4), min_size=n, max_size=n))
    return distances, labels


def naive(distances: npt.NDArray[np.float64], labels: list[int], over_all: bool) -> float:
    scores = []
    for i, own in enumerate(labels):
        inside = [distances[i, j] for j, other in enumerate(labels) if other == own and j != i]
        outside = {o: [distances[i, j] for j, x in enumerate(labels) if x == o] for o in set(labels) - {own}}
        if not inside:
            scores.append(0.0)
            continue
        a = sum(inside) / len(inside)
        everything = [d for ds in outside.values() for d in ds]
        means = [sum(ds) / len(ds) for ds in outside.values()]
        b = sum(everything) / len(everything) if over_all else min(means)
        scores.append((b - a) / max(a, b) if max(a, b) > 0 else 0.0)
    return sum(scores) / len(scores)


@settings(deadline=None)
@given(partitions())
def test_both_equal_their_definition(case: tuple[npt.NDArray[np.float64], list[int]]) -> None:
    distances, labels = case
    standard, paper = silhouette(distances, labels), silhouette_paper(distances, labels)
    if len(set(labels)) < 2:
        assert standard is None
        assert paper is None
        return
    assert standard == pytest.approx(naive(distances, labels, over_all=False), abs=1e-9)
    assert paper == pytest.approx(naive(distances, labels, over_all=True), abs=1e-9)
    assert paper >= standard - 1e-9


@settings(deadline=None)
@given(partitions())
def test_the_standard_one_equals_scikit_learn(case: tuple[npt.NDArray[np.float64], list[int]]) -> None:
    distances, labels = case
    if 2 <= len(set(labels)) < len(labels):
        expected = silhouette_score(distances, labels, metric="precomputed")
        assert silhouette(distances, labels) == pytest.approx(expected, abs=1e-9)


def test_a_worked_example() -> None:
    """Points 0, 1 | 4, 6 | 20 on a line: s = .8, .75, .5555.., .6363.., 0; b over all outside points else."""
    x = np.array([0.0, 1.0, 4.0, 6.0, 20.0])
    distances, labels = np.abs(x[:, None] - x[None]), [0, 0, 1, 1, 2]
    s = [1 - 1 / 5, 1 - 1 / 4, 1 - 2 / 3.5, 1 - 2 / 5.5, 0]
    assert silhouette(distances, labels) == pytest.approx(sum(s) / 5)
    s = [1 - 1 / 10, 1 - 3 / 27, 1 - 2 * 3 / 23, 1 - 2 * 3 / 25, 0]
    assert silhouette_paper(distances, labels) == pytest.approx(sum(s) / 5)


def test_nothing_separates_below_two_clusters() -> None:
    for function in (silhouette, silhouette_paper):
        assert function(np.zeros((0, 0)), []) is None
        assert function(np.zeros((1, 1)), [0]) is None
        assert function(np.ones((3, 3)) - np.eye(3), [7, 7, 7]) is None


def test_singletons_alone_score_zero() -> None:
    distances = np.ones((3, 3)) - np.eye(3)
    assert silhouette(distances, [0, 1, 2]) == 0.0
    assert silhouette_paper(distances, [0, 1, 2]) == 0.0


def test_identical_points_in_different_clusters_score_zero() -> None:
    assert silhouette(np.zeros((4, 4)), [0, 0, 1, 1]) == 0.0


def test_labels_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InvalidInput):
        silhouette(np.zeros((2, 2)), [0, 1, 1])
