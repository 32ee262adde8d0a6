"""Many rows at once, on SQLite and PostgreSQL alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

import sqlalchemy
from sqlalchemy import ColumnElement
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session

T = TypeVar("T")

CHUNK = 500
"""Values in one IN list: SQLite allows a limited number of variables."""

_PART = 20_000


def in_chunks(values: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(values), CHUNK):
        yield values[start : start + CHUNK]


def insert(session: Session, rows: type[Any], values: Iterable[Mapping[str, Any]]) -> None:
    """INSERT rows that have the same columns, a part at a time."""
    waiting = iter(values)
    while part := list(islice(waiting, _PART)):
        statement = sqlalchemy.insert(rows.__table__)
        _execute_many(session, rows.__table__, statement, part)


def upsert(
    session: Session,
    rows: type[Any],
    key: Sequence[str],
    values: Sequence[Mapping[str, Any]],
    replaced: Sequence[str] | Mapping[str, Any],
) -> None:
    """INSERT ... ON CONFLICT (key) DO UPDATE. `replaced` names the columns that take the new value,
    or maps each to a function from its new value (a column expression) to what it becomes."""
    if not values:
        return
    dialect: Any = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    statement = dialect.insert(rows.__table__)
    new = statement.excluded
    changes: dict[str, ColumnElement[Any]] = (
        {name: rule(new[name]) for name, rule in replaced.items()}
        if isinstance(replaced, Mapping)
        else {name: new[name] for name in replaced}
    )
    statement = statement.on_conflict_do_update(index_elements=list(key), set_=changes)
    _execute_many(session, rows.__table__, statement, values)


def _execute_many(session: Session, table: Any, statement: Any, values: Sequence[Mapping[str, Any]]) -> None:
    """Hand all rows to the driver at once: SQLAlchemy's own work per row costs as much as SQLite's."""
    connection = session.connection()
    names = list(values[0])
    compiled = statement.compile(dialect=connection.dialect, column_keys=names)
    prepare = {
        name: made
        for name in names
        if (made := table.c[name].type.dialect_impl(connection.dialect).bind_processor(connection.dialect))
    }
    ready = [{**row, **{name: made(row[name]) for name, made in prepare.items()}} for row in values]
    if compiled.positional:
        order = compiled.positiontup
        connection.exec_driver_sql(str(compiled), [tuple(row[name] for name in order) for row in ready])
    else:
        connection.exec_driver_sql(str(compiled), ready)
