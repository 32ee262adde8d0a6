"""Provisional places for models that have no results, or too few: by lineage, then by card text."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from hubselect.api.clusters.lineage import LineagePlacer, place_by_lineage
from hubselect.api.opening import opened
from hubselect.api.progress import Listener, Progress, silent
from hubselect.errors import HubselectError, InvalidInput, KnowledgeMissing, RepoGated, RepoNotFound
from hubselect.executors.jobs import sentence_vectors
from hubselect.executors.pool import Call, Chain, WorkerPool
from hubselect.hub import Download, card_text, download_model, index_model
from hubselect.knowledge.placement import CARD_TEXT, by_text, compared
from hubselect.records import DO, Model, Placement, Task
from hubselect.registry import Registry
from hubselect.reports.numbers import counted

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST_CARDS = 500
"""Cards of models to be placed that are read when nobody said how many."""

MOST_COMPARED = 1_000
"""Cards of models with results that they are compared with."""

NAMED = 1_000
"""Placements that a report names; more are counted."""

_TEXTS = 2_000  # embedded by one call
_CONNECTIONS = 8
_NO_CARD = (RepoNotFound, RepoGated, InvalidInput)  # about one model, not about the Hub


@dataclass
class Placed:
    """What was done for the clusters of `task` under `recipe`.

    `considered` models had too few results; `lineage` and `card_text` count those placed by either,
    `placements` are the first of them. `notes` say what could not be done.
    """

    task: str
    recipe: str
    considered: int = 0
    lineage: int = 0
    card_text: int = 0
    placements: list[Placement] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def unplaced(self) -> int:
        return self.considered - self.lineage - self.card_text


@dataclass(frozen=True)
class PlacementReport:
    """Provisional placements by task. `text_model` embedded the cards; None: lineage alone was used."""

    tasks: tuple[Placed, ...]
    text_model: str | None = None
    bytes_downloaded: int = 0

    @property
    def placements(self) -> tuple[Placement, ...]:
        return tuple(p for t in self.tasks for p in t.placements)


def place(
    registry: Registry | str | Path | None = None,
    *,
    text_model: str | None = None,
    task: Task | None = None,
    models: Sequence[str] | None = None,
    limit: int | None = None,
    listener: Listener = silent,
) -> PlacementReport:
    """Put models without enough results beside clusters, provisionally: nothing else changes.

    Of each task (or `task`) the `models`, or the `limit` most downloaded ones, or all. A relative with
    results is looked for first (`base_model` links). With `text_model`, a text checkpoint of the Hub,
    the others go where the model with the most similar card is; without it nothing is downloaded.
    Unless models or a limit are given at most 500 cards are read, of models that have no place yet.

    Raises `KnowledgeMissing` before the first clustering, `UnknownEntry` for a model that the registry
    does not hold, HubError's classes when the text model or the Hub cannot be had, and `InvalidInput`
    for a text model that reads no text.
    """
    with opened(registry, create=False) as store:
        shown = store.shown_clusterings(task)
        if models is not None:
            tasks = {store.model(m).task for m in models}
            shown = [(t, d) for t, d in shown if t in tasks]
            if not shown:
                raise KnowledgeMissing(
                    f"there are no clusters of models for {', '.join(sorted(tasks))}",
                    "run `hubselect cluster` when they have results",
                )
        with WorkerPool(1) as pool:  # which starts its process when there is something to read
            reader = _Reader.of(text_model, pool, listener) if text_model is not None else None
            store.tidy_placements()
            report = [
                _Work(store, Placed(t, d), reader, listener).run(models, limit, MOST_CARDS) for t, d in shown
            ]
        return PlacementReport(tuple(report), text_model, reader.bytes_downloaded if reader else 0)


def place_added(store: Registry, models: Sequence[Model]) -> tuple[Placement, ...]:
    """Place models that were just added by lineage, as far as there are clusters."""
    found: list[Placement] = []
    for task in sorted({task for m in models for task in DO[m.task]}):
        try:
            shown = store.shown_clusterings(task)
        except KnowledgeMissing:
            continue
        for _, digest in shown:
            found += place_by_lineage(store, digest, [m.id for m in models if task in DO[m.task]]).found
    return tuple(found)


class _Work:
    """Places models beside the clusters of one task."""

    def __init__(self, store: Registry, report: Placed, reader: _Reader | None, listener: Listener) -> None:
        self._store, self._report, self._reader, self._listener = store, report, reader, listener
        self._placer = LineagePlacer(store, report.recipe, report.task)

    def run(self, models: Sequence[str] | None, limit: int | None, most: int) -> Placed:
        report = self._report
        rest: list[str] = []
        if models is None:
            self._placer.prepare()
        pages = self._store.without_results(report.task, report.recipe, models=models, limit=limit)
        for page in pages:
            placing = self._placer.place(page)
            report.considered += len(page)
            report.lineage += len(placing.found)
            self._name(placing.found)
            rest += placing.rest if self._reader else []
            self._listener(
                Progress("lineage", report.considered, report.considered, page[-1] if page else "")
            )
        if models is not None:
            self._members(models)
        if self._reader and rest:
            if models is None and limit is None:
                rest = self._unplaced(rest, most)
            self._by_text(self._reader, rest)
        return report

    def _members(self, models: Sequence[str]) -> None:
        """Say of models that were asked for but have results where they are."""
        for model in models:
            cluster = self._placer.clusters.get(model)
            if cluster is not None:
                self._report.notes.append(f"{model} has results: it is a member of cluster {cluster}")

    def _unplaced(self, rest: Sequence[str], most: int) -> list[str]:
        """The first `most` that have no place by their card yet."""
        report = self._report
        known = {
            p.model for p in self._store.placements(report.task, report.recipe, models=rest, how=CARD_TEXT)
        }
        report.considered -= len(known)
        left = [m for m in rest if m not in known]
        if len(left) > most:
            report.notes.append(
                f"{len(left) - most:,} more models have no relative with results, and their cards were not "
                "read: repeat, or give --limit or --model"
            )
        return left[:most]

    def _by_text(self, reader: _Reader, models: Sequence[str]) -> None:
        report, homes = self._report, self._placer.homes(self._placer.clusters)
        chosen = compared(homes, self._store.representatives(report.task, report.recipe), MOST_COMPARED)
        if len(chosen) < len(homes):
            report.notes.append(
                f"cards were compared with {len(chosen):,} of {len(homes):,} models that have results"
            )
        neighbours = self._cards(chosen)
        if not neighbours:
            report.notes.append("no model that has results has a card: nothing to compare with")
            return
        table = reader.vectors(list(neighbours.values()))
        for start in range(0, len(models), _TEXTS):
            cards = self._cards(models[start : start + _TEXTS])
            if not cards:
                continue
            found = by_text(list(cards), reader.vectors(list(cards.values())), list(neighbours), table, homes)
            placements = list(found.values())
            self._store.write_placements(report.task, report.recipe, placements)
            report.card_text += len(placements)
            self._name(placements)

    def _cards(self, models: Sequence[str]) -> dict[str, str]:
        """The texts of those cards that can be had and say something."""
        texts: dict[str, str] = {}
        failed: list[str] = []
        with ThreadPoolExecutor(_CONNECTIONS) as threads:
            answers = threads.map(_read, [self._store.model(m) for m in models])
            for done, (model, answer) in enumerate(zip(models, answers, strict=True), start=1):
                if isinstance(answer, HubselectError):
                    failed.append(model)
                elif answer:
                    texts[model] = answer
                self._listener(Progress("cards", done, len(models), model))
        if failed:
            more = f" and {len(failed) - 3:,} more" if len(failed) > 3 else ""
            self._report.notes.append(f"no card could be had of {', '.join(failed[:3])}{more}")
        if empty := len(models) - len(failed) - len(texts):
            self._report.notes.append(f"{counted(empty, 'model')} of {len(models):,} without card text")
        return texts

    def _name(self, placements: Sequence[Placement]) -> None:
        self._report.placements += placements[: max(0, NAMED - len(self._report.placements))]


class _Reader:
    """Embeds texts by one checkpoint, in a worker process."""

    def __init__(self, model: Model, download: Download, pool: WorkerPool, listener: Listener) -> None:
        self._model, self._checkpoint, self._listener = model, download.path, listener
        self._pool = pool
        self.bytes_downloaded = download.bytes_fetched

    @classmethod
    def of(cls, repo_id: str, pool: WorkerPool, listener: Listener) -> _Reader:
        model = index_model(repo_id)
        if model.task != "text-classification":
            raise InvalidInput(
                f"{repo_id} does not read text", "choose a sentence embedding checkpoint of the Hub"
            )
        return cls(model, download_model(model), pool, listener)

    def vectors(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Sentence embeddings [n, d] of at least one text."""
        import numpy as np

        self._listener(Progress("embed", 0, len(texts), self._model.id))
        parts = []
        for _, result in self._pool.run({self._model.id: self._chain(texts)}):
            if isinstance(result, HubselectError):
                raise type(result)(result.message, result.hint or "choose another --text-model")
            parts.append(result)
            self._listener(Progress("embed", sum(map(len, parts)), len(texts), self._model.id))
        return np.concatenate(parts).astype(np.float64)

    def _chain(self, texts: Sequence[str]) -> Chain:
        for start in range(0, len(texts), _TEXTS):
            part = tuple(texts[start : start + _TEXTS])
            yield Call(sentence_vectors, (self._checkpoint, self._model, part))


def _read(model: Model) -> str | HubselectError:
    try:
        return card_text(model)
    except _NO_CARD as error:
        return error
