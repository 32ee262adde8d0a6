"""How a selection is read and its events appended: the queries under `journal.py`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select as columns
from sqlmodel import Session, col, func, select

from hubselect.errors import InvalidInput
from hubselect.records import Cost, Recalled, Verdict
from hubselect.registry.rows import find_selection, known, now
from hubselect.registry.selections import SelectionRecord, SelectionRequest
from hubselect.registry.tables import (
    CurvePointRow,
    DatasetRow,
    ModelRow,
    RunRow,
    SelectionEventRow,
    SelectionRow,
)

VERDICT = "verdict"
"""The kind of event that holds a `Verdict`."""


def running(session: Session, selection_id: int) -> SelectionRow:
    row = find_selection(session, selection_id)
    refuse_ended(row)
    return row


def refuse_ended(row: SelectionRow) -> None:
    if row.status != "running":
        raise InvalidInput(f"selection {row.id} is already {row.status}", "begin another one")


def append(session: Session, selection_id: int, events: Sequence[tuple[str, dict[str, Any]]]) -> int:
    """Append events (kind, payload); returns the last sequence number of the selection."""
    query = select(func.max(SelectionEventRow.sequence)).where(SelectionEventRow.selection_id == selection_id)
    sequence = session.exec(query).one() or 0
    for kind, payload in events:
        sequence += 1
        key = {"selection_id": selection_id, "sequence": sequence}
        session.add(SelectionEventRow(**key, kind=kind, payload=payload, created_at=now()))
    session.flush()
    return sequence


def events_of(session: Session, selection_id: int, **wanted: str) -> Sequence[SelectionEventRow]:
    query = select(SelectionEventRow).filter_by(selection_id=selection_id, **wanted)
    return session.exec(query.order_by(col(SelectionEventRow.sequence))).all()


def verdicts_of(session: Session, selection_id: int) -> tuple[Verdict, ...]:
    return tuple(Verdict(**e.payload) for e in events_of(session, selection_id, kind=VERDICT))


def cost_of(session: Session, row: SelectionRow) -> Cost:
    """What is recorded; while the selection runs, training epochs are those of its curves."""
    training = row.training_epochs
    if row.status != "done":
        longest = (
            columns(func.max(CurvePointRow.epochs).label("epochs"))
            .join(RunRow, col(RunRow.id) == col(CurvePointRow.run_id))
            .where(col(RunRow.selection_id) == row.id)
            .group_by(col(CurvePointRow.run_id))
            .subquery()
        )
        training = session.execute(columns(func.sum(longest.c.epochs))).scalar() or 0.0
    return Cost(training, row.recall_epochs, row.seconds, row.bytes_downloaded)


def record_of(session: Session, row: SelectionRow) -> SelectionRecord:
    dataset = session.get_one(DatasetRow, row.dataset_id)
    winner = None if row.winner_id is None else session.get_one(ModelRow, row.winner_id)
    selection_id = known(row.id)
    return SelectionRecord(
        id=selection_id,
        request=SelectionRequest(
            dataset.name, row.recipe_digest, row.policy, row.proxy, row.k, row.options, row.request_digest
        ),
        status=row.status,
        recalled=None if row.recalled is None else tuple(Recalled(**r) for r in row.recalled),
        knowledge=row.knowledge,
        knowledge_digest=row.knowledge_digest,
        verdicts=verdicts_of(session, selection_id),
        cost=cost_of(session, row),
        winner=None if winner is None else winner.repo_id,
        val=row.val,
        test=row.test,
        path=row.path,
        reason=row.reason,
        dataset_revision=row.dataset_revision,
        created_at=row.created_at,
    )
