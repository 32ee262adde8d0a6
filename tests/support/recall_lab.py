"""Made-up worlds in which the right recall is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from hubselect.knowledge.matrix import PerformanceMatrix
from hubselect.recall.methods import Evidence
from hubselect.records import Cluster, Clustering, ProxyScore


def clustering_of(*groups: Sequence[str]) -> Clustering:
    """The first of each group represents it."""
    clusters = tuple(Cluster(i, g[0], tuple(sorted(g))) for i, g in enumerate(groups, start=1))
    return Clustering("text-classification", "r", 0.05, 5, "average", clusters)


def scores_of(dataset: str, proxy: str, values: Mapping[str, float]) -> dict[str, ProxyScore]:
    return {m: ProxyScore(m, dataset, proxy, v, "features") for m, v in values.items()}


class World:
    """Models whose scores are level + quality of model + skill in the dataset's kind + noise.

    `proxies` tell the truth with noise of their own (standard deviation by name).
    """

    def __init__(
        self,
        models: int = 24,
        datasets: int = 10,
        noise: Mapping[str, float] | None = None,
        seed: int = 0,
        quality: float = 0.05,
        skill: float = 0.05,
    ) -> None:
        dice = np.random.default_rng(seed)
        self.models = tuple(f"m{i:02d}" for i in range(models))
        self.datasets = tuple(f"d{j:02d}" for j in range(datasets))
        level = dice.uniform(0.4, 0.8, datasets)
        own = dice.normal(0, quality, (models, 1))
        kinds = dice.normal(0, skill, (models, 2)) @ dice.normal(0, 1, (2, datasets))
        self.scores = np.clip(level + own + kinds + dice.normal(0, 0.01, (models, datasets)), 0.01, 0.99)
        self.proxies = {
            name: 10 + 30 * (self.scores + dice.normal(0, spread, self.scores.shape))
            for name, spread in (noise or {"good": 0.02, "bad": 1.0}).items()
        }

    def truth(self, target: str) -> dict[str, float]:
        column = self.scores[:, self.datasets.index(target)]
        return dict(zip(self.models, column.tolist(), strict=True))

    def proxy(self, name: str, dataset: str) -> dict[str, float]:
        column = self.proxies[name][:, self.datasets.index(dataset)]
        return dict(zip(self.models, column.tolist(), strict=True))

    def matrix(self) -> PerformanceMatrix:
        return PerformanceMatrix(self.models, self.datasets, self.scores)

    def evidence(self, target: str, scored: Sequence[str] | None = None) -> Evidence:
        """What is known about a target whose results are hidden; `scored` models have proxies (all)."""
        rest = self.matrix().without_dataset(target)
        kept = set(scored if scored is not None else self.models)
        on_target = {
            name: scores_of(target, name, {m: v for m, v in self.proxy(name, target).items() if m in kept})
            for name in self.proxies
        }
        recorded = {d: {n: self.proxy(n, d) for n in self.proxies} for d in rest.datasets}
        return Evidence(rest, clustering_of(*((m,) for m in self.models)), self.models, on_target, recorded)
