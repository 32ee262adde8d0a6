"""Which proxy scores can be chosen, and which plug-ins cannot be used."""

from __future__ import annotations

from dataclasses import dataclass

from hubselect.recall.proxies import PROXIES, Proxy
from hubselect.recall.proxies.plugins import Fault


@dataclass(frozen=True)
class Available:
    """A proxy that can be chosen, and the distribution it comes from."""

    proxy: Proxy
    source: str


@dataclass(frozen=True)
class Proxies:
    """Everything `--proxy` can choose, built-in ones first, and the plug-ins that are refused."""

    available: tuple[Available, ...]
    faults: tuple[Fault, ...] = ()


def proxies() -> Proxies:
    """Every proxy; plug-ins are loaded to find out whether they work."""
    available = tuple(Available(PROXIES[name], PROXIES.source(name)) for name in PROXIES)
    return Proxies(available, tuple(PROXIES.faults()))
