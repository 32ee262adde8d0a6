"""Scores of models in well-separated groups, and a registry that has clustered some of them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from hubselect.records import Model
from hubselect.registry import Registry

TASK = "text-classification"


def rows(models: range, other: float = 0.0) -> pd.DataFrame:
    """Scores on eight benchmarks in ten groups, and curves of three stages on one of them."""
    cells = [(i, j, ((i % 10) * 7 + j * 3) % 10 / 10 + i * 1e-5 + other) for i in models for j in range(8)]
    found = [(f"org/m{i:05}", f"org/d{j}", value, "test", 3) for i, j, value in cells]
    found += [
        (f"org/m{i:05}", "org/d0", value * stage / 3, "val", stage)
        for i, j, value in cells
        if j == 0
        for stage in (1, 2, 3)
    ]
    return pd.DataFrame(found, columns=["model", "dataset", "score", "split", "stage"])


def write_clustered(place: Path) -> None:
    """Sixty models with results and clusters; twenty of them disagree with what `rows` says of them."""
    from hubselect.api.clusters.clustering import cluster

    with Registry.open(place) as registry:
        registry.add_model(Model("org/own", TASK, revision="1" * 40))
        held = pd.concat([rows(range(40)), rows(range(40, 60), 0.001)])
        registry.import_scores(held, recipe="published", source="mine")
        cluster(registry=registry, threshold=0.05)
