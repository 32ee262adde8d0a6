"""Provisional placements in the registry: who may have one, and what becomes of it when clusters change."""

from __future__ import annotations

import pytest

from hubselect.errors import InvalidInput, KnowledgeMissing, UnknownEntry
from hubselect.knowledge.similarity import shared_needed
from hubselect.records import Cluster, Clustering, Dataset, Model, Placement
from hubselect.registry import Registry
from hubselect.registry.cluster_events import ClusterUpdate
from hubselect.registry.placement_rows import COMPARABLE
from tests.registry.conftest import IMAGE, RECIPE, TEXT, add_cell, fill

SUITE = ("d0", "d1", "d2", "d3")
WAITING = Placement("late", 2, "nearest cluster", 0.9)


def clusters(*groups: str) -> Clustering:
    """Clusters of models of one letter, numbered from 1."""
    made = tuple(Cluster(i, g[0], tuple(g)) for i, g in enumerate(groups, start=1))
    return Clustering(TEXT, RECIPE.digest, 0.05, 5, "average", made)


def begin(registry: Registry, *groups: str) -> Clustering:
    """A clustering of measured models, and models `p`, `q` and `late` that have no results."""
    for dataset in SUITE:
        registry.add_dataset(Dataset(dataset, TEXT))
    for model in "".join(groups):
        registry.add_model(Model(model, TEXT, downloads=ord(model)))
        for dataset in SUITE:
            add_cell(registry, model, dataset, 0.5)
    for number, model in enumerate(("late", "p", "q")):
        registry.add_model(Model(model, TEXT, downloads=number))
    made = clusters(*groups)
    registry.save_clustering_with(made, [])
    return made


def put(registry: Registry, **places: int) -> None:
    found = [Placement(m, c, "lineage", 0.5) for m, c in places.items()]
    registry.write_placements(TEXT, RECIPE, found)


def where(registry: Registry) -> dict[str, int]:
    return {p.model: p.cluster for p in registry.placements()}


def change(registry: Registry, old: Clustering, new: Clustering, **more: object) -> None:
    """An update from one clustering to the other, as an upkeep makes it."""
    mark = registry.clustering_mark(TEXT, RECIPE)
    assert mark is not None
    gone = tuple(c for c in old.clusters if c not in new.clusters)
    came = tuple(c for c in new.clusters if c not in old.clusters)
    registry.update_clusters(TEXT, RECIPE, mark, ClusterUpdate(gone, came, **more))  # type: ignore[arg-type]


def wait(registry: Registry, made: Clustering) -> None:
    change(registry, made, made, waiting=(("late", 2, 0.1),))


def test_placements_are_records_by_model(registry: Registry) -> None:
    """Of one task, one kind, or some models; a later one replaces the one before."""
    made = begin(registry, "ab", "c")
    assert registry.write_placements(TEXT, RECIPE, [Placement("q", 1, "card-text", 0.25)]) == 1
    put(registry, p=1)
    put(registry, p=2)
    wait(registry, made)
    assert registry.placements() == [
        WAITING,
        Placement("p", 2, "lineage", 0.5),
        Placement("q", 1, "card-text", 0.25),
    ]
    assert registry.placements(IMAGE) == []
    assert [p.model for p in registry.placements(TEXT, RECIPE, how="lineage")] == ["p"]
    assert [p.model for p in registry.placements(models=["q", "a", "z"])] == ["q"]
    frame = registry.placements_frame(TEXT, recipe=RECIPE)
    assert list(frame["model"]) == ["q", "late", "p"]
    assert list(frame.columns) == ["task", "recipe", "cluster_id", "model", "how", "score"]
    assert set(registry.clusters_frame()["model"]) == {"a", "b", "c"}
    assert registry.clusters() == made.clusters
    assert registry.check() == []


def test_members_waiting_models_and_ended_clusters_are_passed_over(registry: Registry) -> None:
    """A model that got its results, or a cluster that ended, between reading and writing."""
    wait(registry, begin(registry, "ab", "c"))
    found = [Placement(m, c, "lineage", 0.5) for m, c in (("a", 2), ("late", 1), ("p", 9), ("z", 1))]
    assert registry.write_placements(TEXT, RECIPE, found) == 0
    assert registry.placements() == [WAITING]


def test_only_lineage_that_is_gone_ends(registry: Registry) -> None:
    """A place by card text stays when no relative is found."""
    begin(registry, "ab", "c")
    registry.write_placements(TEXT, RECIPE, [Placement("q", 1, "card-text", 0.25)])
    put(registry, p=1)
    registry.write_placements(TEXT, RECIPE, [], instead_of=["p", "q"])
    assert where(registry) == {"q": 1}


def test_models_without_results_are_found(registry: Registry) -> None:
    """All in pages, the most downloaded, or some by name; members and those that wait are not among them."""
    made = begin(registry, "ab", "c")
    registry.add_model(Model("image", IMAGE))
    assert list(registry.without_results(TEXT, RECIPE)) == [["late", "p", "q"]]
    assert list(registry.without_results(TEXT, RECIPE, limit=2)) == [["q", "p"]]
    wait(registry, made)
    assert list(registry.without_results(TEXT, RECIPE, models=["q", "late", "a", "q"])) == [["q"]]
    with pytest.raises(UnknownEntry):
        list(registry.without_results(TEXT, RECIPE, models=["nobody"]))
    with pytest.raises(InvalidInput):
        list(registry.without_results(TEXT, RECIPE, limit=0))


def test_a_member_with_too_few_scores_is_still_placed(registry: Registry) -> None:
    """It can be compared with nobody: it stands alone, is no home, and keeps a place until it has enough."""
    assert [shared_needed(5, None, n) for n in (1, 2, 3, 9)] == [1, 2, COMPARABLE, COMPARABLE]
    made = begin(registry, "ab", "c")
    put(registry, p=1)
    for dataset in SUITE[:2]:
        add_cell(registry, "p", dataset, 0.7)
    with_p = clusters("ab", "c", "p")
    change(registry, made, with_p, changed=("p",))
    assert where(registry) == {"p": 1}
    assert registry.check() == []
    assert set(registry.homes(TEXT, RECIPE)) == {"a", "b", "c"}
    assert list(registry.without_results(TEXT, RECIPE)) == [["late", "p", "q"]]
    add_cell(registry, "p", SUITE[2], 0.7)
    assert [p.what for p in registry.check()] == ["a member of a cluster has a provisional placement"]
    change(registry, with_p, with_p, changed=("p",))
    assert where(registry) == {}
    assert set(registry.homes(TEXT, RECIPE)) == {"a", "b", "c", "p"}


@pytest.mark.parametrize("whole", [False, True], ids=["in place", "saved anew"])
@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (("ab", "c"), ("ab", "cp"), {"q": 2}),  # a member needs no place
        (("ab", "c"), ("abc",), {"p": 1, "q": 1}),  # merged
        (("ab", "cd"), ("abd", "c"), {"p": 1}),  # one left: whom q followed is not known
        (("ab", "cd"), ("ab", "c", "d"), {"p": 1}),  # split
        (("ab", "c"), ("ab",), {"p": 1}),  # removed
        (("a", "b"), ("b", "a"), {"p": 2, "q": 1}),  # the same clusters by other numbers
    ],
)
def test_placements_go_with_their_clusters(
    registry: Registry,
    before: tuple[str, ...],
    after: tuple[str, ...],
    expected: dict[str, int],
    whole: bool,
) -> None:
    """They move with all members of a cluster, and end when those part or the model becomes a member."""
    made = begin(registry, *before)
    put(registry, p=1, q=2)
    if "p" in "".join(after):
        for dataset in SUITE:
            add_cell(registry, "p", dataset, 0.5)
    if whole:
        registry.save_clustering_with(clusters(*after), [])
    else:
        change(registry, made, clusters(*after))
    assert where(registry) == expected
    assert registry.check() == []


def test_a_waiting_model_stays_beside_most_of_its_cluster(registry: Registry) -> None:
    """It has results: an update keeps it beside somebody, a whole clustering ends its waiting."""
    made = begin(registry, "ab", "cde")
    wait(registry, made)
    parted = (Cluster(1, "a", tuple("abe")), Cluster(3, "c", tuple("cd")))
    after = Clustering(TEXT, RECIPE.digest, 0.05, 5, "average", parted)
    change(registry, made, after)
    assert where(registry) == {"late": 3}
    registry.save_clustering_with(after, [])
    assert where(registry) == {}


def test_bases_means_and_homes_are_read(registry: Registry) -> None:
    """Chains through names nobody indexed, circles included; means are over datasets, then seeds."""
    begin(registry, "ab", "c")
    for model, base in (("x", "y"), ("y", "x"), ("p", "x"), ("q", "unknown")):
        registry.add_model(Model(model, TEXT, revision="1" * 40, base_model=base))
    assert registry.bases(["p", "q", "a"]) == {"p": "x", "x": "y", "y": "x", "q": "unknown"}
    add_cell(registry, "a", SUITE[0], 0.9, seed=1)
    assert registry.mean_scores(RECIPE, ["a", "c", "p"]) == pytest.approx({"a": 0.55, "c": 0.5})
    assert registry.homes(TEXT, RECIPE) == {"a": 1, "b": 1, "c": 2}
    assert registry.representatives(TEXT, RECIPE) == {"a", "c"}
    assert registry.shown_clusterings() == [(TEXT, RECIPE.digest)]


def test_before_the_first_clustering_nothing_can_be_placed(registry: Registry) -> None:
    """Said with what to do; a whole registry has no placements."""
    with pytest.raises(KnowledgeMissing, match="no clusters"):
        registry.shown_clusterings()
    fill(registry)
    assert registry.placements() == []
    assert registry.homes(IMAGE, RECIPE) == {}


def test_wrong_placements_are_named_and_mended(registry: Registry) -> None:
    """Of a member, and beside a cluster that is not there."""
    begin(registry, "ab", "c")
    put(registry, p=1, q=2)
    with registry._database.connection(write=True) as connection:
        connection.exec_driver_sql("UPDATE placements SET cluster_id = 7 WHERE cluster_id = 2")
        connection.exec_driver_sql(
            "UPDATE placements SET model_id = (SELECT id FROM models WHERE repo_id = 'c') "
            "WHERE cluster_id = 1"
        )
    found = registry.check()
    assert {(p.what, p.where.split(",")[0]) for p in found} == {
        ("a provisional placement is in a cluster that does not exist", "q"),
        ("a member of a cluster has a provisional placement", "c"),
    }
    assert {p.repair for p in found} == {"run `hubselect place`"}
    registry.tidy_placements()
    assert registry.check() == registry.placements() == []
