"""`paper`: the recall of the paper, Eq. 2-4, with one proxy on the representatives."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hubselect.recall.coarse import recall
from hubselect.recall.methods.base import Evidence
from hubselect.records import Recalled


@dataclass(frozen=True)
class Paper:
    """Mean benchmark score times the normalised proxy score of the cluster's representative.

    A singleton takes the similarity-weighted mean of the representatives' (Eq. 4). Candidates
    without any benchmark score have no mean to multiply: they come last.
    """

    proxy: str

    @property
    def name(self) -> str:
        return "paper"

    @property
    def proxies(self) -> tuple[str, ...]:
        return (self.proxy,)

    def rank(self, evidence: Evidence) -> list[Recalled]:
        wanted = set(evidence.candidates)
        scores = dict(evidence.proxies.get(self.proxy, {}))
        found = [r for r in recall(evidence.matrix, evidence.clustering, scores) if r.model in wanted]
        unknown = sorted(wanted - {r.model for r in found})
        return [*found, *(replace(_NOTHING, model=m) for m in unknown)]


_NOTHING = Recalled("", 0.0, float("nan"), None, None)
