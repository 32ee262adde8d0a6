"""Writes the page about the schema, from the schema: `python -m hubselect.registry.describe [PATH]`.

A registry is made by the migrations and inspected, so the page says what a file holds. Words come
from `dictionary.py`; a column without words is an error.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import inspect

from hubselect.registry.columns import JsonText, Table
from hubselect.registry.database import Database
from hubselect.registry.dictionary import TABLES, VIEWS, meaning
from hubselect.registry.migrations import HEAD
from hubselect.registry.store import Registry

_INTRODUCTION = f"""# The schema of a registry

Schema {HEAD}. This page is generated from the schema: `python -m hubselect.registry.describe docs/schema.md`.

A registry is one SQLite file (or a PostgreSQL database), so any SQL tool opens it. Read through the
views: they join names to numbers, and stay when tables change. Write through hubselect only.

    sqlite3 ~/.cache/huggingface/hubselect/registry.db \\
        "SELECT model, avg(score) FROM v_matrix_cells GROUP BY model ORDER BY 2 DESC LIMIT 5"

Texts called JSON hold JSON. Times are ISO 8601. Scores are finite numbers; a missing one has no row.
"""


def page() -> str:
    """The whole page as Markdown."""
    with tempfile.TemporaryDirectory() as folder, Registry.open(Path(folder) / "empty.db") as registry:
        views = _view_columns(registry._database)
    parts = [_INTRODUCTION, "## Views\n"]
    parts += [_section(name, VIEWS[name], _table(_view_rows(name, found))) for name, found in views.items()]
    parts.append("## Tables\n")
    tables = Table.metadata.tables
    parts += [_section(n, TABLES[n], _table(_table_rows(tables[n])) + _indexes(tables[n])) for n in TABLES]
    return "\n".join(parts)


def _view_columns(database: Database) -> dict[str, list[str]]:
    with database.connection(write=False) as connection:
        schema = inspect(connection)
        return {name: [c["name"] for c in schema.get_columns(name)] for name in schema.get_view_names()}


def _section(name: str, sentence: str, body: str) -> str:
    return f"### {name}\n\n{sentence}\n\n{body}"


def _table(rows: Iterator[tuple[str, ...]]) -> str:
    head, *rest = list(rows)
    lines = [head, tuple("---" for _ in head), *rest]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _view_rows(view: str, columns: list[str]) -> Iterator[tuple[str, ...]]:
    yield ("column", "meaning")
    for column in columns:
        yield (column, meaning(view, column))


def _table_rows(table: Any) -> Iterator[tuple[str, ...]]:
    yield ("column", "type", "null", "meaning")
    for column in table.columns:
        kind = (
            "JSON" if isinstance(column.type, JsonText) else str(column.type.compile()).split("(")[0].lower()
        )
        kind = {"varchar": "text", "bigint": "integer"}.get(kind, kind)
        points = ", ".join(sorted(f"-> {key.target_fullname}" for key in column.foreign_keys))
        marks = [m for m in ("key" if column.primary_key else "", points) if m]
        words = meaning(table.name, column.name)
        said = "" if words == "key" and "key" in marks else words
        yield (
            column.name,
            kind,
            "yes" if column.nullable else "",
            "; ".join([*([said] if said else []), *marks]),
        )


def _indexes(table: Any) -> str:
    unique = [c for c in table.constraints if type(c).__name__ == "UniqueConstraint"]
    lines = [f"unique: {', '.join(c.columns.keys())}" for c in unique]
    for index in sorted(table.indexes, key=lambda i: str(i.name)):
        where = index.dialect_options["sqlite"]["where"]
        condition = f" where {where}" if where is not None else ""
        lines.append(f"{'unique' if index.unique else 'index'}: {', '.join(index.columns.keys())}{condition}")
    return "".join(["\n", *(f"- {line}\n" for line in sorted(lines))]) if lines else ""


def main(arguments: list[str]) -> None:
    text = page()
    if not arguments:
        sys.stdout.write(text)
        return
    path = Path(arguments[0])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
