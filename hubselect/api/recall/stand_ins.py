"""One scored member for every cluster: its representative, or who stands in for a broken one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from hubselect.api.recall.scoring import Scorer, Scores
from hubselect.knowledge.matrix import PerformanceMatrix
from hubselect.records import Cluster, Clustering

TRIES = 3
"""Members of a cluster that are fetched at most: where three in a row cannot be scored, more downloads
would not help."""

_CONSIDERED = 10  # members of a cluster, the best by mean, of which some may be too large


class StandIns:
    """When a representative cannot be fetched, loaded or scored, the cluster's next best member by
    mean benchmark score stands in; three members are tried at most."""

    def __init__(self, scorer: Scorer, matrix: PerformanceMatrix) -> None:
        self._scorer = scorer
        self._matrix = matrix

    def score(
        self, clustering: Clustering, proxies: Sequence[str], limit: int | None = None
    ) -> tuple[Clustering, dict[str, Scores]]:
        """The clustering with the representatives that were scored, and their scores by proxy.

        A member counts as scored when it has a score of any of the `proxies`. Weights of at most
        `limit` bytes are fetched; who no longer fits is passed over and is no try.
        """
        scores: dict[str, Scores] = {proxy: {} for proxy in proxies}
        queues = {c.id: self._queue(c) for c in clustering.clusters if c.size > 1}
        tries = dict.fromkeys(queues, 0)
        chosen: dict[int, str] = {}
        while queues:
            next_up = {cluster: queue.pop(0) for cluster, queue in queues.items()}
            trying = set(self._scorer.affordable(list(next_up.values()), proxies, limit))
            wanted = [m for m in next_up.values() if m in trying]
            for proxy, found in self._scorer.score(wanted, proxies).items():
                scores[proxy] |= found
            got = set().union(*scores.values())
            for cluster, model in next_up.items():
                tries[cluster] += model in trying
                if model in got:
                    chosen[cluster] = model
            queues = {c: q for c, q in queues.items() if c not in chosen and q and tries[c] < TRIES}
        clusters = tuple(
            replace(c, representative=chosen.get(c.id, c.representative)) for c in clustering.clusters
        )
        used = set(chosen.values())
        kept = {proxy: {m: s for m, s in found.items() if m in used} for proxy, found in scores.items()}
        return replace(clustering, clusters=clusters), kept

    def _queue(self, cluster: Cluster) -> list[str]:
        others = self._by_mean(m for m in cluster.members if m != cluster.representative)
        return [cluster.representative, *others][:_CONSIDERED]

    def _by_mean(self, members: Iterable[str]) -> list[str]:
        return sorted(members, key=lambda m: (-self._matrix.mean(m) if m in self._matrix else 1.0, m))
