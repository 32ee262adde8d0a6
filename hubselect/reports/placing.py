"""Provisional placements, as documents and as text. Everywhere they are shown they are called provisional."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from hubselect.records import Placement
from hubselect.reports.numbers import counted
from hubselect.reports.tables import Part, add_row, new_table

if TYPE_CHECKING:
    from hubselect.api.clusters.placing import PlacementReport

SHOWN = 50
_WITHOUT_TEXT = "only lineage was used: name a text checkpoint with --text-model to compare cards too"


def placement_document(placement: Placement) -> dict[str, Any]:
    return {"model": placement.model, "how": placement.how, "score": placement.score}


def with_provisional(document: Mapping[str, Any], placements: Sequence[Placement]) -> dict[str, Any]:
    """A clustering's document with a list `provisional` in each cluster; `members` are those for good."""
    beside = _by_cluster(placements)
    clusters = [
        {**c, "provisional": [placement_document(p) for p in beside[c["id"]]]} for c in document["clusters"]
    ]
    return {**document, "clusters": clusters}


def provisional(placements: Sequence[Placement]) -> list[Part]:
    """The models beside the clusters of a clustering; nothing when there are none."""
    if not placements:
        return []
    count = counted(len(placements), "model")
    title = f"Provisional: {count} without enough results, no members of these clusters"
    table = new_table(title, "cluster", "model", "by", "score", right=("cluster", "score"))
    ordered = sorted(placements, key=lambda p: (p.cluster, -(p.score or 0.0), p.model))
    for p in ordered[:SHOWN]:
        _row(table, p)
    if len(ordered) <= SHOWN:
        return [table]
    return [table, f"and {len(ordered) - SHOWN:,} more (`--json` names all)"]


def mark(placement: Placement | None) -> str:
    """What a list of models says of one."""
    return "" if placement is None else f"provisional: cluster {placement.cluster} ({placement.how})"


def report_document(report: PlacementReport) -> dict[str, Any]:
    return {
        "text_model": report.text_model,
        "bytes_downloaded": report.bytes_downloaded,
        "provisional": True,
        "tasks": [
            {
                "task": t.task,
                "recipe": t.recipe,
                "considered": t.considered,
                "lineage": t.lineage,
                "card_text": t.card_text,
                "unplaced": t.unplaced,
                "notes": list(t.notes),
            }
            for t in report.tasks
        ],
        "placements": [{**placement_document(p), "cluster": p.cluster} for p in report.placements],
    }


def report(found: PlacementReport) -> list[Part]:
    parts: list[Part] = []
    for t in found.tasks:
        if t.placements:
            count = t.lineage + t.card_text
            title = f"{counted(count, 'provisional place')} of {t.task} models"
            table = new_table(title, "cluster", "model", "by", "score", right=("cluster", "score"))
            for p in t.placements[:SHOWN]:
                _row(table, p)
            parts.append(table)
            if count > SHOWN:
                parts.append(f"and {count - SHOWN:,} more (`hubselect clusters --json` names all)")
        parts.append(
            f"{t.task}: {counted(t.considered, 'model')} without enough results, {t.lineage:,} placed by "
            f"lineage, {t.card_text:,} by card text, {t.unplaced:,} not placed"
        )
        parts += [escape(f"note: {n}") for n in t.notes]
    parts.append(_WITHOUT_TEXT if found.text_model is None else escape(f"cards read by {found.text_model}"))
    parts.append(
        "Placements are provisional: they change no cluster, and end when a model has enough results"
    )
    return parts


def _by_cluster(placements: Sequence[Placement]) -> defaultdict[int, list[Placement]]:
    found: defaultdict[int, list[Placement]] = defaultdict(list)
    for p in placements:
        found[p.cluster].append(p)
    return found


def _row(table: Any, p: Placement) -> None:
    add_row(table, p.cluster, p.model, p.how, None if p.score is None else f"{p.score:.3f}")
