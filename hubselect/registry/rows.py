"""Rows to records and back, and the look-ups by name that every part of the room shares."""

from __future__ import annotations

import math
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any, TypeVar, cast

from sqlmodel import Session, select

from hubselect.errors import InvalidInput, UnknownEntry
from hubselect.records import TASKS, Dataset, Model, Recipe, Task
from hubselect.registry.tables import DatasetRow, ModelRow, RecipeRow, SelectionRow

R = TypeVar("R", Model, Dataset)
T = TypeVar("T")

MAX_NAME = 200
IMPORTED = "imported:"
"""Prefix of the source of imported runs and of the names of recipes made by an import."""

UNKNOWN_OPTIMIZER = "unknown"
"""The optimizer of every imported recipe: no measured one has it, so their digests never meet."""


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")


def name_problem(name: str) -> str | None:
    """What is wrong with the name of a model or dataset, None when nothing is."""
    if not name or name != name.strip():
        return "is empty" if not name.strip() else "begins or ends with a space"
    if len(name) > MAX_NAME:
        return f"is longer than {MAX_NAME} characters"
    return None if name.isprintable() else "holds control characters"


def checked_name(kind: str, name: str) -> str:
    if problem := name_problem(name):
        raise InvalidInput(f"the {kind} name {name[:60]!r} {problem}", "give another name")
    return name


def checked_task(task: str) -> Task:
    if task not in TASKS:
        raise InvalidInput(f"{task!r} is not a task", f"choose one of {', '.join(TASKS)}")
    return task


def finite(value: float, what: str) -> float:
    """`value` as a float; `InvalidInput` when it is not a finite number."""
    number = float(value)
    if not math.isfinite(number):
        raise InvalidInput(f"{what} is {number}, not a finite number", "mend it, or leave it out")
    return number


def one_line(text: str) -> str:
    """`text` as one line that every database can hold; what cannot be printed becomes U+FFFD."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in " ".join(text.split()))


_TUPLES = {"weights_files", "labels", "text_columns", "choice_columns", "label_names", "tags"}


def model_values(model: Model) -> dict[str, Any]:
    values = {k: list(v) if k in _TUPLES else v for k, v in vars(model).items()}
    return {"repo_id": values.pop("id"), **values}


def dataset_values(dataset: Dataset) -> dict[str, Any]:
    values = {f.name: getattr(dataset, f.name) for f in fields(dataset)}
    values = {k: list(v) if k in _TUPLES else v for k, v in values.items()}
    values["splits"] = dict(dataset.splits)
    return {"name": dataset.name, "repo_id": values.pop("id"), **values}


def to_model(row: ModelRow) -> Model:
    return _record(Model, row, id=row.repo_id)


def to_dataset(row: DatasetRow) -> Dataset:
    return _record(Dataset, row, id=row.repo_id)


def to_recipe(row: RecipeRow) -> Recipe:
    return Recipe(**row.content)


def _record(kind: type[R], row: ModelRow | DatasetRow, **given: Any) -> R:
    values = {f.name: getattr(row, f.name) for f in fields(kind) if f.name not in given}
    values = {k: tuple(v) if k in _TUPLES else v for k, v in values.items()}
    return kind(**given, **values)


def digest_of(recipe: Recipe | str) -> str:
    return recipe if isinstance(recipe, str) else recipe.digest


def find_model(session: Session, repo_id: str) -> ModelRow:
    row = session.exec(select(ModelRow).where(ModelRow.repo_id == repo_id)).one_or_none()
    if row is None:
        raise UnknownEntry(
            f"the registry does not hold the model {repo_id}", "`hubselect models` lists what it holds"
        )
    return row


def find_dataset(session: Session, name: str) -> DatasetRow:
    row = session.exec(select(DatasetRow).where(DatasetRow.name == name)).one_or_none()
    if row is None:
        raise UnknownEntry(
            f"the registry does not hold the dataset {name}", "`hubselect datasets` lists what it holds"
        )
    return row


def find_recipe(session: Session, recipe: Recipe | str) -> RecipeRow:
    digest = digest_of(recipe)
    row = session.get(RecipeRow, digest)
    if row is None:
        raise UnknownEntry(f"the registry does not hold the recipe {digest}", "add it with add_recipe")
    return row


def find_selection(session: Session, selection_id: int) -> SelectionRow:
    row = session.get(SelectionRow, selection_id)
    if row is None:
        raise UnknownEntry(
            f"the registry does not hold selection {selection_id}",
            "`hubselect selections` lists what it holds",
        )
    return row


def known(value: T | None) -> T:
    """The value of a column that a stored row always has (its id)."""
    return cast(T, value)


def insert_recipe(session: Session, recipe: Recipe, *, origin: str = "measured") -> str:
    """Store the recipe when it is new; returns its digest."""
    digest = recipe.digest
    if session.get(RecipeRow, digest) is None:
        if recipe.stages < 1:
            raise InvalidInput(
                "a recipe needs at least one epoch and one stage per epoch", "give at least 1 of each"
            )
        row = RecipeRow(
            digest=digest,
            task=checked_task(recipe.task),
            name=recipe.name,
            epochs=recipe.epochs,
            stages=recipe.stages,
            content=recipe.content,
            origin=origin,
            created_at=now(),
        )
        session.add(row)
        session.flush()
    return digest
