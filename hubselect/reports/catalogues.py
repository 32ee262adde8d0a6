"""What `init` did with a catalogue, as a document and as a table."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from hubselect.reports.tables import Part, add_row, new_table

if TYPE_CHECKING:
    from hubselect.api.initialising import Initialised

_STATES = ("added", "known", "skipped", "planned")


def initialised_document(found: Initialised) -> dict[str, Any]:
    return {
        "suite": found.suite,
        "task": found.task,
        "title": found.title,
        "entries": [asdict(e) for e in found.entries],
        **{state: found.count(state) for state in _STATES},  # type: ignore[arg-type]
    }


def initialised(found: Initialised) -> list[Part]:
    table = new_table(found.title, "kind", "id", "in the paper", "status", "remarks")
    for e in found.entries:
        remarks = [e.reason, e.note, "id not verified" if e.unverified else None]
        add_row(table, e.kind, e.name, e.paper, e.status, "; ".join(r for r in remarks if r))
    counts = ", ".join(f"{n} {state}" for state in _STATES if (n := found.count(state)))  # type: ignore[arg-type]
    return [table, escape(f"{found.suite}: {counts or 'nothing to register'}")]
