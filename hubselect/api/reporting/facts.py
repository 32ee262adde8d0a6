"""Everything a page shows, read from the registry at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hubselect import __version__
from hubselect.api.reporting.landscape import Landscape, landscape
from hubselect.records import TASKS, Dataset, Environment, Model, Recipe, Run, Selection
from hubselect.registry import Registry, SelectionRecord, SelectionSummary
from hubselect.registry.selection_documents import environments_of, metric_of, recipe_of, warnings_of

LISTED = 300
"""Models, datasets and selections that a page lists of each."""


@dataclass(frozen=True)
class SelectionFacts:
    """A selection, finished or not, and what it was decided from.

    `found` is its answer, None as long as it has none. `runs` are its fine-tunings by model, `environments`
    what they were trained with, as far as it was recorded. `models` and
    `revisions` are those of the recalled models, the latter as they were when it began. `landscape` is
    None where the registry holds no result for the task.
    """

    location: str
    version: str
    record: SelectionRecord
    found: Selection | None
    dataset: Dataset
    recipe: Recipe
    metric: str
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    runs: Mapping[str, Run]
    environments: tuple[Environment, ...]
    models: Mapping[str, Model]
    revisions: Mapping[str, str | None]
    landscape: Landscape | None


@dataclass(frozen=True)
class RegistryFacts:
    """A whole registry: counts, the landscape of every task with results, and the first entries of each
    list. Of `model_count` models `models` are the most downloaded."""

    location: str
    version: str
    model_count: int
    models: tuple[Model, ...]
    datasets: tuple[Dataset, ...]
    selections: tuple[SelectionSummary, ...]
    landscapes: tuple[Landscape, ...]
    means: Mapping[str, float]


def selection_facts(store: Registry, selection_id: int) -> SelectionFacts:
    """All about a selection. Raises `UnknownEntry` for one that the registry does not hold."""
    record = store.selection_record(selection_id)
    recalled = [r.model for r in record.recalled or ()]
    dataset = store.dataset(record.request.dataset)
    named = {*recalled, record.winner} - {None}
    runs = {r.model: r for r in store.runs(selection=selection_id)}
    events = store.events(selection_id)
    told = [e.payload for e in events if e.kind == "note"]
    return SelectionFacts(
        location=store.location,
        version=__version__,
        record=record,
        found=store.selection(selection_id) if record.winner is not None else None,
        dataset=dataset,
        recipe=store.recipe(recipe_of(record.knowledge, record.request.recipe_digest)),
        metric=metric_of(record.knowledge),
        warnings=warnings_of(record.knowledge),
        notes=tuple(str(payload.get("text", "")) for payload in told),
        runs=runs,
        environments=environments_of(events),
        models={m.id: m for m in store.models_named(str(name) for name in named)},
        revisions=dict((record.knowledge or {}).get("revisions", {})),
        landscape=landscape(store, dataset.task, recalled),
    )


def registry_facts(store: Registry) -> RegistryFacts:
    """All about a registry."""
    found = tuple(here for task in TASKS if (here := landscape(store, task)) is not None)
    models = tuple(store.models(order="downloads", limit=LISTED))
    means: dict[str, float] = {}
    for here in found:
        means = store.mean_scores(here.recipe, [m.id for m in models]) | means
    return RegistryFacts(
        location=store.location,
        version=__version__,
        model_count=store.count_models(),
        models=models,
        datasets=tuple(store.datasets()),
        selections=tuple(store.selections()),
        landscapes=found,
        means=means,
    )
