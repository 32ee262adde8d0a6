"""Published scores become runs and proxy scores: checked as a whole, stored in one transaction.

Imported runs have recipes of their own (`optimizer` "unknown"), so they never share one with
measured runs; what is already there stays, and a file that contradicts it is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from hubselect.errors import InvalidInput
from hubselect.registry.base import Connected
from hubselect.registry.layout import read_layout
from hubselect.registry.merging import Names, merge_proxies, merge_runs
from hubselect.registry.reading import Raw, read_scores
from hubselect.registry.rows import IMPORTED, checked_name, checked_task
from hubselect.registry.tidy import typed

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class ImportReport:
    """What an import added: new models, datasets, runs, curve points and proxy scores.

    `unchanged` counts the scores of the file that the registry already held. `recipe` is the
    digest of the imported runs' recipe, None for proxy scores and for several; `recipes` has all.
    `replaced` are the digests of recipes of the same name that grew to hold the file's stages: those
    in `recipes` took their place. `warnings` are lines for people about what they may not expect.
    """

    models: int = 0
    datasets: int = 0
    runs: int = 0
    points: int = 0
    proxies: int = 0
    unchanged: int = 0
    recipe: str | None = None
    recipes: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


class Importing(Connected):
    """The part of the registry that takes in published scores."""

    def import_scores(
        self,
        scores: pd.DataFrame | str | Path,
        *,
        columns: Mapping[str, str] | None = None,
        recipe: str | None = None,
        format: Literal["tidy", "matrix"] = "tidy",  # noqa: A002
        task: str | None = None,
        source: str | None = None,
    ) -> ImportReport:
        """Import a CSV (also .gz), a Parquet file, a frame, or (`format="matrix"`) the authors' folder.

        Tidy rows have columns model, dataset, score and optionally stage, epochs, split (val or
        test; test where unnamed), seed, recipe, task and submitted (a date or any words); a column
        proxy makes them proxy scores.
        `columns` maps these names to the file's own. `recipe` names the recipe (default
        "imported:" and the file's stem); scores under a known name join its recipe unless epochs or
        stages contradict (`import_recipes`). `source` is the origin noted with every run. `task` None means
        the task that the registry knows the models and datasets by, else text-classification.

        Importing the same file again changes nothing. Raises `InvalidInput` naming file, line and
        fault; nothing is imported then.
        """
        if format not in ("tidy", "matrix"):
            raise InvalidInput(f"{format!r} is not a format of scores", "choose tidy or matrix")
        if task is not None:
            checked_task(task)
        for kind, given in (("recipe", recipe), ("source", source)):
            if given is not None:
                checked_name(kind, given)
        raw = _read_layout(scores, columns) if format == "matrix" else read_scores(scores, columns)
        rows = typed(raw)
        stem = source or raw.stem
        with self._database.write() as session:
            names = Names(session, raw, rows)
            names.give_tasks(rows, task)
            new_models, new_datasets = names.add("model", rows), names.add("dataset", rows)
            if "proxy" in rows:
                report = merge_proxies(session, raw, rows, IMPORTED + stem)
            else:
                report = merge_runs(session, raw, rows, recipe or IMPORTED + stem, IMPORTED + stem)
        return ImportReport(models=new_models, datasets=new_datasets, **report)


def _read_layout(source: object, columns: Mapping[str, str] | None) -> Raw:
    if columns:
        raise InvalidInput(
            "columns cannot be named for the matrix layout: it has none", "leave --columns out"
        )
    if not isinstance(source, str | Path):
        raise InvalidInput(
            "the matrix layout is a folder with matrix.txt and datasets.txt, not a frame", "give its path"
        )
    return read_layout(source)
