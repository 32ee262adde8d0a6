"""Trying out what would happen: a registry to work with that leaves this one as it is."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Self

from hubselect.errors import RegistryError
from hubselect.registry.base import Connected
from hubselect.registry.database import Database
from hubselect.registry.locations import locate


class Rehearsing(Connected):
    """The part of the registry that lets others work without a trace."""

    @contextmanager
    def unchanged(self) -> Iterator[Self]:
        """A registry with the same content, of which nothing stays: a copy, gone afterwards, of one that
        is a file; on a server this one, which refuses writers until then (`RegistryError`)."""
        path = self._database.location.path
        if path is None:
            self._database.guards.append(_refuse)
            try:
                yield self
            finally:
                self._database.guards.remove(_refuse)
            return
        with tempfile.TemporaryDirectory(prefix="hubselect-") as folder:
            place = Path(folder) / path.name
            with closing(self._database.own_connection()) as source, closing(sqlite3.connect(place)) as copy:
                source.backup(copy)
            database = Database(locate(place))
            try:
                yield type(self)(database)
            finally:
                database.close()


def _refuse() -> None:
    raise RegistryError(
        "this would have to be written to the registry first",
        "bring it up to date with `hubselect cluster`, and name models that it knows",
    )
