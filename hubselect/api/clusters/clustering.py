"""Clusters of models: computed from the performance matrix, kept in the registry."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np

from hubselect.api.clusters.lineage import lineage_followers, place_by_lineage
from hubselect.api.clusters.upkeep import cluster_afresh, events_between, keep_up
from hubselect.api.opening import opened
from hubselect.errors import KnowledgeMissing, UnknownEntry
from hubselect.knowledge.clusters import cluster as cluster_models
from hubselect.knowledge.clusters import inherit_ids
from hubselect.knowledge.matrix import PerformanceMatrix
from hubselect.records import TASKS, Clustering, Recipe, Run, Task
from hubselect.registry import Registry

Method = Literal["average", "kmeans"]


def cluster(
    *,
    registry: Registry | str | Path | None = None,
    task: Task | None = None,
    threshold: float | None = None,
    top_k: int = 5,
    method: Method = "average",
    n_clusters: int | None = None,
) -> tuple[Clustering, ...]:
    """Cluster the models of each task (or of `task`) by their benchmark results and keep the result.

    `threshold` is the distance (1 - similarity, Eq. 1) at which the average linkage is cut;
    None takes the cut with the best silhouette. Raises `KnowledgeMissing` when no task has
    finished runs, `InvalidInput` for values out of range.
    """
    with opened(registry) as store:
        found = []
        for each in [task] if task else TASKS:
            recipe = store.main_recipe(each)
            if recipe is not None:
                found.append(
                    _compute(
                        store, recipe, threshold=threshold, top_k=top_k, method=method, n_clusters=n_clusters
                    )
                )
        if not found:
            raise KnowledgeMissing(
                "the registry has no benchmark results to cluster by",
                "run `hubselect benchmark`, or bring results with `hubselect registry import`",
            )
        return tuple(found)


def refreshed(store: Registry, recipe: Recipe) -> Clustering | None:
    """The clustering under `recipe`, brought up to date with the matrix; None if there is none yet."""
    if keep_up(store, recipe) is not None:
        return store.clustering(recipe.task, recipe.digest)
    kept = store.clustering(recipe.task, recipe.digest)
    if kept is None:
        return None
    if {m for c in kept.clusters for m in c.members} == set(matrix_of(store, recipe).models):
        return kept
    return recomputed(store, recipe)


def recomputed(store: Registry, recipe: Recipe) -> Clustering:
    """The clustering of the matrix of now with the settings last used under `recipe` (the defaults if never).

    Average linkage is brought up to date, which gives what clustering again would give.
    """
    if keep_up(store, recipe) is not None and (kept := store.clustering(recipe.task, recipe.digest)):
        return kept
    kept = store.clustering(recipe.task, recipe.digest)
    if kept is None:
        return _compute(store, recipe)
    number = _number_of(kept, matrix_of(store, recipe))
    return _compute(
        store,
        recipe,
        threshold=kept.threshold,
        top_k=kept.top_k,
        method=kept.method,
        n_clusters=number,
    )


def _number_of(kept: Clustering, matrix: PerformanceMatrix) -> int | None:
    """How many clusters a clustering asked for, None when its threshold says it.

    It stores no other trace of that than the clusters themselves.
    """
    if kept.method != "kmeans" or kept.threshold is not None:
        return None
    return min(len(kept.clusters), len(matrix.models)) or None


def known_runs(store: Registry, recipe: Recipe) -> list[Run]:
    """The finished benchmark runs under `recipe` at the pinned revisions, with their curves."""
    return store.runs(recipe=recipe.digest, status="done", role="benchmark", current=True)


def matrix_of(store: Registry, recipe: Recipe) -> PerformanceMatrix:
    """The scores of these runs, read without making a record of every run; empty for an unknown recipe."""
    try:
        table = store.scores_table(recipe)
    except UnknownEntry:
        return PerformanceMatrix((), (), np.empty((0, 0)))
    return PerformanceMatrix(table.models, table.datasets, table.scores)


def _compute(
    store: Registry,
    recipe: Recipe,
    *,
    threshold: float | None = None,
    top_k: int = 5,
    method: Method = "average",
    n_clusters: int | None = None,
) -> Clustering:
    if method == "average" and n_clusters is None:
        return cluster_afresh(store, recipe, threshold, top_k)
    found = cluster_models(
        matrix_of(store, recipe),
        task=recipe.task,
        recipe=recipe.digest,
        threshold=threshold if n_clusters is None else None,  # a number leaves nothing for it to decide
        top_k=top_k,
        method=method,
        n_clusters=n_clusters,
    )
    before = store.clustering(recipe.task, recipe.digest)
    named = inherit_ids(before, found, store.highest_cluster(recipe.task, recipe))
    highest = max([store.highest_cluster(recipe.task, recipe), *(c.id for c in named.clusters)])
    followers = lineage_followers(store, recipe, before.clusters if before else (), named.clusters)
    store.save_clustering_with(named, events_between(before, named, highest))
    place_by_lineage(store, recipe, followers)
    return named
