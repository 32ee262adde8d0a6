"""The engine of a registry on a PostgreSQL server.

Writers hold one advisory lock for the length of their transaction: the single writer that
SQLite has, so nothing that a transaction read has changed when it writes, and PostgreSQL finds
neither deadlocks nor serialisation failures to report. Readers never wait: they see the database
as it was at their first statement. Names sort and compare byte by byte, as in SQLite, whatever
the collation of the database.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, String, create_engine, event
from sqlalchemy.dialects.postgresql.base import PGDDLCompiler

from hubselect.errors import RegistryError
from hubselect.registry.locations import Location

if TYPE_CHECKING:
    from sqlalchemy import Column

CONNECT_SECONDS = 10
_BUSY_SERVER = ("starting up", "too many clients", "too many connections", "remaining connection slots")
_WRITER_LOCK = 0x48554253  # "HUBS"
_KEEPALIVE = {"tcp_keepalives_idle": 30, "tcp_keepalives_interval": 10, "tcp_keepalives_count": 3}
_NOTICED = {
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60000,
}
_AS_READER = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
_AS_WRITER = "SELECT set_config('lock_timeout', '{wait}ms', true), pg_advisory_xact_lock({key})"


class _BytewiseTables(PGDDLCompiler):
    """Gives every text column that is made, in every revision, the collation that SQLite has."""

    def get_column_specification(self, column: Column[Any], **options: Any) -> str:
        specification = str(super().get_column_specification(column, **options))  # type: ignore[no-untyped-call]
        kind = column.type.dialect_impl(self.dialect)
        kind = getattr(kind, "impl", kind)
        is_text = isinstance(kind, String) and kind.collation is None
        return f'{specification} COLLATE "C"' if is_text else specification


def postgresql_engine(location: Location, patience: float) -> Engine:
    """An engine whose transactions are as in SQLite; writers wait `patience` seconds for each other.

    Raises `RegistryError` when psycopg is not installed.
    """
    try:
        engine = create_engine(
            location.url, pool_pre_ping=True, isolation_level="READ COMMITTED", pool_use_lifo=True
        )
    except ModuleNotFoundError:
        raise RegistryError(
            f"the registry {location.text} needs psycopg, which is not installed",
            "pip install 'hubselect[postgres]'",
        ) from None
    engine.dialect.ddl_compiler = _BytewiseTables
    _patient_connections(engine, patience)
    begin = _AS_WRITER.format(wait=int(patience * 1000), key=_WRITER_LOCK)

    @event.listens_for(engine, "begin")
    def begin_as(connection: Connection) -> None:
        write = connection.get_execution_options().get("hubselect_write", False)
        connection.exec_driver_sql(begin if write else _AS_READER)

    return engine


def _patient_connections(engine: Engine, patience: float) -> None:
    """Wait for a server that is starting up or has no connection free; notice a client that is gone."""

    @event.listens_for(engine, "do_connect")
    def connect(dialect: Any, record: Any, arguments: Any, options: dict[str, Any]) -> Any:
        options.setdefault("connect_timeout", CONNECT_SECONDS)
        options.setdefault("application_name", "hubselect")
        options.setdefault("prepare_threshold", None)  # poolers between us and the server forget statements
        for name, value in _NOTICED.items():  # a server that is gone is noticed within a minute
            options.setdefault(name, value)
        deadline = time.monotonic() + patience
        while True:
            try:
                return dialect.connect(*arguments, **options)
            except dialect.dbapi.OperationalError as error:
                if not any(part in str(error) for part in _BUSY_SERVER) or time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    @event.listens_for(engine, "connect")
    def configure(raw: Any, record: Any) -> None:
        # A writer whose machine has gone must not keep the lock for the two hours of the default.
        settings = ", ".join(f"set_config('{name}', '{value}', false)" for name, value in _KEEPALIVE.items())
        raw.execute(f"SELECT {settings}")
        raw.commit()
