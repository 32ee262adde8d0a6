"""Imports and the clusters that follow them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import hubselect
from hubselect.api.clusters import after as clusters_after
from hubselect.api.clusters import upkeep as cluster_upkeep
from hubselect.api.clusters.clustering import cluster, known_runs, recomputed, refreshed
from hubselect.api.importing import Imported, import_scores
from hubselect.errors import InvalidInput, RegistryError
from hubselect.knowledge import incremental
from hubselect.knowledge.clusters import cluster as batch_clusters
from hubselect.knowledge.matrix import PerformanceMatrix
from hubselect.records import Recipe
from hubselect.registry import Registry

TEXT = "text-classification"
SUITE = ("d0", "d1", "d2", "d3")
FOUR = {"a": 0.9, "b": 0.89, "c": 0.3, "x": 0.6}


def table(**models: float) -> pd.DataFrame:
    """A score for each model, a little higher from one dataset to the next."""
    rows = [(m, d, score + j / 100) for m, score in models.items() for j, d in enumerate(SUITE)]
    return pd.DataFrame(rows, columns=["model", "dataset", "score"])


def bring(store: Registry, **models: float) -> Imported:
    return import_scores(table(**models), registry=store, recipe="r")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A registry of imported results, clustered at 0.05."""
    with Registry.open(tmp_path / "registry.db") as store:
        assert bring(store, **FOUR).clusters == ()  # there is nothing to keep up to date yet
        cluster(registry=store, threshold=0.05)
    return tmp_path / "registry.db"


def members(store: Registry) -> list[tuple[str, ...]]:
    return sorted(c.members for c in store.clusters())


def check_equal(store: Registry) -> None:
    """The stored clusters are those of a batch run over the registry's runs."""
    recipe = store.main_recipe(TEXT)
    assert recipe is not None
    matrix = PerformanceMatrix.from_runs(known_runs(store, recipe))
    kept = store.clustering(TEXT, recipe)
    assert kept is not None
    made = batch_clusters(matrix, task=TEXT, recipe=recipe.digest, threshold=kept.threshold, top_k=kept.top_k)
    assert members(store) == sorted(c.members for c in made.clusters)


def test_an_import_updates_the_clusters_it_touches_and_says_how(place: Path) -> None:
    """Grown, created and merged clusters are told with their names, and nothing else changes."""
    with Registry.open(place) as store:
        done = bring(store, d=0.31, z=0.1)
        (after,) = done.clusters
        assert sorted(kind for kind, _ in after.events if "rep" not in kind) == ["created", "joined"]
        assert (after.task, after.recipe, after.waiting, after.failure) == (
            TEXT,
            done.report.recipe,
            (),
            None,
        )
        assert members(store) == [("a", "b"), ("c", "d"), ("x",), ("z",)]
        (after,) = bring(store, bridge=0.35, bridge2=0.4, bridge3=0.45).clusters
        assert after.events
        check_equal(store)


def test_what_is_known_already_changes_no_cluster(place: Path) -> None:
    """The same file again, and proxy scores, are no reason to touch clusters."""
    with Registry.open(place) as store:
        before = store.cluster_events()
        (after,) = bring(store, **FOUR).clusters
        assert (after.events, after.waiting) == ((), ())
        assert import_scores(table(a=0.5).assign(proxy="leep"), registry=store).clusters == ()
        assert store.cluster_events() == before


def test_an_import_under_another_recipe_leaves_the_clusters_alone(place: Path) -> None:
    """Only recipes that the file has scores of are looked at."""
    with Registry.open(place) as store:
        before = store.clusterings()
        assert import_scores(table(a=0.1, n=0.2), registry=store, recipe="other").clusters == ()
        assert store.clusterings() == before


def test_a_refused_import_changes_neither_scores_nor_clusters(place: Path) -> None:
    """All or nothing, as before."""
    with Registry.open(place) as store:
        before = store.cluster_events(), store.clusterings(), len(store.runs())
        bad = pd.concat([table(new=0.3), table(a=0.123)])
        with pytest.raises(InvalidInput, match="already holds another score for a"):
            import_scores(bad, registry=store, recipe="r")
        assert (store.cluster_events(), store.clusterings(), len(store.runs())) == before


@pytest.mark.parametrize("error", [RegistryError("the registry is busy", "try again"), ValueError("broken")])
def test_clusters_that_cannot_follow_do_not_undo_an_import(
    place: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """The scores are in, one line says what is not up to date, and the next import repairs it."""

    def broken(*given: object) -> None:
        raise error

    with hubselect.Registry.open(place) as store:
        with monkeypatch.context() as patched:
            patched.setattr(clusters_after, "keep_up", broken)
            report = store.import_scores(table(d=0.31), recipe="r")
        assert report.runs == len(SUITE)
        (warning,) = report.warnings
        assert "the results are stored" in warning
        assert error.args[0] in warning
        assert members(store) == [("a", "b"), ("c",), ("x",)]
        report = store.import_scores(table(e=0.6), recipe="r")
        assert report.warnings == ()
        assert members(store) == [("a", "b"), ("c", "d"), ("e", "x")]
        check_equal(store)


def test_models_that_wait_are_told(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that is placed provisionally is named with the cluster it stands beside."""

    def small(*given: object, **options: object) -> incremental.Step:
        return incremental.updated(*given, **options, largest=2)  # type: ignore[arg-type]

    monkeypatch.setattr(cluster_upkeep, "updated", small)
    with Registry.open(place) as store:
        (after,) = bring(store, late=0.88).clusters
        (waiting,) = after.waiting
        assert waiting.model == "late"
        assert store.clusters()[waiting.cluster - 1].members == ("a", "b")


def test_k_means_keeps_the_number_of_clusters_it_was_given(place: Path) -> None:
    """However the clusters are made again: after an import, on demand, and when models came in otherwise."""
    with Registry.open(place) as store:
        (made,) = cluster(registry=store, method="kmeans", n_clusters=3)
        assert (made.threshold, len(made.clusters)) == (None, 3)
        (after,) = bring(store, m=0.1, n=0.2, o=0.45, p=0.7).clusters
        assert after.events
        assert after.failure is None
        assert len(store.clusters()) == 3
        store.import_scores(table(q=0.05, r=0.99), recipe="r")
        recipe = store.recipe(made.recipe)
        found = refreshed(store, recipe)
        assert found is not None
        assert found.of("q") is not None
        assert (found.method, len(found.clusters)) == ("kmeans", 3)
        assert len(recomputed(store, recipe).clusters) == 3


def test_k_means_with_a_threshold_takes_its_number_from_the_cut(place: Path) -> None:
    """As it was asked for: more groups of models are more clusters."""
    with Registry.open(place) as store:
        (made,) = cluster(registry=store, method="kmeans", threshold=0.05)
        assert len(made.clusters) == 3
        bring(store, m=0.1, n=0.45)
        assert len(store.clusters()) == 5
        (both,) = cluster(registry=store, method="kmeans", threshold=0.05, n_clusters=2)
        assert (both.threshold, len(both.clusters)) == (None, 2)


def test_a_recipe_without_results_has_an_empty_matrix(place: Path) -> None:
    """Also one the registry does not hold yet."""
    from hubselect.api.clusters.clustering import matrix_of

    with Registry.open(place) as store:
        assert matrix_of(store, Recipe(TEXT, epochs=77)).models == ()
