"""Registering a whole suite of models and datasets from a catalogue."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hubselect.api.opening import opened
from hubselect.api.progress import Listener, Progress, silent
from hubselect.catalogues.reading import catalogue
from hubselect.catalogues.schema import Catalogue, CatalogueDataset, CatalogueModel
from hubselect.errors import (
    HubselectError,
    HubUnreachable,
    RegistryError,
    StorageFailed,
    UnknownEntry,
    UnsupportedModel,
)
from hubselect.hub import index_dataset, index_model
from hubselect.records import Task
from hubselect.registry import Registry
from hubselect.training.metrics import checked_metric

Entry = CatalogueModel | CatalogueDataset
Status = Literal["added", "known", "skipped", "planned"]


@dataclass(frozen=True)
class Registered:
    """What became of one entry: added now, known before, skipped for `reason`, or only planned."""

    kind: Literal["model", "dataset"]
    name: str
    status: Status
    reason: str | None = None
    paper: str | None = None
    unverified: bool = False
    note: str | None = None


@dataclass(frozen=True)
class Initialised:
    """All entries of a suite in the order of its file."""

    suite: str
    task: Task
    title: str
    entries: tuple[Registered, ...]

    def count(self, status: Status) -> int:
        return sum(e.status == status for e in self.entries)

    @property
    def failed(self) -> bool:
        """Whether there were entries and none of them could be registered."""
        return bool(self.entries) and self.count("skipped") == len(self.entries)


def init(
    suite: str | Path,
    *,
    registry: Registry | str | Path | None = None,
    models: bool = True,
    datasets: bool = True,
    dry_run: bool = False,
    listener: Listener = silent,
) -> Initialised:
    """Register the models and datasets of a catalogue (its name, or a TOML file of that form).

    Every entry is looked up on the Hub and kept as `add_model(benchmark=False)` and `add_dataset`
    would; one that is gone, gated or unsupported is skipped with its reason, and one the registry
    already pins is left as it is. `dry_run` asks nobody and changes nothing. Raises what
    `catalogue` raises, `HubUnreachable`, `RegistryError` and `StorageFailed`; entries registered before
    that stay.
    """
    chosen = catalogue(suite)
    wanted: list[Entry] = [*(chosen.datasets if datasets else ()), *(chosen.models if models else ())]
    if dry_run:
        return _answer(chosen, (_planned(entry) for entry in wanted))
    with opened(registry) as store:
        done: list[Registered] = []
        for number, entry in enumerate(wanted, start=1):
            done.append(_register(store, entry, chosen.task))
            listener(Progress("register", number, len(wanted), entry.name))
        return _answer(chosen, done)


def _answer(chosen: Catalogue, entries: Iterator[Registered] | list[Registered]) -> Initialised:
    return Initialised(chosen.name, chosen.task, chosen.title, tuple(entries))


def _register(store: Registry, entry: Entry, task: Task) -> Registered:
    reason = _unsupported(entry)
    if reason is not None:
        return _outcome(entry, "skipped", reason)
    if _pinned(store, entry):
        return _outcome(entry, "known")
    try:
        if isinstance(entry, CatalogueDataset):
            found = index_dataset(
                entry.id,
                config=entry.config,
                role=entry.role,
                text_columns=entry.text_columns,
                choice_columns=entry.choice_columns,
                image_column=entry.image_column,
                label_column=entry.label_column,
            )
            checked_metric(found, entry.metric)  # its labels are what the suite says they are
            store.add_dataset(found)
        else:
            model = index_model(entry.id)
            if model.task != task:
                raise UnsupportedModel(f"{entry.id} is a model for {model.task}", "take it out of the suite")
            store.add_model(model)
    except (HubUnreachable, RegistryError, StorageFailed):
        raise  # of every entry
    except HubselectError as error:
        return _outcome(entry, "skipped", str(error))
    return _outcome(entry, "added")


def _pinned(store: Registry, entry: Entry) -> bool:
    find = store.dataset if isinstance(entry, CatalogueDataset) else store.model
    try:
        return find(entry.name).revision is not None
    except UnknownEntry:
        return False


def _planned(entry: Entry) -> Registered:
    reason = _unsupported(entry)
    return _outcome(entry, "skipped" if reason else "planned", reason)


def _unsupported(entry: Entry) -> str | None:
    return entry.unsupported if isinstance(entry, CatalogueDataset) else None


def _outcome(entry: Entry, status: Status, reason: str | None = None) -> Registered:
    kind: Literal["model", "dataset"] = "dataset" if isinstance(entry, CatalogueDataset) else "model"
    return Registered(kind, entry.name, status, reason, entry.paper, entry.unverified, entry.note)
