"""Every function of the API takes a registry, or where one is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hubselect.registry import Registry


@contextmanager
def opened(registry: Registry | str | Path | None, *, create: bool = True) -> Iterator[Registry]:
    """The registry itself if one is given (left open), else the one at that place (closed after).

    Without `create` a place where no registry is raises `RegistryError`.
    """
    if isinstance(registry, Registry):
        yield registry
    else:
        with Registry.open(registry, create=create) as found:
            yield found
