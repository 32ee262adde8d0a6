"""The baselines that every recall has to beat: a static list, the largest model, chance, one proxy."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from hubselect.recall.methods.base import Evidence, ranked
from hubselect.records import Recalled


@dataclass(frozen=True)
class Mean:
    """The static list: models by their mean benchmark score, whatever the target is."""

    name = "mean"
    proxies: tuple[str, ...] = ()

    def rank(self, evidence: Evidence) -> list[Recalled]:
        priors = {m: evidence.prior(m) for m in evidence.candidates}
        return ranked(evidence, {m: 0.0 if math.isnan(p) else p for m, p in priors.items()})


@dataclass(frozen=True)
class Size:
    """The largest model first; those of unknown size last."""

    name = "size"
    proxies: tuple[str, ...] = ()

    def rank(self, evidence: Evidence) -> list[Recalled]:
        return ranked(evidence, {m: float(evidence.parameters.get(m, 0)) for m in evidence.candidates})


@dataclass(frozen=True)
class Random:
    """A shuffle by the evidence's seed."""

    name = "random"
    proxies: tuple[str, ...] = ()

    def rank(self, evidence: Evidence) -> list[Recalled]:
        models = sorted(evidence.candidates)
        values = np.random.default_rng(evidence.seed).permutation(len(models))
        return ranked(evidence, dict(zip(models, values.astype(float).tolist(), strict=True)))


@dataclass(frozen=True)
class SingleProxy:
    """One proxy alone. A model that was not scored takes the value of its cluster's representative;
    where that has none either, the model comes last."""

    proxy: str

    @property
    def name(self) -> str:
        return self.proxy

    @property
    def proxies(self) -> tuple[str, ...]:
        return (self.proxy,)

    def rank(self, evidence: Evidence) -> list[Recalled]:
        values = evidence.proxies.get(self.proxy, {})
        known = {m: s.score for m, s in values.items() if not math.isnan(s.score)}
        worst = min(known.values(), default=1.0) - 1.0
        scores = {}
        for model in evidence.candidates:
            cluster = evidence.cluster(model)
            of_cluster = known.get(cluster.representative, worst) if cluster is not None else worst
            scores[model] = known.get(model, of_cluster)
        return ranked(evidence, scores, self.proxy)
