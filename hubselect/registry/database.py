"""The database of one registry: its transactions, and the engine of one that is a SQLite file.

SQLite runs in WAL mode with `synchronous=FULL`: a committed stage survives `kill -9` and a
power cut, and one fsync per stage costs nothing beside fine-tuning. Every BEGIN is explicit
(`isolation_level=None` on connect), because otherwise an exception inside a transaction
leaves the first CREATE TABLE in place. Writers take BEGIN IMMEDIATE, so a transaction that
reads before it writes never finds out too late that another process was faster. The engine of
a PostgreSQL server (`postgresql.py`) gives the same single writer.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DisconnectionError, SQLAlchemyError, StatementError
from sqlmodel import Session

from hubselect.errors import InvalidInput, RegistryError
from hubselect.registry.failures import CHOOSE, MEND_VALUE, mapped
from hubselect.registry.locations import Location
from hubselect.registry.postgresql import postgresql_engine

BUSY_SECONDS = 30.0


class Database:
    """Connections and transactions of one registry. Safe to use after a fork and from threads."""

    def __init__(self, location: Location) -> None:
        self.location = location
        self.engine = _sqlite_engine(location) if location.path else postgresql_engine(location, BUSY_SECONDS)
        self._pid = os.getpid()
        self.guards: list[Callable[[], None]] = []
        """Asked before every transaction that writes; one that raises keeps it from beginning."""

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
        self._leave_connections_of_parent()
        for guard in tuple(self.guards) if write else ():
            guard()
        try:
            with self.engine.connect() as bare:
                connection = bare.execution_options(hubselect_write=write)
                with connection.begin():
                    yield connection
        except SQLAlchemyError as error:
            raise mapped(error, self.location) from error
        except (OverflowError, UnicodeEncodeError) as error:  # of the driver, which SQLAlchemy passes on
            raise InvalidInput(f"a value cannot be stored in the registry: {error}", MEND_VALUE) from error

    def own_connection(self) -> Any:
        """A connection of the driver, made like all others, that no pool ends or lends to others."""
        self._leave_connections_of_parent()
        try:
            pooled = self.engine.raw_connection()
            own = pooled.driver_connection
            pooled.detach()
        except SQLAlchemyError as error:
            raise mapped(error, self.location) from error
        return own

    @contextmanager
    def _transaction(self, *, write: bool) -> Iterator[Session]:
        with (
            self.connection(write=write) as connection,
            Session(connection, expire_on_commit=False) as session,
        ):
            yield session
            session.flush()

    def _leave_connections_of_parent(self) -> None:
        # Before anything is sent through a socket that the parent goes on using.
        if self._pid != os.getpid():
            self._pid = os.getpid()
            self.engine.dispose(close=False)

    def close(self) -> None:
        self._leave_connections_of_parent()
        self.engine.dispose()


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
            "wal_autocheckpoint=16384",  # 64 MB: a page that many commits touch is copied back once
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
            raise RegistryError(f"{path.parent} cannot be made: {error.strerror}", CHOOSE) from None
    places = [p for p in (path.parent, path) if p.exists()]
    if not all(os.access(p, os.W_OK) for p in places):
        raise RegistryError(f"the registry {path} cannot be written", CHOOSE)
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
