"""Backtests over what the registry recorded."""

from __future__ import annotations

from pathlib import Path

from hubselect.api.clustering import known_runs
from hubselect.api.opening import opened
from hubselect.backtest import Backtest, Settings, backtest
from hubselect.errors import InvalidInput, KnowledgeMissing
from hubselect.records import TASKS, Recipe, Task
from hubselect.registry import Registry


def run_backtest(
    *,
    registry: Registry | str | Path | None = None,
    policy: str = "fine-selection",
    proxy: str = "leep",
    k: int = 10,
    task: Task | None = None,
    recipe: str | None = None,
    threshold: float = 0.0,
    stages_per_epoch: int = 1,
) -> Backtest:
    """Leave-one-dataset-out over the registry's main recipe (or the one given): no training.

    The clusters are recomputed without each target, with the settings of `hubselect cluster`. The
    policy decides `stages_per_epoch` times an epoch (once in the paper).
    """
    if k < 1:
        raise InvalidInput(f"-k must be at least 1, not {k}")
    with opened(registry) as store:
        chosen = store.recipe(recipe) if recipe else _recipe(store, task)
        kept = store.clustering(chosen.task, chosen.digest)
        settings = Settings(
            chosen.task,
            policy,
            proxy,
            k,
            kept.threshold if kept else None,
            kept.top_k if kept else 5,
            threshold,
            stages_per_epoch,
        )
        return backtest(known_runs(store, chosen), store.proxy_scores(proxy=proxy), settings)


def _recipe(store: Registry, task: Task | None) -> Recipe:
    """The main recipe of `task`, else of the only task with results."""
    found = [r for t in ([task] if task else TASKS) if (r := store.main_recipe(t)) is not None]
    if len(found) > 1:
        raise InvalidInput("the registry has results for text and images", "say which with --task")
    if not found:
        raise KnowledgeMissing(
            "the registry has no results to replay",
            "run `hubselect benchmark`, or bring results with `hubselect registry import`",
        )
    return found[0]
