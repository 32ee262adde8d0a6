"""The engine: where a registry lives, how its transactions begin, what its errors become.

SQLite runs in WAL mode with `synchronous=FULL`: a committed stage survives `kill -9` and a
power cut, and one fsync per stage costs nothing beside fine-tuning. Every BEGIN is explicit
(`isolation_level=None` on connect), because otherwise an exception inside a transaction
leaves the first CREATE TABLE in place. Writers take BEGIN IMMEDIATE, so a transaction that
reads before it writes never finds out too late that another process was faster. On PostgreSQL
an advisory lock gives the same single writer.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DisconnectionError, IntegrityError, SQLAlchemyError, StatementError
from sqlmodel import Session

from hubselect.errors import InvalidInput, RegistryError

BUSY_SECONDS = 30.0
_WRITER_LOCK = 0x48554253  # "HUBS": the key of the advisory lock on PostgreSQL
_LOCATION_HINT = "give a file path, sqlite:///PATH or postgresql://USER@HOST/NAME"


@dataclass(frozen=True)
class Location:
    """Where a registry lives: `path` is None when it is not a file; `home` holds files beside it."""

    url: str
    path: Path | None
    home: Path
    text: str


def hub_home() -> Path:
    """`$HF_HOME`, or the default of the Hub's own client."""
    if chosen := os.environ.get("HF_HOME"):
        return Path(chosen).expanduser()
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache).expanduser() if cache else Path.home() / ".cache") / "huggingface"


def locate(location: str | Path | None) -> Location:
    """Resolve a path, a URL or None (`HUBSELECT_REGISTRY`, else `$HF_HOME/hubselect/registry.db`).

    Raises `InvalidInput` for anything else.
    """
    given = location or os.environ.get("HUBSELECT_REGISTRY") or hub_home() / "hubselect" / "registry.db"
    text = str(given)
    if isinstance(given, str) and "://" in given:
        scheme = given.split("://", 1)[0].partition("+")[0]
        if scheme in {"postgresql", "postgres"}:
            return _postgresql(given)
        if scheme != "sqlite":
            raise InvalidInput(f"{scheme}:// is not a kind of registry hubselect can open", _LOCATION_HINT)
        text = _sqlite_path(given)
    elif text == ":memory:":
        raise InvalidInput("a registry has to be kept in a file", _LOCATION_HINT)
    path = Path(os.path.abspath(Path(text).expanduser()))
    return Location(f"sqlite:///{path}", path, path.with_name(path.name + ".files"), str(path))


def _sqlite_path(url: str) -> str:
    try:
        database = make_url(url).database
    except (ArgumentError, ValueError):
        database = None
    if not database or database == ":memory:":
        raise InvalidInput(f"{url} does not name a file", _LOCATION_HINT)
    return database


def _postgresql(url: str) -> Location:
    try:
        parsed = make_url(url).set(drivername="postgresql+psycopg")
    except (ArgumentError, ValueError):
        raise InvalidInput("the PostgreSQL URL of the registry cannot be read", _LOCATION_HINT) from None
    shown = parsed.set(drivername="postgresql").render_as_string(hide_password=True)
    return Location(parsed.render_as_string(hide_password=False), None, hub_home() / "hubselect", shown)


class Database:
    """Connections and transactions of one registry. Safe to use after a fork and from threads."""

    def __init__(self, location: Location) -> None:
        self.location = location
        self.engine = _sqlite_engine(location) if location.path else _postgresql_engine(location)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """One consistent view of the registry."""
        with self._transaction(write=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """All or nothing: committed at the end of the block, undone when it raises."""
        with self._transaction(write=True) as session:
            yield session

    @contextmanager
    def connection(self, *, write: bool) -> Iterator[Connection]:
        """A bare connection in a transaction, foreign errors mapped."""
        try:
            with self.engine.connect() as bare:
                connection = bare.execution_options(hubselect_write=write)
                with connection.begin():
                    yield connection
        except SQLAlchemyError as error:
            raise mapped(error, self.location) from error

    @contextmanager
    def _transaction(self, *, write: bool) -> Iterator[Session]:
        with (
            self.connection(write=write) as connection,
            Session(connection, expire_on_commit=False) as session,
        ):
            yield session
            session.flush()

    def close(self) -> None:
        self.engine.dispose()


def mapped(error: SQLAlchemyError, location: Location) -> Exception:
    """The error of `errors.py` that says what a SQLAlchemy error means for the user."""
    cause = getattr(error, "orig", None) or error
    text = str(cause)
    if isinstance(error, StatementError) and isinstance(cause, TypeError | ValueError | OverflowError):
        return InvalidInput(f"a value cannot be stored in the registry: {text}")
    for part, message, hint in _MEANINGS:
        if part in text:
            return RegistryError(message.format(location.text), hint)
    if isinstance(error, IntegrityError):
        return RegistryError(f"the registry {location.text} refused the data: {text}", "nothing was changed")
    return RegistryError(f"the registry {location.text} failed: {text}", "run `hubselect registry check`")


_CHOOSE = "choose another place with --registry or HUBSELECT_REGISTRY"
_MEANINGS = (
    ("not a database", "{} is not a hubselect registry: it is not a database", _CHOOSE),
    ("database is locked", "the registry {} is busy: another process is writing to it", "try again"),
    ("readonly database", "the registry {} cannot be written", _CHOOSE),
    ("unable to open", "the registry {} cannot be opened", _CHOOSE),
    ("disk is full", "no space is left for the registry {}", "free some space and repeat the command"),
    ("disk I/O error", "the registry {} cannot be read or written: disk I/O error", "check the disk"),
    ("malformed", "the registry {} is damaged", "restore a copy, or `hubselect registry pull` a shared one"),
    ("connection failed", "the registry {} does not answer", "is the PostgreSQL server running?"),
)


def _sqlite_engine(location: Location) -> Engine:
    engine = create_engine(location.url, connect_args={"timeout": BUSY_SECONDS})

    @event.listens_for(engine, "connect")
    def connect(raw: sqlite3.Connection, record: Any) -> None:
        raw.isolation_level = None
        record.info["pid"] = os.getpid()
        for pragma in (
            f"busy_timeout={int(BUSY_SECONDS * 1000)}",
            "foreign_keys=ON",
            "synchronous=FULL",
            "cache_size=-65536",
        ):
            raw.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "checkout")
    def checkout(raw: sqlite3.Connection, record: Any, proxy: Any) -> None:
        if record.info["pid"] != os.getpid():  # SQLite connections must not cross a fork
            record.dbapi_connection = proxy.dbapi_connection = None
            raise DisconnectionError("the connection belongs to another process")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        write = connection.get_execution_options().get("hubselect_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine


def _postgresql_engine(location: Location) -> Engine:
    try:
        engine = create_engine(location.url, pool_pre_ping=True)
    except ModuleNotFoundError:
        raise RegistryError(
            f"the registry {location.text} needs psycopg, which is not installed",
            "pip install 'psycopg[binary]'",
        ) from None

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        if connection.get_execution_options().get("hubselect_write", False):
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITER_LOCK})")

    return engine


def prepare_file(location: Location, *, create: bool) -> None:
    """Make sure that the database file exists (made when `create`), can be written and is in WAL mode.

    Raises `RegistryError` for a missing file, a folder, a file of another kind and a read-only place.
    """
    path = location.path
    assert path is not None
    if path.is_dir():
        raise RegistryError(
            f"{path} is a folder, not a registry", "name a file in it, for example registry.db"
        )
    if not path.exists():
        if not create:
            raise RegistryError(
                f"there is no registry at {path}", "make one with `hubselect add-model` or `registry import`"
            )
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RegistryError(f"{path.parent} cannot be made: {error.strerror}", _CHOOSE) from None
    places = [p for p in (path.parent, path) if p.exists()]
    if not all(os.access(p, os.W_OK) for p in places):
        raise RegistryError(f"the registry {path} cannot be written", _CHOOSE)
    _use_wal(location, path)


def _use_wal(location: Location, path: Path) -> None:
    # The change of mode needs the file for itself and does not wait for others: so wait here.
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            raw = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
            try:
                mode = raw.execute("PRAGMA journal_mode").fetchone()[0]
                if mode != "wal":
                    raw.execute("PRAGMA journal_mode=WAL")
            finally:
                with suppress(sqlite3.Error):
                    raw.close()
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise _plain(error, location) from error
            time.sleep(0.02)
        except sqlite3.DatabaseError as error:
            raise _plain(error, location) from error


def _plain(error: sqlite3.Error, location: Location) -> Exception:
    return mapped(StatementError(str(error), "", {}, error), location)
