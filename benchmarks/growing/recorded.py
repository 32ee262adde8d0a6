"""The recorded performance matrices that the comparisons here run on: the zoo's own recording, and what
others published where it is at hand (it is not kept in the project)."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np
import pandas as pd

from benchmarks.quality.load import RECORDING, recorded_registry
from hubselect.api.clusters.clustering import known_runs
from hubselect.knowledge.matrix import PerformanceMatrix
from hubselect.records import TASKS

SHARED = Path(os.environ.get("HUBSELECT_SHARED_DATA", Path(__file__).parents[3] / "shared" / "data"))


def recorded() -> Iterator[tuple[str, PerformanceMatrix]]:
    """Those that are here, by name."""
    yield from _zoo()
    published = SHARED / "authors_nlp"
    if (published / "matrix.txt").is_file():
        yield "published text matrix of the paper's authors", _published(published)
    for kind in ("text", "image"):
        curves = SHARED / "testbed" / f"{kind}_curves.csv.gz"
        if curves.is_file():
            yield f"recorded {kind} testbed", _tested(curves)


def _zoo() -> Iterator[tuple[str, PerformanceMatrix]]:
    """What `benchmarks/quality/record.py` recorded, the mean over seeds."""
    if not (RECORDING / "registry").is_dir():
        return
    with TemporaryDirectory() as folder, recorded_registry(Path(folder) / "zoo.db") as store:
        for task in TASKS:
            recipe = store.main_recipe(task)
            if recipe is not None:
                kind = task.partition("-")[0]
                yield f"recorded {kind} zoo", PerformanceMatrix.from_runs(known_runs(store, recipe))


def _published(folder: Path) -> PerformanceMatrix:
    header, *lines = (folder / "matrix.txt").read_text().splitlines()
    scores = np.array([[float(cell) for cell in line.split()] for line in lines if line.strip()]).T
    scores[scores <= 0] = np.nan  # so the authors mark what they did not measure
    return PerformanceMatrix(
        tuple(header.split()), tuple((folder / "datasets.txt").read_text().split()), scores
    )


def _tested(curves: Path) -> PerformanceMatrix:
    """Test scores, the mean over seeds."""
    frame = pd.read_csv(curves)
    table = frame[frame["split"] == "test"].pivot_table(index="model", columns="dataset", values="score")
    return PerformanceMatrix(tuple(table.index), tuple(table.columns), table.to_numpy())
