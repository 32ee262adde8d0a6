"""Backtests over what the registry recorded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hubselect.api.clustering import known_runs
from hubselect.api.opening import opened
from hubselect.api.recipes import recipe_with_results
from hubselect.backtest import (
    Backtest,
    RecallBacktest,
    RecallSettings,
    Settings,
    backtest,
    backtest_recall,
)
from hubselect.errors import InvalidInput, KnowledgeMissing
from hubselect.knowledge.matrix import PerformanceMatrix
from hubselect.recall.methods import PAPER_PROXY
from hubselect.recall.methods import method as recall_method
from hubselect.recall.scope import Scope
from hubselect.records import Recipe, Run, Task
from hubselect.registry import Registry


@dataclass(frozen=True)
class BacktestReport:
    """What was replayed: whole selections, and recall alone.

    `selections` is None when only recall was asked for, or when there are no curves to replay:
    `without_selections` says which.
    """

    settings: Settings
    recall: RecallBacktest
    selections: Backtest | None = None
    without_selections: str | None = None


def run_backtest(
    *,
    registry: Registry | str | Path | None = None,
    policy: str = "fine-selection",
    proxy: str | None = None,
    k: int = 10,
    task: Task | None = None,
    recipe: str | None = None,
    threshold: float = 0.0,
    stages_per_epoch: int = 1,
    method: str = "paper",
    proxies: Sequence[str] = (),
    scope: Scope = "representatives",
    top: int = 10,
    recall_only: bool = False,
) -> BacktestReport:
    """Leave-one-dataset-out over the registry's main recipe (or the one given): no training.

    Recall is measured for every method (`RecallBacktest`). Whole selections recall by `method` with
    `proxies` (`proxy` is the same for one; leep for the paper's recall if none is named), computed
    for the models in `scope`, and decide `stages_per_epoch` times an epoch (once in the paper); they
    need recorded validation curves and are left out with `recall_only`. The clusters are recomputed
    without each target, with the settings of `hubselect cluster`.
    """
    if k < 1:
        raise InvalidInput(f"-k must be at least 1, not {k}")
    proxies = (proxy, *proxies) if proxy is not None else tuple(proxies)
    recall_method(method, proxies)
    paper = proxies[0] if proxies else PAPER_PROXY
    with opened(registry) as store:
        chosen = recipe_with_results(store, task, recipe, purpose="replay")
        kept = store.clustering(chosen.task, chosen.digest)
        settings = Settings(
            chosen.task,
            policy,
            paper,
            k,
            kept.threshold if kept else None,
            kept.top_k if kept else 5,
            threshold,
            stages_per_epoch,
            method,
            proxies,
            scope,
            top,
        )
        runs = known_runs(store, chosen)
        fused = () if method == "paper" else proxies
        recall = recall_backtest(store, chosen, runs, paper=paper, fused=fused, top=top)
        if recall_only:
            return BacktestReport(settings, recall, None, "only recall was asked for")
        if not any(r.curve for r in runs):
            return BacktestReport(settings, recall, None, "there are no recorded validation curves to replay")
        return BacktestReport(settings, recall, backtest(runs, store.proxy_scores(), settings))


def recall_backtest(
    store: Registry,
    recipe: Recipe,
    runs: Sequence[Run],
    *,
    paper: str = PAPER_PROXY,
    fused: Sequence[str] = (),
    top: int = 10,
) -> RecallBacktest:
    """Every recall method on every benchmark dataset of `runs`. Raises `KnowledgeMissing` when there
    is nothing to hold out."""
    if not runs:
        raise KnowledgeMissing(
            "the registry has no results to replay",
            "run `hubselect benchmark`, or bring results with `hubselect registry import`",
        )
    kept = store.clustering(recipe.task, recipe.digest)
    matrix = PerformanceMatrix.from_runs(runs)
    settings = RecallSettings(
        recipe.task,
        paper,
        tuple(fused),
        top,
        kept.threshold if kept else None,
        kept.top_k if kept else 5,
    )
    known = set(matrix.models)
    models = [m for m in store.models(recipe.task, indexed_only=False) if m.id in known]
    return backtest_recall(
        matrix,
        store.proxy_scores(),
        settings,
        parameters={m.id: m.parameters for m in models if m.parameters is not None},
        weights={m.id: m.weights_bytes for m in models if m.weights_bytes is not None},
    )
