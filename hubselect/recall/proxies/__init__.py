"""Proxy scores by name. `PROXIES` is everything `--proxy` can choose."""

from __future__ import annotations

from hubselect.errors import InvalidInput
from hubselect.recall.proxies import (
    hscore,
    hscore_regularised,
    knn,
    leep,
    linear,
    logme,
    nce,
    nleep,
    transrate,
)
from hubselect.recall.proxies.base import Proxy, Target
from hubselect.recall.proxies.plugins import Catalogue

PROXIES = Catalogue(
    [m.PROXY for m in (leep, nce, nleep, logme, hscore, hscore_regularised, knn, linear, transrate)]
)


def proxy(name: str) -> Proxy:
    """The proxy of that name. Raises `InvalidInput` when there is none, or its plug-in is broken."""
    fault = PROXIES.fault(name)
    if fault is not None:
        raise InvalidInput(fault.reason, f"mend or uninstall {fault.distribution}, or choose another --proxy")
    if name not in PROXIES:
        raise InvalidInput(f"there is no proxy {name!r}", f"choose one of {', '.join(sorted(PROXIES))}")
    return PROXIES[name]


__all__ = ["PROXIES", "Proxy", "Target", "proxy"]
