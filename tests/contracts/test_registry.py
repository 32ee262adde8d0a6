"""What a registry is, whatever database keeps it: SQLite and a real PostgreSQL server."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from hubselect.errors import InvalidInput, UnknownEntry
from hubselect.records import (
    Cluster,
    Clustering,
    CurvePoint,
    Dataset,
    Model,
    ProxyScore,
    Recalled,
    Recipe,
    Verdict,
)
from hubselect.registry import Registry, SelectionRequest
from tests.registry.conftest import RECIPE, TEXT, add_cell, fill

LARGE = 3 * 2**40
NAMES = ["B/x", "a-b/x", "a/x", "a_b/x", "b/X", "b/x", "é/x", "ß/x", "日本/モデル"]


def test_entries_come_back_as_they_went_in(registry: Registry) -> None:
    """Models, datasets and recipes, sizes beyond 32 bits and names of every script included."""
    model = Model(
        "日本/モデル", TEXT, revision="1" * 40, parameters=LARGE, weights_bytes=LARGE, labels=("nö",)
    )
    model = replace(model, weights_files=("a.bin",), weights_digest="w", downloads=LARGE, likes=LARGE)
    assert registry.add_model(model) == registry.model(model.id) == model
    data = Dataset(
        "org/d", TEXT, config="c", splits={"train": LARGE, "test": None}, label_names=("no", "yes")
    )
    assert registry.add_dataset(data) == registry.dataset("org/d:c") == data
    assert registry.recipe(registry.add_recipe(RECIPE)) == RECIPE
    with pytest.raises(UnknownEntry):
        registry.model("org/nobody")


def test_names_sort_by_their_characters(registry: Registry) -> None:
    """Not by the language of a server: the order of ties must not depend on where a registry is."""
    for name in reversed(NAMES):
        registry.add_model(Model(name, TEXT))
        registry.add_dataset(Dataset(name, TEXT))
    assert [m.id for m in registry.models()] == sorted(NAMES)
    assert [d.name for d in registry.datasets()] == sorted(NAMES)


def test_text_that_one_database_cannot_hold_is_refused_or_cleaned(registry: Registry) -> None:
    """Zero bytes and half characters never become a traceback of a driver."""
    registry.add_model(Model("org/a", TEXT))
    registry.add_dataset(Dataset("org/d", TEXT))
    registry.fail_run("org/a", "org/d", RECIPE, "read \x00 bytes from caf\udce9")
    (run,) = registry.runs()
    assert run.status == "failed"
    assert run.reason is not None
    assert run.reason.startswith("read")
    for bad in ("licence\x00", "licence\udce9"):
        with suppress(InvalidInput):
            registry.add_model(Model("org/b", TEXT, license=bad))
    registry.add_model(Model("org/c", TEXT, labels=("a\x00b", "\udce9")))
    assert registry.model("org/c").labels == ("a\x00b", "\udce9")


def test_numbers_that_do_not_fit_are_invalid_input(registry: Registry) -> None:
    """Nothing is stored."""
    with pytest.raises(InvalidInput, match="cannot be stored"):
        registry.add_model(Model("org/a", TEXT, parameters=2**70))
    assert registry.models() == []


def test_a_run_is_resumed_where_it_was_left(registry: Registry) -> None:
    """Points are kept, a stage counts once, a finished run stays finished."""
    registry.add_model(Model("org/a", TEXT))
    registry.add_dataset(Dataset("org/d", TEXT))
    registry.start_run("org/a", "org/d", RECIPE, seed=2**40)
    for stage, val in ((1, 0.1), (1, 0.9), (2, 1 / 3)):
        registry.append_point(CurvePoint("org/a", stage, stage / 1, val, 0.5), "org/d", RECIPE, seed=2**40)
    again = registry.start_run("org/a", "org/d", RECIPE, seed=2**40)
    assert [(p.stage, p.val) for p in again.curve] == [(1, 0.1), (2, 1 / 3)]
    registry.finish_run("org/a", "org/d", RECIPE, 0.1 + 0.2, seed=2**40)
    (run,) = registry.runs(status="done")
    assert (run.test, run.seconds, run.seed) == (0.1 + 0.2, 1.0, 2**40)
    assert registry.start_run("org/a", "org/d", RECIPE, seed=2**40) == run
    for bad in (float("nan"), float("inf")):
        with pytest.raises(InvalidInput):
            registry.append_point(CurvePoint("org/a", 3, 3.0, bad), "org/d", RECIPE, seed=2**40)


def test_the_matrix_is_the_mean_over_seeds_of_finished_benchmarks(registry: Registry) -> None:
    """Targets, other recipes, failed runs and runs of selections stay outside."""
    fill(registry)
    add_cell(registry, "org/a", "org/e", 0.5, seed=1)
    matrix = registry.matrix()
    assert list(matrix.index) == ["org/a", "org/b"]
    assert list(matrix.columns) == ["org/d:c", "org/e"]
    assert matrix.loc["org/a"].tolist() == pytest.approx([0.9, 0.6])
    assert matrix.isna().sum().sum() == 1
    assert registry.main_recipe(TEXT) == RECIPE


def test_proxies_are_replaced_not_added(registry: Registry) -> None:
    """One score per proxy, model and dataset."""
    fill(registry)
    for value in (-0.25, -0.125):
        registry.add_proxy_scores([ProxyScore("org/a", "org/d:c", "leep", value, "head")])
    assert [p.score for p in registry.proxy_scores("org/d:c", "leep")] == [-0.125]


def test_a_clustering_replaces_the_one_before(registry: Registry) -> None:
    """With its members, representative and quality."""
    fill(registry)
    alone = tuple(Cluster(i, f"org/{m}", (f"org/{m}",)) for i, m in enumerate("ab", 7))
    new = Clustering(TEXT, RECIPE.digest, 0.01, 5, "average", alone, None, 0.25)
    registry.save_clustering(new)
    assert registry.clusterings() == [new]
    assert registry.clustering(TEXT, RECIPE) == new
    assert [c.id for c in registry.clusters()] == [7, 8]


def test_a_selection_is_remembered_with_its_journal(registry: Registry) -> None:
    """Recall, verdicts, events, cost and the answer; knowledge may hold NaN."""
    done = fill(registry)
    assert registry.selection(done).model_id == "org/a"
    assert registry.selection(done).cost.bytes_downloaded == 150
    assert [e.sequence for e in registry.events(done)] == [1, 2, 3]
    request = SelectionRequest("org/target", RECIPE.digest, "successive-halving", "leep", 1)
    running = registry.create_selection(request)
    recalled = (Recalled("org/b", 0.7, 0.8, None, 4),)
    registry.record_recall(running, recalled, {"cell": float("nan")}, 0.1, LARGE, "k")
    registry.record_verdicts(running, [Verdict(1, 1.0, "org/b", 0.1, None, True, "only")])
    found = registry.open_selection(request.request_digest)
    assert found is not None
    assert (found.id, found.recalled, found.cost.bytes_downloaded) == (running, recalled, LARGE)
    assert found.knowledge is not None
    assert str(found.knowledge["cell"]) == "nan"
    registry.fail_selection(running, "no memory")
    assert [s.status for s in registry.selections()] == ["done", "failed"]


def test_results_survive_a_round_trip_through_files(registry: Registry, tmp_path: Path) -> None:
    """Exported, imported elsewhere, and imported again without any change."""
    fill(registry)
    registry.export(tmp_path / "out", what="all")
    with Registry.open(tmp_path / "other.db") as other:
        for name in ("curves", "proxies"):
            other.import_scores(tmp_path / "out" / f"{name}.csv")
        other.export(tmp_path / "back.csv", what="curves")
    report = registry.import_scores(tmp_path / "back.csv", recipe="again")
    assert (report.models, report.datasets, report.runs, report.points) == (0, 0, 3, 9)
    assert registry.import_scores(tmp_path / "back.csv", recipe="again").unchanged == 12
    old, new = (registry.matrix(recipe=r) for r in (RECIPE.digest, report.recipe))
    pd.testing.assert_frame_equal(old, new)
    assert registry.check() == []


def test_a_refused_import_leaves_no_trace(registry: Registry) -> None:
    """A contradiction in the last line undoes the models of the first."""
    scores = pd.DataFrame({"model": ["x/a", "x/b"], "dataset": "d", "score": [0.1, 0.2]})
    registry.import_scores(scores, source="one")
    more = pd.DataFrame({"model": ["x/c", "x/a"], "dataset": "d", "score": [0.3, 0.9]})
    with pytest.raises(InvalidInput, match="another score"):
        registry.import_scores(more, source="one")
    assert [m.id for m in registry.models()] == ["x/a", "x/b"]


def test_large_imports_take_seconds(registry: Registry) -> None:
    """Twenty thousand scores of a thousand models in one transaction."""
    models = [f"org/m{i}" for i in range(1000)]
    rows = [(m, f"d{j}", (i * 7 + j) % 97 / 97) for i, m in enumerate(models) for j in range(20)]
    report = registry.import_scores(pd.DataFrame(rows, columns=["model", "dataset", "score"]), source="s")
    assert (report.models, report.runs) == (1000, 20_000)
    assert registry.matrix().shape == (1000, 20)


def test_recipes_with_many_stages(registry: Registry) -> None:
    """Fractions of epochs are exact."""
    registry.add_model(Model("org/a", TEXT))
    registry.add_dataset(Dataset("org/d", TEXT))
    recipe = Recipe(TEXT, epochs=1, stages_per_epoch=3)
    registry.start_run("org/a", "org/d", recipe)
    for stage in (1, 2, 3):
        registry.append_point(CurvePoint("org/a", stage, stage / 3, 0.5), "org/d", recipe)
    assert [p.epochs for p in registry.curves("org/a")[0].curve] == [1 / 3, 2 / 3, 1.0]
