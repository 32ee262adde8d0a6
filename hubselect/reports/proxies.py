"""The proxies that can be chosen, as a document and as a table."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from hubselect.reports.tables import Part, add_row, new_table

if TYPE_CHECKING:
    from hubselect.api.recall.proxies import Proxies


def proxies_document(found: Proxies) -> dict[str, Any]:
    return {
        "proxies": [
            {
                "name": a.proxy.name,
                "needs": a.proxy.needs,
                "fallback": a.proxy.fallback,
                "targets": list(a.proxy.targets),
                "normalisation": a.proxy.normalisation,
                "summary": a.proxy.summary,
                "source": a.source,
            }
            for a in found.available
        ],
        "unusable": [asdict(fault) for fault in found.faults],
    }


def proxies(found: Proxies) -> list[Part]:
    table = new_table("Proxy scores", "name", "needs", "targets", "what it is")
    for a in found.available:
        needs = a.proxy.needs if a.proxy.fallback is None else f"{a.proxy.needs}, else {a.proxy.fallback}"
        origin = "" if a.source == "hubselect" else f" [from {a.source}]"
        add_row(table, a.proxy.name, needs, ", ".join(a.proxy.targets), a.proxy.summary + origin)
    return [table, *(escape(f"unusable: {fault.reason}") for fault in found.faults)]
