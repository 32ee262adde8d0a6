"""The recording as it would be, had a dataset never been benchmarked: for selections that are really run."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

from hubselect.records import Recipe, Task, dataset_name

if TYPE_CHECKING:
    import pandas as pd

    from hubselect.registry.snapshot_tables import Row, Tables


@dataclass(frozen=True)
class Recorded:
    """What the recording says about a dataset. `tests` are the models' test scores, the mean over
    `seeds`; `revisions` are the commits they and the data were at."""

    tests: dict[str, float]
    seeds: tuple[int, ...]
    dataset_revisions: frozenset[str]
    model_revisions: dict[str, str]


def recorded_on(tables: Tables, dataset: str, models: Collection[str]) -> Recorded:
    """The finished runs of `models` on a dataset under the recipe that has most of them."""
    runs = tables.runs
    runs = runs[(runs["dataset"] == dataset) & (runs["status"] == "done") & runs["model"].isin(list(models))]
    if len(runs):
        runs = runs[runs["recipe"] == runs["recipe"].mode().iloc[0]]
    return Recorded(
        {str(model): fmean(found["test"]) for model, found in runs.groupby("model")},
        tuple(sorted(int(seed) for seed in runs["seed"].unique())),
        frozenset(runs["dataset_revision"].dropna()),
        {str(m): str(r) for m, r in zip(runs["model"], runs["model_revision"], strict=True) if r},
    )


def without_dataset(tables: Tables, dataset: str) -> Tables:
    """No run, stage, proxy score or claim on the dataset is left, nor the dataset itself."""
    return replace(
        tables,
        datasets=[d for d in tables.datasets if _name(d) != dataset],
        runs=_other(tables.runs, dataset),
        curve_points=_other(tables.curve_points, dataset),
        proxy_scores=_other(tables.proxy_scores, dataset),
        hub_results=_other(tables.hub_results, dataset.partition(":")[0]),
    )


def only_models(tables: Tables, models: Collection[str]) -> Tables:
    """What is known about these models, and nothing about others."""
    kept = set(models)
    frames = ("runs", "curve_points", "proxy_scores", "hub_results")
    return replace(
        tables,
        models=[m for m in tables.models if m["id"] in kept],
        **{name: (frame := getattr(tables, name))[frame["model"].isin(kept)] for name in frames},
    )


def once_an_epoch(tables: Tables) -> Tables:
    """The same runs, had every recipe validated at the end of each epoch alone: one stage an epoch."""
    per_epoch = {r["digest"]: r["content"]["stages_per_epoch"] for r in tables.recipes}
    thinned = [_once_an_epoch(r) for r in tables.recipes]
    digests = {old["digest"]: new["digest"] for old, new in zip(tables.recipes, thinned, strict=True)}
    points = tables.curve_points
    per = points["recipe"].map(per_epoch).astype("int64")
    ends = (points["stage"] % per) == 0
    # what an epoch took is the sum of its parts
    epoch = (points["stage"] - 1) // per + 1
    keys = ["model", "dataset", "recipe", "seed"]
    seconds = points.assign(epoch=epoch).groupby([*keys, "epoch"])["seconds"].transform("sum")
    points = points.assign(stage=epoch, seconds=seconds)[ends]
    return replace(
        tables,
        recipes=list({r["digest"]: r for r in thinned}.values()),
        runs=tables.runs.assign(recipe=tables.runs["recipe"].map(digests)),
        curve_points=points.assign(recipe=points["recipe"].map(digests)),
    )


def registry_of(tables: Tables, place: Path, task: Task) -> None:
    """A new registry at `place` with these tables in it and its clusters computed."""
    from hubselect import cluster
    from hubselect.registry import Registry
    from hubselect.registry.snapshot_writing import write_snapshot

    snapshot = place.with_name(f"{place.stem}-snapshot")
    for old in (*place.parent.glob(f"{place.name}*"), snapshot):
        shutil.rmtree(old) if old.is_dir() else old.unlink(missing_ok=True)
    write_snapshot(tables, snapshot)
    with Registry.open(place) as store:
        store.import_registry(snapshot, source="snapshot:zoo-recording")
        cluster(registry=store, task=task)


def _name(row: Row) -> str:
    return dataset_name(row["id"], row["config"])


def _other(frame: pd.DataFrame, dataset: str) -> pd.DataFrame:
    return frame[frame["dataset"] != dataset]


def _once_an_epoch(row: Row) -> Row:
    recipe = Recipe(**row["content"]).with_(stages_per_epoch=1)
    return {**row, "digest": recipe.digest, "content": {**row["content"], "stages_per_epoch": 1}}
