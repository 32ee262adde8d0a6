"""Which recipe's matrix is meant when nobody names one.

Recipes may have millions of runs, so they are not counted where that is not needed: one recipe that has
a finished cell is the answer, and among several the counts of an index (all runs, finished or not) bound
what has to be counted exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement
from sqlmodel import Session, col

from hubselect.records import Method
from hubselect.registry.tables import DatasetRow, ModelRow, RecipeRow, RunRow


def main_digest(
    session: Session, task: str, *, measured: bool = False, method: Method | None = None
) -> str | None:
    """The recipe of the task with the most finished cells of its matrix; None when there is no cell.

    Measured recipes come before imported ones, however many results were imported; with `measured`
    imported ones are left out; with a `method`, those of another. Among equals the newest.
    """
    query = (
        sa.select(col(RecipeRow.digest), col(RecipeRow.origin), col(RecipeRow.content))
        .where(col(RecipeRow.task) == task, _has_cells())
        .order_by(col(RecipeRow.created_at).desc(), col(RecipeRow.digest))
    )
    found = [
        (digest, origin)
        for digest, origin, content in session.execute(query)
        if method is None or content.get("method", "full") == method
    ]
    for origin in ("measured",) if measured else ("measured", "imported"):
        if recipes := [digest for digest, of in found if of == origin]:
            return recipes[0] if len(recipes) == 1 else _largest(session, recipes)
    return None


def tasks_with_cells(session: Session) -> list[str]:
    """The tasks that have a finished cell under any recipe, sorted."""
    return sorted(session.execute(sa.select(col(RecipeRow.task)).where(_has_cells()).distinct()).scalars())


def _finished() -> tuple[ColumnElement[bool], ...]:
    """Cells of a matrix, without a join: most runs are decided without looking at another table."""
    benchmarks = sa.select(col(DatasetRow.id)).where(col(DatasetRow.role) == "benchmark")
    pin = sa.select(col(ModelRow.revision)).where(col(ModelRow.id) == col(RunRow.model_id))
    revision = col(RunRow.model_revision)
    return (
        col(RunRow.selection_id).is_(None),
        col(RunRow.status) == "done",
        col(RunRow.dataset_id).in_(benchmarks),
        sa.or_(revision.is_(None), revision == pin.correlate(RunRow).scalar_subquery()),
    )


def _has_cells() -> ColumnElement[bool]:
    return sa.exists().where(col(RunRow.recipe_digest) == col(RecipeRow.digest), *_finished())


def _largest(session: Session, recipes: Sequence[str]) -> str:
    """The one with the most finished cells; among equals the first."""
    digest = col(RunRow.recipe_digest)
    of_matrix = sa.select(digest, sa.func.count()).where(
        digest.in_(recipes), col(RunRow.selection_id).is_(None)
    )
    found: Any = session.execute(of_matrix.group_by(digest))
    runs = {recipe: int(number) for recipe, number in found}
    ordered = sorted(recipes, key=lambda r: -runs.get(r, 0))  # stable: equals keep their order
    best: dict[str, int] = {}
    for recipe, following in zip(ordered, [*ordered[1:], None], strict=True):
        most = runs[following] if following is not None else 0
        # past what the next one can have at most, and past the best so far, there is nothing to count for
        enough = max(most, *best.values(), 0) + 1
        best[recipe] = _cells(session, recipe, enough)
        if max(best.values()) > most:
            break
    top = max(best.values())
    return next(r for r in recipes if best.get(r) == top)


def _cells(session: Session, recipe: str, enough: int) -> int:
    """How many finished cells there are, counted up to `enough`."""
    some = sa.select(sa.literal(1)).where(col(RunRow.recipe_digest) == recipe, *_finished()).limit(enough)
    return int(session.execute(sa.select(sa.func.count()).select_from(some.subquery())).scalar_one())
