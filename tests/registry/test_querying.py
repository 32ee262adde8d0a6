"""Finding models by filters, results as frames, and the documented SQL views."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from hubselect.errors import InvalidInput, KnowledgeMissing
from hubselect.records import Cluster, Clustering, Model
from hubselect.registry import Registry
from hubselect.registry.columns import Table
from hubselect.registry.describe import page
from hubselect.registry.dictionary import TABLES, VIEWS
from tests.registry.conftest import IMAGE, RECIPE, TEXT, fill


@pytest.fixture
def zoo(registry: Registry) -> Registry:
    """Six text models and one for images."""
    rows = [
        ("acme/tiny", 10, 500, "mit", True),
        ("acme/base", 100, 400, "apache-2.0", False),
        ("acme0/other", 100, 300, "mit", True),
        ("beta/ACME-like", 1000, 200, "mit", True),
        ("beta/100%_sure", None, None, None, True),
        ("beta/big", 5000, 400, "apache-2.0", False),
    ]
    models = [
        Model(i, TEXT, revision="1" * 40, parameters=p, downloads=d, license=li, indexed_only=x)  # type: ignore[arg-type]
        for i, p, d, li, x in rows
    ]
    for model in (*models, Model("acme/vit", IMAGE, parameters=50, downloads=1, license="mit")):  # type: ignore[arg-type]
        registry.add_model(model)
    return registry


def ids(models: list[Model]) -> list[str]:
    return [m.id for m in models]


@pytest.mark.parametrize(
    ("conditions", "found"),
    [
        ({"min_parameters": 100, "max_parameters": 1000}, ["acme/base", "acme0/other", "beta/ACME-like"]),
        ({"license": "MIT"}, ["acme/tiny", "acme0/other", "beta/ACME-like"]),
        ({"author": "acme"}, ["acme/base", "acme/tiny"]),
        ({"min_downloads": 400}, ["acme/base", "acme/tiny", "beta/big"]),
        ({"search": "acme"}, ["acme/base", "acme/tiny", "acme0/other", "beta/ACME-like"]),
        ({"search": "%_"}, ["beta/100%_sure"]),
        ({"indexed_only": False}, ["acme/base", "beta/big"]),
        ({"indexed_only": True, "license": "mit", "max_parameters": 100}, ["acme/tiny", "acme0/other"]),
        ({"license": "mit", "order": "downloads", "limit": 2}, ["acme/tiny", "acme0/other"]),
        ({"author": "nobody"}, []),
    ],
)
def test_conditions_narrow_the_models(zoo: Registry, conditions: dict[str, object], found: list[str]) -> None:
    """Each filter alone and several together; `author` is the whole name before the slash."""
    assert ids(zoo.models(TEXT, **conditions)) == found  # type: ignore[arg-type]
    counted = {k: v for k, v in conditions.items() if k not in ("order", "limit")}
    if "limit" not in conditions:
        assert zoo.count_models(TEXT, **counted) == len(found)


def test_models_are_ordered_downwards_with_the_unknown_last(zoo: Registry) -> None:
    """Ties by id; without a task all tasks answer."""
    by_downloads = ids(zoo.models(TEXT, order="downloads"))
    assert by_downloads[:3] == ["acme/tiny", "acme/base", "beta/big"]
    assert by_downloads[-1] == "beta/100%_sure"
    assert ids(zoo.models(order="parameters", limit=1)) == ["beta/big"]
    assert len(zoo.models()) == 7
    assert ids(zoo.models()) == sorted(ids(zoo.models()))


def test_members_of_a_cluster_are_found(zoo: Registry) -> None:
    """The cluster's id is that of the task's clustering; before one there is nothing to ask."""
    with pytest.raises(KnowledgeMissing):
        zoo.models(TEXT, cluster=1)
    digest = zoo.add_recipe(RECIPE)
    clusters = (Cluster(3, "acme/base", ("acme/base", "beta/big")), Cluster(4, "acme/tiny", ("acme/tiny",)))
    zoo.save_clustering(Clustering(TEXT, digest, 0.1, 5, "average", clusters))  # type: ignore[arg-type]
    assert ids(zoo.models(TEXT, cluster=3)) == ["acme/base", "beta/big"]
    assert ids(zoo.models(cluster=3, license="apache-2.0", order="parameters")) == ["beta/big", "acme/base"]
    assert zoo.models(TEXT, cluster=9) == []


@pytest.mark.parametrize("wrong", [{"order": "size"}, {"limit": 0}, {"task": "speech"}])
def test_senseless_conditions_are_refused(zoo: Registry, wrong: dict[str, object]) -> None:
    """With a hint."""
    with pytest.raises(InvalidInput) as caught:
        zoo.models(**wrong)  # type: ignore[arg-type]
    assert caught.value.hint
    with pytest.raises(InvalidInput, match="no condition"):
        zoo.count_models(colour="red")


def test_results_come_as_frames(registry: Registry) -> None:
    """Curves, clusters, proxies and claims, one row each, with the names of the views."""
    fill(registry)
    curves = registry.curves_frame(TEXT)
    assert len(curves) == 9
    assert curves.loc[0, ["model", "dataset", "stage", "test"]].tolist() == ["org/a", "org/d:c", 1, 0.9]
    assert registry.curves_frame(TEXT, model="org/b")["model"].unique().tolist() == ["org/b"]
    assert registry.curves_frame(IMAGE).empty
    clusters = registry.clusters_frame(TEXT, recipe=RECIPE)
    assert clusters[["cluster_id", "model", "is_representative"]].to_numpy().tolist() == [
        [4, "org/a", True],
        [4, "org/b", False],
    ]
    assert registry.proxies_frame("org/d:c", proxy="leep")["score"].tolist() == [-0.5]
    assert registry.claims_frame()["value"].tolist() == [0.93]


def test_the_views_answer_in_plain_sql(registry: Registry, tmp_path: Path) -> None:
    """Any SQL tool can read the file; the cells of the view are those of `matrix`."""
    fill(registry)
    raw = sqlite3.connect(tmp_path / "registry.db")
    cells = raw.execute("SELECT model, dataset, score, seeds FROM v_matrix_cells ORDER BY 1, 2").fetchall()
    matrix = registry.matrix()
    assert cells == [
        (m, d, matrix.loc[m, d], 1) for m in matrix.index for d in matrix if matrix.loc[m, d] > 0
    ]
    assert raw.execute("SELECT model, finished_runs FROM v_models ORDER BY 1").fetchall() == [
        ("org/a", 2),
        ("org/b", 1),
    ]
    assert raw.execute("SELECT representative, size FROM v_clusters").fetchall() == [("org/a", 2)]
    assert raw.execute("SELECT dataset, model, epochs FROM v_selections").fetchall() == [
        ("org/target", "org/a", 3.1)
    ]
    for view in VIEWS:
        raw.execute(f"SELECT * FROM {view}").fetchall()
    raw.close()


def test_the_page_about_the_schema_is_up_to_date() -> None:
    """docs/schema.md is what `python -m hubselect.registry.describe docs/schema.md` writes now."""
    written = (Path(__file__).parents[2] / "docs" / "schema.md").read_text(encoding="utf-8")
    assert written == page()


def test_the_page_names_every_table_and_view(registry: Registry) -> None:
    """Nothing of the schema is left out."""
    assert set(TABLES) == set(Table.metadata.tables)
    with registry._database.connection(write=False) as connection:
        rows = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'view'")
        assert {row[0] for row in rows} == set(VIEWS)


@pytest.mark.parametrize(
    ("conditions", "index"),
    [
        ({}, "sqlite_autoindex_models_1"),
        ({"order": "downloads"}, "ix_models_task_downloads_parameters_license"),
        ({"order": "modified"}, "ix_models_task_last_modified"),
        ({"author": "acme"}, "sqlite_autoindex_models_1"),
    ],
)
def test_questions_are_answered_in_the_order_of_an_index(
    zoo: Registry, conditions: dict[str, object], index: str
) -> None:
    """No sort of a million models stands before the first answer."""
    from sqlalchemy import event

    asked: list[tuple[str, object]] = []
    event.listen(
        zoo._database.engine, "before_cursor_execute", lambda *a: asked.append((a[2], a[3])), named=False
    )
    zoo.models(TEXT, limit=5, **conditions)  # type: ignore[arg-type]
    statement, values = next((s, v) for s, v in asked if s.startswith("SELECT models"))
    with zoo._database.connection(write=False) as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all()
    assert index in str(plan)
    assert "USE TEMP B-TREE FOR ORDER BY" not in str(plan)


def test_models_are_found_by_name(zoo: Registry) -> None:
    """Those that there are, by id, of any task; more names than one query holds."""
    found = zoo.models_named(["beta/big", "acme/vit", "acme/vit", *(f"no/{i}" for i in range(1200))])
    assert ids(found) == ["acme/vit", "beta/big"]
    assert zoo.models_named([]) == []
