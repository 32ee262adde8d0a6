"""Backtests over what the registry recorded."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hubselect.api.clusters.clustering import known_runs
from hubselect.api.opening import opened
from hubselect.api.recall.candidates import classes_of
from hubselect.api.recall.options import SCOPE
from hubselect.api.recipes import recipe_with_results
from hubselect.api.selection.curve_ends import steps_by_dataset
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
from hubselect.knowledge.trend_book import TrendBook
from hubselect.recall.features import DEFAULT_POOLING
from hubselect.recall.methods import PAPER_PROXY
from hubselect.recall.methods import method as recall_method
from hubselect.recall.proxy_names import full_name
from hubselect.recall.scope import Scope
from hubselect.records import Model, ProxyScore, Recipe, Run, Task
from hubselect.registry import Registry
from hubselect.selection import make_policy


@dataclass(frozen=True)
class BacktestReport:
    """What was replayed: whole selections, and recall alone.

    `selections` is None when only recall was asked for, or when no curves can be replayed:
    `without_selections` says which. `notes` name proxies whose scores are missing, so that what is
    measured for them is recall without.
    """

    settings: Settings
    recall: RecallBacktest
    selections: Backtest | None = None
    without_selections: str | None = None
    notes: tuple[str, ...] = ()


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
    scope: Scope = SCOPE,
    top: int | None = None,
    recall_only: bool = False,
) -> BacktestReport:
    """Leave-one-dataset-out over the registry's main recipe (or the one given): no training.

    Recall is measured for every method (`RecallBacktest`). Whole selections recall by `method` with
    `proxies` (`proxy` is the same for one; leep for the paper's recall if none is named), computed
    for the models in `scope`, and decide `stages_per_epoch` times an epoch (once in the paper); they
    need recorded validation curves and are left out with `recall_only`. The clusters are recomputed
    without each target, by average linkage with the threshold and top-k of `hubselect cluster`.

    Raises `InvalidInput` for values out of range and names of proxies that are neither recorded nor
    known, `KnowledgeMissing` when there is nothing to replay.
    """
    if k < 1:
        raise InvalidInput(f"-k must be at least 1, not {k}")
    make_policy(policy, 1, TrendBook.from_runs(()), threshold=threshold)
    with opened(registry) as store:
        chosen = recipe_with_results(store, task, recipe, purpose="replay")
        scores = store.proxy_scores()
        recorded = {p.proxy for p in scores}
        asked = (proxy, *proxies) if proxy is not None else tuple(proxies)
        names = tuple(dict.fromkeys(_known_proxy(name, recorded) for name in asked))
        recall_method(method, names)
        paper, fused = (PAPER_PROXY, names) if method != "paper" else ((*names, PAPER_PROXY)[0], ())
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
            fused,
            scope,
            top,
        )
        runs = known_runs(store, chosen)
        recall = recall_backtest(store, chosen, runs, scores, paper=paper, fused=fused, top=top)
        notes = tuple(
            f"no scores of the proxy {name} are recorded: {method} recalls without it (`hubselect score`)"
            for name in settings.recall.proxies
            if name not in recorded
        )
        if recall_only:
            return BacktestReport(settings, recall, None, "only recall was asked for", notes)
        try:
            models = _models(store, runs)
            selections = backtest(
                runs,
                scores,
                settings,
                parameters=_parameters(models),
                steps=steps_by_dataset(store, chosen),
                classes=classes_of(store, chosen.task, models),
            )
        except KnowledgeMissing as error:  # recall needs no curves: its figures stand
            return BacktestReport(settings, recall, None, error.message, notes)
        return BacktestReport(settings, recall, selections, None, notes)


def _known_proxy(name: str, recorded: Collection[str]) -> str:
    """The name under which scores of the proxy are kept; imported ones may be called anything."""
    return name if name in recorded else full_name(name, DEFAULT_POOLING)


def _models(store: Registry, runs: Iterable[Run]) -> list[Model]:
    return store.models_named({r.model for r in runs})


def _parameters(models: Iterable[Model]) -> dict[str, int]:
    return {m.id: m.parameters for m in models if m.parameters is not None}


def recall_backtest(
    store: Registry,
    recipe: Recipe,
    runs: Sequence[Run],
    scores: Sequence[ProxyScore],
    *,
    paper: str = PAPER_PROXY,
    fused: Sequence[str] = (),
    top: int | None = None,
) -> RecallBacktest:
    """Every recall method on every benchmark dataset of `runs`, with the recorded proxy `scores`.

    Raises `KnowledgeMissing` when there is nothing to hold out.
    """
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
    models = _models(store, runs)
    return backtest_recall(
        matrix,
        scores,
        settings,
        parameters=_parameters(models),
        weights={m.id: m.weights_bytes for m in models if m.weights_bytes is not None},
        classes=classes_of(store, recipe.task, models),
    )
