"""Proxies from other distributions, found by entry point and loaded when asked for.

A distribution adds one with

    [project.entry-points."hubselect.proxies"]
    my-proxy = "my_package.my_module:PROXY"

where `PROXY` is a `base.Proxy` of the same name. Its code runs when the proxy is chosen or the
catalogue is listed, never before; one that cannot be used is a `Fault` and leaves the others be.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from typing import get_args

from hubselect.recall.proxies.base import TARGETS, Needs, Normalisation, Proxy

GROUP = "hubselect.proxies"


@dataclass(frozen=True)
class Fault:
    """A plug-in that cannot be used: its name, the distributions it is from, and why, in one line."""

    name: str
    distribution: str
    reason: str


class Catalogue(Mapping[str, Proxy]):
    """Proxies by name: the built-in ones, then those of plug-ins, which load when first needed.

    Iterating gives the names that can be used. Built-in names are never given away.
    """

    def __init__(self, built_in: Iterable[Proxy]) -> None:
        self._built_in = {p.name: p for p in built_in}
        self._loaded: dict[str, Proxy | Fault] = {}

    def __getitem__(self, name: str) -> Proxy:
        found = self._built_in.get(name) or self._plugin(name)
        if isinstance(found, Proxy):
            return found
        raise KeyError(name)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and (name in self._built_in or isinstance(self._plugin(name), Proxy))

    def __iter__(self) -> Iterator[str]:
        yield from self._built_in
        yield from (name for name in sorted(self._offers) if name not in self._built_in and name in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def fault(self, name: str) -> Fault | None:
        """Why the plug-in of that name cannot be used; None for built-in, working and unknown names."""
        found = None if name in self._built_in else self._plugin(name)
        return found if isinstance(found, Fault) else None

    def faults(self) -> list[Fault]:
        """Every installed plug-in that cannot be used, those that claim a built-in name included."""
        return [f for name in sorted(self._offers) if isinstance(f := self._plugin(name), Fault)]

    def source(self, name: str) -> str:
        """The distribution a proxy of this catalogue comes from."""
        return "hubselect" if name in self._built_in else _distributions(self._offers[name])

    @cached_property
    def _offers(self) -> dict[str, list[EntryPoint]]:
        """Entry points by name; the same one found twice on the path counts once."""
        offers: dict[str, list[EntryPoint]] = {}
        for point in entry_points(group=GROUP):
            others = offers.setdefault(point.name, [])
            if all((o.value, _distribution(o)) != (point.value, _distribution(point)) for o in others):
                others.append(point)
        return offers

    def _plugin(self, name: str) -> Proxy | Fault | None:
        offers = self._offers.get(name)
        if offers is None:
            return None
        if name not in self._loaded:
            reason = self._refusal(name, offers)
            loaded = _load(offers[0]) if reason is None else reason
            self._loaded[name] = (
                loaded if isinstance(loaded, Proxy) else Fault(name, _distributions(offers), loaded)
            )
        return self._loaded[name]

    def _refusal(self, name: str, offers: list[EntryPoint]) -> str | None:
        """Why a name cannot be given to any of those that ask for it."""
        if name in self._built_in:
            return f"the proxy {name} of {_distributions(offers)} has the name of a built-in one"
        if not name.replace("-", "").replace("_", "").isalnum():
            return f"the proxy {name!r} of {_distributions(offers)} is not named by letters, digits, - and _"
        if len(offers) > 1:
            return f"the proxy {name} is offered more than once: by {_distributions(offers)}"
        return None


def _load(point: EntryPoint) -> Proxy | str:
    """The proxy an entry point names, or why there is none."""
    origin = f"the proxy {point.name} of {_distribution(point)}"
    try:
        loaded = point.load()
    except Exception as error:  # whatever a stranger's module does while it is imported
        said = " ".join(str(error).split())
        return f"{origin} cannot be loaded: {type(error).__name__}{': ' if said else ''}{said}"
    if not isinstance(loaded, Proxy):
        return f"{origin} is no hubselect Proxy but {type(loaded).__name__}"
    if loaded.name != point.name:
        return f"{origin} calls itself {loaded.name}"
    for given, known in (
        ((loaded.needs,), get_args(Needs)),
        ((loaded.normalisation,), get_args(Normalisation)),
        (tuple(loaded.targets), TARGETS),
    ):
        wrong = [value for value in given if value not in known]
        if wrong or not given:
            return f"{origin} declares {wrong[0] if wrong else 'nothing'!r} instead of {' or '.join(known)}"
    return loaded


def _distribution(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else "an unknown distribution"


def _distributions(offers: list[EntryPoint]) -> str:
    return " and ".join(sorted({_distribution(o) for o in offers}))
