"""Every function of the API takes a registry, or where one is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hubselect.registry import Registry


@contextmanager
def opened(registry: Registry | str | Path | None) -> Iterator[Registry]:
    """The registry itself if one is given (left open), else the one at that place (closed after)."""
    if isinstance(registry, Registry):
        yield registry
    else:
        with Registry.open(registry) as found:
            yield found
