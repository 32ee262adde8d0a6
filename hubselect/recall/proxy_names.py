"""The names proxy scores go by: `NAME`, or `NAME@POOLING` for features pooled in another way."""

from __future__ import annotations

from hubselect.errors import InvalidInput
from hubselect.recall.features import DEFAULT_POOLING, POOLINGS, Pooling
from hubselect.recall.proxies import Proxy, proxy


def parse(name: str) -> tuple[Proxy, Pooling | None]:
    """The proxy and the pooling that `name` asks for; None when it leaves the pooling open.

    Raises `InvalidInput` for an unknown proxy or pooling, and for a pooling asked of a proxy that
    never looks at features.
    """
    own, separator, asked = name.partition("@")
    found = proxy(own)
    if not separator:
        return found, None
    pooling = next((p for p in POOLINGS if p == asked), None)
    if pooling is None:
        raise InvalidInput(f"there is no pooling {asked!r}", f"choose one of {', '.join(POOLINGS)}")
    if found.needs == "head" and (found.fallback is None or proxy(found.fallback).needs == "head"):
        raise InvalidInput(f"{own} does not look at features, so none are pooled for it", f"ask for {own}")
    return found, pooling


def full_name(name: str, pooling: Pooling) -> str:
    """The name under which a score of `name` is kept when open poolings are `pooling`: two scores
    of one name are always of one kind.

    >>> full_name("nleep", "mean"), full_name("nleep", "layers"), full_name("nleep@cls", "layers")
    ('nleep', 'nleep@layers', 'nleep@cls')
    """
    found, asked = parse(name)
    chosen = asked or pooling
    if chosen == DEFAULT_POOLING or (asked is None and not _pooled(found)):
        return found.name
    return f"{found.name}@{chosen}"


def _pooled(found: Proxy) -> bool:
    """Whether any of the proxy's values comes from features."""
    return found.needs != "head" or (found.fallback is not None and _pooled(proxy(found.fallback)))
