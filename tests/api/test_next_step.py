"""Whoever types `hubselect` alone is told the next command for the state the registry is in."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from hubselect import Registry, cluster
from hubselect.api.next_step import next_step
from hubselect.records import Dataset, Model


def first(registry: Path) -> str:
    return next_step(registry=registry).commands[0]


def test_benchmarks_alone_lead_to_models(tmp_path: Path) -> None:
    place = tmp_path / "registry.db"
    with Registry.open(place) as store:
        store.add_dataset(Dataset("o/d", "text-classification", revision="2" * 40))
    assert first(place) == "hubselect add-model ORG/NAME"
    assert next_step(registry=place).state == "The registry knows 1 benchmark dataset and no models yet."


def test_each_state_leads_on_to_the_next(tmp_path: Path) -> None:
    place = tmp_path / "registry.db"
    assert first(place).startswith("hubselect init")
    assert not place.exists()
    with Registry.open(place) as store:
        assert next_step(registry=place).commands[:2] == (
            "hubselect add-dataset DATASET_ID",
            "hubselect add-model ORG/NAME",
        )
        store.add_model(Model("o/a", "text-classification", revision="1" * 40))
        assert first(place) == "hubselect add-dataset DATASET_ID"
        store.add_dataset(Dataset("o/d", "text-classification", revision="2" * 40))
        assert first(place) == "hubselect benchmark"
        rows = [
            (f"o/{m}", f"o/{d}", 0.5 + 0.01 * i)
            for i, (m, d) in enumerate([(m, d) for m in "abc" for d in "de"])
        ]
        store.import_scores(pd.DataFrame(rows, columns=["model", "dataset", "score"]))
        if not store.clusterings():
            assert first(place) == "hubselect cluster"
            cluster(registry=store)
        assert first(place) == "hubselect select DATASET_ID"
        assert "3 models" in next_step(registry=place).state
