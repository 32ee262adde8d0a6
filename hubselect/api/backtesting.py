"""Backtests over what the registry recorded."""

from __future__ import annotations

from pathlib import Path

from hubselect.api.clustering import known_runs
from hubselect.api.opening import opened
from hubselect.api.recipes import recipe_with_results
from hubselect.backtest import Backtest, Settings, backtest
from hubselect.errors import InvalidInput
from hubselect.records import Task
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
        chosen = recipe_with_results(store, task, recipe, purpose="replay")
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
