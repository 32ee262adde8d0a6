"""Registries in temporary files, and one with a little of everything in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hubselect.records import (
    Cluster,
    Clustering,
    CurvePoint,
    Dataset,
    Model,
    ProxyScore,
    Recalled,
    Recipe,
    Verdict,
)
from hubselect.registry import HubResult, Registry, SelectionRequest

TEXT = "text-classification"
IMAGE = "image-classification"
RECIPE = Recipe(TEXT, epochs=3)


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    """An empty registry in a file."""
    with Registry.open(tmp_path / "registry.db") as opened:
        yield opened


def add_cell(registry: Registry, model: str, dataset: str, test: float, **key: int) -> None:
    """A finished run with a curve of three stages."""
    registry.start_run(model, dataset, RECIPE, **key)
    for stage in (1, 2, 3):
        point = CurvePoint(model, stage, float(stage), test * stage / 3, seconds=1.5)
        registry.append_point(point, dataset, RECIPE, **key)
    registry.finish_run(model, dataset, RECIPE, test, **key)


def fill(registry: Registry) -> int:
    """Two models, two datasets, runs, proxies, claims, clusters and a finished selection; returns its id."""
    for name in "ab":
        model = Model(f"org/{name}", TEXT, revision=name * 40, weights_digest=name, labels=("no", "yes"))
        registry.add_model(model)
    registry.add_dataset(
        Dataset("org/d", TEXT, config="c", revision="d" * 40, splits={"train": 9, "test": None})
    )
    registry.add_dataset(Dataset("org/e", TEXT, revision="e" * 40, text_columns=("one", "two")))
    registry.add_dataset(Dataset("org/target", TEXT, role="target"))
    for model, dataset, test in (
        ("org/a", "org/d:c", 0.9),
        ("org/b", "org/d:c", 0.8),
        ("org/a", "org/e", 0.7),
    ):
        add_cell(registry, model, dataset, test)
    registry.fail_run("org/b", "org/e", RECIPE, "out of memory")
    registry.add_proxy_scores([ProxyScore("org/a", "org/d:c", "leep", -0.5, "head")])
    registry.add_hub_results([HubResult("org/a", "a" * 40, "glue", "accuracy", 0.93, "sst2", "validation")])
    cluster = Cluster(4, "org/a", ("org/a", "org/b"))
    registry.save_clustering(Clustering(TEXT, RECIPE.digest, 0.05, 5, "average", (cluster,), 0.5, 0.6))
    return _select(registry)


def _select(registry: Registry) -> int:
    request = SelectionRequest("org/target", RECIPE.digest, "fine-selection", "leep", 2, {"threshold": 0.0})
    selection = registry.create_selection(request)
    recalled = (Recalled("org/a", 0.8, 0.8, -0.5, 4, "org/a", "head"), Recalled("org/b", 0.7, 0.8, None, 4))
    registry.record_recall(selection, recalled, {"matrix": [[0.9, float("nan")]]}, 0.1, 100, "k1")
    add_cell(registry, "org/a", "org/target", 0.6, selection=selection)
    verdicts = [
        Verdict(1, 1.0, "org/a", 0.2, 0.6, True, "best"),
        Verdict(1, 1.0, "org/b", 0.1, None, False, "worse"),
    ]
    registry.record_verdicts(selection, verdicts)
    registry.append_event(selection, "note", {"text": "späte Nachricht"})
    registry.add_cost(selection, seconds=7.5, bytes=50)
    registry.finish_selection(selection, "org/a", 0.61, 0.6, "/somewhere/out")
    return selection
