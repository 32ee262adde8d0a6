"""The Hub room: metadata, columns and downloads of Hub repositories, as records.

Everything that talks to a Hub endpoint lives here, and every error of its client is mapped to
`hubselect.errors` here. Importing this package is cheap: names load when first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hubselect.hub.cards import card_text
    from hubselect.hub.client import (
        check_repo_id,
        endpoint_notice,
        hub_endpoint,
        hub_errors,
        hub_token,
    )
    from hubselect.hub.datasets import index_dataset
    from hubselect.hub.downloads import Download, download_model, is_downloaded
    from hubselect.hub.listings import Claim, ListedModel, listed_dataset, listed_model
    from hubselect.hub.models import index_model
    from hubselect.hub.own import content_digest, index_own, is_own
    from hubselect.hub.walking import ListQuery, Page, Patience, pages

_HOMES = {
    "Claim": "listings",
    "Download": "downloads",
    "ListQuery": "walking",
    "ListedModel": "listings",
    "Page": "walking",
    "Patience": "walking",
    "card_text": "cards",
    "check_repo_id": "client",
    "download_model": "downloads",
    "endpoint_notice": "client",
    "hub_endpoint": "client",
    "hub_errors": "client",
    "content_digest": "own",
    "hub_token": "client",
    "index_dataset": "datasets",
    "index_model": "models",
    "index_own": "own",
    "is_own": "own",
    "is_downloaded": "downloads",
    "listed_dataset": "listings",
    "listed_model": "listings",
    "pages": "walking",
}

__all__ = [
    "Claim",
    "Download",
    "ListQuery",
    "ListedModel",
    "Page",
    "Patience",
    "card_text",
    "check_repo_id",
    "content_digest",
    "download_model",
    "endpoint_notice",
    "hub_endpoint",
    "hub_errors",
    "hub_token",
    "index_dataset",
    "index_model",
    "index_own",
    "is_downloaded",
    "is_own",
    "listed_dataset",
    "listed_model",
    "pages",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
