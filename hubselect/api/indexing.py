"""Walking the Hub's listings into the registry: candidates, their metadata, what their cards claim."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from hubselect.api.opening import opened
from hubselect.api.progress import Listener, Progress, silent
from hubselect.errors import HubselectError, InvalidInput
from hubselect.hub import ListQuery, Page, Patience, listed_dataset, listed_model, pages
from hubselect.hub.ahead import Ahead
from hubselect.hub.listings import modified, why_not
from hubselect.hub.models import AUDIO_PIPELINES, IMAGE_PIPELINES, TEXT_PIPELINES
from hubselect.hub.walking import PAGE_SIZE, StalePage
from hubselect.records import TASKS, Dataset, Model, Task, models_for
from hubselect.registry import HubResult, IndexCursor, Indexed, Registry

What = Literal["models", "datasets"]

PIPELINES: Mapping[Task, tuple[str, ...]] = {
    "text-classification": (
        "text-classification",
        "fill-mask",
        "feature-extraction",
        "sentence-similarity",
        "token-classification",
        "zero-shot-classification",
    ),
    "image-classification": ("image-classification", "image-feature-extraction"),
    "audio-classification": ("audio-classification", "automatic-speech-recognition"),
}
"""Pipeline tags under which checkpoints worth fine-tuning are listed, by what they are filed under: heads
and encoders."""

_ALL_PIPELINES: Mapping[Task, frozenset[str]] = {
    "text-classification": TEXT_PIPELINES,
    "image-classification": IMAGE_PIPELINES,
    "audio-classification": AUDIO_PIPELINES,
}


@dataclass(frozen=True)
class IndexReport:
    """What an indexing run did. `seen` entries were read on `pages` pages; `indexed` says what they
    were to the registry; `skipped` counts the others by reason. `resumed`: a killed run was taken up."""

    what: What
    task: Task
    seen: int = 0
    pages: int = 0
    indexed: Indexed = field(default_factory=Indexed)
    skipped: Mapping[str, int] = field(default_factory=dict)
    resumed: bool = False


def index(
    task: Task,
    *,
    registry: Registry | str | Path | None = None,
    author: str | None = None,
    min_downloads: int | None = None,
    limit: int | None = None,
    what: What = "models",
    pipelines: Sequence[str] = (),
    page_size: int = PAGE_SIZE,
    patience: Patience | None = None,
    listener: Listener = silent,
) -> IndexReport:
    """Take the metadata of the Hub's models (or datasets) for a task into the registry; models are filed
    under what they read, whichever of its tasks is named.

    Without `min_downloads` and `limit` everything is walked in order of change, and the next time
    only what changed since. With either, the most downloaded come first and the walk ends at the
    bound. A walk that was killed goes on at its page. `pipelines` replaces the pipeline tags that are
    walked (`PIPELINES`), in that order.

    Raises `InvalidInput` for a task, pipeline or bound that makes no sense, `HubUnreachable` and
    `HubError` when the Hub does not answer or sends the walk elsewhere: what was indexed before stays.
    """
    task = models_for(task) if what == "models" and task in TASKS else task
    tags = _tags(task, what, pipelines)
    for name, value in (("--limit", limit), ("--min-downloads", min_downloads)):
        if value is not None and value < 1:
            raise InvalidInput(f"{name} must be at least 1, not {value}", "raise it, or leave it out")
    if not 1 <= page_size <= PAGE_SIZE:
        raise InvalidInput(
            f"a page has 1 to {PAGE_SIZE} entries, not {page_size}", "choose a size within that"
        )
    with opened(registry) as store:
        walk = _Walk(store, task, what, min_downloads, limit, patience or Patience(), listener)
        for tag in tags:
            if walk.full:
                break
            by_downloads = min_downloads is not None or limit is not None
            size = min(page_size, limit or page_size)
            order: Literal["downloads", "lastModified"] = "downloads" if by_downloads else "lastModified"
            walk.over(ListQuery(what, tag, author, order, size))
        return walk.report


def _tags(task: Task, what: What, pipelines: Sequence[str]) -> tuple[str, ...]:
    if task not in TASKS:
        raise InvalidInput(f"{task!r} is not a task", f"choose one of {', '.join(TASKS)}")
    if what not in ("models", "datasets"):
        raise InvalidInput(f"{what!r} cannot be indexed", "choose models or datasets")
    if what == "datasets":
        if pipelines:
            raise InvalidInput("datasets have no pipeline tags", "leave --pipeline out")
        return (task,)
    for tag in pipelines:
        if tag not in _ALL_PIPELINES[task]:
            raise InvalidInput(
                f"{tag!r} is no pipeline of models for {task}",
                f"use {', '.join(sorted(_ALL_PIPELINES[task]))}",
            )
    return tuple(dict.fromkeys(pipelines)) or PIPELINES[task]


class _Walk:
    """One indexing run over one or several listings."""

    def __init__(
        self,
        store: Registry,
        task: Task,
        what: What,
        min_downloads: int | None,
        limit: int | None,
        patience: Patience,
        listener: Listener,
    ) -> None:
        self._store = store
        self._task = task
        self._what: What = what
        self._least = min_downloads
        self._limit = limit
        self._patience = patience
        self._listener = listener
        self._kept = 0
        self._skipped: Counter[str] = Counter()
        self.report = IndexReport(what, task)

    @property
    def full(self) -> bool:
        return self._limit is not None and self._kept >= self._limit

    def over(self, query: ListQuery) -> None:
        """Walk one listing: the rest of a killed walk first, then what is new since."""
        bounds = {"min_downloads": self._least, "limit": self._limit, "task": self._task}
        identity = {**query.identity, **bounds}
        cursor = self._store.index_cursor(identity) or IndexCursor(identity)
        if cursor.next_page is not None:
            self.report = replace(self.report, resumed=True)
            self._kept += cursor.walk_seen
            try:
                cursor = self._pages(query, cursor)
            except StalePage:
                cursor = replace(cursor, next_page=None)
                self._kept -= cursor.walk_seen
            else:
                if query.order == "downloads":
                    return
        self._pages(query, IndexCursor(identity, seen_until=cursor.seen_until))

    def _pages(self, query: ListQuery, cursor: IndexCursor) -> IndexCursor:
        walk = pages(query, start=cursor.next_page, patience=self._patience, waiting=self._wait)
        ahead = Ahead(walk)
        while (page := ahead.next()) is not None:
            items, ended = self._wanted(page, query, cursor.seen_until)
            if self._goes_on(page, items, ended):
                ahead.begin()  # the next page is on its way while this one is read and written
            kept = self._entries(items)
            cursor = self._after(page, items, len(kept), cursor, ended)
            self._write(kept, cursor, len(items))
            if cursor.next_page is None:
                break
        return cursor

    def _goes_on(self, page: Page, items: Sequence[Mapping[str, Any]], ended: bool) -> bool:
        """Whether the walk will want a next page, as far as that can be known before reading this one."""
        reached = self._limit is not None and self._kept + len(items) >= self._limit
        return page.next_page is not None and not ended and not reached

    def _wanted(
        self, page: Page, query: ListQuery, seen_until: str | None
    ) -> tuple[list[Mapping[str, Any]], bool]:
        """The entries up to where the walk ends, and whether that is on this page."""
        wanted: list[Mapping[str, Any]] = []
        for item in page.items:
            if query.order == "downloads":
                if self._least is not None and (item.get("downloads") or 0) < self._least:
                    return wanted, True
            elif seen_until and (changed := modified(item)) and changed < seen_until:
                return wanted, True
            wanted.append(item)
        return wanted, False

    def _entries(self, items: Sequence[Mapping[str, Any]]) -> list[tuple[Model | Dataset, list[HubResult]]]:
        kept: list[tuple[Model | Dataset, list[HubResult]]] = []
        for item in items:
            if self.full:
                break
            try:
                kept.append(self._entry(item))
                self._kept += 1
            except HubselectError as error:
                self._skipped[why_not(error, item["id"])] += 1
        return kept

    def _entry(self, item: Mapping[str, Any]) -> tuple[Model | Dataset, list[HubResult]]:
        if self._what == "datasets":
            return listed_dataset(item, self._task), []
        found = listed_model(item, self._task)
        model = found.model
        return model, [
            HubResult(model.id, model.revision or "", c.dataset, c.metric, c.value, c.config, c.split)
            for c in found.claims
        ]

    def _after(
        self, page: Page, items: Sequence[Mapping[str, Any]], kept: int, cursor: IndexCursor, ended: bool
    ) -> IndexCursor:
        newest = max(filter(None, (cursor.walk_newest, *map(modified, items))), default=None)
        cursor = replace(cursor, walk_newest=newest, walk_seen=cursor.walk_seen + kept)
        if page.next_page is not None and not ended and not self.full:
            return replace(cursor, next_page=page.next_page)
        seen_until = max(filter(None, (cursor.seen_until, newest)), default=None)
        return replace(cursor, next_page=None, seen_until=seen_until, finished_at=_now())

    def _write(
        self, kept: Sequence[tuple[Model | Dataset, list[HubResult]]], cursor: IndexCursor, seen: int
    ) -> None:
        if self._what == "datasets":
            done = self._store.index_datasets([d for d, _ in kept if isinstance(d, Dataset)], cursor)
        else:
            models = [m for m, _ in kept if isinstance(m, Model)]
            done = self._store.index_models(models, [c for _, claims in kept for c in claims], cursor)
        self.report = replace(
            self.report,
            seen=self.report.seen + seen,
            pages=self.report.pages + 1,
            indexed=self.report.indexed + done,
            skipped=dict(self._skipped.most_common()),
        )
        self._tell(f"{self.report.indexed.new:,} new")

    def _wait(self, seconds: float, why: str) -> None:
        self._tell(f"{why}: waiting {seconds:.0f} s")

    def _tell(self, detail: str) -> None:
        self._listener(Progress("index", self.report.seen, self._limit or 0, detail))


def _now() -> str:
    from datetime import UTC, datetime

    return datetime.now(UTC).isoformat(timespec="microseconds")
