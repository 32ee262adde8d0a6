"""Which recipe imported scores belong to, when a recipe of that name is known already.

Files often tell only part of a recipe: final scores say nothing of epochs, curves may end early. So the
scores join the one recipe of their name and task as long as nothing contradicts, and the recipe grows
with what they tell: two files give what one file with all their rows gives. Contradictions are test
scores after different numbers of epochs, and stages that are reached after different epochs; such
scores get a recipe of their own with the same name, and a warning says so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlmodel import Session, col

from hubselect.records import Recipe
from hubselect.registry.columns import Table
from hubselect.registry.rows import UNKNOWN_OPTIMIZER, insert_recipe, to_recipe
from hubselect.registry.tables import CurvePointRow, RecipeRow, RunRow

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class ImportRecipe:
    """`replaced` is the digest of the recipe that grew to this one; all that was its is this one's now."""

    digest: str
    replaced: str | None = None
    warning: str | None = None


def import_recipe(session: Session, name: str, task: str, rows: pd.DataFrame) -> ImportRecipe:
    """The stored recipe for `rows` (`tidy.typed`), all of one name and task."""
    own = _own(name, task, rows)
    if session.get(RecipeRow, own.digest) is not None:
        return ImportRecipe(own.digest)
    others = _others(session, own)
    # which of several is meant nobody can tell
    together = _together(session, others[0], own, rows) if len(others) == 1 else None
    if together is None:
        digest = insert_recipe(session, own, origin="imported")
        return ImportRecipe(digest, warning=_apart(own, others) if others else None)
    if together == others[0]:
        return ImportRecipe(together.digest)
    _replace(session, others[0], together)
    warning = f"the recipe {name} has {_shape(together)} now: {others[0].digest} became {together.digest}"
    return ImportRecipe(together.digest, others[0].digest, warning)


def _own(name: str, task: str, rows: pd.DataFrame) -> Recipe:
    """The recipe that can hold the rows: `epochs` is their largest, rounded up, and the stages fit."""
    stages = max(int(rows["stage"].max()), 1)
    most = rows["epochs"].max()
    epochs = max(math.ceil(most - 1e-9), 1) if most == most else stages
    return Recipe(
        task=task,  # type: ignore[arg-type]
        name=name,
        epochs=epochs,
        stages_per_epoch=math.ceil(stages / epochs),
        optimizer=UNKNOWN_OPTIMIZER,
    )


def _others(session: Session, own: Recipe) -> list[Recipe]:
    """Recipes that differ in epochs and stages alone, oldest first."""
    query = sa.select(RecipeRow).where(col(RecipeRow.name) == own.name, col(RecipeRow.task) == own.task)
    found = [to_recipe(row) for row in session.execute(query.order_by(col(RecipeRow.created_at))).scalars()]
    epochs, stages = own.epochs, own.stages_per_epoch
    return [r for r in found if replace(r, epochs=epochs, stages_per_epoch=stages) == own]


def _together(session: Session, there: Recipe, own: Recipe, rows: pd.DataFrame) -> Recipe | None:
    """The recipe that holds what is stored under `there` and the rows; None when they contradict."""
    if not (rows["stage"] > 0).any() and rows["epochs"].isna().all():
        return there
    known = _some_curve(session, there.digest)
    if there.stages == 1 and not known:  # of scores that told nothing
        return own
    tested = not rows["val"].all()
    if (own.epochs > there.epochs and _has_tests(session, there.digest)) or (
        own.epochs < there.epochs and tested
    ):
        return None
    points = rows[rows["val"]]
    for stage, epochs in known.items():
        reached = points.loc[points["stage"] == stage, "epochs"]
        if len(reached) and not math.isclose(float(reached.iloc[0]), epochs):
            return None
    epochs = max(own.epochs, there.epochs)
    stages = max(own.stages, there.stages)
    return replace(there, epochs=epochs, stages_per_epoch=math.ceil(stages / epochs))


def _of(digest: str) -> Any:
    return sa.and_(col(RunRow.recipe_digest) == digest, col(RunRow.selection_id).is_(None))


def _has_tests(session: Session, digest: str) -> bool:
    query = sa.select(col(RunRow.id)).where(_of(digest), col(RunRow.status) == "done").limit(1)
    return session.execute(query).first() is not None


def _some_curve(session: Session, digest: str) -> dict[int, float]:
    """Epochs by stage of one run, because all runs of a recipe have the same stages; empty without any."""
    point = CurvePointRow
    of_run = sa.select(col(point.run_id)).join(RunRow, col(RunRow.id) == col(point.run_id))
    run = session.execute(of_run.where(_of(digest)).limit(1)).scalar()
    if run is None:
        return {}
    found = session.execute(sa.select(col(point.stage), col(point.epochs)).where(col(point.run_id) == run))
    return {int(stage): float(epochs) for stage, epochs in found}


def _replace(session: Session, old: Recipe, new: Recipe) -> None:
    """Everything that belongs to `old` belongs to `new`, and `old` is gone."""
    before = session.get(RecipeRow, old.digest)
    assert before is not None
    digest = insert_recipe(session, new, origin=before.origin)
    for table in Table.metadata.sorted_tables:
        for key in table.foreign_keys:
            if key.target_fullname == "recipes.digest":
                column = key.parent
                session.execute(sa.update(table).where(column == old.digest).values({column.name: digest}))
    session.delete(before)
    session.flush()


def _apart(own: Recipe, others: list[Recipe]) -> str:
    known = " and ".join(f"{r.digest} with {_shape(r)}" for r in others)
    return (
        f"{own.name} is the name of {known} already; these scores, after {_shape(own)}, are kept apart as "
        f"{own.digest} (--recipe gives them another name)"
    )


def _shape(recipe: Recipe) -> str:
    epochs = "1 epoch" if recipe.epochs == 1 else f"{recipe.epochs} epochs"
    return f"{epochs} in {recipe.stages} stage{'' if recipe.stages == 1 else 's'}"
