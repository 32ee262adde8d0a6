"""One selection at work: recall, stages, the saved winner, and the books kept on the way.

Everything that could be lost is written before the next step, in an order that lets a killed
selection be continued from whatever was written last.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from hubselect.api.benchmarks.benchmarking import pinned
from hubselect.api.knowing import trends_for
from hubselect.api.progress import Listener, Progress
from hubselect.api.recall.recalling import Recall, RecallPlan, recall_for
from hubselect.api.selection.curve_ends import ends_for
from hubselect.api.selection.evidence import write_evidence
from hubselect.api.selection.journal import Event, RegistryJournal
from hubselect.errors import HubselectError, InvalidInput, SelectionFailed, UnsupportedModel
from hubselect.executors.jobs import TrainingJob
from hubselect.executors.local import PASSING, LocalExecutor
from hubselect.executors.pool import WorkerPool, default_workers
from hubselect.hub import download_model, is_downloaded
from hubselect.knowledge.curve_ends import CurveEnds
from hubselect.knowledge.trend_book import TrendBook
from hubselect.records import Dataset, Failed, Recalled, Recipe, Selection
from hubselect.registry import Registry, SelectionRecord, SelectionRequest
from hubselect.reports.numbers import size
from hubselect.selection import StagedPolicy, drive, make_policy


class SelectionWork:
    """Begins or continues the selection that `request` asks for, and ends it."""

    def __init__(
        self,
        store: Registry,
        dataset: Dataset,
        plan: RecallPlan,
        recipe: Recipe,
        request: SelectionRequest,
        knowledge_digest: str,
        workers: int | None,
        listener: Listener,
    ) -> None:
        self._store = store
        self._dataset = dataset
        self._plan = plan
        self._recipe = recipe
        self._request = request
        self._knowledge_digest = knowledge_digest
        self._workers = workers
        self._listener = listener

    def run(self, output: Path | None, *, fresh: bool) -> Selection:
        self._sweep()
        unfinished = self._unfinished(fresh=fresh)
        most = default_workers(self._request.k, self._plan.candidates.largest_bytes)
        with WorkerPool(self._workers or most) as pool:
            record = unfinished or self._begin(pool)
            folder = self._folder(record.id)
            journal = self._journal(record)
            trainer = LocalExecutor(pool, partial(self._job, record, journal, folder))
            try:
                winner = drive(self._policy(record), trainer, journal).winner
            except SelectionFailed as error:
                self._store.fail_selection(record.id, str(error))
                shutil.rmtree(folder, ignore_errors=True)
                raise
            path = (output or self._store.home / "selections" / str(record.id)).absolute()
            test = trainer.finish(winner, path)
        journal.spend()
        journal.finish(winner, test)
        result = self._result(record.id, journal, winner, test, path)
        write_evidence(path, result, self._dataset, self._recipe, self._store.model(winner))
        self._store.finish_selection(record.id, winner, result.val_score, test, str(path), result.cost)
        shutil.rmtree(folder, ignore_errors=True)
        return replace(result, resumed=unfinished is not None)

    def _folder(self, selection: int) -> Path:
        return self._store.home / "work" / f"selection-{selection}"

    def _sweep(self) -> None:
        """Training states of selections that ended, left by a kill between the end and the cleaning up."""
        running = {self._folder(s.id).name for s in self._store.selections() if s.status == "running"}
        for folder in (self._store.home / "work").glob("selection-*"):
            if folder.name not in running:
                shutil.rmtree(folder, ignore_errors=True)

    def _unfinished(self, *, fresh: bool) -> SelectionRecord | None:
        record = self._store.open_selection(self._request.request_digest)
        if record is None or (not fresh and record.recalled is not None):
            return record
        why = "started over" if fresh else "killed before its recall was recorded"
        self._store.fail_selection(record.id, why)
        shutil.rmtree(self._folder(record.id), ignore_errors=True)
        return None

    def _begin(self, pool: WorkerPool) -> SelectionRecord:
        """Phase 1, then everything about it into the registry; a failure before leaves no trace."""
        started = time.monotonic()
        store, request = self._store, self._request
        everyone = replace(self._plan, choice=replace(self._plan.choice, k=None))
        found = recall_for(store, self._dataset, everyone, self._recipe, pool, self._listener)
        chosen = _within(store, found, request.k, request.options["max_download"])
        ids = [r.model for r in chosen]
        knowledge = {
            "trends": trends_for(store, self._plan.known, ids).to_dict(),
            "revisions": {m: store.model(m).revision for m in ids},
        }
        if request.policy == "knowledge-gradient":
            ends = ends_for(store, self._plan.known, self._dataset, self._recipe, chosen)
            knowledge["ends"] = ends.to_dict()
        store.add_dataset(self._dataset)
        store.add_recipe(self._recipe)
        selection = store.create_selection(request)
        store.record_recall(
            selection,
            chosen,
            knowledge,
            recall_epochs=found.epochs,
            bytes=found.bytes_downloaded,
            knowledge_digest=self._knowledge_digest,
        )
        store.add_proxy_scores(found.scored)
        store.add_cost(selection, seconds=time.monotonic() - started)
        for note in found.notes:
            store.append_event(selection, "note", {"text": note})
            self._listener(Progress("recall", len(chosen), len(chosen), note))
        return store.selection_record(selection)

    def _journal(self, record: SelectionRecord) -> RegistryJournal:
        models = [r.model for r in record.recalled or ()]
        return RegistryJournal(self._store, record.id, models, self._dataset.name, self._recipe, self._tell)

    def _policy(self, record: SelectionRecord) -> StagedPolicy:
        knowledge = record.knowledge or {}
        trends = TrendBook.from_dict(knowledge["trends"])
        ends = CurveEnds.from_dict(knowledge["ends"]) if "ends" in knowledge else None
        threshold = self._request.options["threshold"]
        return make_policy(self._request.policy, self._recipe.stages, trends, threshold=threshold, ends=ends)

    def _job(
        self, record: SelectionRecord, journal: RegistryJournal, folder: Path, model_id: str
    ) -> TrainingJob:
        model = pinned(self._store, self._store.model(model_id))
        recalled_at = (record.knowledge or {})["revisions"].get(model_id)
        if recalled_at not in (None, model.revision):
            raise UnsupportedModel(f"{model_id} was moved to another revision after it was recalled")
        download = download_model(model)
        journal.spend(download.bytes_fetched)
        if download.bytes_fetched:
            self._listener(Progress("download", 1, 1, f"{model_id}: {size(download.bytes_fetched)}"))
        place = folder / hashlib.sha256(model_id.encode()).hexdigest()[:24]
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
            proxy=record.request.proxy,
            recipe=self._request.recipe_digest,
        )

    def _tell(self, event: Event) -> None:
        if isinstance(event, Failed):
            text = f"{event.model} failed: {event.reason}"
        else:
            text = f"{event.model} stage {event.stage}: {event.val:.3f}"
        self._listener(Progress("fine-tune", event.stage, self._recipe.stages, text))


def _within(store: Registry, found: Recall, k: int, limit: int | None) -> tuple[Recalled, ...]:
    """The best `k`, leaving out those whose weights no longer fit into `limit` bytes.

    What recall downloaded counts; a checkpoint that is here already costs nothing. A model known by
    name only is looked up for its size; one that cannot be looked up does not fit.
    """
    ranked: Sequence[Recalled] = found.recalled
    if limit is None:
        return tuple(ranked[:k])
    left = limit - found.bytes_downloaded
    chosen: list[Recalled] = []
    for each in ranked:
        if len(chosen) == k:
            break
        needed = _bytes_needed(store, each.model)
        if needed is not None and needed <= left:
            chosen.append(each)
            left -= needed
    if not chosen:
        raise InvalidInput(f"no recalled model fits into {size(limit)}", "raise --max-download")
    return tuple(chosen)


def _bytes_needed(store: Registry, model_id: str) -> int | None:
    try:
        model = pinned(store, store.model(model_id))
        return 0 if is_downloaded(model) else model.weights_bytes
    except PASSING:
        raise
    except HubselectError:
        return None
