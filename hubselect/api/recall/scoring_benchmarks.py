"""Proxy scores on the benchmark datasets: what a backtest of recall, and `fused`, learn from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hubselect.api.benchmarks.benchmarking import recipe_for
from hubselect.api.clusters.clustering import known_runs
from hubselect.api.opening import opened
from hubselect.api.progress import Listener, silent
from hubselect.api.recall.scoring import Scorer
from hubselect.api.recipes import recipe_with_results
from hubselect.api.turns import turn
from hubselect.errors import HubselectError, KnowledgeMissing, UnknownEntry
from hubselect.executors.local import PASSING
from hubselect.executors.pool import WorkerPool, default_workers
from hubselect.recall.features import DEFAULT_POOLING
from hubselect.recall.methods import FUSED_PROXIES, PAPER_PROXY
from hubselect.recall.proxy_names import full_name
from hubselect.records import Recipe, Task
from hubselect.registry import Registry

DEFAULT_PROXIES = (PAPER_PROXY, *FUSED_PROXIES)


@dataclass(frozen=True)
class ScoreReport:
    """`new` proxy scores were computed, `known` ones were there; `notes` name what could not be scored."""

    task: Task
    proxies: tuple[str, ...]
    models: int
    datasets: int
    new: int
    known: int
    bytes_downloaded: int = 0
    notes: tuple[str, ...] = ()


def score_benchmarks(
    *,
    registry: Registry | str | Path | None = None,
    task: Task | None = None,
    models: Sequence[str] = (),
    datasets: Sequence[str] = (),
    proxies: Sequence[str] = (),
    workers: int | None = None,
    listener: Listener = silent,
) -> ScoreReport:
    """Compute the proxy scores of models with results on the benchmark datasets they have results on.

    One forward pass per model and dataset serves all `proxies` (default: those of the recall methods);
    known scores and kept passes are not computed again, so a run that was stopped goes on. Nothing
    is fine-tuned. Raises `KnowledgeMissing` without results and `UnknownEntry` for a model or
    dataset without any.
    """
    names = tuple(dict.fromkeys(full_name(name, DEFAULT_POOLING) for name in proxies)) or DEFAULT_PROXIES
    with opened(registry, create=False) as store:
        recipe = recipe_with_results(store, task, None, purpose="score")
        cells: dict[str, list[str]] = {}
        for run in known_runs(store, recipe):
            if (not models or run.model in models) and (not datasets or run.dataset in datasets):
                cells.setdefault(run.dataset, []).append(run.model)
        _refuse_unknown(cells, models, datasets)
        with turn(store, f"score-{recipe.digest}", "computing proxy scores"):
            return _score(store, recipe, cells, names, workers, listener)


def _score(
    store: Registry,
    recipe: Recipe,
    cells: dict[str, list[str]],
    names: tuple[str, ...],
    workers: int | None,
    listener: Listener,
) -> ScoreReport:
    involved = sorted({m for each in cells.values() for m in each})
    new, known, fetched, notes = 0, 0, 0, []
    largest = max((m.weights_bytes or 0 for m in store.models_named(involved)), default=0)
    with WorkerPool(workers or default_workers(len(involved), largest)) as pool:
        for name in sorted(cells):
            dataset, models = store.dataset(name), set(cells[name])
            there = _computed(store, name, models, names)
            known += len(there)
            if dataset.revision is None:
                notes.append(f"{name} is known by name only: add it with `hubselect add-dataset`")
                continue
            scorer = Scorer(store, dataset, recipe_for(store, recipe.task), pool, listener)
            try:
                found = scorer.score(sorted(models), names)
            except PASSING:
                raise
            except HubselectError as error:
                notes.append(f"{name}: {error}")
                continue
            scores = [s for of_proxy in found.values() for s in of_proxy.values()]
            store.add_proxy_scores(scores)
            new += sum((s.proxy, s.model) not in there for s in scores)
            notes += [f"{name}: {note}" for note in scorer.notes]
            fetched += scorer.bytes_downloaded
    return ScoreReport(recipe.task, names, len(involved), len(cells), new, known, fetched, tuple(notes))


def _computed(store: Registry, dataset: str, models: set[str], names: Sequence[str]) -> set[tuple[str, str]]:
    """(proxy, model) of the scores that were computed before; imported ones are computed again."""
    return {
        (name, score.model)
        for name in names
        for score in store.proxy_scores(dataset, name)
        if score.model in models and score.origin != "imported"
    }


def _refuse_unknown(cells: dict[str, list[str]], models: Sequence[str], datasets: Sequence[str]) -> None:
    for name in models:
        if not any(name in each for each in cells.values()):
            raise UnknownEntry(f"{name} has no results here", "run `hubselect benchmark` first")
    for name in datasets:
        if name not in cells:
            raise UnknownEntry(f"{name} has no results here", "run `hubselect benchmark` first")
    if not cells:
        raise KnowledgeMissing("there is nothing to score", "run `hubselect benchmark` first")
