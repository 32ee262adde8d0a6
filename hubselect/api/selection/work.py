"""One selection at work: recall, stages, the saved winner, and the books kept on the way.

Everything that could be lost is written before the next step, in an order that lets a killed
selection be continued from whatever was written last.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

from hubselect.api.benchmarks.benchmarking import pinned
from hubselect.api.looking import look
from hubselect.api.progress import PLAN, Listener, Progress
from hubselect.api.recall.recalling import RecallPlan, recall_for
from hubselect.api.selection.board import Board
from hubselect.api.selection.evidence import write_evidence
from hubselect.api.selection.explaining import explanation_for
from hubselect.api.selection.fitting import fitting
from hubselect.api.selection.journal import RegistryJournal
from hubselect.api.selection.pace import pace_of
from hubselect.api.selection.planning import Planned, plan_for
from hubselect.api.selection.policies import costs_document, costs_for, lessons_for, policy_from
from hubselect.api.selection.provenance import keep_environment, kept_environments
from hubselect.errors import SelectionFailed, UnsupportedModel
from hubselect.executors.jobs import Looked, TrainingJob
from hubselect.executors.local import LocalExecutor
from hubselect.executors.pool import Pool
from hubselect.executors.workplaces import workplace
from hubselect.hub import download_model
from hubselect.knowledge.curve_ends import CurveEnds
from hubselect.records import Dataset, Recipe, Selection
from hubselect.registry import Registry, SelectionRecord, SelectionRequest
from hubselect.registry.selection_documents import EXPLANATION, metric_of, plan_of, warnings_of
from hubselect.reports.closing import plan_line
from hubselect.reports.numbers import size
from hubselect.selection import Costs, drive
from hubselect.training.metrics import IMBALANCED, metric_for


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
        executor: str,
        listener: Listener,
        metric: str | None = None,
    ) -> None:
        self._store = store
        self._dataset = dataset
        self._plan = plan
        self._recipe = recipe
        self._request = request
        self._knowledge_digest = knowledge_digest
        self._workers = workers
        self._executor = executor
        self._listener = listener
        self._metric = metric

    def plan(self, home: Path | None = None) -> Planned:
        """What would be done; `home` is where the registry's files lie, if not beside it."""
        return self._planned(self._workers, home)

    def _planned(self, workers: int | None, home: Path | None = None) -> Planned:
        return plan_for(
            self._store, self._dataset, self._plan, self._recipe, self._request, workers, home=home
        )

    def run(self, output: Path | None, *, fresh: bool) -> Selection:
        self._sweep()
        unfinished = self._unfinished(fresh=fresh)
        largest = self._plan.candidates.largest_bytes
        with (
            workplace(self._executor, self._say) as place,
            place.pool(self._workers, self._request.k, largest) as pool,
        ):
            record = unfinished or self._begin(pool)
            self._recipe = self._scored_by(metric_of(record.knowledge))
            folder = self._folder(record.id)
            journal = self._journal(record)
            board = self._board(record, journal, pool)
            noted = partial(self._note, record.id)
            job, states = partial(self._job, record, journal, folder), partial(_state_dir, folder)
            trainer = LocalExecutor(
                pool, job, states, noted, partial(keep_environment, self._store, record.id)
            )
            try:
                policy = policy_from(record.request, self._recipe, record.knowledge or {})
                winner = drive(policy, board.watching(trainer), journal).winner
            except SelectionFailed as error:
                self._store.fail_selection(record.id, str(error))
                shutil.rmtree(folder, ignore_errors=True)
                raise
            path = (output or self._store.home / "selections" / str(record.id)).absolute()
            test = trainer.finish(winner, path)
        board.ended(winner, test)
        journal.spend()
        journal.finish(winner, test)
        result = self._result(record.id, journal, winner, test, path)
        if result.explanation is not None:
            self._store.append_event(record.id, EXPLANATION, asdict(result.explanation))
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

    def _begin(self, pool: Pool) -> SelectionRecord:
        """Phase 1, then everything about it into the registry; a failure before leaves no trace."""
        planned = self._planned(pool.workers)
        self._listener(Progress(PLAN, 0, 1, plan_line(planned.plan)))
        started = time.monotonic()
        store, request = self._store, self._request
        looked = look(pool, self._dataset, self._recipe, self._listener)
        metric, why = self._chosen_metric(looked)
        everyone = replace(
            self._plan,
            choice=replace(self._plan.choice, k=None),
            options=replace(self._plan.options, max_download=planned.recall_download),
        )
        found = recall_for(store, self._dataset, everyone, self._recipe, pool, self._listener)
        chosen, left_out = fitting(store, found.recalled, request.k, planned.limits, found.bytes_downloaded)
        ids = [r.model for r in chosen]
        costs = self._costs(planned, ids, found.epochs, time.monotonic() - started)
        knowledge = {
            **lessons_for(store, self._plan.known, self._dataset, self._recipe, chosen),
            "revisions": {m: store.model(m).revision for m in ids},
            "costs": costs_document(costs),
            "plan": asdict(planned.plan),
            "warnings": list(looked.warnings),
            "metric": metric,
            "recipe": self._scored_by(metric).digest,
        }
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
        for note in (*found.notes, *left_out, *why):
            self._note(selection, note)
        return store.selection_record(selection)

    def _chosen_metric(self, looked: Looked) -> tuple[str, tuple[str, ...]]:
        """The metric of this selection: the one asked for or benchmarked by, unless it hides most of a
        target's classes; and a line on that."""
        usual = metric_for(self._dataset, self._recipe.metric)
        if self._metric is not None or usual != "accuracy" or looked.largest_share is None:
            return usual, ()
        share = f"{looked.largest_share:.0%} of the train examples are of one class"
        return IMBALANCED, (f"scores are {IMBALANCED}, as {share}; --metric accuracy scores otherwise",)

    def _scored_by(self, metric: str) -> Recipe:
        """The recipe, changed only where its own metric would be another on this dataset."""
        same = metric_for(self._dataset, self._recipe.metric) == metric
        return self._recipe if same else self._recipe.with_(metric=metric)

    def _costs(self, planned: Planned, recalled: Sequence[str], epochs: float, seconds: float) -> Costs:
        """What training the recalled models will cost, who may not be those that were likely."""
        models = self._store.models_named(recalled)
        pace = pace_of(self._store, self._plan.known, self._dataset, self._recipe, models)
        both = {**planned.pace.seconds, **pace.seconds}
        return costs_for(self._recipe, both, planned.plan.workers, epochs, seconds)

    def _journal(self, record: SelectionRecord) -> RegistryJournal:
        models = [r.model for r in record.recalled or ()]
        return RegistryJournal(self._store, record.id, models, self._dataset.name, self._recipe)

    def _board(self, record: SelectionRecord, journal: RegistryJournal, pool: Pool) -> Board:
        """What people see of this selection; it hears what the journal is told."""
        plan = plan_of(record.knowledge)
        board = Board(
            record.id,
            self._recipe,
            metric_for(self._dataset, self._recipe.metric),
            journal.history(),
            record.verdicts,
            self._listener,
            workers=pool.workers,
            expected_epochs=None if plan is None else plan.epochs.expected - plan.recall_epochs,
        )
        journal.tells(board.happened, board.decided)
        board.tell()
        return board

    def _job(
        self, record: SelectionRecord, journal: RegistryJournal, folder: Path, model_id: str
    ) -> TrainingJob:
        model = pinned(self._store, self._store.model(model_id))
        recalled_at = (record.knowledge or {})["revisions"].get(model_id)
        if recalled_at not in (None, model.revision):
            raise UnsupportedModel(
                f"{model_id} was moved to another revision after it was recalled", "start over with --fresh"
            )
        download = download_model(model)
        journal.spend(download.bytes_fetched)
        if download.bytes_fetched:
            self._listener(Progress("download", 1, 1, f"{model_id}: {size(download.bytes_fetched)}"))
        return TrainingJob(download.path, model, self._dataset, self._recipe, _state_dir(folder, model_id))

    def _result(
        self, selection: int, journal: RegistryJournal, winner: str, test: float, path: Path
    ) -> Selection:
        record, history = self._store.selection_record(selection), journal.history()
        result = Selection(
            id=selection,
            dataset=self._dataset.name,
            model_id=winner,
            path=str(path),
            val_score=history.points[winner][-1].val,
            test_score=test,
            recalled=record.recalled or (),
            history=record.verdicts,
            cost=replace(record.cost, training_epochs=journal.training_epochs()),
            policy=self._request.policy,
            proxy=record.request.proxy,
            recipe=self._recipe.digest,
            metric=metric_for(self._dataset, self._recipe.metric),
            plan=plan_of(record.knowledge),
            warnings=warnings_of(record.knowledge),
            environments=kept_environments(self._store, selection),
        )
        kept = record.knowledge or {}
        explanation = explanation_for(
            result,
            history,
            ends=CurveEnds.from_dict(kept["ends"]) if "ends" in kept else CurveEnds(),
            tolerance=self._plan.options.tolerance,
            epochs=self._recipe.epochs,
            candidates=len(self._plan.candidates.ids),
        )
        return replace(result, explanation=explanation)

    def _note(self, selection: int, text: str) -> None:
        self._store.append_event(selection, "note", {"text": text})
        self._say(text)

    def _say(self, text: str) -> None:
        self._listener(Progress(PLAN, 0, 1, text))


def _state_dir(folder: Path, model_id: str) -> Path:
    return folder / hashlib.sha256(model_id.encode()).hexdigest()[:24]
