"""Proxy scores by name. `PROXIES` is everything `--proxy` can choose."""

from __future__ import annotations

from hubselect.errors import InvalidInput
from hubselect.recall.proxies import leep, nleep
from hubselect.recall.proxies.base import Proxy

PROXIES: dict[str, Proxy] = {p.name: p for p in (leep.PROXY, nleep.PROXY)}


def proxy(name: str) -> Proxy:
    """The proxy of that name. Raises `InvalidInput` when there is none."""
    if name not in PROXIES:
        raise InvalidInput(f"there is no proxy {name!r}", f"choose one of {', '.join(sorted(PROXIES))}")
    return PROXIES[name]


__all__ = ["PROXIES", "Proxy", "proxy"]
