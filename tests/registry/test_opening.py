"""Where a registry lives, and every way in which opening one can go wrong."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, create_mock_engine

from hubselect.errors import InvalidInput, RegistryError
from hubselect.records import Model
from hubselect.registry import Registry
from hubselect.registry.columns import Table
from hubselect.registry.database import Database
from hubselect.registry.locations import locate
from tests.registry.conftest import TEXT


def test_default_location_follows_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """HUBSELECT_REGISTRY comes before $HF_HOME/hubselect/registry.db."""
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    with Registry.open() as registry:
        assert registry.location == str(tmp_path / "hf" / "hubselect" / "registry.db")
    monkeypatch.setenv("HUBSELECT_REGISTRY", str(tmp_path / "mine.db"))
    with Registry.open() as registry:
        assert registry.location == str(tmp_path / "mine.db")
        assert registry.home == tmp_path / "mine.db.files"


def test_without_hf_home_the_default_is_the_user_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """$XDG_CACHE_HOME is honoured as the Hub's client honours it."""
    for name in ("HF_HOME", "HUBSELECT_REGISTRY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
    assert locate(None).text == "/caches/huggingface/hubselect/registry.db"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert locate(None).text.endswith(".cache/huggingface/hubselect/registry.db")


def test_sqlite_url_names_the_same_file_as_its_path(tmp_path: Path) -> None:
    """A path and its sqlite:/// URL open one registry."""
    with Registry.open(f"sqlite:///{tmp_path}/r.db") as registry:
        registry.add_model(Model("org/a", TEXT))
    with Registry.open(tmp_path / "r.db") as registry:
        assert [m.id for m in registry.models()] == ["org/a"]
        assert "r.db" in repr(registry)


@pytest.mark.parametrize(
    "location", ["mysql://host/name", "sqlite://", "sqlite:///:memory:", ":memory:", "sqlite://:x:y"]
)
def test_locations_that_are_no_registry_are_refused(location: str) -> None:
    """Other databases and databases in memory are invalid input with a hint."""
    with pytest.raises(InvalidInput) as caught:
        Registry.open(location)
    assert caught.value.hint


def test_postgresql_without_its_driver_says_what_to_install() -> None:
    """The error names psycopg and hides the password."""
    code = """
import sys
sys.modules["psycopg"] = None
from hubselect.registry import Registry
try:
    Registry.open("postgresql://me:secret@host/name")
except Exception as error:
    print(type(error).__name__, error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("RegistryError")
    assert all(part in done.stdout for part in ("needs psycopg", "pip install"))
    assert "secret" not in done.stdout


def test_postgresql_url_that_cannot_be_read_is_refused() -> None:
    """A malformed URL is invalid input."""
    with pytest.raises(InvalidInput):
        Registry.open("postgresql://host:port/name")


def test_the_schema_compiles_for_postgresql() -> None:
    """Every table and partial index has PostgreSQL DDL."""
    ddl: list[str] = []
    engine = create_mock_engine(
        "postgresql+psycopg://", lambda sql, *_: ddl.append(str(sql.compile(dialect=engine.dialect)))
    )
    Table.metadata.create_all(engine, checkfirst=False)
    assert sum("CREATE TABLE" in text for text in ddl) == 15
    assert sum("WHERE selection_id IS" in text for text in ddl) == 2


def test_a_missing_registry_is_only_made_on_request(tmp_path: Path) -> None:
    """`create=False` refuses a missing file and an empty one, and makes nothing."""
    with pytest.raises(RegistryError, match="no registry"):
        Registry.open(tmp_path / "no.db", create=False)
    assert not (tmp_path / "no.db").exists()
    (tmp_path / "empty.db").touch()
    with pytest.raises(RegistryError, match="holds no registry"):
        Registry.open(tmp_path / "empty.db", create=False)


def test_a_file_that_is_no_database_is_refused_and_kept(tmp_path: Path) -> None:
    """Text is not a registry, and stays what it is."""
    path = tmp_path / "notes.txt"
    path.write_text("these are notes, " * 100)
    with pytest.raises(RegistryError, match="not a database"):
        Registry.open(path)
    assert path.read_text().startswith("these are notes")


def test_the_database_of_another_program_is_refused(tmp_path: Path) -> None:
    """Foreign tables are left alone."""
    with sqlite3.connect(tmp_path / "other.db") as raw:
        raw.execute("CREATE TABLE songs (title TEXT)")
    raw.close()
    with pytest.raises(RegistryError, match="another program"):
        Registry.open(tmp_path / "other.db")


def test_a_registry_of_a_newer_hubselect_is_refused(tmp_path: Path) -> None:
    """An unknown schema version is never touched."""
    path = tmp_path / "registry.db"
    Registry.open(path).close()
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    raw.close()
    with pytest.raises(RegistryError, match="made by a newer hubselect"):
        Registry.open(path)


def test_a_folder_is_not_a_registry(tmp_path: Path) -> None:
    """The error says that it is a folder."""
    with pytest.raises(RegistryError, match="folder"):
        Registry.open(tmp_path)


def test_a_place_below_a_file_cannot_hold_a_registry(tmp_path: Path) -> None:
    """A parent that cannot be made is a registry error."""
    (tmp_path / "file").touch()
    with pytest.raises(RegistryError, match="cannot be made"):
        Registry.open(tmp_path / "file" / "below" / "registry.db")


def test_a_read_only_place_is_refused(tmp_path: Path) -> None:
    """Without the right to write, opening says so in one line."""
    path = tmp_path / "registry.db"
    Registry.open(path).close()
    for place in (path, tmp_path):
        place.chmod(0o555)
    code = f"""
import os
from hubselect.errors import RegistryError
from hubselect.registry.store import Registry
if os.geteuid() == 0:
    os.setuid(65534)
try:
    Registry.open({str(path)!r})
except RegistryError as error:
    print(error.message)
"""
    for parent in tmp_path.parents:  # let another user reach the place
        if parent.owner() == tmp_path.owner() and "pytest" in str(parent):
            parent.chmod(0o755)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    tmp_path.chmod(0o755)
    assert "cannot be written" in done.stdout, done.stderr


def test_an_open_registry_at_head_does_not_import_alembic(tmp_path: Path) -> None:
    """The fast path asks for the version in plain SQL."""
    Registry.open(tmp_path / "r.db").close()
    code = (
        "import sys; from hubselect.registry import Registry\n"
        f"Registry.open({str(tmp_path / 'r.db')!r}).close(); print('alembic' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_importing_the_package_is_free() -> None:
    """`hubselect.registry` loads neither SQLModel nor pandas before Registry is asked for."""
    heavy = {"sqlmodel", "sqlalchemy", "pandas", "numpy"}
    code = f"import sys, hubselect.registry; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_package_exports_what_it_says() -> None:
    """`__all__` equals reality, and unknown names are attribute errors."""
    import hubselect.registry as package

    assert all(hasattr(package, name) for name in package.__all__)
    assert dir(package) == sorted(package.__all__)
    with pytest.raises(AttributeError):
        package.nothing  # noqa: B018


def test_the_migrations_build_the_tables_that_the_code_declares(registry: Registry) -> None:
    """The migrated schema and the metadata do not differ."""
    with registry._database.connection(write=False) as connection:
        assert compare_metadata(MigrationContext.configure(connection), Table.metadata) == []


def test_connections_have_the_promised_settings(registry: Registry) -> None:
    """WAL, foreign keys, full synchronisation, thirty seconds of patience."""
    wanted = {"journal_mode": "wal", "foreign_keys": 1, "synchronous": 2, "busy_timeout": 30_000}
    with registry._database.connection(write=False) as connection:
        for pragma, value in wanted.items():
            assert connection.exec_driver_sql(f"PRAGMA {pragma}").scalar() == value


def test_a_failed_transaction_leaves_no_table_behind(registry: Registry) -> None:
    """DDL is part of the transaction, the first statement included."""

    def failing() -> None:
        with registry._database.connection(write=True) as connection:
            connection.exec_driver_sql("CREATE TABLE leftover (x INTEGER)")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing()
    with registry._database.connection(write=False) as connection:
        found = connection.exec_driver_sql("SELECT 1 FROM sqlite_master WHERE name = 'leftover'").all()
    assert found == []


def test_a_damaged_registry_is_a_registry_error(registry: Registry, tmp_path: Path) -> None:
    """Damage found by a query is reported with what to do, not as a traceback of the driver."""
    registry.add_model(Model("org/a", TEXT))
    registry.close()
    path = tmp_path / "registry.db"
    data = bytearray(path.read_bytes())
    data[4096:] = os.urandom(len(data) - 4096)
    path.write_bytes(bytes(data))
    with pytest.raises(RegistryError), Registry.open(path) as damaged:
        damaged.models()


def test_database_is_usable_from_threads_and_after_close(registry: Registry) -> None:
    """A closed registry opens connections again when it is asked."""
    registry.close()
    assert registry.models() == []
    assert isinstance(registry._database, Database)
    assert isinstance(registry._database.engine, Engine)
