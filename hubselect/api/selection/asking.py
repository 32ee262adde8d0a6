"""The arguments of `select`, together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hubselect.api.progress import Listener
from hubselect.api.recall.options import K, RecallOptions, recall_options
from hubselect.api.targets import target_dataset
from hubselect.recall.scope import Scope
from hubselect.records import Dataset, Method
from hubselect.registry import Registry


@dataclass(frozen=True)
class Asked:
    """Named as in `select`, where their meanings and defaults are."""

    dataset_id: Any
    registry: Registry | str | Path | None
    config: str | None
    k: K
    epochs: int | None
    policy: str
    recall: str
    method: Method | None
    metric: str | None
    proxy: str | None
    proxies: Sequence[str]
    scope: Scope
    top: int | None
    candidates: Sequence[str]
    exclude: Sequence[str]
    authors: Sequence[str]
    licenses: Sequence[str]
    max_params: int | None
    tolerance: float
    budget_epochs: float | None
    budget_seconds: float | None
    executor: str
    output: str | Path | None
    push_to_hub: str | None
    private: bool
    threshold: float
    max_download: int | None
    max_disk: int | None
    max_train_samples: int | None
    seed: int | None
    text_columns: Sequence[str]
    choice_columns: Sequence[str]
    image_column: str | None
    audio_column: str | None
    label_column: str | None
    workers: int | None
    fresh: bool
    report_to: Sequence[str]
    listener: Listener

    def recall_options(self) -> RecallOptions:
        """How models are to be recalled; raises `InvalidInput`."""
        return recall_options(
            method=self.recall,
            proxy=self.proxy,
            proxies=self.proxies,
            scope=self.scope,
            top=self.top,
            candidates=self.candidates,
            exclude=self.exclude,
            authors=self.authors,
            licenses=self.licenses,
            max_params=self.max_params,
            max_download=self.max_download,
            max_disk=self.max_disk,
            tolerance=self.tolerance,
        )

    def dataset(self, store: Registry) -> Dataset:
        """The target as `store` knows it, else as the Hub describes it."""
        return target_dataset(
            store,
            self.dataset_id,
            config=self.config,
            text_columns=self.text_columns,
            choice_columns=self.choice_columns,
            image_column=self.image_column,
            audio_column=self.audio_column,
            label_column=self.label_column,
        )
