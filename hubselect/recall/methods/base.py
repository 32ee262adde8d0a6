"""The contract of a recall method: from everything known about a target to a ranking of models."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Protocol

import numpy as np
import numpy.typing as npt

from hubselect.knowledge.matrix import PerformanceMatrix
from hubselect.records import Cluster, Clustering, ProxyScore, Recalled

Scores = Mapping[str, float]
IntArray = npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Evidence:
    """Everything a recall method may look at for one target.

    `matrix` and `clustering` were made without the target. `candidates` are the models to rank;
    they may have no row in the matrix. `proxies` holds the target's proxy scores by proxy, then by
    model; `benchmark_proxies` those of benchmark datasets by dataset, proxy and model, to learn from.
    `parameters` are the models' sizes where they are known, `shared_classes` the share of the target's
    classes that a candidate's own head names too.
    """

    matrix: PerformanceMatrix
    clustering: Clustering
    candidates: tuple[str, ...]
    proxies: Mapping[str, Mapping[str, ProxyScore]] = field(default_factory=dict)
    benchmark_proxies: Mapping[str, Mapping[str, Scores]] = field(default_factory=dict)
    parameters: Mapping[str, int] = field(default_factory=dict)
    shared_classes: Mapping[str, float] = field(default_factory=dict)
    seed: int = 0

    def prior(self, model: str) -> float:
        """acc(m) of Eq. 2: the mean benchmark score; NaN for a model without results."""
        return self.matrix.mean(model) if model in self.matrix else math.nan

    def size(self, model: str) -> int:
        """The number of parameters; 0 where it is not known."""
        return self.parameters.get(model, 0)

    def cluster(self, model: str) -> Cluster | None:
        return self._clusters.get(model)

    @cached_property
    def everyone(self) -> tuple[str, ...]:
        """The models of the matrix, then the candidates without a row in it: what one candidate is
        measured by must not depend on which others are left."""
        return *self.matrix.models, *(m for m in self.candidates if m not in self.matrix)

    @cached_property
    def candidate_rows(self) -> IntArray:
        """Where the candidates stand in `everyone`, [n]."""
        rows = {m: i for i, m in enumerate(self.everyone)}
        return np.array([rows[m] for m in self.candidates], dtype=np.intp)

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
    """The candidates by `scores`; among equals the higher prior, then the larger model, then the lower id.

    `shown` names the proxy whose value is given along, where the model itself was scored: it
    then represents itself.
    """
    values = evidence.proxies.get(shown, {}) if shown is not None else {}
    entries = []
    for model in evidence.candidates:
        own, cluster = values.get(model), evidence.cluster(model)
        entry = Recalled(
            model,
            scores[model],
            evidence.prior(model),
            None,
            cluster.id if cluster is not None else None,
            cluster.representative if cluster is not None else None,
        )
        if own is not None:
            entry = replace(entry, proxy_score=own.score, representative=model, proxy_origin=own.origin)
        entries.append(entry)
    return sorted(
        entries, key=lambda e: (-e.recall_score, by_record(e.prior, evidence.size(e.model), e.model))
    )


def by_record(prior: float, size: int, model: str) -> tuple[float, int, str]:
    """Sorts models by what is known before any proxy: the best mean first, models without results last
    and the largest first among them, then by id."""
    return math.inf if math.isnan(prior) else -prior, -size, model


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
