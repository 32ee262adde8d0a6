"""Model cards and evaluation results as files that the Hub's own client reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hubselect.hub.dataset_cards import keep_card

LICENSE = ("license", "license_name", "license_link")
"""The entries of a card that tell its licence, together."""


def card_content(metadata: Mapping[str, Any], body: str) -> str:
    """A README: the metadata as YAML between its two lines, then the text."""
    return f"---\n{_yaml(dict(metadata))}---\n\n{body}"


def eval_results_content(entries: Sequence[Mapping[str, Any]]) -> bytes:
    """A file of the folder `.eval_results`, from entries in the Hub's form (dataset, value, notes)."""
    return _yaml([dict(entry) for entry in entries]).encode("utf-8")


def keep_model_card(theirs: Path, ours: Path, marks: tuple[str, str], name: str) -> None:
    """As `keep_card`, for the card of a model whose weights are replaced.

    What `ours` says of the new weights stands: base model, datasets, results. The owner keeps other
    entries, tags, and the licence unless it was chosen for another base model.
    """
    keep_card(theirs, ours, marks, name, united_metadata)


def united_metadata(had: dict[str, Any], made: dict[str, Any]) -> dict[str, Any]:
    """The metadata of a model's card that had `had` when `made` is written."""
    same_base = had.get("base_model", made.get("base_model")) == made.get("base_model")
    if "license" in had and same_base:
        made = {key: value for key, value in made.items() if key not in LICENSE}
    else:
        had = {key: value for key, value in had.items() if key not in LICENSE}
    # results of other datasets were those of the weights that are replaced
    united = {**{key: value for key, value in had.items() if key != "model-index"}, **made}
    tags = had.get("tags") or []
    tags = tags if isinstance(tags, list) else [tags]
    united["tags"] = tags + [tag for tag in made.get("tags", []) if tag not in tags]
    return united


def _yaml(content: Any) -> str:
    from huggingface_hub.utils import yaml_dump  # type: ignore[attr-defined]

    text: str = yaml_dump(content, sort_keys=False)
    return text
