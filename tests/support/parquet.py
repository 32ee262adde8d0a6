"""Parquet files with the schema metadata that `datasets` writes, without importing `datasets`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tests.support.data import png

IMAGE_TYPE = pa.struct({"bytes": pa.binary(), "path": pa.string()})


def write_parquet(path: Path, columns: Mapping[str, list[Any]], features: Mapping[str, Any]) -> None:
    """Write columns under the given features ({"label": {"names": [...], "_type": "ClassLabel"}}).

    Images (uint8 arrays) are embedded as PNG files, recordings (bytes) as they are.
    """
    arrays, fields = [], []
    for name, values in columns.items():
        kind = _arrow_type(features[name])
        if features[name]["_type"] == "Audio":
            values = [{"bytes": v, "path": f"{i:04d}.wav"} for i, v in enumerate(values)]
        elif kind == IMAGE_TYPE:
            values = [{"bytes": png(np.asarray(v)), "path": f"{i:04d}.png"} for i, v in enumerate(values)]
        arrays.append(pa.array(values, type=kind))
        fields.append(pa.field(name, kind))
    metadata = {"huggingface": json.dumps({"info": {"features": dict(features)}})}
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_arrays(arrays, schema=pa.schema(fields, metadata)), path)


def _arrow_type(feature: Mapping[str, Any]) -> pa.DataType:
    if feature["_type"] in ("Image", "Audio"):
        return IMAGE_TYPE
    if feature["_type"] == "List":
        return pa.list_(_arrow_type(feature["feature"]))
    if feature["_type"] == "ClassLabel":
        return pa.int64()
    return {"string": pa.string(), "float32": pa.float32()}[feature["dtype"]]
