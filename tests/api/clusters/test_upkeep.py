"""Stored clusters after every kind of change to the scores: those of a batch run, with a history."""

from __future__ import annotations

import random
import sqlite3
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from hubselect.api.clusters import upkeep as cluster_upkeep
from hubselect.api.clusters.clustering import cluster, known_runs, recomputed, refreshed
from hubselect.api.clusters.state import forget_state
from hubselect.api.clusters.upkeep import cluster_afresh, keep_up
from hubselect.errors import RegistryError
from hubselect.knowledge import incremental
from hubselect.knowledge.clusters import cluster as batch_clusters
from hubselect.knowledge.matrix import PerformanceMatrix
from hubselect.records import Dataset, Model, Recipe
from hubselect.registry import Registry
from hubselect.registry.cluster_events import ClusterUpdate

TEXT = "text-classification"
RECIPE = Recipe(TEXT, epochs=1)
SUITE = ("d0", "d1", "d2", "d3")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "registry.db"


def measure(store: Registry, model: str, scores: dict[str, float], *, seed: int = 0) -> None:
    for dataset, score in scores.items():
        store.start_run(model, dataset, RECIPE, seed=seed)
        store.finish_run(model, dataset, RECIPE, score, 1.0, seed=seed)


def begin(store: Registry, models: dict[str, list[float]]) -> None:
    for dataset in SUITE:
        store.add_dataset(Dataset(dataset, TEXT))
    for model, scores in models.items():
        store.add_model(Model(model, TEXT, revision="1" * 40))
        measure(store, model, dict(zip(SUITE, scores, strict=True)))


def check_equal(store: Registry) -> None:
    """The stored clustering is that of a batch run over the registry's runs, silhouettes included."""
    kept = store.clustering(TEXT, RECIPE)
    assert kept is not None
    runs = PerformanceMatrix.from_runs(known_runs(store, RECIPE))  # not the tables that clusters are made of
    expected = batch_clusters(
        runs, task=TEXT, recipe=RECIPE.digest, threshold=kept.threshold, top_k=kept.top_k
    )
    assert {(c.representative, c.members) for c in kept.clusters} == {
        (c.representative, c.members) for c in expected.clusters
    }
    assert kept.silhouette == pytest.approx(expected.silhouette)
    assert kept.silhouette_paper == pytest.approx(expected.silhouette_paper)
    assert not store.check()


def kinds(store: Registry) -> list[str]:
    return [e.kind for e in store.cluster_events()]


FOUR = {
    "a": [0.9, 0.9, 0.9, 0.9],
    "b": [0.88, 0.9, 0.9, 0.9],
    "c": [0.3, 0.3, 0.3, 0.3],
    "x": [0.6, 0.1, 0.6, 0.1],
}


def test_scores_read_as_arrays_are_the_matrix(place: Path) -> None:
    """Several seeds give their mean; unfinished runs, other revisions and targets are no cells."""
    with Registry.open(place) as store:
        begin(store, FOUR)
        measure(store, "a", {"d0": 0.8}, seed=1)
        store.fail_run("b", "d1", RECIPE, "broken", seed=2)
        store.add_dataset(Dataset("target", TEXT, role="target"))
        measure(store, "a", {"target": 0.1})
        store.add_model(Model("x", TEXT, revision="2" * 40))
        table = store.scores_table(RECIPE)
        matrix = PerformanceMatrix.from_runs(known_runs(store, RECIPE)).scored()
        assert (table.models, table.datasets) == (matrix.models, matrix.datasets)
        assert table.scores.tolist() == matrix.scores.tolist()


def test_an_insert_writes_only_the_cluster_it_joins(place: Path) -> None:
    """Ids and rows of the other clusters stay; nothing is read or computed afresh; the event says who."""
    with Registry.open(place) as store:
        begin(store, FOUR)
        before = cluster(registry=store, threshold=0.05)[0]
        store.add_model(Model("new", TEXT))
        measure(store, "new", dict.fromkeys(SUITE, 0.31))
        upkeep = keep_up(store, RECIPE)
        assert upkeep is not None
        assert not upkeep.afresh
        assert [c.members for c in upkeep.new] == [("c", "new")]
        after = store.clustering(TEXT, RECIPE)
        assert after is not None
        for c in before.clusters:
            if "c" not in c.members:
                assert c in after.clusters
        check_equal(store)
        events = store.cluster_events(TEXT, RECIPE)
        assert [(e.sequence, e.kind) for e in events] == [
            (1, "clustered"), (2, "joined"), (3, "representative-changed"),
        ]  # fmt: skip
        assert events[1].payload["models"] == ["new"]
        assert keep_up(store, RECIPE) == cluster_upkeep.Upkeep()
        assert len(store.cluster_events()) == 3


def test_random_changes_always_give_the_batch_clusters(place: Path) -> None:
    """New models, further seeds, moved pins, repeated runs and datasets that change their role."""
    rng = random.Random(5)
    with Registry.open(place) as store:
        begin(store, FOUR)
        cluster(registry=store, threshold=0.06)
        for turn in range(40):
            model = rng.choice([*FOUR, "e", "f", "g", "h"])
            base = rng.choice([0.3, 0.6, 0.9])
            match rng.randrange(5):
                case 0 | 1:
                    store.add_model(Model(model, TEXT, revision="1" * 40))
                    some = rng.sample(SUITE, rng.choice([2, 4]))
                    measure(store, model, {d: base + rng.choice([0, 0.02, 0.05]) for d in some}, seed=turn)
                case 2:
                    store.add_model(Model(model, TEXT, revision=str(turn % 10) * 40))
                case 3:
                    store.add_model(Model(model, TEXT, revision="1" * 40))
                    store.start_run(model, "d0", RECIPE, seed=turn)
                    refreshed(store, RECIPE)
                    store.finish_run(model, "d0", RECIPE, base, 1.0, seed=turn)
                case 4 if turn in (10, 20, 30):
                    role = "benchmark" if turn == 20 else "target"
                    store.add_dataset(Dataset("d3", TEXT, role=role))  # type: ignore[arg-type]
            refreshed(store, RECIPE)
            check_equal(store)


def test_ids_never_come_back(place: Path) -> None:
    """The id of a cluster that ended is not given again, also by `cluster` in another process."""
    with Registry.open(place) as store:
        begin(store, {**FOUR, "lone": [0.0, 0.0, 0.0, 0.0]})
        first = cluster(registry=store, threshold=0.05)[0]
        lone = first.of("lone")
        assert lone is not None
        assert lone.id == max(c.id for c in first.clusters)
        store.add_model(Model("lone", TEXT, revision="9" * 40))
        assert kinds_after(store, refreshed) == ["dissolved"]
        store.add_model(Model("other", TEXT))
        measure(store, "other", dict.fromkeys(SUITE, 0.45))
    with Registry.open(place) as store:
        found = cluster(registry=store, threshold=0.05)[0]
        other = found.of("other")
        assert other is not None
        assert other.id == lone.id + 1
        assert store.highest_cluster(TEXT, RECIPE) == lone.id + 1


def kinds_after(store: Registry, function: object) -> list[str]:
    known = len(store.cluster_events())
    function(store, RECIPE)  # type: ignore[operator]
    return kinds(store)[known:]


def test_merges_and_splits_are_recorded(place: Path) -> None:
    """A bridge between two clusters merges them under the larger one's id; without it they part again."""
    with Registry.open(place) as store:
        begin(store, {"a": [0.5] * 4, "b": [0.51] * 4, "c": [0.56] * 4})
        first = cluster(registry=store, threshold=0.05)[0]
        assert len(first.clusters) == 2
        for name in ("m", "n", "o"):
            store.add_model(Model(name, TEXT, revision="1" * 40))
            measure(store, name, dict.fromkeys(SUITE, 0.535))
        assert "merged" in kinds_after(store, refreshed)
        check_equal(store)
        for name in ("m", "n", "o"):
            store.add_model(Model(name, TEXT, revision="2" * 40))
        assert "split" in kinds_after(store, refreshed)
        check_equal(store)
        assert len((store.clustering(TEXT, RECIPE) or first).clusters) == 2


def test_overwritten_scores_are_read_again(place: Path) -> None:
    """Whoever overwrites a finished score says so, and the next update reads everything."""
    from hubselect.registry.cluster_events import scores_overwritten

    with Registry.open(place) as store:
        begin(store, FOUR)
        cluster(registry=store, threshold=0.05)
        with sqlite3.connect(place) as raw:
            raw.execute(
                "UPDATE runs SET test = 0.9 WHERE model_id = (SELECT id FROM models WHERE repo_id = 'c')"
            )
        with store._database.write() as session:
            scores_overwritten(session, {RECIPE.digest: 4})
        upkeep = keep_up(store, RECIPE)
        assert upkeep is not None
        assert upkeep.afresh
        check_equal(store)


@pytest.mark.parametrize("damage", ["missing", "truncated", "foreign"])
def test_a_lost_state_costs_time_only(place: Path, damage: str) -> None:
    """Without its file beside the registry an update is computed afresh, with the same ids."""
    with Registry.open(place) as store:
        begin(store, FOUR)
        before = cluster(registry=store, threshold=0.05)[0]
        (file,) = (store.home / "clusters").glob("*.npz")
        if damage == "missing":
            forget_state(store, RECIPE.digest)
        else:
            file.write_bytes(file.read_bytes()[:200] if damage == "truncated" else b"nothing of ours")
        measure(store, "c", {"d0": 0.4}, seed=1)
        upkeep = keep_up(store, RECIPE)
        assert upkeep is not None
        assert upkeep.afresh
        after = store.clustering(TEXT, RECIPE)
        assert after is not None
        assert {c.members: c.id for c in after.clusters} == {c.members: c.id for c in before.clusters}
        check_equal(store)
        again = keep_up(store, RECIPE)
        assert again is not None
        assert not again.afresh


def test_two_writers_do_not_mix(place: Path) -> None:
    """An update that starts from clusters that are no longer stored changes nothing."""
    with Registry.open(place) as store:
        begin(store, FOUR)
        cluster(registry=store, threshold=0.05)
        old = store.clustering_mark(TEXT, RECIPE)
        assert old is not None
        cluster(registry=store, threshold=0.2)
        with pytest.raises(RegistryError, match="another process"):
            store.update_clusters(TEXT, RECIPE, old, ClusterUpdate())
        check_equal(store)


def test_other_settings_replace_the_clusters(place: Path) -> None:
    """A new threshold is an event; recomputing with k-means still works and forgets no id."""
    with Registry.open(place) as store:
        begin(store, FOUR)
        cluster(registry=store, threshold=0.05)
        cluster(registry=store, threshold=1.0)
        assert kinds(store).count("clustered") == 2
        check_equal(store)
        cluster(registry=store, method="kmeans", n_clusters=2)
        assert kinds(store).count("clustered") == 3
        assert keep_up(store, RECIPE) is None
        measure(store, "a", {"d0": 0.1}, seed=3)
        assert recomputed(store, RECIPE).method == "kmeans"


def test_a_model_that_waits_is_placed_and_clustered_later(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond the size that can be linked at once it is no member; the next `cluster` makes it one."""
    with Registry.open(place) as store:
        begin(store, {f"m{i}": [0.5 + i / 100] * 4 for i in range(4)})
        cluster(registry=store, threshold=0.05)
        store.add_model(Model("late", TEXT))
        measure(store, "late", dict.fromkeys(SUITE, 0.52))

        def small(*given: object, **options: object) -> incremental.Step:
            return incremental.updated(*given, **options, largest=3)  # type: ignore[arg-type]

        monkeypatch.setattr(cluster_upkeep, "updated", small)
        upkeep = keep_up(store, RECIPE)
        assert upkeep is not None
        assert [w.model for w in upkeep.waiting] == ["late"]
        kept = store.clustering(TEXT, RECIPE)
        assert kept is not None
        assert kept.of("late") is None
        with sqlite3.connect(place) as raw:
            assert raw.execute("SELECT count(*), max(how) FROM placements").fetchone() == (
                1,
                "nearest cluster",
            )
        made = cluster(registry=store, threshold=0.05)[0]
        assert made.of("late") is not None
        check_equal(store)
        with sqlite3.connect(place) as raw:
            assert raw.execute("SELECT count(*) FROM placements").fetchone() == (0,)


def test_one_imported_model_joins_without_reading_the_matrix(place: Path) -> None:
    """Imports are found by their new runs."""
    rows = [(f"m{i}", d, 0.1 * (i % 5) + 0.01 * j) for i in range(30) for j, d in enumerate(SUITE)]
    with Registry.open(place) as store:
        store.import_scores(pd.DataFrame(rows, columns=["model", "dataset", "score"]), recipe="r")
        recipe = store.main_recipe(TEXT)
        assert recipe is not None
        made = cluster_afresh(store, recipe, 0.03, 5)
        one = pd.DataFrame([("one", d, 0.2 + 0.01 * j) for j, d in enumerate(SUITE)])
        store.import_scores(one.set_axis(["model", "dataset", "score"], axis=1), recipe="r")
        upkeep = keep_up(store, recipe)
        assert upkeep is not None
        assert not upkeep.afresh
        home, was = upkeep.new[0], made.of("m2")
        assert was is not None
        assert home == replace(was, members=tuple(sorted([*was.members, "one"])), representative="m12")
