"""Many processes that add results to one clustered registry at once, on every database."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from hubselect.api.clusters.upkeep import cluster_afresh, keep_up
from hubselect.api.importing import import_scores
from hubselect.knowledge.clusters import cluster
from hubselect.knowledge.matrix import PerformanceMatrix
from hubselect.registry import Registry
from tests.cli.conftest import DATASETS, MODELS, curves
from tests.contracts.processes import together

pytestmark = pytest.mark.slow  # eight processes on every database

WRITERS, MODELS_EACH, RECIPE = 8, 2, "imported:shared"


def _add_models(number: int, place: str) -> None:
    """What one process does: import a model's row, which brings the clusters up to date, again."""
    dice = np.random.default_rng(number)
    with Registry.open(place) as store:
        for i in range(MODELS_EACH):
            rows = [(f"new/w{number}-{i}", d, float(dice.uniform(0.4, 0.9))) for d in DATASETS]
            frame = pd.DataFrame(rows, columns=["model", "dataset", "score"])
            frame = frame.assign(split="test", stage=5, epochs=5.0, recipe=RECIPE)
            (after,) = import_scores(frame, registry=store, source="shared").clusters
            assert after.failure is None


def test_clusters_kept_up_by_eight_processes_equal_a_batch_run(place: str) -> None:
    """Nobody fails because somebody else was first, and no model is left out."""
    with Registry.open(place) as store:
        recipe = store.recipe(str(store.import_scores(curves(), source="shared", recipe=RECIPE).recipe))
        cluster_afresh(store, recipe, 0.05, 5)
    together(_add_models, WRITERS, place)
    with Registry.open(place) as store:
        keep_up(store, recipe)
        frame = store.matrix()
        matrix = PerformanceMatrix(tuple(frame.index), tuple(frame.columns), frame.to_numpy())
        batch = cluster(matrix, task=recipe.task, recipe=recipe.digest, threshold=0.05)
        assert len(matrix.models) == len(MODELS) + WRITERS * MODELS_EACH
        assert sorted(c.members for c in store.clusters()) == sorted(c.members for c in batch.clusters)
        assert store.check() == []
