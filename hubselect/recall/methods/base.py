"""The contract of a recall method: from everything known about a target to a ranking of models."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Protocol

from hubselect.knowledge.matrix import PerformanceMatrix
from hubselect.records import Cluster, Clustering, ProxyScore, Recalled

Scores = Mapping[str, float]


@dataclass(frozen=True, eq=False)
class Evidence:
    """Everything a recall method may look at for one target.

    `matrix` and `clustering` were made without the target. `candidates` are the models to rank;
    they may have no row in the matrix. `proxies` holds the target's proxy scores by proxy, then by
    model; `benchmark_proxies` those of benchmark datasets by dataset, proxy and model, to learn from.
    `parameters` are the models' sizes where they are known.
    """

    matrix: PerformanceMatrix
    clustering: Clustering
    candidates: tuple[str, ...]
    proxies: Mapping[str, Mapping[str, ProxyScore]] = field(default_factory=dict)
    benchmark_proxies: Mapping[str, Mapping[str, Scores]] = field(default_factory=dict)
    parameters: Mapping[str, int] = field(default_factory=dict)
    seed: int = 0

    def prior(self, model: str) -> float:
        """acc(m) of Eq. 2: the mean benchmark score; NaN for a model without results."""
        return self.matrix.mean(model) if model in self.matrix else math.nan

    def cluster(self, model: str) -> Cluster | None:
        return self._clusters.get(model)

    @cached_property
    def _clusters(self) -> Mapping[str, Cluster]:
        return {m: c for c in self.clustering.clusters for m in c.members}


class Method(Protocol):
    """Ranks candidates. `proxies` names the proxy scores it makes use of, none for a static list."""

    @property
    def name(self) -> str: ...

    @property
    def proxies(self) -> tuple[str, ...]: ...

    def rank(self, evidence: Evidence) -> list[Recalled]:
        """All candidates, best first; the same for the same evidence, ties broken by id."""
        ...


def ranked(evidence: Evidence, scores: Scores, shown: str | None = None) -> list[Recalled]:
    """The candidates by `scores`, the higher prior and then the lower id first among equals.

    `shown` names the proxy whose value is given along, where the model itself was scored.
    """
    values = evidence.proxies.get(shown, {}) if shown is not None else {}
    entries = []
    for model in evidence.candidates:
        own, cluster = values.get(model), evidence.cluster(model)
        entries.append(
            Recalled(
                model,
                scores[model],
                evidence.prior(model),
                own.score if own is not None else None,
                cluster.id if cluster is not None else None,
                cluster.representative if cluster is not None else None,
                own.origin if own is not None else None,
            )
        )
    return sorted(entries, key=_order)


def _order(entry: Recalled) -> tuple[float, float, str]:
    prior = -entry.prior if not math.isnan(entry.prior) else math.inf
    return -entry.recall_score, prior, entry.model


def only(clustering: Clustering, matrix: PerformanceMatrix, models: Iterable[str]) -> Clustering:
    """The clusters reduced to `models`; a cluster that lost its representative gets its best member."""
    wanted = set(models)
    clusters = []
    for each in clustering.clusters:
        members = tuple(m for m in each.members if m in wanted)
        if not members:
            continue
        best = each.representative
        if best not in wanted:
            best = min(members, key=lambda m: (-matrix.mean(m) if m in matrix else math.inf, m))
        clusters.append(Cluster(each.id, best, members))
    return replace(clustering, clusters=tuple(clusters))
