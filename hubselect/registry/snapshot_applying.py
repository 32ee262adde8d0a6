"""A merge plan into the database, inside the caller's transaction, in bulk."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlmodel import Session, col

from hubselect.registry.bulk import insert
from hubselect.registry.cluster_events import scores_overwritten
from hubselect.registry.rows import now
from hubselect.registry.snapshot_plan import Plan, entry_name
from hubselect.registry.snapshot_tables import RUN_KEY, Row
from hubselect.registry.tables import (
    CurvePointRow,
    DatasetRow,
    HubResultRow,
    ModelRow,
    ProxyScoreRow,
    RecipeRow,
    RunRow,
)

if TYPE_CHECKING:
    import pandas as pd

_BATCH = 20_000
_NAMES = 500
_NO_TEST = "shared without a test score"
_RUN = ["model_id", "dataset_id", "recipe_digest", "seed"]


def apply_plan(session: Session, plan: Plan, source: str) -> None:
    """Store what the plan adds and changes; runs and proxy scores get `source` as their origin."""
    _entries(session, plan)
    ids = _Ids(session, plan)
    stamp = now()
    insert(session, RunRow, (_run(row, source, stamp) for row in ids.rows(plan.runs_new)))
    runs = ids.runs(session, [plan.runs_changed, plan.curves_dropped, plan.points])
    _change_runs(session, ids.keyed(plan.runs_changed, runs), source)
    dropped = [row["run_id"] for row in ids.keyed(plan.curves_dropped, runs)]
    for batch in _batches(dropped):
        session.execute(sa.delete(CurvePointRow).where(col(CurvePointRow.run_id).in_(batch)))
    points = ids.keyed(plan.points, runs)
    columns = ("run_id", "stage", "epochs", "val", "seconds")
    insert(session, CurvePointRow, ({c: row[c] for c in columns} for row in points))
    _proxies(session, plan, ids, source)
    claims = ids.rows(plan.claims_new, dataset=False)
    insert(session, HubResultRow, ({**_claim(row), "created_at": stamp} for row in claims))


def _entries(session: Session, plan: Plan) -> None:
    stamp = {"created_at": now()}
    insert(session, ModelRow, ({**_model(row), **stamp} for row in plan.models_new))
    insert(
        session, DatasetRow, ({**_dataset(row), "role": "benchmark", **stamp} for row in plan.datasets_new)
    )
    for row in plan.models_changed:
        session.execute(sa.update(ModelRow).where(col(ModelRow.repo_id) == row["id"]).values(_model(row)))
    for row in plan.datasets_changed:
        same = col(DatasetRow.name) == entry_name(row)
        session.execute(sa.update(DatasetRow).where(same).values(_dataset(row)))
    insert(session, RecipeRow, ({**_recipe(row), **stamp} for row in plan.recipes_new))


def _model(row: Row) -> Row:
    values = dict(row)
    return {"repo_id": values.pop("id"), **values}


def _dataset(row: Row) -> Row:
    return {"name": entry_name(row), **_model(row)}


def _recipe(row: Row) -> Row:
    epochs = row["content"]["epochs"]
    return {**row, "epochs": epochs, "stages": epochs * row["content"]["stages_per_epoch"]}


def _run(row: Row, source: str, stamp: str) -> Row:
    reason = None if row["status"] == "done" else _NO_TEST
    return {**row, "source": source, "reason": reason, "created_at": stamp}


def _claim(row: Row) -> Row:
    values = {k: v for k, v in row.items() if k != "model"}
    return {**values, "repo_id": row["model"]}


class _Ids:
    """Row numbers of the models and datasets that a plan names."""

    def __init__(self, session: Session, plan: Plan) -> None:
        frames = [plan.runs_new, plan.runs_changed, plan.points, plan.curves_dropped]
        frames += [plan.proxies_new, plan.proxies_changed]
        models = {m for f in (*frames, plan.claims_new) for m in f["model"].unique()}
        datasets = {d for f in frames for d in f["dataset"].unique()}
        self._models = _numbers(session, col(ModelRow.repo_id), col(ModelRow.id), models)
        self._datasets = _numbers(session, col(DatasetRow.name), col(DatasetRow.id), datasets)

    def rows(self, frame: pd.DataFrame, *, dataset: bool = True) -> Iterator[Row]:
        """Rows of a frame with numbers for names (`recipe` becomes `recipe_digest`)."""
        for row in _records(frame):
            row["model_id"] = self._models[row["model"]]
            if dataset:
                row["dataset_id"] = self._datasets[row.pop("dataset")]
                del row["model"]
            if "recipe" in row:
                row["recipe_digest"] = row.pop("recipe")
            yield row

    def runs(self, session: Session, frames: list[pd.DataFrame]) -> dict[tuple[Any, ...], int]:
        """The number of every run that one of the frames names."""
        digests = sorted({d for f in frames for d in f["recipe"].unique()})
        wanted = {
            key for f in frames for key in f[RUN_KEY].drop_duplicates().itertuples(index=False, name=None)
        }
        numbered = {(self._models[m], self._datasets[d], r, int(s)) for m, d, r, s in wanted}
        found: dict[tuple[Any, ...], int] = {}
        for batch in _batches(digests):
            query = sa.select(col(RunRow.id), *(getattr(RunRow, c) for c in _RUN)).where(
                col(RunRow.recipe_digest).in_(batch), col(RunRow.selection_id).is_(None)
            )
            for number, *key in session.execute(query):
                if tuple(key) in numbered:
                    found[tuple(key)] = number
        return found

    def keyed(self, frame: pd.DataFrame, runs: dict[tuple[Any, ...], int]) -> Iterator[Row]:
        """Rows with `run_id`."""
        for row in self.rows(frame):
            yield {**row, "run_id": runs[tuple(row[c] for c in _RUN)]}


def _change_runs(session: Session, rows: Iterable[Row], source: str) -> None:
    kept = ("status", "test", "seconds", "model_revision", "dataset_revision", "submitted")
    changed: Counter[str] = Counter()
    for row in rows:
        changed[row["recipe_digest"]] += 1
        values = {**{name: row[name] for name in kept}, "source": source, "reason": None}
        if row["status"] != "done":
            values["reason"] = _NO_TEST
        session.execute(sa.update(RunRow).where(col(RunRow.id) == row["run_id"]).values(values))
    scores_overwritten(session, changed)


def _proxies(session: Session, plan: Plan, ids: _Ids, source: str) -> None:
    stamp = {"source": source, "created_at": now()}
    insert(session, ProxyScoreRow, ({**row, **stamp} for row in ids.rows(plan.proxies_new)))
    for row in ids.rows(plan.proxies_changed):
        key = {name: row.pop(name) for name in ("model_id", "dataset_id", "proxy")}
        session.execute(sa.update(ProxyScoreRow).filter_by(**key).values({**row, **stamp}))


def _numbers(session: Session, name: Any, number: Any, names: set[str]) -> dict[str, int]:
    queries = (sa.select(name, number).where(name.in_(batch)) for batch in _batches(sorted(names)))
    return {n: i for query in queries for n, i in session.execute(query)}


def _records(frame: pd.DataFrame) -> Iterator[Row]:
    """Rows as plain Python values, None for NaN; a part at a time, because dicts are large."""
    for start in range(0, len(frame), _BATCH):
        part = frame.iloc[start : start + _BATCH]
        yield from part.astype(object).where(part.notna(), None).to_dict("records")  # type: ignore[misc]


def _batches(values: list[Any]) -> Iterator[list[Any]]:
    for start in range(0, len(values), _NAMES):
        yield values[start : start + _NAMES]
