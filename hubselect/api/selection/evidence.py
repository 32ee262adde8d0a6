"""The evidence beside the saved winner: `hubselect.json`, readable without hubselect."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from hubselect.errors import InvalidInput, StorageFailed
from hubselect.records import Dataset, Model, Recipe, Selection
from hubselect.reports.documents import selection_document

EVIDENCE = "hubselect.json"


def write_evidence(
    folder: Path, selection: Selection, dataset: Dataset, recipe: Recipe, winner: Model
) -> None:
    """How the checkpoint in `folder` was chosen: what was tried, at which revisions, at what cost.

    Raises `StorageFailed`, and then leaves nothing of it.
    """
    document = {
        "selection": selection_document(selection),
        "dataset": {
            "id": dataset.id,
            "config": dataset.config,
            "revision": dataset.revision,
            "task": dataset.task,
            "problem_type": dataset.problem_type,
            "text_columns": list(dataset.text_columns),
            "choice_columns": list(dataset.choice_columns),
            "image_column": dataset.image_column,
            "audio_column": dataset.audio_column,
            "label_column": dataset.label_column,
        },
        "base_model": {"id": winner.id, "revision": winner.revision, "license": winner.license},
        "recipe": recipe.content,
    }
    partial = folder / f"{EVIDENCE}.partial"
    try:
        partial.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
        os.replace(partial, folder / EVIDENCE)
    except OSError as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise StorageFailed(
            f"{folder / EVIDENCE} cannot be written: {error.strerror or error}",
            "make room for it, then run the same command again",
        ) from error


def holds(folder: str | None, selection: int, dataset: str) -> bool:
    """Whether `folder` still holds the checkpoint that this selection saved there."""
    try:
        found = json.loads((Path(folder or "") / EVIDENCE).read_text(encoding="utf-8"))["selection"]
        return bool(folder) and (found["selection_id"], found["dataset"]) == (selection, dataset)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def read_evidence(folder: Path) -> dict[str, Any]:
    """What `write_evidence` wrote there. Raises `InvalidInput` for a file that is none of its own."""
    try:
        found = json.loads((folder / EVIDENCE).read_text(encoding="utf-8"))
        if not all(isinstance(found[key], dict) for key in ("selection", "dataset", "base_model", "recipe")):
            raise ValueError("a part is missing")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidInput(
            f"{folder / EVIDENCE} cannot be read: {error}", "run the same `hubselect select` again"
        ) from error
    return dict(found)
