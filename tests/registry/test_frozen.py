"""Registries of every released schema open and say what they said.

`frozen/SCHEMA.sql` is a dump (`sqlite3.Connection.iterdump`) of a registry that
`tests.registry.conftest.fill` made with the code of that schema. Make one for a new schema, before
it is released, with `python -m tests.registry.test_frozen`; never change an old one.
"""

from __future__ import annotations

import sqlite3
import tempfile
from pathlib import Path

import pandas as pd
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from hubselect.records import Cost, Model
from hubselect.registry import HubResult, IndexCursor, Registry
from hubselect.registry.columns import Table
from hubselect.registry.migrations import HEAD, KNOWN
from hubselect.registry.snapshot_reading import read_snapshot
from tests.registry.conftest import IMAGE, RECIPE, TEXT

FROZEN = Path(__file__).parent / "frozen"
CANDIDATE = Model(
    "org/vit",
    IMAGE,  # type: ignore[arg-type]
    revision="f" * 40,
    parameters=7,
    downloads=5_000_000_000,
    likes=3,
    tags=("vision",),
    gated="auto",
    pipeline_tag=IMAGE,
    library="transformers",
    hub_created_at="2024-01-01T00:00:00+00:00",
    indexed_only=True,
)


@pytest.fixture(params=sorted(p.stem for p in FROZEN.glob("*.sql")))
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A database file of a released schema."""
    path = tmp_path / f"{request.param}.db"
    raw = sqlite3.connect(path)
    raw.executescript((FROZEN / f"{request.param}.sql").read_text(encoding="utf-8"))
    raw.close()
    return path


def test_every_schema_has_a_frozen_registry() -> None:
    """Also the newest."""
    assert sorted(p.stem for p in FROZEN.glob("*.sql")) == sorted(KNOWN)
    assert KNOWN[-1] == HEAD


def test_a_frozen_registry_opens_at_the_newest_schema(old: Path) -> None:
    """It is migrated, healthy, and has the tables that the code declares."""
    with Registry.open(old, create=False) as registry:
        assert registry.check() == []
        with registry._database.connection(write=False) as connection:
            context = MigrationContext.configure(connection)
            assert context.get_current_revision() == HEAD
            assert compare_metadata(context, Table.metadata) == []


def test_a_frozen_registry_says_what_it_said(old: Path) -> None:
    """Entries, cells, clusters and the selection."""
    with Registry.open(old, create=False) as registry:
        assert [m.revision for m in registry.models(TEXT)] == ["a" * 40, "b" * 40]
        assert [(d.name, d.role) for d in registry.datasets()][-1] == ("org/target", "target")
        assert registry.main_recipe(TEXT) == RECIPE
        assert registry.matrix().loc["org/a"].tolist() == [0.9, 0.7]
        assert [(p.stage, p.seconds) for p in registry.curves("org/a", "org/e")[0].curve] == [
            (1, 1.5),
            (2, 1.5),
            (3, 1.5),
        ]
        assert [r.reason for r in registry.runs(status="failed")] == ["out of memory"]
        assert registry.proxy_scores()[0].score == -0.5
        assert registry.hub_results() == [
            HubResult("org/a", "a" * 40, "glue", "accuracy", 0.93, "sst2", "validation")
        ]
        assert registry.clusters()[0].members == ("org/a", "org/b")
        selection = registry.selection(1)
        assert (selection.model_id, selection.cost) == ("org/a", Cost(3.0, 0.1, 7.5, 150))
        assert registry.events(1)[-1].payload == {"text": "späte Nachricht"}


def test_a_frozen_registry_can_be_written(old: Path) -> None:
    """New cells join the old ones."""
    with Registry.open(old, create=False) as registry:
        registry.start_run("org/b", "org/e", RECIPE)
        registry.finish_run("org/b", "org/e", RECIPE, 0.65)
        assert not registry.matrix().isna().any(axis=None)


def test_what_growing_left_is_still_there(old: Path) -> None:
    """Candidates, cursors, cluster events and provisional places, since schema 0002."""
    with Registry.open(old, create=False) as registry:
        if old.stem < "0002":
            assert registry.models(IMAGE) == []
            return
        assert registry.models(IMAGE) == [CANDIDATE]
        assert registry.index_cursors()[0].seen_until == "2024-05-01T00:00:00+00:00"
        with registry._database.connection(write=False) as connection:
            events = connection.exec_driver_sql("SELECT sequence, kind, payload FROM cluster_events").all()
            places = connection.exec_driver_sql(
                "SELECT model, cluster_id, how, score FROM v_placements"
            ).all()
        assert [tuple(e) for e in events] == [(1, "joined", '{"model": "org/b"}')]
        assert [tuple(p) for p in places] == [("org/vit", 4, "lineage", 0.5)]


def test_where_results_come_from_is_told_as_far_as_it_is_known(old: Path) -> None:
    """Sources of proxy scores and dates of submission, since schema 0003."""
    with Registry.open(old, create=False) as registry:
        told = [(s.proxy, s.source, s.submitted) for s in registry.proxy_scores()]
        assert told[0] == ("leep", "measured", None)
        if old.stem < "0003":
            return
        assert told[1:] == [("logme", "imported:proxies", "2024-05-03")]
        published = registry.runs(model="org/b", dataset="org/e", status="done")
        assert [(r.source, r.submitted) for r in published] == [("imported:table", "May 2024")]


def test_a_folder_shared_in_an_older_format_is_taken_in(registry: Registry) -> None:
    """What the older format did not tell is filled in as a migration fills it in."""
    report = registry.import_registry(FROZEN / "shared-1")
    assert (report.runs, report.points, report.proxies, report.conflicts) == (4, 9, 2, ())
    assert [(s.proxy, s.score, s.origin) for s in registry.proxy_scores()] == [
        ("leep", -0.5, "head"),
        ("logme", 0.25, "imported"),
    ]
    assert not registry.import_registry(FROZEN / "shared-1").changed
    older = read_snapshot(FROZEN / "shared-1", "it")
    assert older.proxy_scores["source"].tolist() == ["measured", "imported"]
    assert older.runs["submitted"].isna().all()


def cite(registry: Registry) -> None:
    """What schema 0003 brought."""
    row = {"model": "org/b", "dataset": "org/d:c", "score": 0.5}
    proxy = pd.DataFrame([{**row, "proxy": "logme", "submitted": "2024-05-03"}])
    registry.import_scores(proxy, source="proxies")
    registry.import_scores(
        pd.DataFrame([{**row, "dataset": "org/e", "submitted": "May 2024"}]), source="table"
    )


def grow(registry: Registry) -> None:
    """What schema 0002 brought, one row each."""
    query = {"kind": "models", "tag": IMAGE}
    registry.index_models([CANDIDATE], cursor=IndexCursor(query, seen_until="2024-05-01T00:00:00+00:00"))
    stamp = "2024-05-02T00:00:00.000000+00:00"
    with registry._database.connection(write=True) as connection:
        connection.exec_driver_sql(
            "INSERT INTO cluster_events (task, recipe_digest, sequence, kind, payload, created_at) "
            "VALUES (?, ?, 1, 'joined', '{\"model\": \"org/b\"}', ?)",
            (TEXT, RECIPE.digest, stamp),
        )
        connection.exec_driver_sql(
            "INSERT INTO placements SELECT id, ?, ?, 4, 'lineage', 0.5, ? FROM models "
            "WHERE repo_id = 'org/vit'",
            (RECIPE.digest, TEXT, stamp),
        )


def freeze() -> Path:
    """Write the dump of the newest schema."""
    from tests.registry.conftest import fill

    with tempfile.TemporaryDirectory() as folder:
        with Registry.open(Path(folder) / "r.db") as registry:
            fill(registry)
            grow(registry)
            cite(registry)
        raw = sqlite3.connect(Path(folder) / "r.db")
        text = "\n".join(raw.iterdump()) + "\n"
        raw.close()
    target = FROZEN / f"{HEAD}.sql"
    if target.exists():
        raise SystemExit(f"{target.name} is frozen already")
    target.write_text(text, encoding="utf-8")
    return target


if __name__ == "__main__":
    print(freeze())
