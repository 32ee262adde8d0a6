"""What the registry knows for a target: results and clusters, the target's own results left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from hubselect.api.benchmarking import recipe_for
from hubselect.api.clustering import known_runs, recomputed, refreshed
from hubselect.knowledge.clusters import cluster
from hubselect.knowledge.matrix import PerformanceMatrix
from hubselect.recall.methods.base import Scores
from hubselect.records import Clustering, Dataset, ProxyScore, Recipe, Run
from hubselect.registry import Registry


@dataclass(frozen=True)
class Knowledge:
    """`recipe` is the one the results are from. `proxies` are the recorded proxy scores on the benchmark
    datasets of the matrix. All but the recipe is empty while nothing was benchmarked (`cold`)."""

    recipe: Recipe
    runs: tuple[Run, ...]
    matrix: PerformanceMatrix
    clustering: Clustering
    proxies: tuple[ProxyScore, ...] = field(default=(), repr=False)

    @property
    def cold(self) -> bool:
        return not self.runs

    def benchmark_proxies(self) -> Mapping[str, Mapping[str, Scores]]:
        """Proxy scores by benchmark dataset, proxy and model."""
        table: dict[str, dict[str, dict[str, float]]] = {}
        for score in self.proxies:
            table.setdefault(score.dataset, {}).setdefault(score.proxy, {})[score.model] = score.score
        return table


def knowledge_for(store: Registry, dataset: Dataset) -> Knowledge:
    """Everything known about models for `dataset`'s task, the dataset's own results left out."""
    recipe = store.main_recipe(dataset.task)
    every = known_runs(store, recipe) if recipe else []
    runs = tuple(r for r in every if r.dataset != dataset.name)
    if recipe is None or not runs:
        return _nothing(recipe or recipe_for(store, dataset.task))
    clustering = refreshed(store, recipe) or recomputed(store, recipe)
    matrix = PerformanceMatrix.from_runs(runs)
    if len(runs) < len(every):
        clustering = _without_target(matrix, clustering)
    proxies = tuple(p for p in store.proxy_scores() if p.dataset in matrix.datasets)
    return Knowledge(recipe, runs, matrix, clustering, proxies)


def _nothing(recipe: Recipe) -> Knowledge:
    clustering = Clustering(recipe.task, recipe.digest, None, 5, "average", ())
    return Knowledge(recipe, (), PerformanceMatrix((), (), np.empty((0, 0))), clustering)


def _without_target(matrix: PerformanceMatrix, kept: Clustering) -> Clustering:
    """The clusters as they would be had the target never been benchmarked; kept in memory only."""
    return cluster(
        matrix,
        task=kept.task,
        recipe=kept.recipe,
        threshold=kept.threshold,
        top_k=kept.top_k,
        method=kept.method,
        n_clusters=len(kept.clusters) if kept.threshold is None else None,
    )
