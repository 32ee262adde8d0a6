"""What every part of the registry stands on: a database."""

from __future__ import annotations

from hubselect.registry.database import Database


class Connected:
    """Base of the parts that `store.Registry` is composed of."""

    def __init__(self, database: Database) -> None:
        self._database = database
