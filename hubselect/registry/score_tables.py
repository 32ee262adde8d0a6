"""The performance matrix as arrays, and what changed in it since it was last read.

A `ScoreMark` remembers how far the runs of a recipe were read: the last run, the benchmark runs
that gave no score yet, the pinned revisions of measured models and the benchmark datasets. With
it, `score_changes` finds the models whose rows changed by a few indexed queries instead of
reading millions of runs. Runs are never deleted, and what overwrites the score of a finished run
says so in the history of clusters (`cluster_events.scores_overwritten`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa
from sqlalchemy import ColumnElement, Select
from sqlmodel import Session, col

from hubselect.records import Recipe
from hubselect.registry.base import Connected
from hubselect.registry.entries import of_pinned
from hubselect.registry.rows import find_recipe
from hubselect.registry.tables import DatasetRow, ModelRow, RunRow

FloatArray = npt.NDArray[np.float64]

_BATCH = 100_000
_NAMED = 500  # names in one query
_MOST_CHANGES = 5_000  # more changed models than this are read with all others
_MOST_OPEN = 20_000


@dataclass(frozen=True)
class ScoreMark:
    """How far the runs of a recipe were read; plain values, for JSON.

    `open_runs` gave no score (unfinished, failed, or of another revision); `pins` are the
    revisions of models with measured runs by their row number; `benchmarks` the benchmark datasets.
    """

    last_run: int = 0
    open_runs: tuple[int, ...] = ()
    pins: Mapping[int, str | None] = field(default_factory=dict)
    last_dataset: int = 0
    benchmarks: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class ScoreTable:
    """Scores [n_models, n_datasets] of models and datasets sorted by name; NaN for a missing cell."""

    models: tuple[str, ...]
    datasets: tuple[str, ...]
    scores: FloatArray
    mark: ScoreMark = ScoreMark()


class ScoreTables(Connected):
    """The part of the registry that hands out the matrix without making a record of every run."""

    def scores_table(self, recipe: Recipe | str) -> ScoreTable:
        """The matrix under a recipe: a cell is the mean over seeds, as in `matrix`.

        Raises `UnknownEntry` for a recipe the registry does not hold.
        """
        with self._database.read() as session:
            digest = find_recipe(session, recipe).digest
            return _table(session, digest, col(RunRow.id) > 0)

    def score_changes(self, recipe: Recipe | str, since: ScoreMark) -> ScoreTable | None:
        """The rows of the models whose scores may differ from those read at `since`, whole rows.

        A model without any score left is a row of NaN. None when so much changed that everything
        has to be read again. The table's mark is the next `since`.
        """
        with self._database.read() as session:
            digest = find_recipe(session, recipe).digest
            mark = _reach(session, since)
            if mark is None:
                return None
            models = _changed(session, digest, since)
            if len(models) > _MOST_CHANGES:
                return None
            return _rows_of(session, digest, sorted(models), since, mark)


def _reach(session: Session, since: ScoreMark) -> ScoreMark | None:
    """The mark of now without open runs and pins; None when more changed than single rows."""
    last, last_dataset, benchmarks = _ends(session)
    known = set(since.benchmarks)
    if known - set(benchmarks) or any(d <= since.last_dataset for d in set(benchmarks) - known):
        return None  # a dataset changed its role
    if len(since.open_runs) > _MOST_OPEN:
        return None
    return ScoreMark(last, last_dataset=last_dataset, benchmarks=benchmarks)


def _ends(session: Session) -> tuple[int, int, tuple[int, ...]]:
    last = session.execute(sa.select(sa.func.max(RunRow.id))).scalar() or 0
    last_dataset = session.execute(sa.select(sa.func.max(DatasetRow.id))).scalar() or 0
    of_role = sa.select(col(DatasetRow.id)).where(col(DatasetRow.role) == "benchmark")
    return last, last_dataset, tuple(sorted(session.execute(of_role).scalars()))


def _changed(session: Session, digest: str, since: ScoreMark) -> set[int]:
    """Row numbers of the models with new runs, runs that ended, or another pin."""
    # not distinct: the planner would walk the index of models to have them in order
    new = sa.select(col(RunRow.model_id)).where(
        col(RunRow.id) > since.last_run, of_recipe(digest), col(RunRow.selection_id).is_(None)
    )
    models = set(session.execute(new).scalars())
    for part in _parts(since.open_runs):
        ended = (
            sa.select(col(RunRow.model_id))
            .distinct()
            .where(col(RunRow.id).in_(part), col(RunRow.status) == "done")
        )
        models |= set(session.execute(ended).scalars())
    for part in _parts(list(since.pins)):
        pins = sa.select(col(ModelRow.id), col(ModelRow.revision)).where(col(ModelRow.id).in_(part))
        models |= {i for i, revision in session.execute(pins) if revision != since.pins[i]}
    return models


def _rows_of(
    session: Session, digest: str, models: Sequence[int], since: ScoreMark, mark: ScoreMark
) -> ScoreTable:
    tables = [_table(session, digest, col(RunRow.model_id).in_(part)) for part in _parts(models)]
    names: dict[int, str] = {}
    for part in _parts(models):
        query = sa.select(col(ModelRow.id), col(ModelRow.repo_id)).where(col(ModelRow.id).in_(part))
        names |= {row[0]: row[1] for row in session.execute(query)}
    datasets = tuple(sorted({d for t in tables for d in t.datasets}))
    rows = {name: np.full(len(datasets), np.nan) for name in sorted(names.values())}
    for table in tables:
        places = [datasets.index(d) for d in table.datasets]
        for model, scores in zip(table.models, table.scores, strict=True):
            rows[model][places] = scores
    of_changed = {run for t in tables for run in t.mark.open_runs}
    open_runs = of_changed | set(_still_open(session, since.open_runs, set(models)))
    pins = {**since.pins, **{i: p for t in tables for i, p in t.mark.pins.items()}}
    scores = np.array(list(rows.values())).reshape(len(rows), len(datasets))
    mark = ScoreMark(mark.last_run, tuple(sorted(open_runs)), pins, mark.last_dataset, mark.benchmarks)
    return ScoreTable(tuple(rows), datasets, scores, mark)


def _still_open(session: Session, runs: Sequence[int], changed: set[int]) -> Iterable[int]:
    """Those of `runs` that belong to other models than the `changed` ones, which are read anew."""
    for part in _parts(runs):
        query = sa.select(col(RunRow.id), col(RunRow.model_id)).where(col(RunRow.id).in_(part))
        yield from (run for run, model in session.execute(query) if model not in changed)


def _parts(numbers: Sequence[int]) -> Iterable[Sequence[int]]:
    return (numbers[i : i + _NAMED] for i in range(0, len(numbers), _NAMED))


def of_recipe(digest: str) -> ColumnElement[bool]:
    """Runs of a recipe, found by what else is asked for.

    A recipe may have most of all runs: its index is the wrong way to those of a few models, and
    slower than the table itself to all of them. An expression hides the column from the planner.
    """
    return col(RunRow.recipe_digest) + "" == digest


def _cells(digest: str, condition: ColumnElement[bool]) -> Select[Any]:
    scored = sa.and_(col(RunRow.status) == "done", of_pinned(RunRow), col(DatasetRow.role) == "benchmark")
    return (
        sa.select(
            col(RunRow.id),
            col(RunRow.model_id),
            col(RunRow.dataset_id),
            sa.case((scored, col(RunRow.test)), else_=None),
            col(RunRow.model_revision).is_not(None),
        )
        .join(ModelRow, col(ModelRow.id) == col(RunRow.model_id))
        .join(DatasetRow, col(DatasetRow.id) == col(RunRow.dataset_id))
        .where(of_recipe(digest), col(RunRow.selection_id).is_(None), condition)
    )


def _table(session: Session, digest: str, condition: ColumnElement[bool]) -> ScoreTable:
    columns: list[list[npt.NDArray[Any]]] = [[], [], [], [], []]
    result = session.execute(_cells(digest, condition).execution_options(yield_per=_BATCH))
    kinds = (np.int64, np.int64, np.int64, np.float64, np.bool_)
    for part in result.partitions(_BATCH):
        for values, kind, found in zip(zip(*part, strict=True), kinds, columns, strict=True):
            found.append(np.array(values, dtype=kind))  # None becomes NaN
    if not columns[0]:
        last, last_dataset, benchmarks = _ends(session)
        return ScoreTable((), (), np.empty((0, 0)), ScoreMark(last, (), {}, last_dataset, benchmarks))
    run, model, dataset, test, measured = (np.concatenate(c) for c in columns)
    there = ~np.isnan(test)
    of_model = _names(session, ModelRow.id, ModelRow.repo_id, np.unique(model))
    of_dataset = _names(session, DatasetRow.id, DatasetRow.name, np.unique(dataset))
    table = _pivoted(model[there], dataset[there], test[there], of_model, of_dataset)
    last, last_dataset, benchmarks = _ends(session)
    mark = ScoreMark(
        last,
        tuple(np.sort(run[~there]).tolist()),
        _pins(session, np.unique(model[measured]).tolist()),
        last_dataset,
        benchmarks,
    )
    return ScoreTable(table.models, table.datasets, table.scores, mark)


def _names(session: Session, key: Any, name: Any, wanted: npt.NDArray[Any]) -> dict[int, str]:
    if len(wanted) <= _NAMED:
        query = sa.select(col(key), col(name)).where(col(key).in_(wanted.tolist()))
    else:
        query = sa.select(col(key), col(name)).where(col(key).between(int(wanted[0]), int(wanted[-1])))
    return {row[0]: row[1] for row in session.execute(query)}


def _pins(session: Session, models: Sequence[int]) -> dict[int, str | None]:
    pins: dict[int, str | None] = {}
    for part in _parts(models):
        query = sa.select(col(ModelRow.id), col(ModelRow.revision)).where(col(ModelRow.id).in_(part))
        pins |= {row[0]: row[1] for row in session.execute(query)}
    return pins


def _pivoted(
    model: npt.NDArray[Any],
    dataset: npt.NDArray[Any],
    test: FloatArray,
    of_model: Mapping[int, str],
    of_dataset: Mapping[int, str],
) -> ScoreTable:
    """Rows and columns by name; several runs of a cell give their mean."""
    models = sorted(np.unique(model).tolist(), key=of_model.__getitem__)
    datasets = sorted(np.unique(dataset).tolist(), key=of_dataset.__getitem__)
    cell = _places(models, model) * max(1, len(datasets)) + _places(datasets, dataset)
    order = np.lexsort((test, cell))
    cell, test = cell[order], test[order]
    cells, starts, counts = np.unique(cell, return_index=True, return_counts=True)
    means = test[starts] if len(test) else test
    for i in np.flatnonzero(counts > 1).tolist():
        means[i] = np.mean(test[starts[i] : starts[i] + counts[i]])
    scores = np.full(len(models) * len(datasets), np.nan)
    scores[cells] = means
    return ScoreTable(
        tuple(of_model[i] for i in models),
        tuple(of_dataset[i] for i in datasets),
        scores.reshape(len(models), len(datasets)),
    )


def _places(ordered: Sequence[int], values: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    table = np.zeros(max(ordered, default=0) + 1, dtype=np.int64)
    table[ordered] = np.arange(len(ordered))
    result: npt.NDArray[np.int64] = table[values]
    return result
