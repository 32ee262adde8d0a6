"""Two registries that overlap and disagree, and what each must hold after they met: all of it computed.

Model i on dataset j scores `score(i, j)`; registry two says something else about every
`CONFLICT`-th shared cell, and about one stage of every `CONFLICT`-th shared curve.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

TEXT = "text-classification"
STAGES = 5
CONFLICT = 97


@dataclass(frozen=True)
class Size:
    """`curves` models have one curve of `STAGES` points; two holds the second half and some more models."""

    models: int
    datasets: int
    curves: int

    def range_of(self, who: str) -> range:
        half = self.models // 2
        return range(self.models) if who == "one" else range(half, self.models + half // 5)

    def shared(self, model: int) -> bool:
        return model in self.range_of("one") and model in self.range_of("two")


Cell = tuple[int, int]
Point = tuple[int, int]


def name(model: int) -> str:
    return f"author-{model % 997}/checkpoint-{model}"


def benchmark(dataset: int) -> str:
    return f"suite/benchmark-{dataset}"


def score(model: int, dataset: int) -> float:
    return ((model * 7919 + dataset * 104729) % 100_003) / 100_003


def says(who: str, size: Size) -> tuple[dict[Cell, float], dict[Point, float]]:
    """Test scores by (model, dataset), validation scores by (model, stage) on the first dataset."""
    tests, points = {}, {}
    for model in size.range_of(who):
        for dataset in range(size.datasets):
            other = who == "two" and size.shared(model) and (model * 31 + dataset) % CONFLICT == 0
            tests[model, dataset] = score(model, dataset) + (0.5 if other else 0.0)
        if model % max(1, size.models // size.curves) == 0:
            for stage in range(1, STAGES + 1):
                other = who == "two" and size.shared(model) and model % CONFLICT == 0 and stage == 3
                points[model, stage] = score(model, 0) * stage / STAGES + (0.5 if other else 0.0)
    return tests, points


def after_meeting(size: Size, first: str) -> tuple[dict[Cell, float], dict[Point, float]]:
    """What `first` must hold in the end: its own words, and the other's about all it did not know.

    A run whose curves disagree is one conflict: test score and curve stay those of `first`.
    """
    other = "two" if first == "one" else "one"
    (mine, my_points), (theirs, their_points) = says(first, size), says(other, size)
    return {**theirs, **mine}, {**their_points, **my_points}


def conflicts(size: Size) -> int:
    """Runs about which the two disagree."""
    (mine, my_points), (theirs, their_points) = says("one", size), says("two", size)
    runs = {key for key in mine if key in theirs and mine[key] != theirs[key]}
    runs |= {(m, 0) for (m, s) in my_points if my_points[m, s] != their_points.get((m, s), my_points[m, s])}
    return len(runs)


def frame(who: str, size: Size) -> pd.DataFrame:
    """One of them as tidy rows."""
    import pandas as pd

    tests, points = says(who, size)
    rows = [(name(m), benchmark(d), value, "test", STAGES) for (m, d), value in tests.items()]
    rows += [(name(m), benchmark(0), value, "val", stage) for (m, stage), value in points.items()]
    return pd.DataFrame(rows, columns=["model", "dataset", "score", "split", "stage"])


def fill(place: Path, who: str, size: Size) -> None:
    """Make the registry: models as a listing of the Hub tells of them, results as published ones."""
    from hubselect.registry import Registry

    with Registry.open(place) as registry:
        models = [_model(m) for m in size.range_of(who)]
        for start in range(0, len(models), 1000):
            registry.index_models(models[start : start + 1000])
        registry.import_scores(frame(who, size), recipe="published", source="a table", task=TEXT)


def _model(number: int):  # type: ignore[no-untyped-def]
    from hubselect.records import Model

    return Model(
        name(number), TEXT, revision=hashlib.sha1(str(number).encode()).hexdigest(), architecture="Bert",
        model_type="bert", parameters=10**8 + number, weights_format="safetensors",
        weights_files=("model.safetensors",), weights_bytes=4 * 10**8, license="mit",
        tags=("transformers", "safetensors", "text-classification", f"dataset:{number % 50}"),
        last_modified="2024-05-01T00:00:00+00:00", indexed_only=True,
    )  # fmt: skip


def checksum(tests: dict[Cell, float], points: dict[Point, float]) -> dict[str, object]:
    """Of what should be there."""
    return {
        "scores": len(tests),
        "points": len(points),
        "sha256": _digest(
            (
                (f"{name(m)} {benchmark(d)} {v!r}" for (m, d), v in tests.items()),
                (f"{name(m)} {benchmark(0)} {stage} {v!r}" for (m, stage), v in points.items()),
            )
        ),
    }


def checksum_of(place: Path) -> dict[str, object]:
    """Of what a registry says to any SQL tool."""
    import sqlite3

    with sqlite3.connect(place) as raw:
        tests = raw.execute("SELECT model, dataset, test FROM v_runs WHERE status = 'done'").fetchall()
        points = raw.execute("SELECT model, dataset, stage, val FROM v_curves").fetchall()
    lines = ((f"{m} {d} {v!r}" for m, d, v in tests), (f"{m} {d} {s} {v!r}" for m, d, s, v in points))
    return {"scores": len(tests), "points": len(points), "sha256": _digest(lines)}


def _digest(parts: Iterable[Iterator[str]]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        for line in sorted(part):
            digest.update(line.encode())
    return digest.hexdigest()
