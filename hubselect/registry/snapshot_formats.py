"""Older formats of shared registries: which columns they lack, and what stands there instead.

Format 1 knew no source of proxy scores and no dates of submission; format 2 only datasets of text and
images whose label is a class.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubselect.registry.snapshot_tables import TABLES, arrow_schema

if TYPE_CHECKING:
    import pyarrow as pa

_SINCE = {
    "runs": {"submitted": 2},
    "proxy_scores": {"source": 2, "submitted": 2},
    "datasets": {"choice_columns": 3, "audio_column": 3, "problem_type": 3},
}


def columns_in(table: str, version: int) -> dict[str, str]:
    """The columns of a table as a format has them, by kind."""
    since = _SINCE.get(table, {})
    return {name: kind for name, kind in TABLES[table].items() if since.get(name, 1) <= version}


def schema_in(table: str, version: int) -> pa.Schema:
    """The exact Arrow schema of a table's file in a format."""
    import pyarrow as pa

    newest = arrow_schema(table)
    return pa.schema([newest.field(name) for name in columns_in(table, version)])


def upgraded(content: pa.Table, table: str, version: int) -> pa.Table:
    """The table with every column of the newest format; texts are dictionaries, as it is read."""
    import pyarrow as pa
    import pyarrow.compute as pc

    there = columns_in(table, version)
    for name in TABLES[table]:
        if name in there:
            continue
        texts: pa.Array | pa.ChunkedArray = pa.nulls(content.num_rows, pa.string())
        if name == "choice_columns":
            lists = pa.array([[]] * content.num_rows, pa.list_(pa.string()))
            content = content.append_column(name, lists)
            continue
        if name == "problem_type":
            texts = pa.array(["single_label_classification"] * content.num_rows)
        if name == "source":
            imported = pc.equal(content["origin"].cast(pa.string()), "imported")
            texts = pc.if_else(imported, "imported", "measured")
        content = content.append_column(name, texts.dictionary_encode())
    return content.select(list(TABLES[table]))
