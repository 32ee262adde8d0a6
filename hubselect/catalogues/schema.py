"""What a catalogue file holds; a TOML key is the name of a field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hubselect.records import Role, Task, dataset_name


@dataclass(frozen=True)
class CatalogueModel:
    """A checkpoint. `paper` is the paper's spelling of an id that the Hub now serves under another
    name; `unverified` means that `id` could not be checked against the Hub."""

    id: str
    paper: str | None = None
    unverified: bool = False
    note: str | None = None

    @property
    def name(self) -> str:
        return self.id


@dataclass(frozen=True)
class CatalogueDataset:
    """A labelled dataset with its columns.

    `splits` says which split of the repository serves as train, validation and test. `metric` is
    the one usual for the dataset. `unsupported` says why an entry is listed but never registered.
    """

    id: str
    role: Role
    label_column: str
    config: str | None = None
    paper: str | None = None
    text_columns: tuple[str, ...] = ()
    choice_columns: tuple[str, ...] = ()
    image_column: str | None = None
    splits: Mapping[str, str] = field(default_factory=dict)
    metric: str = "accuracy"
    source: str | None = None
    unverified: bool = False
    unsupported: str | None = None
    note: str | None = None

    @property
    def name(self) -> str:
        return dataset_name(self.id, self.config)


@dataclass(frozen=True)
class Catalogue:
    """One file: a named suite of one task."""

    name: str
    task: Task
    title: str
    source: str
    models: tuple[CatalogueModel, ...]
    datasets: tuple[CatalogueDataset, ...]
