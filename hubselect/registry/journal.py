"""Selections: what was asked, recalled, decided and found. A selection resumes from what stands here.

Validation curves of a selection are runs with its id (`runs.py`); everything else a killed
selection needs is in its row and its numbered events.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from sqlmodel import col, select

from hubselect.errors import InvalidInput
from hubselect.records import Cost, Recalled, Selection, Verdict
from hubselect.registry.base import Connected
from hubselect.registry.rows import (
    find_dataset,
    find_model,
    find_recipe,
    find_selection,
    finite,
    known,
    now,
    one_line,
)
from hubselect.registry.selection_documents import (
    EXPLANATION,
    environments_of,
    explanation_of,
    metric_of,
    plan_of,
    recipe_of,
    warnings_of,
)
from hubselect.registry.selection_rows import (
    VERDICT,
    append,
    cost_of,
    events_of,
    record_of,
    refuse_ended,
    running,
    verdicts_of,
)
from hubselect.registry.selections import Event, SelectionRecord, SelectionRequest, SelectionSummary
from hubselect.registry.tables import DatasetRow, ModelRow, SelectionRow


class Journal(Connected):
    """The part of the registry that remembers selections."""

    def create_selection(self, request: SelectionRequest) -> int:
        """Begin a selection; returns its id. Raises `UnknownEntry` for its dataset or recipe."""
        if request.k < 1:
            raise InvalidInput(f"k is {request.k}: at least one model has to be recalled", "raise -k")
        with self._database.write() as session:
            dataset = find_dataset(session, request.dataset)
            row = SelectionRow(
                request_digest=request.request_digest,
                dataset_id=known(dataset.id),
                dataset_revision=dataset.revision,
                recipe_digest=find_recipe(session, request.recipe_digest).digest,
                policy=request.policy,
                proxy=request.proxy,
                k=request.k,
                options=dict(request.options),
                created_at=now(),
            )
            session.add(row)
            session.flush()
            return known(row.id)

    def open_selection(self, request_digest: str) -> SelectionRecord | None:
        """The latest selection for this request that is still running, None when there is none."""
        return self._latest(request_digest, status="running")

    def finished_selection(
        self, request_digest: str, knowledge_digest: str | None = None
    ) -> SelectionRecord | None:
        """The latest finished selection for this request (made from this knowledge), or None."""
        wanted = {} if knowledge_digest is None else {"knowledge_digest": knowledge_digest}
        return self._latest(request_digest, status="done", **wanted)

    def record_recall(
        self,
        selection_id: int,
        recalled: Iterable[Recalled],
        knowledge: Mapping[str, Any],
        recall_epochs: float = 0.0,
        bytes: int = 0,  # noqa: A002
        knowledge_digest: str | None = None,
    ) -> None:
        """Record the ranked recall, the knowledge that fine selection will use, and what both cost.

        Repeating it changes nothing; `InvalidInput` when another recall is already recorded, because
        stages may have been trained on it. `knowledge` is any JSON document, NaN allowed.
        """
        rows = [asdict(r) for r in recalled]
        with self._database.write() as session:
            row = running(session, selection_id)
            if row.recalled is not None:
                if row.recalled != rows or row.knowledge_digest != knowledge_digest:
                    raise InvalidInput(
                        f"selection {selection_id} already has another recall",
                        "begin another one with --fresh",
                    )
                return
            row.recalled, row.knowledge, row.knowledge_digest = rows, dict(knowledge), knowledge_digest
            row.recall_epochs += finite(recall_epochs, "the epochs of recall")
            row.bytes_downloaded += bytes
            session.add(row)

    def append_event(self, selection_id: int, kind: str, payload: Mapping[str, Any]) -> int:
        """Append an event (a JSON document); returns its sequence number."""
        with self._database.write() as session:
            find_selection(session, selection_id)
            return append(session, selection_id, [(kind, dict(payload))])

    def events(self, selection_id: int) -> list[Event]:
        """All events in order. Raises `UnknownEntry`."""
        with self._database.read() as session:
            find_selection(session, selection_id)
            return [
                Event(e.sequence, e.kind, e.payload, e.created_at) for e in events_of(session, selection_id)
            ]

    def record_verdicts(self, selection_id: int, verdicts: Iterable[Verdict]) -> None:
        """Record all verdicts so far; one already recorded for its stage and model stays as it is."""
        with self._database.write() as session:
            find_selection(session, selection_id)
            there = {(v.stage, v.model) for v in verdicts_of(session, selection_id)}
            fresh = {
                (v.stage, v.model): v for v in reversed(tuple(verdicts)) if (v.stage, v.model) not in there
            }
            append(session, selection_id, [(VERDICT, asdict(v)) for v in reversed(fresh.values())])

    def add_cost(self, selection_id: int, *, seconds: float = 0.0, bytes: int = 0) -> None:  # noqa: A002
        """Add to what the selection spent; sums up over the processes that worked on it."""
        with self._database.write() as session:
            row = find_selection(session, selection_id)
            row.seconds += finite(seconds, "the seconds spent")
            row.bytes_downloaded += bytes
            session.add(row)

    def finish_selection(
        self,
        selection_id: int,
        winner: str,
        val: float,
        test: float | None,
        path: str | None,
        cost: Cost | None = None,
    ) -> None:
        """Record the answer. `cost` holds the totals; None keeps what was added with `add_cost` and
        counts training epochs from the recorded curves. Repeating it changes nothing.

        Raises `InvalidInput` for a selection that failed or has another winner.
        """
        finite(val, "the validation score of the winner")
        with self._database.write() as session:
            row, model = find_selection(session, selection_id), find_model(session, winner)
            if row.status == "done" and row.winner_id == model.id:
                return
            refuse_ended(row)
            cost = cost or cost_of(session, row)
            row.status, row.winner_id, row.val, row.path = "done", model.id, float(val), path
            row.test = None if test is None else finite(test, "the test score of the winner")
            row.training_epochs, row.recall_epochs = cost.training_epochs, cost.recall_epochs
            row.seconds, row.bytes_downloaded = cost.seconds, cost.bytes_downloaded
            row.finished_at = now()
            session.add(row)

    def fail_selection(self, selection_id: int, reason: str) -> None:
        """Record that the selection cannot end with an answer; a finished one stays finished."""
        with self._database.write() as session:
            row = find_selection(session, selection_id)
            if row.status == "running":
                row.status, row.reason, row.finished_at = "failed", one_line(reason), now()
                session.add(row)

    def selection(self, selection_id: int) -> Selection:
        """The answer of a finished selection. Raises `UnknownEntry`, `InvalidInput` when it has none."""
        record = self.selection_record(selection_id)
        if record.winner is None or record.val is None:
            why = f": {record.reason}" if record.reason else ""
            raise InvalidInput(
                f"selection {selection_id} has no answer, it is {record.status}{why}",
                "repeat the same `hubselect select` to go on"
                if record.status == "running"
                else "run `hubselect select` again to begin another one",
            )
        events = self.events(selection_id)
        told = [e.payload for e in events if e.kind == EXPLANATION]
        return Selection(
            id=record.id,
            dataset=record.request.dataset,
            model_id=record.winner,
            path=record.path,
            val_score=record.val,
            test_score=record.test,
            recalled=record.recalled or (),
            history=record.verdicts,
            cost=record.cost,
            policy=record.request.policy,
            proxy=record.request.proxy,
            recipe=recipe_of(record.knowledge, record.request.recipe_digest),
            metric=metric_of(record.knowledge),
            plan=plan_of(record.knowledge),
            warnings=warnings_of(record.knowledge),
            explanation=explanation_of(told[-1] if told else None),
            environments=environments_of(events),
        )

    def selection_record(self, selection_id: int) -> SelectionRecord:
        """All that is recorded of a selection, finished or not. Raises `UnknownEntry`."""
        with self._database.read() as session:
            return record_of(session, find_selection(session, selection_id))

    def selections(self) -> list[SelectionSummary]:
        """All selections, oldest first."""
        query = (
            select(SelectionRow, DatasetRow.name, ModelRow.repo_id)
            .join(DatasetRow, col(DatasetRow.id) == col(SelectionRow.dataset_id))
            .join(ModelRow, col(ModelRow.id) == col(SelectionRow.winner_id), isouter=True)
            .order_by(col(SelectionRow.id))
        )
        with self._database.read() as session:
            return [
                SelectionSummary(
                    known(r.id), d, r.status, m, r.val, r.test, r.policy, r.proxy, r.k, r.created_at
                )
                for r, d, m in session.exec(query)
            ]

    def _latest(self, request_digest: str, **wanted: str) -> SelectionRecord | None:
        query = select(SelectionRow).filter_by(request_digest=request_digest, **wanted)
        with self._database.read() as session:
            row = session.exec(query.order_by(col(SelectionRow.id).desc()).limit(1)).one_or_none()
            return None if row is None else record_of(session, row)
