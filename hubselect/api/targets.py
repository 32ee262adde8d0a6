"""The dataset a question is about: as the registry holds it, else as the Hub describes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hubselect.api.own_data import placed
from hubselect.errors import InvalidInput
from hubselect.hub import index_dataset, index_own, is_own
from hubselect.records import DATASET_CONTENT, Dataset, dataset_name
from hubselect.registry import Registry


def target_dataset(
    store: Registry,
    dataset_id: Any,
    *,
    config: str | None = None,
    text_columns: Sequence[str] = (),
    choice_columns: Sequence[str] = (),
    image_column: str | None = None,
    audio_column: str | None = None,
    label_column: str | None = None,
) -> Dataset:
    """The dataset as the registry knows it, else as the Hub or one's own files describe it (not yet
    written). It is named by an id, by a path, or by itself (`api.own_data`)."""
    dataset_id = placed(dataset_id, store.home)
    overrides = bool(text_columns or choice_columns or image_column or audio_column or label_column)
    known = _stored(store, dataset_name(dataset_id, config))
    if known is not None and known.revision is not None and not overrides:
        return known
    columns: dict[str, Any] = {
        "text_columns": tuple(text_columns),
        "choice_columns": tuple(choice_columns),
        "image_column": image_column,
        "audio_column": audio_column,
        "label_column": label_column,
    }
    found = described(dataset_id, config=config, role="target", **columns)
    known = _stored(store, found.name)
    if known is None:
        return found
    found = replace(found, role=known.role)
    if known.revision is not None and content_of(found) == content_of(known):
        return known
    if known.role == "benchmark" and known.revision is not None:
        raise InvalidInput(
            f"{known.name} is a benchmark dataset with other columns or at another revision",
            "select for it without column options, or use another registry",
        )
    return found


def described(
    dataset_id: str, *, config: str | None = None, revision: str | None = None, **options: Any
) -> Dataset:
    """A dataset of the Hub, or of this machine where it is named by a path. Options are `index_dataset`'s."""
    if not is_own(dataset_id):
        return index_dataset(dataset_id, config=config, revision=revision, **options)
    if config is not None or revision is not None:
        raise InvalidInput("files of one's own have no configurations and revisions", "leave that option out")
    return index_own(dataset_id, **options)


def _stored(store: Registry, name: str) -> Dataset | None:
    return next(iter(store.datasets(name=name)), None)


def content_of(dataset: Dataset) -> tuple[object, ...]:
    """What makes two scores on a dataset comparable: its data and the columns that are read."""
    return tuple(getattr(dataset, name) for name in DATASET_CONTENT)


def is_stored(store: Registry, dataset: Dataset) -> bool:
    """Whether the registry holds this dataset with the same content."""
    return any(content_of(d) == content_of(dataset) for d in store.datasets(name=dataset.name))
