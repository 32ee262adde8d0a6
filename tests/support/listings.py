"""Repositories for listings of the mini hub: folders with the few files that a listing looks at."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.repos import write_card, write_settings


def write_listed_model(
    root: Path,
    repo_id: str,
    *,
    architecture: str = "BertForSequenceClassification",
    model_type: str = "bert",
    values: int = 100,
    weights: tuple[str, ...] = ("model.safetensors",),
    config: Mapping[str, Any] | None = None,
    card: Mapping[str, Any] | None = None,
    **settings: Any,
) -> Path:
    """A model with a config, weights of `values` 32-bit numbers, a card, and `settings` of the mini hub."""
    folder = root / "models" / repo_id
    folder.mkdir(parents=True, exist_ok=True)
    content = {"architectures": [architecture], "model_type": model_type, **(config or {})}
    (folder / "config.json").write_text(json.dumps(content))
    for name in weights:
        (folder / name).write_bytes(tensors(values) if name.endswith(".safetensors") else b"\0" * 64)
    write_card(folder, card if card is not None else {"license": "apache-2.0"})
    write_settings(folder, **{"last_modified": "2024-05-01T00:00:00.000Z", **settings})
    return folder


def write_listed_dataset(root: Path, repo_id: str, **settings: Any) -> Path:
    """A dataset of texts, known by its card."""
    folder = root / "datasets" / repo_id
    folder.mkdir(parents=True, exist_ok=True)
    write_card(folder, {"task_categories": ["text-classification"], "license": "mit"})
    write_settings(folder, **{"last_modified": "2024-05-01T00:00:00.000Z", **settings})
    return folder


def tensors(values: int) -> bytes:
    """A safetensors file of one tensor of zeros."""
    header = json.dumps(
        {"weight": {"dtype": "F32", "shape": [values], "data_offsets": [0, 4 * values]}}
    ).encode()
    return struct.pack("<Q", len(header)) + header + bytes(4 * values)
