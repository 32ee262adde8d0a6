"""Recorded curves as material for `policies.py`: one task of a registry, or of a folder of tidy CSV files."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hubselect.api.clusters.clustering import known_runs
from hubselect.api.recall.candidates import classes_of
from hubselect.api.recall.scoring import FORWARD_SHARE, PROXY_SAMPLES
from hubselect.api.selection.curve_ends import steps_by_dataset
from hubselect.recall.classes import Classes
from hubselect.records import TASKS, CurvePoint, ProxyScore, Run, Task
from hubselect.registry import Registry

_SHORT: dict[str, Task] = {"text": "text-classification", "image": "image-classification"}
_PROXIES = {"leep": "leep", "logme_both": "logme", "hscore_both": "hscore-reg", "ridge_both": "linear"}


@dataclass(frozen=True)
class Source:
    """Finished runs of one task under one recipe, and the proxy scores of its models. `steps` are optimizer
    steps per epoch by dataset, where known, `passes` the epochs that a forward pass for the proxies costs
    there (as the product counts it), `classes` the class names of heads and datasets. `targets` are the
    datasets to be hidden in turn; all when empty."""

    name: str
    task: Task
    runs: tuple[Run, ...]
    proxies: tuple[ProxyScore, ...]
    steps: Mapping[str, float] = field(default_factory=dict)
    passes: Mapping[str, float] = field(default_factory=dict)
    classes: Classes = field(default_factory=Classes)
    targets: frozenset[str] = frozenset()


def of_registry(name: str, store: Registry, targets: Collection[str] = ()) -> Iterator[Source]:
    """One source per task with results of which curves are known; `targets` as in `Source`."""
    for task in TASKS:
        recipe = store.main_recipe(task)
        if recipe is None:
            continue
        runs = tuple(r for r in known_runs(store, recipe) if r.curve)
        datasets = {r.dataset for r in runs}
        proxies = tuple(p for p in store.proxy_scores() if p.dataset in datasets)
        if len(datasets) > 3:
            kind = task.partition("-")[0]
            sets = {d.name: d for d in store.datasets(task) if d.name in datasets}
            passes = {
                n: FORWARD_SHARE * min(1.0, PROXY_SAMPLES / (d.splits["train"] or 1)) for n, d in sets.items()
            }
            models = store.models_named({r.model for r in runs})
            steps = steps_by_dataset(store, recipe)
            yield Source(
                f"{name}-{kind}",
                task,
                runs,
                proxies,
                steps,
                passes,
                classes_of(store, task, models),
                frozenset(targets) & datasets,
            )


def of_folder(name: str, folder: Path, leave_out: frozenset[str]) -> Iterator[Source]:
    """From `{text,image}_curves.csv.gz` (model, dataset, seed, stage, epochs, split, score) and
    `{text,image}_proxies.csv.gz` (model, dataset, proxy, score)."""
    for kind, task in _SHORT.items():
        runs: dict[tuple[str, str, int], list[CurvePoint]] = {}
        tests: dict[tuple[str, str, int], float] = {}
        for row in _rows(folder / f"{kind}_curves.csv.gz"):
            key = row["model"], row["dataset"], int(row["seed"])
            if row["split"] == "test":
                tests[key] = float(row["score"])
            else:
                point = CurvePoint(key[0], int(row["stage"]), float(row["epochs"]), float(row["score"]))
                runs.setdefault(key, []).append(point)
        found = tuple(
            Run(model, dataset, "tidy", "done", seed, tuple(sorted(curve, key=lambda p: p.stage)), test)
            for (model, dataset, seed), curve in sorted(runs.items())
            if dataset not in leave_out and (test := tests.get((model, dataset, seed))) is not None
        )
        proxies = tuple(
            ProxyScore(row["model"], row["dataset"], _PROXIES[row["proxy"]], float(row["score"]))
            for row in _rows(folder / f"{kind}_proxies.csv.gz")
            if row["proxy"] in _PROXIES and row["dataset"] not in leave_out
        )
        yield Source(f"{name}-{kind}", task, found, proxies)


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)
