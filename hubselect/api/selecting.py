"""The main job: recall, fine-select, and hand over the winner with the evidence."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from hubselect.api.benchmarking import pinned, recipe_for
from hubselect.api.evidence import write_evidence
from hubselect.api.journal import Event, RegistryJournal
from hubselect.api.opening import opened
from hubselect.api.progress import Listener, Progress, silent
from hubselect.api.recalling import (
    Knowledge,
    knowledge_for,
    recall_for,
    target_dataset,
)
from hubselect.errors import InvalidInput, SelectionFailed
from hubselect.executors.jobs import TrainingJob
from hubselect.executors.local import LocalExecutor
from hubselect.executors.pool import WorkerPool, default_workers
from hubselect.hub import download_model
from hubselect.knowledge.trend_book import TrendBook
from hubselect.recall.proxies import proxy as proxy_named
from hubselect.records import Dataset, Failed, Recalled, Recipe, Selection
from hubselect.registry import Registry, SelectionRecord, SelectionRequest
from hubselect.reports.numbers import size
from hubselect.selection import StagedPolicy, drive, make_policy
from hubselect.training.outputs import check_output

EXECUTORS = ("local",)


def select(
    dataset_id: str,
    *,
    registry: Registry | str | Path | None = None,
    config: str | None = None,
    k: int = 10,
    epochs: int | None = None,
    policy: str = "fine-selection",
    proxy: str = "leep",
    executor: str = "local",
    output: str | Path | None = None,
    threshold: float = 0.0,
    max_download: int | None = None,
    max_train_samples: int | None = None,
    seed: int | None = None,
    text_columns: Sequence[str] = (),
    image_column: str | None = None,
    label_column: str | None = None,
    workers: int | None = None,
    fresh: bool = False,
    listener: Listener = silent,
) -> Selection:
    """Select the checkpoint to fine-tune for a dataset, and fine-tune it.

    `k` models are recalled (Eq. 2-4) and fine-tuned in stages under `policy`. The recipe is the
    one the registry's results were measured with (5 epochs if it has none); `epochs`,
    `max_train_samples` and `seed` change it. `max_download` (bytes) leaves out recalled models
    that no longer fit. The winner is saved to `output` (default: beside the registry).

    A selection that was interrupted is continued, and one that was finished on the same
    knowledge is returned again, unless `fresh`. Raises `HubselectError` with one clear line.
    """
    _check(k, executor, proxy, policy, threshold)
    if output is not None:
        check_output(Path(output))
    with opened(registry) as store:
        dataset = target_dataset(
            store,
            dataset_id,
            config=config,
            text_columns=text_columns,
            image_column=image_column,
            label_column=label_column,
        )
        known = knowledge_for(store, dataset)
        recipe = recipe_for(
            store, dataset.task, epochs=epochs, max_train_samples=max_train_samples, seed=seed
        )
        options = {"revision": dataset.revision, "threshold": threshold, "max_download": max_download}
        request = SelectionRequest(dataset.name, recipe.digest, policy, proxy, k, options)
        knowledge_digest = _knowledge_digest(known)
        done = None if fresh else store.finished_selection(request.request_digest, knowledge_digest)
        if done is not None and done.path and Path(done.path).is_dir():
            return _given_again(store.selection(done.id), Path(output) if output else None)
        work = _Work(store, dataset, known, recipe, request, knowledge_digest, workers, listener)
        return work.run(Path(output) if output else None, fresh=fresh)


class _Work:
    """One selection, from recall to the saved winner."""

    def __init__(
        self,
        store: Registry,
        dataset: Dataset,
        known: Knowledge,
        recipe: Recipe,
        request: SelectionRequest,
        knowledge_digest: str,
        workers: int | None,
        listener: Listener,
    ) -> None:
        self._store = store
        self._dataset = dataset
        self._known = known
        self._recipe = recipe
        self._request = request
        self._knowledge_digest = knowledge_digest
        self._workers = workers
        self._listener = listener
        self._fetched = self._total = 0

    def run(self, output: Path | None, *, fresh: bool) -> Selection:
        unfinished = None if fresh else self._unfinished()
        with WorkerPool(self._workers or default_workers(self._request.k, self._largest())) as pool:
            record = unfinished or self._begin(pool)
            self._folder = self._store.home / "work" / f"selection-{record.id}"
            journal = self._journal(record)
            trainer = LocalExecutor(pool, partial(self._job, journal))
            try:
                winner = drive(self._policy(record), trainer, journal).winner
            except SelectionFailed as error:
                self._store.fail_selection(record.id, str(error))
                shutil.rmtree(self._folder, ignore_errors=True)
                raise
            path = (output or self._store.home / "selections" / str(record.id)).absolute()
            test = trainer.finish(winner, path)
        journal.spend()
        result = self._result(record.id, journal, winner, test, path)
        write_evidence(path, result, self._dataset, self._recipe, self._store.model(winner))
        self._store.finish_selection(record.id, winner, result.val_score, test, str(path), result.cost)
        shutil.rmtree(self._folder, ignore_errors=True)
        return replace(result, resumed=unfinished is not None)

    def _unfinished(self) -> SelectionRecord | None:
        record = self._store.open_selection(self._request.request_digest)
        if record is not None and record.recalled is None:  # killed between two writes of `_begin`
            self._store.fail_selection(record.id, "killed before its recall was recorded")
            return None
        return record

    def _begin(self, pool: WorkerPool) -> SelectionRecord:
        """Phase 1, then everything about it into the registry; a failure before leaves no trace."""
        started = time.monotonic()
        request = self._request
        found = recall_for(
            self._store, self._dataset, self._known, self._recipe, request.proxy, None, pool, self._listener
        )
        chosen = _within(self._store, found.recalled, request.k, request.options["max_download"])
        ids = {r.model for r in chosen}
        trends = TrendBook.from_runs([r for r in self._known.runs if r.model in ids])
        self._store.add_dataset(self._dataset)
        self._store.add_recipe(self._recipe)
        self._store.add_proxy_scores(found.scored)
        selection = self._store.create_selection(request)
        self._store.record_recall(
            selection,
            chosen,
            trends.to_dict(),
            recall_epochs=found.epochs,
            bytes=found.bytes_downloaded,
            knowledge_digest=self._knowledge_digest,
        )
        self._store.add_cost(selection, seconds=time.monotonic() - started)
        for note in found.notes:
            self._store.append_event(selection, "note", {"text": note})
            self._listener(Progress("recall", len(chosen), len(chosen), note))
        return self._store.selection_record(selection)

    def _journal(self, record: SelectionRecord) -> RegistryJournal:
        models = [r.model for r in record.recalled or ()]
        self._total = len(models)
        return RegistryJournal(self._store, record.id, models, self._dataset.name, self._recipe, self._tell)

    def _policy(self, record: SelectionRecord) -> StagedPolicy:
        trends = TrendBook.from_dict(record.knowledge) if record.knowledge else TrendBook.from_runs(())
        threshold = self._request.options["threshold"]
        return make_policy(self._request.policy, self._recipe.stages, trends, threshold=threshold)

    def _job(self, journal: RegistryJournal, model_id: str) -> TrainingJob:
        model = pinned(self._store, self._store.model(model_id))
        download = download_model(model)
        journal.spend(download.bytes_fetched)
        self._fetched += 1
        detail = f"{model_id}: {size(download.bytes_fetched)}" if download.bytes_fetched else ""
        self._listener(Progress("download", self._fetched, self._total, detail))
        place = self._folder / hashlib.sha256(model_id.encode()).hexdigest()[:24]
        return TrainingJob(download.path, model, self._dataset, self._recipe, place)

    def _result(
        self, selection: int, journal: RegistryJournal, winner: str, test: float, path: Path
    ) -> Selection:
        record = self._store.selection_record(selection)
        return Selection(
            id=selection,
            dataset=self._dataset.name,
            model_id=winner,
            path=str(path),
            val_score=journal.history().points[winner][-1].val,
            test_score=test,
            recalled=record.recalled or (),
            history=record.verdicts,
            cost=replace(record.cost, training_epochs=journal.training_epochs()),
            policy=self._request.policy,
            proxy=self._request.proxy,
            recipe=self._request.recipe_digest,
        )

    def _tell(self, event: Event) -> None:
        if isinstance(event, Failed):
            text = f"{event.model} failed: {event.reason}"
        else:
            text = f"{event.model} stage {event.stage}: {event.val:.3f}"
        self._listener(Progress("fine-tune", event.stage, self._recipe.stages, text))

    def _largest(self) -> int:
        return max((m.weights_bytes or 0 for m in self._store.models(self._dataset.task)), default=0)


def _given_again(done: Selection, output: Path | None) -> Selection:
    """A finished selection's answer; its checkpoint is copied when another output is asked for."""
    source = Path(done.path or "")
    if output is None or output.absolute() == source:
        return replace(done, resumed=True)
    draft = output.absolute().with_name(f".{output.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    shutil.copytree(source, draft)
    shutil.rmtree(output, ignore_errors=True)  # an older checkpoint, as `check_output` made sure
    draft.rename(output)
    return replace(done, path=str(output.absolute()), resumed=True)


def _within(store: Registry, ranked: Sequence[Recalled], k: int, limit: int | None) -> tuple[Recalled, ...]:
    """The best `k`, leaving out those whose weights no longer fit into `limit` bytes."""
    if limit is None:
        return tuple(ranked[:k])
    chosen: list[Recalled] = []
    left = limit
    for each in ranked:
        size = store.model(each.model).weights_bytes
        if size is not None and size <= left and len(chosen) < k:
            chosen.append(each)
            left -= size
    if not chosen:
        raise InvalidInput(f"no recalled model fits into {limit} bytes", "raise --max-download")
    return tuple(chosen)


def _check(k: int, executor: str, proxy: str, policy: str, threshold: float) -> None:
    if k < 1:
        raise InvalidInput(f"-k must be at least 1, not {k}")
    if executor not in EXECUTORS:
        raise InvalidInput(f"unknown executor {executor!r}", f"choose one of {', '.join(EXECUTORS)}")
    proxy_named(proxy)
    make_policy(policy, 1, TrendBook.from_runs(()), threshold=threshold)


def _knowledge_digest(known: Knowledge) -> str:
    matrix = known.matrix
    clusters = [(c.representative, c.members) for c in known.clustering.clusters]
    return _digest([matrix.models, matrix.datasets, matrix.scores.tolist(), sorted(clusters)])


def _digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
