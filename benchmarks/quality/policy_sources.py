"""Recorded curves as material for `policies.py`: one task of a registry, or of a folder of tidy CSV files."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hubselect.api.clusters.clustering import known_runs
from hubselect.api.selection.curve_ends import steps_by_dataset
from hubselect.records import TASKS, CurvePoint, ProxyScore, Run, Task
from hubselect.registry import Registry

_SHORT: dict[str, Task] = {"text": "text-classification", "image": "image-classification"}
_PROXIES = {"leep": "leep", "logme_both": "logme", "hscore_both": "hscore-reg", "ridge_both": "linear"}


@dataclass(frozen=True)
class Source:
    """Finished runs of one task under one recipe, and the proxy scores of its models. `steps` are optimizer
    steps per epoch by dataset, where known."""

    name: str
    task: Task
    runs: tuple[Run, ...]
    proxies: tuple[ProxyScore, ...]
    steps: Mapping[str, float] = field(default_factory=dict)


def of_registry(name: str, store: Registry) -> Iterator[Source]:
    """One source per task with results of which curves are known."""
    for task in TASKS:
        recipe = store.main_recipe(task)
        if recipe is None:
            continue
        runs = tuple(r for r in known_runs(store, recipe) if r.curve)
        datasets = {r.dataset for r in runs}
        proxies = tuple(p for p in store.proxy_scores() if p.dataset in datasets)
        if len(datasets) > 3:
            kind = task.partition("-")[0]
            yield Source(f"{name}-{kind}", task, runs, proxies, steps_by_dataset(store, recipe))


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
