"""Opening a registry: made once however many ask, migrated when it is old, refused when it is not ours."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext

import hubselect.registry.migrations as migrations
from hubselect.errors import RegistryError
from hubselect.records import Model
from hubselect.registry import Registry
from hubselect.registry.columns import Table
from hubselect.registry.database import Database
from hubselect.registry.locations import locate
from tests.contracts.processes import together
from tests.registry.conftest import RECIPE, TEXT
from tests.registry.test_frozen import FROZEN

TABLES = ("models", "datasets", "recipes", "selections", "clusterings", "clusters", "memberships", "runs")
TABLES += ("curve_points", "proxy_scores", "hub_results", "selection_events")


def execute(place: str, *statements: str) -> None:
    """Run SQL in the database of a registry, behind its back."""
    location = locate(place)
    engine = sa.create_engine(location.url)
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    engine.dispose()


def _open(number: int, place: str) -> None:
    with Registry.open(place) as registry:
        registry.add_model(Model(f"org/m{number}", TEXT))


def test_processes_may_open_an_empty_place_at_once(place: str) -> None:
    """The tables are made once, by one of them, and nobody fails."""
    together(_open, 4, place)
    with Registry.open(place) as registry:
        assert len(registry.models()) == 4
        assert registry.check() == []


def test_the_migrations_make_the_tables_that_the_code_declares(place: str) -> None:
    """On every database."""
    with Registry.open(place) as registry, registry._database.connection(write=False) as connection:
        assert compare_metadata(MigrationContext.configure(connection), Table.metadata) == []


def test_an_empty_place_is_not_filled_unasked(place: str) -> None:
    """`create=False` says that there is no registry, and leaves no table."""
    for _ in range(2):
        with pytest.raises(RegistryError, match="no registry"):
            Registry.open(place, create=False)


def test_a_newer_schema_is_refused(place: str) -> None:
    """Opened by an older hubselect it stays as it is."""
    Registry.open(place).close()
    execute(place, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(RegistryError, match="newer hubselect") as caught:
        Registry.open(place)
    assert "upgrade" in str(caught.value.hint)


def test_the_database_of_another_program_is_refused(place: str) -> None:
    """Also when that program uses alembic, and even at a revision of our name."""
    execute(place, "CREATE TABLE customers (id INTEGER)")
    with pytest.raises(RegistryError, match="another program"):
        Registry.open(place)
    execute(place, "CREATE TABLE alembic_version (version_num VARCHAR(32))")
    execute(place, "INSERT INTO alembic_version VALUES ('77ab')")
    with pytest.raises(RegistryError, match="another program"):
        Registry.open(place)


def test_a_failed_migration_leaves_the_registry_as_it_was(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Schema changes are part of the transaction."""

    def failing(connection: sa.Connection) -> None:
        connection.exec_driver_sql("CREATE TABLE half (id INTEGER)")
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(migrations, "_upgrade", failing)
        with pytest.raises(ZeroDivisionError):
            Registry.open(place)
    with Registry.open(place) as registry, registry._database.connection(write=False) as connection:
        assert not sa.inspect(connection).has_table("half")


def test_a_registry_of_the_first_schema_is_migrated_with_all_it_holds(empty_database: str) -> None:
    """On PostgreSQL as in a file: entries, cells, curves, clusters and the selection."""
    _first_schema(empty_database)
    with Registry.open(empty_database, create=False) as registry:
        assert registry.check() == []
        assert [m.revision for m in registry.models(TEXT)] == ["a" * 40, "b" * 40]
        assert registry.main_recipe(TEXT) == RECIPE
        assert registry.matrix().loc["org/a"].tolist() == [0.9, 0.7]
        assert len(registry.clusters(TEXT)) == 1
        assert [s.status for s in registry.selections()] == ["done"]
        registry.add_model(Model("org/new", TEXT))  # the counters go on behind the old rows


def _first_schema(url: str) -> None:
    """A registry as the first release of the schema made it, filled from its frozen file."""
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    frozen = sqlite3.connect(":memory:")
    frozen.executescript((FROZEN / "0001.sql").read_text(encoding="utf-8"))
    database = Database(locate(url))
    with database.connection(write=True) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        for table in TABLES:
            _copy(frozen, connection, table)
    database.close()
    frozen.close()


def _copy(frozen: sqlite3.Connection, connection: sa.Connection, table: str) -> None:
    cursor = frozen.execute(f"SELECT * FROM {table}")
    names = [column[0] for column in cursor.description]
    marks = ", ".join(["%s"] * len(names))
    for row in cursor.fetchall():
        connection.exec_driver_sql(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})", row)
    if "id" in names:
        counter = f"pg_get_serial_sequence('{table}', 'id')"
        connection.exec_driver_sql(f"SELECT setval({counter}, max(id)) FROM {table} HAVING count(*) > 0")
