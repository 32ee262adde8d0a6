"""What the tables are made of: JSON text, check constraints, the base of the rows."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import CheckConstraint, Dialect, MetaData, Text, TypeDecorator, false, text
from sqlmodel import SQLModel

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class JsonText(TypeDecorator[Any]):
    """A JSON document in a text column; NaN and infinities allowed."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else json.dumps(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        return None if value is None else json.loads(value)


EMPTY_LIST: dict[str, Any] = {"server_default": text("'[]'")}
"""Arguments of a JSON column that old rows and bulk inserts may leave out."""

NO: dict[str, Any] = {"server_default": false()}
"""Arguments of a truth value that old rows and bulk inserts may leave out."""

ONE_CLASS: dict[str, Any] = {"server_default": text("'single_label_classification'")}
"""Arguments of a kind of label that old rows and bulk inserts may leave out."""

HERE: dict[str, Any] = {"server_default": text("'measured'")}
"""Arguments of a source that old rows and bulk inserts may leave out."""


def finite_column(column: str) -> CheckConstraint:
    largest = "1.7976931348623157e308"
    return CheckConstraint(f"{column} BETWEEN -{largest} AND {largest}", name=f"{column}_finite")


def one_of(column: str, *values: str) -> CheckConstraint:
    listed = ", ".join(f"'{v}'" for v in values)
    return CheckConstraint(f"{column} IN ({listed})", name=f"{column}_known")


class Table(SQLModel):
    """Base of the rows; own metadata, so that other users of SQLModel in the process do not mix in."""

    metadata = MetaData(naming_convention=NAMING)
