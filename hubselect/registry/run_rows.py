"""How a run is found, begun and read: the queries under `runs.py`."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, delete
from sqlalchemy import select as columns
from sqlmodel import Session, col, select

from hubselect.errors import UnknownEntry
from hubselect.records import CurvePoint, Recipe, Run, RunStatus
from hubselect.registry.rows import (
    digest_of,
    find_dataset,
    find_model,
    find_recipe,
    find_selection,
    insert_recipe,
    known,
    now,
    one_line,
)
from hubselect.registry.tables import CurvePointRow, DatasetRow, ModelRow, RecipeRow, RunRow


def started(
    session: Session, model: str, dataset: str, recipe: Recipe | str, seed: int, selection: int | None
) -> RunRow:
    model_row, dataset_row = find_model(session, model), find_dataset(session, dataset)
    if isinstance(recipe, Recipe):
        insert_recipe(session, recipe)
    digest = find_recipe(session, recipe).digest
    if selection is not None:
        find_selection(session, selection)
    row = _find(session, known(model_row.id), known(dataset_row.id), digest, seed, selection)
    if row is None:
        row = RunRow(
            model_id=known(model_row.id),
            dataset_id=known(dataset_row.id),
            recipe_digest=digest,
            seed=seed,
            selection_id=selection,
            status="running",
            created_at=now(),
        )
    elif _outdated(row, model_row, dataset_row):
        session.execute(delete(CurvePointRow).where(col(CurvePointRow.run_id) == row.id))
        row.test = row.seconds = None
        row.status = "running"
    if row.status != "done":
        row.status, row.reason = "running", None
        row.model_revision, row.dataset_revision = model_row.revision, dataset_row.revision
    session.add(row)
    session.flush()
    return row


def _outdated(row: RunRow, model: ModelRow, dataset: DatasetRow) -> bool:
    if row.model_revision is not None and row.model_revision != model.revision:
        return True
    changed = row.dataset_revision is not None and row.dataset_revision != dataset.revision
    return changed and row.status != "done"  # a finished cell outlives an edit of the dataset's card


def close(session: Session, row: RunRow, status: str, reason: str) -> None:
    if row.status != "done":
        row.status, row.reason = status, one_line(reason)
        session.add(row)


def _find(
    session: Session, model_id: int, dataset_id: int, digest: str, seed: int, selection: int | None
) -> RunRow | None:
    query = select(RunRow).where(
        RunRow.model_id == model_id,
        RunRow.dataset_id == dataset_id,
        RunRow.recipe_digest == digest,
        RunRow.seed == seed,
        col(RunRow.selection_id).is_(None) if selection is None else RunRow.selection_id == selection,
    )
    return session.exec(query).one_or_none()


def existing(
    session: Session, model: str, dataset: str, recipe: Recipe | str, seed: int, selection: int | None
) -> RunRow:
    model_id, dataset_id = known(find_model(session, model).id), known(find_dataset(session, dataset).id)
    row = _find(session, model_id, dataset_id, digest_of(recipe), seed, selection)
    if row is None:
        raise UnknownEntry(
            f"the registry holds no such run of {model} on {dataset}", "start it with start_run"
        )
    return row


def run_query() -> Select[*tuple[Any, ...]]:
    """Columns in the order of the fields of `_record`: bare rows, because there may be millions."""
    run = RunRow
    fields = (
        run.id, ModelRow.repo_id, DatasetRow.name, run.recipe_digest, run.status, run.seed, run.test,
        run.reason, run.source, run.seconds, run.model_revision, run.dataset_revision, run.selection_id,
        run.submitted,
    )  # fmt: skip
    return (
        columns(*(col(f) for f in fields))
        .join_from(RunRow, ModelRow, col(ModelRow.id) == col(RunRow.model_id))
        .join(DatasetRow, col(DatasetRow.id) == col(RunRow.dataset_id))
        .order_by(col(ModelRow.repo_id), col(DatasetRow.name), col(RunRow.recipe_digest), col(RunRow.seed))
    )


def narrowed(
    query: Select[*tuple[Any, ...]],
    model: str | None,
    dataset: str | None,
    recipe: Recipe | str | None,
    status: str | None,
    selection: int | None,
    task: str | None,
) -> Select[*tuple[Any, ...]]:
    of_selection = col(RunRow.selection_id)
    query = query.where(of_selection.is_(None) if selection is None else of_selection == selection)
    wanted = {
        col(ModelRow.repo_id): model,
        col(DatasetRow.name): dataset,
        col(RunRow.recipe_digest): digest_of(recipe) if recipe is not None else None,
        col(RunRow.status): status,
    }
    for column, value in wanted.items():
        if value is not None:
            query = query.where(column == value)
    if task is not None:
        of_task = select(RecipeRow.digest).where(RecipeRow.task == task)
        query = query.where(col(RunRow.recipe_digest).in_(of_task))
    return query


def load_runs(session: Session, query: Select[*tuple[Any, ...]], *, curves: bool = True) -> list[Run]:
    """The runs that the query finds, each with its curve; two queries whatever their number."""
    found = session.execute(query).all()
    if not curves:
        return [_record((), *values) for _, *values in found]
    wanted = query.with_only_columns(col(RunRow.id)).order_by(None)
    points = (
        columns(CurvePointRow.__table__)  # type: ignore[attr-defined]
        .where(col(CurvePointRow.run_id).in_(wanted))
        .order_by(col(CurvePointRow.run_id), col(CurvePointRow.stage))
    )
    names = {row[0]: row[1] for row in found}
    of_run: dict[int, list[CurvePoint]] = {}
    for run_id, stage, epochs, val, seconds in session.execute(points):
        of_run.setdefault(run_id, []).append(CurvePoint(names[run_id], stage, epochs, val, seconds))
    return [_record(tuple(of_run.get(run_id, ())), *values) for run_id, *values in found]


def _record(
    curve: tuple[CurvePoint, ...],
    model: str,
    dataset: str,
    recipe: str,
    status: RunStatus,
    seed: int,
    *rest: Any,
) -> Run:
    return Run(model, dataset, recipe, status, seed, curve, *rest)
