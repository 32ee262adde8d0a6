"""Stored clusters kept exact while the matrix grows: only what a change touches is computed and written."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hubselect.api.clusters.lineage import lineage_followers, place_by_lineage
from hubselect.api.clusters.state import ClusterState, load_state, save_state
from hubselect.knowledge.cluster_changes import ClusterChange, cluster_changes
from hubselect.knowledge.clusters import chosen_threshold
from hubselect.knowledge.incremental import Step, Waiting, difference, updated
from hubselect.knowledge.linked import Cut, build, quality
from hubselect.knowledge.matrix import PerformanceMatrix
from hubselect.records import Cluster, Clustering, Recipe
from hubselect.registry import Registry
from hubselect.registry.cluster_events import ClustersChanged, ClusterUpdate
from hubselect.registry.score_tables import ScoreMark

_ATTEMPTS = 20  # of an update, while others update the same clusters
_SILHOUETTE = 1_000  # models at most for a silhouette after every update: 0.1 s
_MOST_EVENTS = 1_000  # changes that are recorded one by one; more are counted


@dataclass(frozen=True)
class Upkeep:
    """What bringing clusters up to date did: the clusters that were and are different, and why.

    `waiting` models are placed provisionally until the next `cluster`; `afresh` says that
    everything was read and computed again.
    """

    old: tuple[Cluster, ...] = ()
    new: tuple[Cluster, ...] = ()
    changes: tuple[ClusterChange, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    afresh: bool = False


def keep_up(store: Registry, recipe: Recipe) -> Upkeep | None:
    """Bring the stored clusters under `recipe` up to date with its matrix, in one transaction.

    The result equals a batch run with the same settings. None when there is no clustering yet or
    it was not made by a cut of average linkage, which alone can be kept up to date. Another process
    that changes the clusters at the same time is waited out: they are read again.
    """
    for attempt in range(1, _ATTEMPTS):
        try:
            return _kept_up(store, recipe)
        except ClustersChanged:
            time.sleep(random.uniform(0, 0.05 * attempt))
    return _kept_up(store, recipe)


def _kept_up(store: Registry, recipe: Recipe) -> Upkeep | None:
    mark = store.clustering_mark(recipe.task, recipe.digest)
    if mark is None or mark.method != "average" or mark.threshold is None:
        return None
    state = load_state(store, recipe.digest, mark)
    found = None if state is None else _from_state(store, recipe, state)
    afresh = found is None
    step, scores, changed = found or _from_scratch(store, recipe, Cut(mark.threshold, mark.top_k))
    if state is not None and not afresh and step.linked is state.linked and not step.waiting:
        return Upkeep()
    changes = cluster_changes(step.old, step.new)
    update = ClusterUpdate(
        step.old,
        step.new,
        recorded(changes, step.linked.highest),
        tuple((w.model, w.cluster, w.distance) for w in step.waiting),
        quality(step.linked, _SILHOUETTE),
        changed,
    )
    followers = lineage_followers(store, recipe, step.old, step.new)
    mark = store.update_clusters(recipe.task, recipe.digest, mark, update)
    save_state(store, recipe.digest, ClusterState(step.linked, scores, mark))
    place_by_lineage(store, recipe, followers)
    return Upkeep(step.old, step.new, changes, step.waiting, afresh)


def cluster_afresh(store: Registry, recipe: Recipe, threshold: float | None, top_k: int) -> Clustering:
    """Cluster everything by average linkage, keep the clusters and the state for later updates.

    `threshold` None: the cut is chosen by the data.
    """
    table = store.scores_table(recipe)
    matrix = PerformanceMatrix(table.models, table.datasets, table.scores)
    cut = Cut(chosen_threshold(matrix, top_k) if threshold is None else threshold, top_k)
    before = store.clustering(recipe.task, recipe)
    highest = store.highest_cluster(recipe.task, recipe)
    linked = build(matrix, cut, before=before.clusters if before else (), highest=highest)
    standard, paper = quality(linked)
    made = Clustering(
        task=recipe.task,
        recipe=recipe.digest,
        threshold=cut.threshold,
        top_k=top_k,
        method="average",
        clusters=linked.clusters(),
        silhouette=standard,
        silhouette_paper=paper,
    )
    followers = lineage_followers(store, recipe, before.clusters if before else (), made.clusters)
    mark = store.save_clustering_with(made, events_between(before, made, linked.highest))
    save_state(store, recipe.digest, ClusterState(linked, table.mark, mark))
    place_by_lineage(store, recipe, followers)
    return made


def events_between(
    before: Clustering | None, made: Clustering, highest: int
) -> tuple[tuple[str, Mapping[str, Any]], ...]:
    """The events to record when `made` replaces `before`: `clustered` when it is new or cut differently."""
    settings = {"threshold": made.threshold, "top_k": made.top_k, "method": made.method}
    same = before is not None and settings == {
        "threshold": before.threshold,
        "top_k": before.top_k,
        "method": before.method,
    }
    changes = recorded(cluster_changes(before.clusters, made.clusters), highest) if before else ()
    if same:
        return changes
    size = sum(c.size for c in made.clusters)
    summary = {"clusters": len(made.clusters), "models": size, **settings, "highest": highest}
    return (("clustered", summary), *changes)


def recorded(changes: Sequence[ClusterChange], highest: int) -> tuple[tuple[str, Mapping[str, Any]], ...]:
    """Changes as events; more than a thousand become one that counts them."""
    if len(changes) > _MOST_EVENTS:
        counts = dict(sorted(Counter(c.kind for c in changes).items()))
        return (("clustered", {"changes": counts, "highest": highest}),)
    given = {"highest": highest}
    return tuple((c.kind, {**c.payload, **(given if c.kind == "created" else {})}) for c in changes)


def _from_state(
    store: Registry, recipe: Recipe, state: ClusterState
) -> tuple[Step, ScoreMark, tuple[str, ...] | None] | None:
    """The step from the state to the scores of now, and whose scores changed; None when everything
    has to be read again."""
    table = store.score_changes(recipe, state.scores)
    if table is None:
        return None
    rows = dict(zip(table.models, table.scores, strict=True))
    step = updated(state.linked, rows, datasets=table.datasets)
    if np.isnan(step.linked.scores).all(axis=0).any():
        return None  # a dataset has no score any more: it is no column of the matrix
    return step, table.mark, table.models


def _from_scratch(store: Registry, recipe: Recipe, cut: Cut) -> tuple[Step, ScoreMark, None]:
    table = store.scores_table(recipe)
    matrix = PerformanceMatrix(table.models, table.datasets, table.scores)
    before = store.clustering(recipe.task, recipe)
    old = before.clusters if before else ()
    highest = store.highest_cluster(recipe.task, recipe)
    linked = build(matrix, cut, before=old, highest=highest)
    return difference(linked, old, linked.clusters()), table.mark, None
