"""The history of clusters, as a document and as sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hubselect.reports.numbers import counted
from hubselect.reports.tables import Part, add_row, new_table

if TYPE_CHECKING:
    from hubselect.registry.cluster_events import ClusterEvent


def history_document(events: Sequence[ClusterEvent]) -> dict[str, Any]:
    return {
        "events": [
            {
                "sequence": e.sequence,
                "time": e.created_at,
                "task": e.task,
                "recipe": e.recipe,
                "kind": e.kind,
                **e.payload,
            }
            for e in events
        ]
    }


def history(events: Sequence[ClusterEvent]) -> list[Part]:
    if not events:
        return ["nothing happened to clusters yet"]
    table = new_table(f"{len(events)} cluster events", "", "time", "what happened", right=("",))
    for e in events:
        add_row(table, e.sequence, e.created_at, sentence(e.kind, e.payload))
    return [table]


def sentence(kind: str, payload: Mapping[str, Any]) -> str:
    """One event in words."""
    c = f"cluster {payload.get('cluster')}"
    match kind:
        case "created":
            origin = f", from {_ids(payload['from'])}" if payload["from"] else ""
            return f"{c} is new: {_models(payload)}{origin}; {payload['representative']} represents it"
        case "joined":
            origin = f", from {_ids(payload['from'])}" if payload["from"] else ""
            return f"{_models(payload)} joined {c}{origin}"
        case "left":
            return f"{_models(payload)} left {c}{_destination(payload)}"
        case "merged":
            return f"{_ids(payload['from'])} became part of {c}"
        case "split":
            return f"{c} split into {_ids(payload['into'])}"
        case "dissolved":
            return f"{c} is no more: {_models(payload)}{_destination(payload)}"
        case "representative-changed":
            return f"{payload['new']} represents {c} instead of {payload['old']}"
        case "scores-overwritten":
            return f"{payload['runs']} scores were overwritten"
        case "clustered" if "changes" in payload:
            counts = ", ".join(f"{n} {what}" for what, n in payload["changes"].items())
            return f"clustered again; too many changes to name: {counts}"
        case "clustered":
            cut = "" if payload["threshold"] is None else f", cut at distance {payload['threshold']:.4g}"
            made = f"{counted(payload['models'], 'model')} into {counted(payload['clusters'], 'cluster')}"
            return f"clustered {made} ({payload['method']}{cut}, top-k {payload['top_k']})"
    return kind


def _ids(numbers: Sequence[int]) -> str:
    return ("clusters " if len(numbers) > 1 else "cluster ") + ", ".join(map(str, numbers))


def _models(payload: Mapping[str, Any]) -> str:
    named, size = payload["models"], payload["size"]
    more = size - len(named)
    return ", ".join(named) + (f" and {more} more" if more else "")


def _destination(payload: Mapping[str, Any]) -> str:
    return f" for {_ids(payload['to'])}" if payload["to"] else ""
