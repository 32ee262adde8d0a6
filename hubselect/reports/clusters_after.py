"""What new results did to the clusters, as a document and as lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from hubselect.reports.cluster_history import sentence
from hubselect.reports.numbers import counted
from hubselect.reports.tables import Part

if TYPE_CHECKING:
    from hubselect.api.clusters.after import ClustersAfter

_SHOWN = 10
"""Changes, and waiting models, that are named one by one."""


def clusters_document(found: Sequence[ClustersAfter]) -> list[dict[str, Any]]:
    """By task and recipe; `failure` is null where the clusters are up to date."""
    return [
        {
            "task": c.task,
            "recipe": c.recipe,
            "changes": [{"kind": kind, **payload} for kind, payload in c.events],
            "waiting": [asdict(w) for w in c.waiting],
            "failure": c.failure,
        }
        for c in found
    ]


def changed_clusters(found: Sequence[ClustersAfter]) -> list[Part]:
    """What changed, and who waits; nothing about clusters that stayed as they were."""
    lines: list[str] = []
    for c in found:
        if c.events:
            lines.append(f"Clusters of {c.task} models changed:")
            lines += [f"  {sentence(kind, payload)}" for kind, payload in c.events[:_SHOWN]]
        if (more := len(c.events) - _SHOWN) > 0:
            lines.append(f"  and {more} more changes: `hubselect clusters --history`")
        if c.waiting:
            lines += _waiting(c)
    return [escape(line) for line in lines]


def _waiting(found: ClustersAfter) -> list[str]:
    waits = counted(len(found.waiting), "model waits", "models wait")
    lines = [f"{waits} beside the nearest cluster, provisionally, until `hubselect cluster` is run:"]
    lines += [
        f"  {w.model} beside cluster {w.cluster} (distance {w.distance:.4g})" for w in found.waiting[:_SHOWN]
    ]
    if (more := len(found.waiting) - _SHOWN) > 0:
        lines.append(f"  and {more} more")
    return lines
