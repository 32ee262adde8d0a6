"""What a user reads about clusters: what joined, left, merged, split, ended."""

from __future__ import annotations

from hubselect.knowledge.cluster_changes import NAMED, cluster_changes
from hubselect.records import Cluster
from hubselect.reports.cluster_history import sentence


def clusters(*groups: tuple[int, str]) -> tuple[Cluster, ...]:
    return tuple(Cluster(i, members[0], tuple(sorted(members))) for i, members in groups)


def sentences(old: tuple[Cluster, ...], new: tuple[Cluster, ...]) -> list[str]:
    return [sentence(c.kind, c.payload) for c in cluster_changes(old, new)]


def test_nothing_happens_to_equal_clusters() -> None:
    assert cluster_changes(clusters((1, "ab")), clusters((1, "ab"))) == ()


def test_a_new_model_joins_or_stands_alone() -> None:
    assert sentences(clusters((1, "ab")), clusters((1, "abc"))) == ["c joined cluster 1"]
    assert sentences((), clusters((7, "x"))) == ["cluster 7 is new: x; x represents it"]


def test_a_removed_model_leaves_or_ends_its_cluster() -> None:
    assert sentences(clusters((1, "ab"), (2, "x")), clusters((1, "a"))) == [
        "cluster 2 is no more: x",
        "b left cluster 1",
    ]


def test_a_merge_names_the_cluster_that_ended_and_not_its_models() -> None:
    assert sentences(clusters((1, "abc"), (2, "de")), clusters((1, "abcdex"))) == [
        "cluster 2 became part of cluster 1",
        "x joined cluster 1",
    ]


def test_a_split_names_the_parts() -> None:
    assert sentences(clusters((1, "abcde")), clusters((1, "abc"), (2, "de"))) == [
        "cluster 1 split into clusters 1, 2",
        "cluster 2 is new: d, e, from cluster 1; d represents it",
        "d, e left cluster 1 for cluster 2",
    ]


def test_a_model_that_moves_leaves_one_and_joins_another() -> None:
    assert sentences(clusters((1, "abc"), (2, "xy")), clusters((1, "ab"), (2, "cxy"))) == [
        "cluster 1 split into clusters 1, 2",
        "c joined cluster 2, from cluster 1",
        "c represents cluster 2 instead of x",
        "c left cluster 1 for cluster 2",
    ]


def test_scattered_members_dissolve_a_cluster() -> None:
    got = sentences(clusters((1, "ab"), (2, "xyz"), (3, "pqr")), clusters((2, "axyz"), (3, "bpqr")))
    assert got[:2] == ["cluster 1 split into clusters 2, 3", "cluster 1 is no more: a, b for clusters 2, 3"]


def test_long_lists_are_counted() -> None:
    many = [f"m{i:03d}" for i in range(NAMED + 5)]
    (change,) = cluster_changes((), (Cluster(1, many[0], tuple(many)),))
    assert change.payload["size"] == NAMED + 5
    assert len(change.payload["models"]) == NAMED
    assert "and 5 more" in sentence(change.kind, change.payload)


def test_summaries_are_sentences_too() -> None:
    payload = {"clusters": 2, "models": 5, "threshold": 0.09, "top_k": 5, "method": "average"}
    assert sentence("clustered", payload) == (
        "clustered 5 models into 2 clusters (average, cut at distance 0.09, top-k 5)"
    )
    assert "3 joined" in sentence("clustered", {"changes": {"joined": 3}})
    assert sentence("scores-overwritten", {"runs": 4}) == "4 scores were overwritten"
