"""The registry: the database of everything known. Importing this package costs nothing."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hubselect.registry.checks import Problem
    from hubselect.registry.entries import HubResult
    from hubselect.registry.importing import ImportReport
    from hubselect.registry.indexing import IndexCursor, Indexed
    from hubselect.registry.selections import Event, SelectionRecord, SelectionRequest, SelectionSummary
    from hubselect.registry.store import Registry

_HOMES = {
    "Event": "selections",
    "HubResult": "entries",
    "ImportReport": "importing",
    "IndexCursor": "indexing",
    "Indexed": "indexing",
    "Problem": "checks",
    "Registry": "store",
    "SelectionRecord": "selections",
    "SelectionRequest": "selections",
    "SelectionSummary": "selections",
}

__all__ = [
    "Event",
    "HubResult",
    "ImportReport",
    "IndexCursor",
    "Indexed",
    "Problem",
    "Registry",
    "SelectionRecord",
    "SelectionRequest",
    "SelectionSummary",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
