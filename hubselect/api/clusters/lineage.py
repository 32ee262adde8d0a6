"""Provisional places by lineage, and keeping them right while clusters change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from hubselect.knowledge.placement import LINEAGE, Home, Lineage, related
from hubselect.records import Cluster, Placement, Recipe
from hubselect.registry import Registry


@dataclass(frozen=True)
class Placing:
    """Models that were looked at: where relatives put them (`found`), and those without any (`rest`)."""

    found: tuple[Placement, ...] = ()
    rest: tuple[str, ...] = ()


class LineagePlacer:
    """Places models beside the nearest relative that has results, under one recipe."""

    def __init__(self, store: Registry, recipe: Recipe | str, task: str) -> None:
        self._store, self._recipe, self._task = store, recipe, task
        self.clusters = store.homes(task, recipe)
        self._base_of = store.bases(list(self.clusters))
        self._lineage: Lineage | None = None

    def place(self, models: Sequence[str]) -> Placing:
        """Look at models and write what was found; places by lineage that are none any more end."""
        base_of = {**self._base_of, **self._store.bases(models)}
        lineage = self._lineage or self._among(related(models, self.clusters, base_of))
        placed = [(model, lineage.place(model, base_of)) for model in models]
        found = tuple(p for _, p in placed if p is not None)
        rest = tuple(model for model, p in placed if p is None)
        self._store.write_placements(self._task, self._recipe, found, instead_of=rest)
        return Placing(found, rest)

    def prepare(self) -> None:
        """Make ready for many models: every home's mean is read once, instead of those that matter."""
        self._lineage = self._among(self.clusters)

    def homes(self, models: Iterable[str]) -> Mapping[str, Home]:
        """Homes with their mean scores."""
        named = list(models)
        means = self._store.mean_scores(self._recipe, named)
        return {m: Home(self.clusters[m], means.get(m, float("nan"))) for m in named}

    def _among(self, models: Iterable[str]) -> Lineage:
        return Lineage(self._base_of, self.homes(models))


def place_by_lineage(store: Registry, recipe: Recipe | str, models: Sequence[str]) -> Placing:
    """Place models of the recipe's task that are no members of a cluster; others are passed over."""
    if not models:
        return Placing()
    task = recipe.task if isinstance(recipe, Recipe) else store.recipe(recipe).task
    placer = LineagePlacer(store, recipe, task)
    found: list[Placement] = []
    rest: list[str] = []
    for page in store.without_results(task, recipe, models=models):
        placing = placer.place(page)
        found += placing.found
        rest += placing.rest
    return Placing(tuple(found), tuple(rest))


def lineage_followers(
    store: Registry, recipe: Recipe, old: Sequence[Cluster], new: Sequence[Cluster]
) -> list[str]:
    """The models placed by lineage in clusters whose members part when `old` become `new`.

    Their relative may be in another cluster then: to be placed again after the change.
    """
    now_in = {m: c.id for c in new for m in c.members}
    parted = {c.id for c in old if len({now_in.get(m) for m in c.members}) > 1}
    parted |= {c.id for c in old if all(m not in now_in for m in c.members)}
    if not parted:
        return []
    placed = store.placements(recipe.task, recipe, how=LINEAGE)
    return [p.model for p in placed if p.cluster in parted]
