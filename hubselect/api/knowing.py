"""What the registry knows for a target: results and clusters, the target's own results left out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from hubselect.api.benchmarks.benchmarking import recipe_for
from hubselect.api.clusters.clustering import matrix_of, recomputed, refreshed
from hubselect.backtest.hiding import by_dataset, numbers
from hubselect.knowledge.clusters import cluster
from hubselect.knowledge.matrix import PerformanceMatrix
from hubselect.knowledge.trend_book import TrendBook
from hubselect.recall.methods.base import Scores
from hubselect.records import Clustering, Dataset, Method, ProxyScore, Recipe
from hubselect.registry import Registry


@dataclass(frozen=True)
class Knowledge:
    """`recipe` is the one the results are from. `proxies` are the recorded proxy scores on the benchmark
    datasets of the matrix. All but the recipe is empty while nothing was benchmarked (`cold`)."""

    recipe: Recipe
    matrix: PerformanceMatrix
    clustering: Clustering
    proxies: tuple[ProxyScore, ...] = field(default=(), repr=False)

    @property
    def cold(self) -> bool:
        return not self.matrix.models

    def benchmark_proxies(self) -> Mapping[str, Mapping[str, Scores]]:
        """Proxy scores by benchmark dataset, proxy and model."""
        return {dataset: numbers(by_proxy) for dataset, by_proxy in by_dataset(self.proxies).items()}


def knowledge_for(store: Registry, dataset: Dataset, method: Method | None = None) -> Knowledge:
    """Everything known about models for `dataset`'s task, the dataset's own results left out.

    The results are those of the main recipe; of the main recipe of `method` where that has at least half
    as many: who does well fully fine-tuned does well with LoRA, so more results tell more.
    """
    recipe = store.main_recipe(dataset.task)
    if recipe is None:
        return nothing_known(recipe_for(store, dataset.task))
    every = matrix_of(store, recipe)
    same = store.main_recipe(dataset.task, method=method) if method not in (None, recipe.method) else None
    if same is not None:
        own = matrix_of(store, same)
        if 2 * _cells(own) >= _cells(every):
            recipe, every = same, own
    matrix = every.without_dataset(dataset.name).scored()
    if not matrix.models:
        return nothing_known(recipe)
    clustering = refreshed(store, recipe) or recomputed(store, recipe)
    if matrix.datasets != every.datasets:
        clustering = _without_target(matrix, clustering)
    proxies = tuple(p for name in matrix.datasets for p in store.proxy_scores(dataset=name))
    return Knowledge(recipe, matrix, clustering, proxies)


def trends_for(store: Registry, known: Knowledge, models: Iterable[str]) -> TrendBook:
    """The convergence trends of `models` on the datasets of the matrix."""
    datasets = set(known.matrix.datasets)
    runs = [
        run
        for model in models
        if model in known.matrix
        for run in store.runs(
            model=model, recipe=known.recipe.digest, status="done", role="benchmark", current=True
        )
        if run.dataset in datasets
    ]
    return TrendBook.from_runs(runs)


def _cells(matrix: PerformanceMatrix) -> int:
    return int(np.isfinite(matrix.scores).sum())


def nothing_known(recipe: Recipe) -> Knowledge:
    clustering = Clustering(recipe.task, recipe.digest, None, 5, "average", ())
    return Knowledge(recipe, PerformanceMatrix((), (), np.empty((0, 0))), clustering)


def _without_target(matrix: PerformanceMatrix, kept: Clustering) -> Clustering:
    """The clusters as they would be had the target never been benchmarked; kept in memory only."""
    return cluster(
        matrix,
        task=kept.task,
        recipe=kept.recipe,
        threshold=kept.threshold,
        top_k=kept.top_k,
        method=kept.method,
        n_clusters=min(len(kept.clusters), len(matrix.models)) if kept.threshold is None else None,
    )
