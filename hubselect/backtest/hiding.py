"""What would have been known about a dataset, had it never been benchmarked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from hubselect.knowledge.clusters import cluster
from hubselect.knowledge.matrix import PerformanceMatrix
from hubselect.recall.classes import Classes
from hubselect.recall.methods import Evidence, Method
from hubselect.recall.methods.base import Scores
from hubselect.recall.scope import Scope, next_models
from hubselect.records import ProxyScore, Task

Table = Mapping[str, Mapping[str, Mapping[str, ProxyScore]]]
"""Proxy scores by dataset, proxy and model."""


def by_dataset(proxies: Iterable[ProxyScore]) -> Table:
    table: dict[str, dict[str, dict[str, ProxyScore]]] = {}
    for score in proxies:
        table.setdefault(score.dataset, {}).setdefault(score.proxy, {})[score.model] = score
    return table


def numbers(by_proxy: Mapping[str, Mapping[str, ProxyScore]]) -> dict[str, Scores]:
    """The bare scores of one dataset, by proxy and model."""
    return {name: {m: s.score for m, s in scores.items()} for name, scores in by_proxy.items()}


def hidden_target(
    dataset: str,
    rest: PerformanceMatrix,
    candidates: tuple[str, ...],
    table: Table,
    *,
    task: Task,
    threshold: float | None,
    top_k: int,
    parameters: Mapping[str, int] | None = None,
    classes: Classes | None = None,
    seed: int = 0,
) -> Evidence:
    """The evidence before any proxy was computed on the target: `rest` is the matrix without it, and its
    own proxy scores are not among those to learn from."""
    clustering = cluster(rest, task=task, recipe="backtest", threshold=threshold, top_k=top_k)
    lessons = {
        other: numbers(by_proxy)
        for other, by_proxy in table.items()
        if other != dataset and other in rest.datasets
    }
    shared = classes.shared_with(dataset) if classes else {}
    return Evidence(rest, clustering, candidates, {}, lessons, parameters or {}, shared, seed)


def with_proxies(
    evidence: Evidence,
    method: Method,
    scope: Scope,
    proxies: Mapping[str, Mapping[str, ProxyScore]],
    top: int | None,
) -> Evidence:
    """The evidence after a method's proxies were computed for the models in `scope`."""
    asked: set[str] = set()
    while batch := next_models(evidence, method, scope, asked, top=top):
        asked.update(batch)
        seen = {n: {m: s for m, s in proxies.get(n, {}).items() if m in asked} for n in method.proxies}
        evidence = replace(evidence, proxies=seen)
    return evidence
