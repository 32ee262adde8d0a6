"""What new results did to the stored clusters: brought up to date, and told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hubselect.api.clusters.clustering import recomputed
from hubselect.api.clusters.upkeep import keep_up, recorded
from hubselect.errors import HubselectError
from hubselect.knowledge.cluster_changes import cluster_changes
from hubselect.knowledge.incremental import Waiting
from hubselect.records import Recipe, Task
from hubselect.registry import Registry


@dataclass(frozen=True)
class ClustersAfter:
    """The clusters of `task` under `recipe` after results came in.

    `events` are what changed, (kind, payload) as in their history. `waiting` models are placed
    provisionally until the next `cluster`. `failure` says why the clusters are as they were before:
    the results are stored all the same.
    """

    task: Task
    recipe: str
    events: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    waiting: tuple[Waiting, ...] = ()
    failure: str | None = None

    @property
    def warning(self) -> str | None:
        """One line for people when the clusters could not be brought up to date."""
        if self.failure is None:
            return None
        stored = f"the results are stored, but the clusters of {self.task} models are not up to date"
        return f"{stored}: {self.failure} (run `hubselect cluster`)"


def clusters_after(store: Registry, recipes: Iterable[str]) -> tuple[ClustersAfter, ...]:
    """Bring the clusters under these recipes (digests) up to date, where there are any.

    It does not raise when that fails: whoever stored results before has succeeded.
    """
    wanted = set(recipes)
    touched = [r for r in store.recipes() if r.digest in wanted] if wanted else []
    return tuple(_after(store, r) for r in touched if store.clustering_mark(r.task, r) is not None)


def _after(store: Registry, recipe: Recipe) -> ClustersAfter:
    try:
        return _kept_up(store, recipe)
    except HubselectError as error:
        failure = error.message
    except Exception as error:  # whatever it is, it is not what the user asked for that failed
        failure = f"{type(error).__name__}: {error}"
    return ClustersAfter(recipe.task, recipe.digest, failure=failure)


def _kept_up(store: Registry, recipe: Recipe) -> ClustersAfter:
    upkeep = keep_up(store, recipe)
    if upkeep is not None:
        changes, waiting = upkeep.changes, upkeep.waiting
    else:  # clusters that can only be made again
        before = store.clustering(recipe.task, recipe)
        after = recomputed(store, recipe)
        changes, waiting = cluster_changes(before.clusters if before else (), after.clusters), ()
    events = recorded(changes, store.highest_cluster(recipe.task, recipe))
    return ClustersAfter(recipe.task, recipe.digest, events, waiting)
