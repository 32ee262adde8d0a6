"""`Tables` to a folder: Parquet files, a manifest that vouches for them, and a dataset card.

Equal tables give equal bytes (under the same versions of hubselect and pyarrow), so nothing that
did not change is uploaded again.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubselect import __version__
from hubselect.errors import InvalidInput
from hubselect.records import Recipe
from hubselect.registry.snapshot_card import card
from hubselect.registry.snapshot_tables import (
    CARD,
    FORMAT,
    KIND,
    MANIFEST,
    TABLES,
    Row,
    Tables,
    arrow_schema,
    data_file,
)

if TYPE_CHECKING:
    import pyarrow as pa

_SPELLED = [f.name for f in fields(Recipe) if f.name not in ("task", "name", "method", "max_seconds")]


def write_snapshot(tables: Tables, folder: Path) -> tuple[Path, ...]:
    """Write the whole folder; returns its files. An older snapshot there is replaced, its manifest last.

    Raises `InvalidInput` when the folder holds anything but a snapshot or cannot be written.
    """
    _refuse_foreign(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        staged = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        try:
            written = _write(tables, staged)
            (folder / "data").mkdir(parents=True, exist_ok=True)
            for path in written:
                os.replace(staged / path, folder / path)
        finally:
            shutil.rmtree(staged, ignore_errors=True)
    except OSError as error:
        raise InvalidInput(
            f"{folder} cannot be written: {error.strerror or error}", "choose another path"
        ) from None
    return tuple(folder / path for path in written)


def _refuse_foreign(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise InvalidInput(f"{folder} is a file, but a registry is several", "name a folder")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / MANIFEST).is_file():
        raise InvalidInput(f"{folder} holds other files", "name a new or empty folder")


def _write(tables: Tables, folder: Path) -> list[str]:
    import pyarrow.parquet as pq

    (folder / "data").mkdir()
    entries: dict[str, dict[str, Any]] = {}
    for name in TABLES:
        content = _arrow(name, getattr(tables, name))
        path = folder / data_file(name)
        pq.write_table(content, path, compression="zstd")
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        entries[name] = {"file": data_file(name), "rows": content.num_rows, "sha256": digest}
    (folder / CARD).write_text(card(tables), encoding="utf-8")
    manifest = {"kind": KIND, "format": FORMAT, "hubselect": __version__, "tables": entries}
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    return [*(data_file(name) for name in TABLES), CARD, MANIFEST]


def _arrow(name: str, rows: Any) -> pa.Table:
    import pyarrow as pa

    schema = arrow_schema(name)
    if isinstance(rows, list):
        order = "digest" if name == "recipes" else "id"
        spelled = [_SPELL.get(name, _same)(row) for row in rows]
        ordered = sorted(spelled, key=lambda row: (str(row[order]), str(row.get("config") or "")))
        return pa.Table.from_pylist([{c: row[c] for c in schema.names} for row in ordered], schema=schema)
    keys = [c for c in schema.names if c not in ("score", "value", "test", "seconds", "val", "epochs")]
    ordered_frame = rows.sort_values(keys, kind="stable", key=_sortable)[schema.names]
    return pa.Table.from_pandas(ordered_frame, schema=schema, preserve_index=False).replace_schema_metadata(
        None
    )


def _sortable(column: Any) -> Any:
    return column.fillna("") if column.dtype == object else column


def _spelled_recipe(row: Row) -> Row:
    """`content` (what the digest is computed from) as JSON, and every field as a column for readers."""
    content = row["content"]
    shown = {name: content[name] for name in _SPELLED}
    for name in ("learning_rate", "weight_decay", "warmup_ratio"):
        shown[name] = None if shown[name] is None else float(shown[name])
    return {**row, **shown, "content": json.dumps(content, sort_keys=True)}


def _listed_splits(row: Row) -> Row:
    return {**row, "splits": [{"split": s, "rows": n} for s, n in sorted(row["splits"].items())]}


def _same(row: Row) -> Row:
    return row


_SPELL: dict[str, Callable[[Row], Row]] = {"recipes": _spelled_recipe, "datasets": _listed_splits}
