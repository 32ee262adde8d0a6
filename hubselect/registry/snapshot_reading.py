"""A folder somebody else wrote, read as `Tables`. It is not trusted: every byte is accounted for by
the manifest, every value is checked, and one fault refuses the whole.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubselect.registry.snapshot_checks import check_tables
from hubselect.registry.snapshot_formats import columns_in, schema_in, upgraded
from hubselect.registry.snapshot_tables import (
    FORMAT,
    KIND,
    MANIFEST,
    TABLES,
    Row,
    Tables,
    data_file,
    numpy_type,
    refuse,
)

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

MAX_MANIFEST = 1 << 20
MAX_FILE = 2 << 30
MAX_MEMORY = 8 << 30
MAX_ROWS = 50_000_000
_TEXT = 10_000
_ELEMENTS = 1_000_000
_UPGRADE = "upgrade hubselect to read it; nothing was changed"


def is_snapshot(folder: Path) -> bool:
    """Whether a folder looks like a shared registry."""
    return (folder / MANIFEST).is_file()


def read_snapshot(folder: Path, name: str) -> Tables:
    """The tables of a folder; `name` is what messages call it.

    Raises `InvalidInput`, one line, for a folder without a manifest, a newer format, files that are
    missing, damaged or not what the manifest says, and for any value that cannot be.
    """
    version, entries = _manifest(folder, name)
    read: dict[str, Any] = {}
    for table in TABLES:
        content = _table(folder / data_file(table), table, entries[table], version, name)
        if table in ("models", "datasets", "recipes"):
            read[table] = _rows(content, table, name)
        else:
            read[table] = _frame(content, table, name)
    tables = Tables(**read)
    check_tables(tables, name)
    return tables


def _manifest(folder: Path, name: str) -> tuple[int, dict[str, Row]]:
    path = folder / MANIFEST
    try:
        if path.stat().st_size > MAX_MANIFEST:
            raise refuse(name, f"its {MANIFEST} is too large")
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise refuse(name, f"it has no {MANIFEST}", "is it a registry that hubselect wrote?") from None
    except (OSError, ValueError, RecursionError):
        raise refuse(name, f"its {MANIFEST} cannot be read") from None
    if not isinstance(content, dict) or content.get("kind") != KIND:
        raise refuse(name, f"its {MANIFEST} is not hubselect's", "is it a registry that hubselect wrote?")
    version = content.get("format")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise refuse(name, f"its {MANIFEST} names no format")
    if version > FORMAT:
        raise refuse(name, f"it has format {version} of a newer hubselect, this one reads {FORMAT}", _UPGRADE)
    found = content.get("tables")
    entries: dict[str, Row] = found if isinstance(found, dict) else {}
    for table in TABLES:
        entry = entries.get(table)
        if not isinstance(entry, dict) or type(entry.get("rows")) is not int or entry["rows"] < 0:
            raise refuse(name, f"its {MANIFEST} does not describe {table}")
    return version, entries


def _table(path: Path, table: str, entry: Row, version: int, name: str) -> pa.Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    shown = data_file(table)
    try:
        if path.stat().st_size > MAX_FILE:
            raise refuse(name, f"{shown} is too large")
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        if digest != entry.get("sha256"):
            raise refuse(name, f"{shown} is damaged: it is not the file that the manifest names")
        columns = columns_in(table, version)
        texts = [c for c, kind in columns.items() if kind.startswith("text") and "[" not in kind]
        metadata = pq.read_metadata(path)
        _refuse_bomb(metadata, shown, name)
        if not metadata.schema.to_arrow_schema().remove_metadata().equals(schema_in(table, version)):
            raise refuse(name, f"the columns of {shown} are not those of format {version}")
        with pq.ParquetFile(path, read_dictionary=texts) as file:
            content = file.read()
            content.validate(full=True)
    except FileNotFoundError:
        raise refuse(name, f"{shown} is missing") from None
    except (OSError, pa.ArrowException, ValueError, MemoryError) as error:
        raise refuse(name, f"{shown} cannot be read: {str(error)[:100]}") from None
    if content.num_rows != entry["rows"]:
        raise refuse(name, f"{shown} has {content.num_rows} rows, not {entry['rows']}")
    for column, kind in columns.items():
        if not kind.endswith("?") and content[column].null_count:
            raise refuse(name, f"{shown} lacks values in {column}")
    return upgraded(content, table, version)


def _refuse_bomb(metadata: Any, shown: str, name: str) -> None:
    size = sum(metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups))
    if metadata.num_rows > MAX_ROWS or size > MAX_MEMORY:
        raise refuse(name, f"{shown} is too large to read")


def _frame(content: pa.Table, table: str, name: str) -> pd.DataFrame:
    import pandas as pd

    columns: dict[str, Any] = {}
    for column, kind in TABLES[table].items():
        if kind.startswith("text"):
            codes = content[column].combine_chunks()
            texts = _texts(codes.dictionary.to_pylist(), f"{column} of {data_file(table)}", name)
            values = codes.indices.to_pandas()
            known = pd.Series([*texts, None], dtype=object).to_numpy()
            columns[column] = known[values.fillna(len(texts)).astype("int64").to_numpy()]
        else:
            columns[column] = content[column].to_numpy().astype(numpy_type(kind))
    return pd.DataFrame(columns)


def _rows(content: pa.Table, table: str, name: str) -> list[Row]:
    rows: list[Row] = content.to_pylist()
    tidy: Callable[[Row, str], Row] = {"recipes": _recipe, "datasets": _dataset}.get(table, _same)
    for row in rows:
        for column, value in row.items():
            where = f"{column} of {data_file(table)}"
            if isinstance(value, str):
                _texts([value], where, name)
            elif isinstance(value, list) and column != "splits":
                _texts(value, where, name)
    try:
        return [tidy(row, name) for row in rows]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise refuse(name, f"{data_file(table)} holds a row that cannot be understood") from None


def _texts(values: list[Any], where: str, name: str) -> list[str]:
    if len(values) > _ELEMENTS * 50 or any(not isinstance(v, str) or len(v) > _TEXT for v in values):
        raise refuse(name, f"a value in {where} is too long or not text")
    return values


def _same(row: Row, name: str) -> Row:
    return row


def _dataset(row: Row, name: str) -> Row:
    splits = {entry["split"]: entry["rows"] for entry in row["splits"]}
    bad = len(splits) != len(row["splits"]) or not all(isinstance(s, str) and len(s) < 200 for s in splits)
    if bad or any(n is not None and n < 0 for n in splits.values()):
        raise refuse(name, f"the splits of {row['id'][:60]!r} cannot be")
    return {**row, "splits": splits}


def _recipe(row: Row, name: str) -> Row:
    content = json.loads(row["content"])
    if not isinstance(content, dict) or any(
        isinstance(v, float) and not math.isfinite(v) for v in content.values()
    ):
        raise ValueError("not a recipe")
    return {key: row[key] for key in ("digest", "task", "name", "origin")} | {"content": content}
