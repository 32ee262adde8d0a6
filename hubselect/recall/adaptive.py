"""Adaptive recall: whose proxies are computed next, given those that were computed so far.

Scoring only representatives misses the good members of a cluster; scoring all models costs a download
and a forward pass each. Between them, best first: begin with the best by mean benchmark score and with
checkpoints whose own head names the target's classes; rank all candidates by what is known; score those
at the front of the ranking that were not scored yet; and stop when the front was scored as a whole.
What is learned from a score reaches the models that were not scored through the benchmarks on which both
have results (`recall.methods.predictors`). The numbers below were chosen in
`benchmarks/recall/adaptive.py`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from hubselect.recall.methods.base import Evidence, Method, by_record


@dataclass(frozen=True)
class Search:
    """How the search goes. It begins with the `best` by mean benchmark score and with up to `matching`
    models whose head names at least `share` of the target's classes; the first `front` of the ranking
    must have been scored; `at_once` are scored before the ranking is made again."""

    best: int = 3
    matching: int = 4
    share: float = 0.5
    front: int = 5
    at_once: int = 2


SEARCH = Search()


def next_to_score(
    evidence: Evidence, method: Method, asked: Collection[str], *, most: int, search: Search = SEARCH
) -> tuple[str, ...]:
    """The candidates to score next, the most wanted first; empty when it is enough.

    `asked` are those that were tried already, whether or not they got a score; `most` bounds them all.
    """
    left = most - len(asked)
    if left < 1:
        return ()
    if not asked:
        return first_to_score(evidence, search)[:most]
    front = [r.model for r in method.rank(evidence)[: search.front]]
    return tuple(m for m in front if m not in asked)[: min(search.at_once, left)]


def first_to_score(evidence: Evidence, search: Search = SEARCH) -> tuple[str, ...]:
    """Whom to score before anything is known of the target but its class names."""
    order = sorted(evidence.candidates, key=lambda m: by_record(evidence.prior(m), evidence.size(m), m))
    share = evidence.shared_classes
    matching = [m for m in order if share.get(m, 0.0) >= search.share]
    matching.sort(key=lambda m: -share[m])  # stable: among equals the better record first
    return tuple(dict.fromkeys([*order[: search.best], *matching[: search.matching]]))
