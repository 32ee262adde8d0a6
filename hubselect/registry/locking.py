"""Locks by name that one process holds in a registry for as long as it works.

In a SQLite file the lock is a file beside it: the operating system frees it with its process. On a
PostgreSQL server it is a session-level advisory lock on a connection of its own, so that it excludes
other machines too; the server frees it when the connection ends, and looks for a client that has
vanished (`postgresql.py`). The connection belongs to no pool, and the server is told not to end it for
being idle. Whoever held a lock and lost it (a server that was started again) does not write another
row: every transaction that writes asks first, takes the lock again where nobody else has it, and
raises `LockLost` where somebody has. A pooler between us and the server must keep sessions apart
("session mode"): else two clients may be given the same session, and with it the same lock.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock as Mutex
from typing import TYPE_CHECKING, Any, Protocol

from filelock import FileLock, Timeout
from sqlalchemy.exc import StatementError

from hubselect.errors import RegistryError
from hubselect.registry.base import Connected
from hubselect.registry.database import Database
from hubselect.registry.failures import mapped

if TYPE_CHECKING:
    import psycopg

_TAKE = "SELECT pg_try_advisory_lock(%s)"
_FREE = "SELECT pg_advisory_unlock(%s)"
_OURS = """SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid = pg_backend_pid()
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND objsubid = 1 AND (classid::bigint << 32) | objid::bigint = %s"""
_NEVER_IDLE = """SELECT set_config(name, '0', false) FROM pg_settings
    WHERE name IN ('idle_session_timeout', 'statement_timeout')"""


class LockTaken(RegistryError):
    """Another process holds the lock."""


class LockLost(RegistryError):
    """The connection that held the lock ended, and another process holds the lock now."""


class _Lock(Protocol):
    def take(self) -> bool:
        """Whether the lock is ours now; it never waits."""

    def verify(self) -> bool:
        """Whether the lock is (still, or again) ours."""

    def free(self) -> None: ...


class Locking(Connected):
    """The part of the registry that lets one process at a time do something."""

    @contextmanager
    def locked(self, name: str) -> Iterator[None]:
        """Hold the lock `name` of this registry; it ends with the block, or with the process.

        Raises `LockTaken` at once when it is held already, in this process or another. Within the
        block every write raises `LockLost` once somebody else has taken the lock.
        """
        lock = _new_lock(self._database, name)
        if not lock.take():
            raise LockTaken(f"another process holds the lock {name} of this registry", "wait until it ends")
        guard, pid = _guard(lock, name), os.getpid()
        self._database.guards.append(guard)
        try:
            yield
        finally:
            self._database.guards.remove(guard)
            if os.getpid() == pid:  # else a child has left the block, and the lock is its parent's
                lock.free()


def _guard(lock: _Lock, name: str) -> Callable[[], None]:
    pid = os.getpid()

    def still_ours() -> None:
        if os.getpid() == pid and not lock.verify():
            raise LockLost(
                f"the lock {name} was lost with its connection, and another process holds it now",
                "what was recorded is kept: wait until the other process has ended, then repeat the command",
            )

    return still_ours


def _new_lock(database: Database, name: str) -> _Lock:
    location = database.location
    if location.path is None:
        return _ServerLock(database, name)
    return _FileLock(location.home / "locks" / f"{name}.lock")


class _FileLock:
    def __init__(self, place: Path) -> None:
        self._place = place
        self._lock = FileLock(place)

    def take(self) -> bool:
        try:
            self._place.parent.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(timeout=0)
        except Timeout:
            return False
        except OSError as error:
            raise RegistryError(
                f"{self._place} cannot be locked: {error.strerror or error}",
                "keep the registry where files can be written and locked",
            ) from None
        return True

    def verify(self) -> bool:
        return True  # the operating system keeps it as long as this process lives

    def free(self) -> None:
        self._lock.release()


class _ServerLock:
    def __init__(self, database: Database, name: str) -> None:
        self._database = database
        self._name = name
        self._key = 0
        self._session: psycopg.Connection[Any] | None = None
        self._mutex = Mutex()

    def take(self) -> bool:
        """A new session, and the lock in it."""
        session: psycopg.Connection[Any] = self._database.own_connection()
        taken = False
        try:
            session.rollback()
            session.autocommit = True
            # one database may hold several registries, each in a schema of its own
            self._key = _key(str(_one(session, "SELECT current_schema()")), self._name)
            session.execute(_NEVER_IDLE)
            taken = bool(_one(session, _TAKE, self._key))
        except self._failures() as error:
            raise mapped(StatementError(str(error), "", {}, error), self._database.location) from error
        finally:
            if not taken:
                session.close()
        self._session = session if taken else None
        return taken

    def verify(self) -> bool:
        with self._mutex:
            return self._is_ours() or self.take()

    def free(self) -> None:
        with self._mutex:
            session, self._session = self._session, None
            if session is not None:
                with suppress(self._failures()):
                    session.execute(_FREE, (self._key,))
                session.close()

    def _is_ours(self) -> bool:
        if self._session is None:
            return False
        with suppress(self._failures()):
            if _one(self._session, _OURS, self._key):
                return True
        self._session.close()
        self._session = None
        return False

    def _failures(self) -> type[Exception]:
        failures: type[Exception] = self._database.engine.dialect.dbapi.Error  # type: ignore[union-attr]
        return failures


def _key(schema: str, name: str) -> int:
    digest = hashlib.sha256(f"hubselect\0{schema}\0{name}".encode()).digest()
    return int.from_bytes(digest[:8], signed=True)


def _one(session: psycopg.Connection[Any], query: str, *values: object) -> Any:
    row = session.execute(query.encode(), values or None).fetchone()
    return row[0] if row else None
