"""The models of one task as the performance matrix sees them: their clusters, distances and positions."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hubselect.knowledge.embedding import embed
from hubselect.knowledge.linkage import tree
from hubselect.knowledge.matrix import PerformanceMatrix
from hubselect.knowledge.similarity import distance_matrix
from hubselect.records import Clustering, Recipe, Task
from hubselect.registry import Registry

DRAWN = 150
"""So many models can be told apart on a page; of more, the ones that matter most are drawn."""


@dataclass(frozen=True)
class Landscape:
    """The drawn models of a task under a recipe, out of `total` with results.

    `scores` are [model][dataset], NaN where there is none; `means` [dataset] are over all models with a
    result there, drawn or not; `positions` [model] of the map, of which `kept` in [0, 1] is as in
    `knowledge.embedding`; `merges` are scipy's linkage matrix over the models (average linkage of
    1 - Eq. 1). `homes` says which cluster a model is in, as far as there are clusters.
    """

    task: Task
    recipe: Recipe
    models: tuple[str, ...]
    datasets: tuple[str, ...]
    scores: tuple[tuple[float, ...], ...]
    means: tuple[float, ...]
    total: int
    clustering: Clustering | None
    homes: Mapping[str, int]
    positions: tuple[tuple[float, float], ...]
    kept: float
    merges: tuple[tuple[float, ...], ...]


def landscape(store: Registry, task: Task, wanted: Iterable[str] = (), most: int = DRAWN) -> Landscape | None:
    """The landscape of a task under its main recipe, None when it has no result; of more than `most`
    models those `wanted`, then representatives, then the best by mean."""
    recipe = store.main_recipe(task)
    if recipe is None:
        return None
    frame = store.matrix(task, recipe)
    whole = PerformanceMatrix(tuple(frame.index), tuple(frame.columns), frame.to_numpy()).scored()
    clustering = store.clustering(task, recipe)
    heads = (
        [c.representative for c in sorted(clustering.clusters, key=lambda c: -c.size)] if clustering else []
    )
    drawn = whole.subset_models(_chosen(whole, [*wanted, *heads], most))
    distances = distance_matrix(drawn.scores, clustering.top_k if clustering else 5)
    found = embed(distances)
    homes = {m: c.id for c in clustering.clusters for m in c.members} if clustering else {}
    return Landscape(
        task,
        recipe,
        drawn.models,
        drawn.datasets,
        tuple(tuple(row) for row in drawn.scores.tolist()),
        _dataset_means(whole),
        len(whole.models),
        clustering,
        {m: homes[m] for m in drawn.models if m in homes},
        tuple((float(x), float(y)) for x, y in found.positions),
        found.kept,
        tuple(tuple(row) for row in tree(distances).tolist()),
    )


def _dataset_means(matrix: PerformanceMatrix) -> tuple[float, ...]:
    """The mean score on every dataset [dataset], NaN for one without a score."""
    columns = (column[~np.isnan(column)] for column in matrix.scores.T)
    return tuple(float(found.mean()) if found.size else math.nan for found in columns)


def _chosen(matrix: PerformanceMatrix, first: Sequence[str], most: int) -> list[str]:
    """At most so many models, in the matrix's order."""
    if len(matrix.models) <= most:
        return list(matrix.models)
    best = [matrix.models[i] for i in np.argsort(-matrix.means, kind="stable")]
    ranked = dict.fromkeys(m for m in (*first, *best) if m in matrix)
    kept = set(list(ranked)[:most])
    return [m for m in matrix.models if m in kept]
