"""One scored member for every cluster: its representative, or who stands in for a broken one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from hubselect.api.scoring import Scorer, Scores
from hubselect.knowledge.matrix import PerformanceMatrix
from hubselect.records import Clustering


class StandIns:
    """When a representative cannot be fetched, loaded or scored, the cluster's next best member by
    mean benchmark score stands in."""

    def __init__(self, scorer: Scorer, matrix: PerformanceMatrix) -> None:
        self._scorer = scorer
        self._matrix = matrix

    def score(
        self, clustering: Clustering, proxies: Sequence[str], limit: int | None = None
    ) -> tuple[Clustering, dict[str, Scores]]:
        """The clustering with the representatives that were scored, and their scores by proxy.

        A member counts as scored when it has a score of any of the `proxies`. Weights of at most
        `limit` bytes are fetched; who no longer fits is passed over like a broken one.
        """
        scores: dict[str, Scores] = {proxy: {} for proxy in proxies}
        queues = {
            c.id: [c.representative, *(m for m in self._by_mean(c.members) if m != c.representative)]
            for c in clustering.clusters
            if c.size > 1
        }
        chosen: dict[int, str] = {}
        while queues:
            trying = {cluster: queue.pop(0) for cluster, queue in queues.items() if queue}
            for proxy, found in self._scorer.score(
                self._fitting(trying.values(), proxies, limit), proxies
            ).items():
                scores[proxy] |= found
            got = set().union(*scores.values())
            chosen |= {cluster: m for cluster, m in trying.items() if m in got}
            queues = {cluster: q for cluster, q in queues.items() if cluster not in chosen and q}
        clusters = tuple(
            replace(c, representative=chosen.get(c.id, c.representative)) for c in clustering.clusters
        )
        used = set(chosen.values())
        kept = {proxy: {m: s for m, s in found.items() if m in used} for proxy, found in scores.items()}
        return replace(clustering, clusters=clusters), kept

    def _fitting(self, models: Iterable[str], proxies: Sequence[str], limit: int | None) -> list[str]:
        models = list(models)
        if limit is None:
            return models
        needed = self._scorer.bytes_needed(models, proxies)
        left = limit - self._scorer.bytes_downloaded
        fitting = []
        for model in models:
            size = needed.get(model)
            if size is not None and size <= left:
                fitting.append(model)
                left -= size
        return fitting

    def _by_mean(self, members: Iterable[str]) -> list[str]:
        return sorted(members, key=lambda m: (-self._matrix.mean(m) if m in self._matrix.models else 1.0, m))
