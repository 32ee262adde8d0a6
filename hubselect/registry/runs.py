"""Runs and their validation curves: the cells of the performance matrix and the curves of selections.

A run is keyed by model, dataset, recipe, seed and selection (None for a cell of the matrix).
It does not train anything and does not decide anything: it remembers, durably, what happened.
"""

from __future__ import annotations

from sqlmodel import col, func, select

from hubselect.errors import InvalidInput
from hubselect.records import CurvePoint, Recipe, Run
from hubselect.registry.base import Connected
from hubselect.registry.entries import of_pinned
from hubselect.registry.rows import find_dataset, find_model, find_recipe, finite, known
from hubselect.registry.run_rows import close, existing, load_runs, narrowed, run_query, started
from hubselect.registry.tables import CurvePointRow, DatasetRow, RunRow


class Runs(Connected):
    """The part of the registry that remembers fine-tuning. A recipe is given as record or digest."""

    def start_run(
        self, model: str, dataset: str, recipe: Recipe | str, *, seed: int = 0, selection: int | None = None
    ) -> Run:
        """Begin a run, or continue the one that is there; returns it with the points it already has.

        A finished run is returned as it is. Points measured on other revisions of the model or
        dataset are dropped: such a run starts afresh. A `Recipe` that is new is stored.
        """
        with self._database.write() as session:
            row = started(session, model, dataset, recipe, seed, selection)
            return load_runs(session, run_query().where(col(RunRow.id) == row.id))[0]

    def append_point(
        self,
        point: CurvePoint,
        dataset: str,
        recipe: Recipe | str,
        *,
        seed: int = 0,
        selection: int | None = None,
    ) -> None:
        """Record one validation durably; a stage that is already recorded stays as it is.

        Raises `UnknownEntry` when the run was never started, `InvalidInput` for a stage that does
        not follow the last one or lies beyond the recipe, and for a value that is not finite.
        """
        finite(point.val, f"the validation score of {point.model} at stage {point.stage}")
        with self._database.write() as session:
            row = existing(session, point.model, dataset, recipe, seed, selection)
            query = select(func.max(CurvePointRow.stage)).where(CurvePointRow.run_id == row.id)
            last = session.exec(query).one() or 0
            if 1 <= point.stage <= last:
                return
            stages = find_recipe(session, row.recipe_digest).stages
            if point.stage != last + 1 or point.stage > stages:
                where = f"{point.model} on {dataset}"
                raise InvalidInput(
                    f"stage {point.stage} of {where} cannot follow stage {last} of {stages}",
                    "record the stages in order",
                )
            if row.status != "running":
                raise InvalidInput(
                    f"the run of {point.model} on {dataset} is {row.status}", "start it again first"
                )
            values = {"epochs": point.epochs, "val": point.val, "seconds": point.seconds}
            session.add(CurvePointRow(run_id=known(row.id), stage=point.stage, **values))

    def finish_run(
        self,
        model: str,
        dataset: str,
        recipe: Recipe | str,
        test: float,
        seconds: float | None = None,
        *,
        seed: int = 0,
        selection: int | None = None,
    ) -> None:
        """Record the test score; a run that is done keeps the score it has.

        `seconds` None means the sum over the curve's points. Raises `UnknownEntry` for a run that
        was never started, `InvalidInput` for a score that is not finite.
        """
        finite(test, f"the test score of {model} on {dataset}")
        with self._database.write() as session:
            row = existing(session, model, dataset, recipe, seed, selection)
            if row.status == "done":
                return
            if seconds is None:
                query = select(func.sum(CurvePointRow.seconds)).where(CurvePointRow.run_id == row.id)
                seconds = session.exec(query).one()
            row.status, row.test, row.seconds, row.reason = "done", float(test), seconds, None
            session.add(row)

    def fail_run(
        self,
        model: str,
        dataset: str,
        recipe: Recipe | str,
        reason: str,
        *,
        seed: int = 0,
        selection: int | None = None,
    ) -> None:
        """Record that the run cannot go on, also when it never started; a finished run stays finished."""
        with self._database.write() as session:
            row = started(session, model, dataset, recipe, seed, selection)
            close(session, row, "failed", reason)

    def stop_run(
        self,
        model: str,
        dataset: str,
        recipe: Recipe | str,
        reason: str = "eliminated",
        *,
        seed: int = 0,
        selection: int | None = None,
    ) -> None:
        """Record that the run was given up on purpose; a finished or failed run stays as it is."""
        with self._database.write() as session:
            row = existing(session, model, dataset, recipe, seed, selection)
            if row.status != "failed":
                close(session, row, "stopped", reason)

    def runs(
        self,
        *,
        model: str | None = None,
        dataset: str | None = None,
        recipe: Recipe | str | None = None,
        status: str | None = None,
        selection: int | None = None,
        task: str | None = None,
        role: str | None = None,
        current: bool = False,
        curves: bool = True,
    ) -> list[Run]:
        """Runs with their curves, by model, dataset, recipe and seed.

        `selection` None means benchmark runs only; `role` asks for datasets of that role; `current`
        leaves out runs of revisions that a model is no longer pinned to. Without `curves` no curve is
        read. Filters that name something the registry does not hold give an empty list.
        """
        query = narrowed(run_query(), model, dataset, recipe, status, selection, task)
        if role is not None:
            query = query.where(col(DatasetRow.role) == role)
        if current:
            query = query.where(of_pinned(RunRow))
        with self._database.read() as session:
            return load_runs(session, query, curves=curves)

    def curves(self, model: str, dataset: str | None = None) -> list[Run]:
        """The benchmark runs of a model (on one dataset) that have a validation curve.

        Raises `UnknownEntry` for a model or dataset the registry does not hold.
        """
        with self._database.read() as session:
            find_model(session, model)
            if dataset is not None:
                find_dataset(session, dataset)
            query = narrowed(run_query(), model, dataset, None, None, None, None)
            return [run for run in load_runs(session, query) if run.curve]
