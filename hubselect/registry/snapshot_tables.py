"""What a shared registry consists of: seven tables, keyed by names, as they stand in Parquet files.

Row numbers, selections, clusterings and provisional placements (they are computed again) and training
states are not part of it. What is below is format 3; a change of a column is a new format
(`snapshot_formats` reads the old ones).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from hubselect.errors import InvalidInput

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

FORMAT = 3
KIND = "hubselect-registry"
MANIFEST = "manifest.json"
CARD = "README.md"
RUN_KEY = ["model", "dataset", "recipe", "seed"]
PROXY_KEY = ["model", "dataset", "proxy"]
CLAIM_KEY = ["model", "dataset", "config", "split", "metric"]

# column -> type; "?" allows null, "[]" is a list
_MODELS = {
    "id": "text", "task": "text", "revision": "text?", "architecture": "text?", "model_type": "text?",
    "parameters": "int?", "weights_format": "text?", "weights_files": "text[]", "weights_bytes": "int?",
    "weights_digest": "text?", "labels": "text[]", "license": "text?", "base_model": "text?",
    "last_modified": "text?", "tags": "text[]", "gated": "text?", "pipeline_tag": "text?",
    "library": "text?", "hub_created_at": "text?", "indexed_only": "bool",
}  # fmt: skip
_DATASETS = {
    "id": "text", "config": "text?", "task": "text", "revision": "text?", "data_revision": "text?",
    "text_columns": "text[]", "choice_columns": "text[]", "image_column": "text?", "audio_column": "text?",
    "label_column": "text?", "problem_type": "text", "label_names": "text[]",
    "splits": "splits", "license": "text?", "last_modified": "text?", "tags": "text[]", "gated": "text?",
    "indexed_only": "bool",
}  # fmt: skip
_RECIPES = {
    "digest": "text", "task": "text", "name": "text", "origin": "text", "metric": "text", "epochs": "int",
    "stages_per_epoch": "int", "optimizer": "text", "learning_rate": "float?", "weight_decay": "float",
    "warmup_ratio": "float", "batch_size": "int", "max_length": "int", "max_train_samples": "int?",
    "max_eval_samples": "int?", "seed": "int", "content": "text",
}  # fmt: skip
_KEY = {"model": "text", "dataset": "text", "recipe": "text", "seed": "int"}
_REVISIONS = {"model_revision": "text?", "dataset_revision": "text?"}
_PROVENANCE = {"source": "text", "submitted": "text?"}

TABLES: dict[str, dict[str, str]] = {
    "models": _MODELS,
    "datasets": _DATASETS,
    "recipes": _RECIPES,
    "runs": {
        **_KEY, "status": "text", "test": "float?", "seconds": "float?", **_PROVENANCE, **_REVISIONS
    },
    "curve_points": {**_KEY, "stage": "int", "epochs": "float", "val": "float", "seconds": "float"},
    "proxy_scores": {
        "model": "text", "dataset": "text", "proxy": "text", "score": "float", "origin": "text",
        **_PROVENANCE, **_REVISIONS,
    },
    "hub_results": {
        "model": "text", "revision": "text", "dataset": "text", "config": "text", "split": "text",
        "metric": "text", "value": "float",
    },
}  # fmt: skip

Row = dict[str, Any]

_PART = 20_000


@dataclass
class Tables:
    """The content of a registry by names. Small tables are rows (`recipes` hold `digest`, `task`,
    `name`, `origin` and `content`, a dict); those that may hold millions of rows are frames with the
    columns of `TABLES`, NaN and None for null."""

    models: list[Row]
    datasets: list[Row]
    recipes: list[Row]
    runs: pd.DataFrame
    curve_points: pd.DataFrame
    proxy_scores: pd.DataFrame
    hub_results: pd.DataFrame

    def counts(self) -> dict[str, int]:
        """Rows by table."""
        return {name: len(getattr(self, name)) for name in TABLES}


def data_file(table: str) -> str:
    """Where a table stands in the folder."""
    return f"data/{table}.parquet"


def frame(table: str, rows: Iterable[Sequence[Any]] = ()) -> pd.DataFrame:
    """Rows (sequences in the order of the columns) as a frame with the column types of the table.

    The rows are used up in parts, and equal texts become one object: there may be millions.
    """
    import numpy as np
    import pandas as pd

    types = {name: numpy_type(kind) for name, kind in TABLES[table].items()}
    parts: dict[str, list[Any]] = {name: [np.empty(0, dtype=kind)] for name, kind in types.items()}
    texts: dict[Any, Any] = {}
    waiting = iter(rows)
    while part := list(islice(waiting, _PART)):
        for (name, kind), values in zip(types.items(), zip(*part, strict=True), strict=True):
            same = [texts.setdefault(v, v) for v in values] if kind == "object" else values
            parts[name].append(np.array(same, dtype=kind))  # None becomes NaN in a float column
    return pd.DataFrame({name: np.concatenate(found) for name, found in parts.items()}).astype(types)


def numpy_type(kind: str) -> str:
    return {"int": "int64", "float": "float64", "float?": "float64"}.get(kind, "object")


def empty_tables() -> Tables:
    return Tables([], [], [], *(frame(name) for name in list(TABLES)[3:]))


def arrow_schema(table: str) -> pa.Schema:
    """The exact Arrow schema of a table's file."""
    import pyarrow as pa

    types = {
        "text": pa.string(),
        "int": pa.int64(),
        "float": pa.float64(),
        "bool": pa.bool_(),
        "text[]": pa.list_(pa.string()),
        "splits": pa.list_(pa.struct([("split", pa.string()), ("rows", pa.int64())])),
    }
    return pa.schema([pa.field(name, types[kind.removesuffix("?")]) for name, kind in TABLES[table].items()])


def refuse(name: str, problem: str, hint: str | None = None) -> InvalidInput:
    """The error for a snapshot (`name` says which) that cannot be taken in."""
    return InvalidInput(
        f"{name} is not a usable registry: {problem}", hint or "get a whole copy of it; nothing was changed"
    )
