"""Clusters: the linkage against a naive one, choice of the cut, representatives, stable ids."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubselect.errors import InvalidInput
from hubselect.knowledge.clusters import PUBLISHED_CUT, best_threshold, cluster, inherit_ids
from hubselect.knowledge.matrix import PerformanceMatrix
from hubselect.knowledge.silhouette import silhouette, silhouette_paper
from hubselect.knowledge.similarity import distance_matrix
from hubselect.records import Cluster, Clustering

Table = npt.NDArray[np.float64]
NAN = math.nan


def matrix_of(scores: Table, width: int = 3) -> PerformanceMatrix:
    models = tuple(f"org/m{i:0{width}d}" for i in range(scores.shape[0]))
    return PerformanceMatrix(models, tuple(f"d{j:02d}" for j in range(scores.shape[1])), scores)


def clustered(matrix: PerformanceMatrix, threshold: float | None = 0.1, **options: object) -> Clustering:
    return cluster(matrix, task="text-classification", recipe="r", threshold=threshold, **options)  # type: ignore[arg-type]


def naive_average_linkage(distances: Table, threshold: float) -> set[frozenset[int]]:
    """Merge the two groups with the lowest mean pairwise distance until it exceeds the threshold."""
    groups = [[i] for i in range(len(distances))]
    while len(groups) > 1:
        pairs = [
            (distances[np.ix_(a, b)].mean(), i, j) for (i, a), (j, b) in combinations(enumerate(groups), 2)
        ]
        lowest, i, j = min(pairs)
        if lowest > threshold:
            break
        groups[i] += groups.pop(j)
    return {frozenset(g) for g in groups}


def partition(clustering: Clustering) -> set[frozenset[str]]:
    return {frozenset(c.members) for c in clustering.clusters}


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 100_000), st.integers(1, 12), st.floats(0, 0.6), st.booleans())
def test_average_linkage_equals_a_naive_one(seed: int, n: int, threshold: float, gaps: bool) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.random((n, 6))
    if gaps:
        scores[rng.random(scores.shape) < 0.15] = NAN
        scores[:, 0] = rng.random(n)
    matrix = matrix_of(scores)
    expected = naive_average_linkage(distance_matrix(scores, 3, 1), threshold)
    got = clustered(matrix, threshold, top_k=3, min_overlap=1)
    assert partition(got) == {frozenset(matrix.models[i] for i in group) for group in expected}


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 100_000), st.sampled_from(["average", "kmeans"]), st.none() | st.just(0.12))
def test_the_order_of_models_and_datasets_changes_nothing(
    seed: int, method: str, threshold: float | None
) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 5, (9, 5)) / 10  # many ties
    matrix = matrix_of(scores)
    rows, columns = rng.permutation(9), rng.permutation(5)
    shuffled = PerformanceMatrix(
        tuple(matrix.models[i] for i in rows),
        tuple(matrix.datasets[j] for j in columns),
        scores[rows][:, columns],
    )
    assert clustered(shuffled, threshold, method=method) == clustered(matrix, threshold, method=method)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 100_000), st.sampled_from(["average", "kmeans"]))
def test_a_clustering_is_a_partition_with_the_best_member_as_representative(seed: int, method: str) -> None:
    matrix = matrix_of(np.random.default_rng(seed).random((10, 6)))
    got = clustered(matrix, 0.45, method=method)
    assert sorted(m for c in got.clusters for m in c.members) == list(matrix.models)
    for c in got.clusters:
        assert list(c.members) == sorted(c.members)
        assert matrix.mean(c.representative) == max(matrix.mean(m) for m in c.members)
    assert [c.id for c in got.clusters] == list(range(1, len(got.clusters) + 1))
    bests = [matrix.mean(c.representative) for c in got.clusters]
    assert bests == sorted(bests, reverse=True)


def test_two_tight_groups_and_an_outlier() -> None:
    scores = np.array([[0.9, 0.8], [0.88, 0.8], [0.3, 0.2], [0.3, 0.22], [0.1, 0.9]])
    for method in ("average", "kmeans"):
        got = clustered(matrix_of(scores), 0.05, method=method)
        assert [c.members for c in got.clusters] == [
            ("org/m000", "org/m001"),
            ("org/m004",),
            ("org/m002", "org/m003"),
        ]
        assert [c.representative for c in got.clusters] == ["org/m000", "org/m004", "org/m003"]
        labels = [0, 0, 1, 1, 2]
        distances = distance_matrix(scores)
        assert got.silhouette == pytest.approx(silhouette(distances, labels))
        assert got.silhouette_paper == pytest.approx(silhouette_paper(distances, labels))


def test_a_merge_exactly_at_the_threshold_is_made() -> None:
    assert len(clustered(matrix_of(np.array([[0.3], [0.21]])), 0.09).clusters) == 1
    assert len(clustered(matrix_of(np.array([[0.3], [0.2099]])), 0.09).clusters) == 2


def test_equal_means_are_broken_by_the_lower_id() -> None:
    """0.1 + 0.2 + 0.3 and 0.3 + 0.2 + 0.1 differ in the last bit; the means are equal all the same."""
    got = clustered(matrix_of(np.array([[0.1, 0.2, 0.3], [0.3, 0.2, 0.1]])), 1.0)
    assert got.clusters == (Cluster(1, "org/m000", ("org/m000", "org/m001")),)


@pytest.mark.parametrize("method", ["average", "kmeans"])
@pytest.mark.parametrize("threshold", [None, 0.09])
def test_no_one_or_two_models_work(method: str, threshold: float | None) -> None:
    empty = clustered(PerformanceMatrix((), (), np.empty((0, 0))), threshold, method=method)
    assert empty.clusters == ()
    one = clustered(matrix_of(np.array([[0.5, 0.4]])), threshold, method=method)
    assert one.clusters == (Cluster(1, "org/m000", ("org/m000",)),)
    assert one.silhouette is None
    near = clustered(matrix_of(np.array([[0.5, 0.4], [0.52, 0.4]])), threshold, method=method)
    assert [c.size for c in near.clusters] == [2]
    assert near.silhouette is None
    assert near.silhouette_paper is None
    far = clustered(matrix_of(np.array([[0.5, 0.4], [0.9, 0.4]])), threshold, method=method)
    assert [c.size for c in far.clusters] == [1, 1]
    assert far.silhouette == 0.0


def test_identical_models_form_one_cluster_even_at_threshold_zero() -> None:
    for method in ("average", "kmeans"):
        assert len(clustered(matrix_of(np.full((4, 3), 0.5)), 0.0, method=method).clusters) == 1


def test_models_without_scores_belong_to_no_cluster() -> None:
    got = clustered(matrix_of(np.array([[0.5, 0.5], [NAN, NAN]])))
    assert [c.members for c in got.clusters] == [("org/m000",)]


def test_the_chosen_cut_has_the_best_silhouette_of_all_balanced_ones() -> None:
    for seed in range(3):
        rng = np.random.default_rng(seed)
        scores = np.clip(rng.random((4, 8))[rng.integers(0, 4, 12)] + rng.normal(0, 0.05, (12, 8)), 0, 1)
        distances = distance_matrix(scores)
        candidates = []
        for height in np.unique(distances):  # a superset of the distinct partitions
            groups = naive_average_linkage(distances, height)
            labels = [next(i for i, g in enumerate(groups) if m in g) for m in range(12)]
            if 2 <= len(groups) < 12 and max(map(len, groups)) <= 8:
                candidates.append(silhouette(distances, labels))
        got = clustered(matrix_of(scores), None)
        assert got.silhouette == pytest.approx(max(c for c in candidates if c is not None))
        assert got.threshold == best_threshold(distances)


def test_a_chosen_cut_leaves_a_non_singleton_cluster() -> None:
    for n in range(3, 9):
        scores = np.random.default_rng(n).random((n, 6))
        assert any(c.size > 1 for c in clustered(matrix_of(scores), None).clusters)


def test_without_any_cut_to_compare_the_published_one_is_used() -> None:
    assert clustered(matrix_of(np.array([[0.5], [0.9]])), None).threshold == PUBLISHED_CUT


def test_kmeans_takes_a_number_of_clusters_and_is_repeatable() -> None:
    matrix = matrix_of(np.random.default_rng(0).random((12, 5)))
    got = clustered(matrix, None, method="kmeans", n_clusters=4, seed=3)
    assert len(got.clusters) == 4
    assert got.threshold is None
    assert clustered(matrix, None, method="kmeans", n_clusters=4, seed=3) == got


def test_kmeans_fills_a_missing_score_with_its_datasets_mean() -> None:
    """The column mean .5 puts the model with a gap between the groups in x, its y decides."""
    scores = np.array([[0.9, 0.9], [0.9, 0.8], [0.1, 0.1], [0.1, 0.2], [NAN, 0.85]])
    got = clustered(matrix_of(scores), None, method="kmeans", n_clusters=2)
    assert ("org/m000", "org/m001", "org/m004") in {c.members for c in got.clusters}


def test_kmeans_by_default_has_as_many_clusters_as_the_linkage() -> None:
    matrix = matrix_of(np.random.default_rng(1).random((15, 6)))
    average, kmeans = clustered(matrix, 0.35), clustered(matrix, 0.35, method="kmeans")
    assert len(kmeans.clusters) == len(average.clusters)


@pytest.mark.parametrize(
    ("threshold", "options"),
    [
        (-0.1, {}),
        (math.nan, {}),
        (math.inf, {}),
        (0.1, {"top_k": 0}),
        (0.1, {"min_overlap": 0}),
        (0.1, {"method": "ward"}),
        (0.1, {"method": "kmeans", "n_clusters": 0}),
        (0.1, {"method": "kmeans", "n_clusters": 9}),
        (0.1, {"n_clusters": 2}),
    ],
)
def test_senseless_parameters_are_refused(threshold: float, options: dict[str, object]) -> None:
    with pytest.raises(InvalidInput):
        clustered(matrix_of(np.eye(3)), threshold, **options)


def clusters_of(*groups: tuple[int, str]) -> Clustering:
    found = tuple(Cluster(i, members[0], tuple(members)) for i, members in groups)
    return Clustering("text-classification", "r", 0.1, 5, "average", found)


def test_a_cluster_keeps_its_id_through_growth_and_renumbering() -> None:
    old = clusters_of((1, "abc"), (2, "de"), (3, "f"))
    new = clusters_of((1, "dex"), (2, "y"), (3, "abcz"), (4, "f"))
    got = inherit_ids(old, new)
    assert {c.id: "".join(c.members) for c in got.clusters} == {1: "abcz", 2: "dex", 3: "f", 4: "y"}
    assert [c.id for c in got.clusters] == [1, 2, 3, 4]


def test_a_split_gives_the_id_to_the_larger_part_and_a_merge_takes_the_larger_ones() -> None:
    got = inherit_ids(clusters_of((5, "abcde"), (7, "fg")), clusters_of((1, "ab"), (2, "cdefg")))
    assert {c.id: "".join(c.members) for c in got.clusters} == {5: "cdefg", 8: "ab"}


def test_equal_overlaps_go_to_the_lower_old_id_then_the_lower_new_one() -> None:
    got = inherit_ids(clusters_of((3, "ab"), (2, "cd")), clusters_of((1, "bd"), (2, "ac")))
    assert {c.id: "".join(c.members) for c in got.clusters} == {2: "bd", 3: "ac"}


def test_without_a_predecessor_ids_stay() -> None:
    new = clusters_of((1, "a"), (2, "b"))
    assert inherit_ids(None, new) == new
    assert inherit_ids(replace(new, clusters=()), new) == new
    assert inherit_ids(new, new) == new


@settings(deadline=None)
@given(
    st.lists(st.integers(0, 4), min_size=8, max_size=8), st.lists(st.integers(0, 4), min_size=8, max_size=8)
)
def test_inherited_ids_are_unique_and_cover_the_same_groups(before: list[int], after: list[int]) -> None:
    def build(labels: list[int]) -> Clustering:
        groups = {
            x: "".join(m for m, y in zip("abcdefgh", labels, strict=True) if y == x) for x in set(labels)
        }
        return clusters_of(*((i, g) for i, g in enumerate(groups.values(), start=1)))

    old, new = build(before), build(after)
    got = inherit_ids(old, new)
    assert len({c.id for c in got.clusters}) == len(new.clusters)
    assert partition(got) == partition(new)
    largest = max(len(set(o.members) & set(n.members)) for o in old.clusters for n in new.clusters)
    kept = {c.id: set(c.members) for c in got.clusters}
    assert any(len(kept.get(o.id, set()) & set(o.members)) == largest for o in old.clusters)
