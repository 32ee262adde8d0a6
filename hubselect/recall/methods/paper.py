"""`paper`: the recall of the paper, Eq. 2-4, with one proxy on the representatives."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from hubselect.recall.coarse import recall
from hubselect.recall.methods.base import Evidence, by_record
from hubselect.recall.normalise import declared, normalised
from hubselect.records import ProxyScore, Recalled


@dataclass(frozen=True)
class Paper:
    """Mean benchmark score times the normalised proxy score of the cluster's representative.

    A singleton takes the similarity-weighted mean of the representatives' (Eq. 4). Candidates
    without any benchmark score have no mean to multiply: they come last. Where there are no
    clusters at all (a list of one's own, an empty registry) every model represents itself: Eq. 3.
    """

    proxy: str

    @property
    def name(self) -> str:
        return "paper"

    @property
    def proxies(self) -> tuple[str, ...]:
        return (self.proxy,)

    def rank(self, evidence: Evidence) -> list[Recalled]:
        scores = dict(evidence.proxies.get(self.proxy, {}))
        if not evidence.clustering.clusters and scores:
            return _each_for_itself(evidence, scores)
        wanted = set(evidence.candidates)
        found = [r for r in recall(evidence.matrix, evidence.clustering, scores) if r.model in wanted]
        unknown = wanted - {r.model for r in found}
        order = sorted(unknown, key=lambda m: by_record(math.nan, evidence.size(m), m))
        return [*found, *(replace(_NOTHING, model=m) for m in order)]


def _each_for_itself(evidence: Evidence, scores: Mapping[str, ProxyScore]) -> list[Recalled]:
    """Eq. 3 with every candidate as its own representative; those that were not scored count as the
    lowest that was. Where no candidate has a mean the proxy alone ranks."""
    weights = normalised({m: s.score for m, s in scores.items()}, declared(scores))
    lowest = min(weights.values())
    cold = all(math.isnan(evidence.prior(m)) for m in evidence.candidates)
    entries = []
    for model in evidence.candidates:
        prior, own = evidence.prior(model), scores.get(model)
        mean = (1.0 if cold else 0.0) if math.isnan(prior) else prior
        entry = Recalled(model, mean * weights.get(model, lowest), prior, None, None)
        if own is not None:
            entry = replace(entry, proxy_score=own.score, representative=model, proxy_origin=own.origin)
        entries.append(entry)
    return sorted(
        entries, key=lambda e: (-e.recall_score, by_record(e.prior, evidence.size(e.model), e.model))
    )


_NOTHING = Recalled("", 0.0, float("nan"), None, None)
