"""The facade of the registry: open one, ask it by name, records in and records out.

It holds no algorithm: clusters, trends and recall are computed by others from what it returns.
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from hubselect.registry.checks import Checks
from hubselect.registry.cluster_events import ClusterHistory
from hubselect.registry.database import Database, prepare_file
from hubselect.registry.entries import Entries
from hubselect.registry.exporting import Exporting
from hubselect.registry.frames import Frames
from hubselect.registry.importing import Importing
from hubselect.registry.indexing import Indexing
from hubselect.registry.journal import Journal
from hubselect.registry.locations import locate
from hubselect.registry.locking import Locking
from hubselect.registry.matrices import Matrices
from hubselect.registry.migrations import ensure_current
from hubselect.registry.placements import Placements
from hubselect.registry.querying import Querying
from hubselect.registry.rehearsing import Rehearsing
from hubselect.registry.runs import Runs
from hubselect.registry.score_tables import ScoreTables
from hubselect.registry.sharing import Sharing


class Registry(
    Entries,
    Querying,
    Runs,
    Matrices,
    ScoreTables,
    ClusterHistory,
    Placements,
    Frames,
    Journal,
    Importing,
    Exporting,
    Indexing,
    Sharing,
    Locking,
    Rehearsing,
    Checks,
):
    """Everything known about checkpoints, datasets, runs, clusters and selections.

    Use it as a context manager: `with Registry.open() as registry: ...`. It may be shared by
    threads and used by several processes at once; each call is one transaction.
    """

    @classmethod
    def open(cls, location: str | Path | None = None, *, create: bool = True) -> Registry:
        """Open the registry at a file path, `sqlite:///` or `postgresql://` URL, migrating it when it is old.

        `location` None means `HUBSELECT_REGISTRY`, else `$HF_HOME/hubselect/registry.db`. A missing
        registry is made unless `create` is False. Raises `InvalidInput` for a location of another
        kind and `RegistryError` when it cannot be opened, is not a registry, or was made by a
        newer hubselect.
        """
        place = locate(location)
        if place.path is not None:
            prepare_file(place, create=create)
        database = Database(place)
        try:
            ensure_current(database, create=create)
        except BaseException:
            database.close()
            raise
        return cls(database)

    @property
    def location(self) -> str:
        """The path of the file, or the URL without its password."""
        return self._database.location.text

    @property
    def home(self) -> Path:
        """The folder for files that belong to this registry (training states, outputs); may not exist yet.

        `NAME.files` beside a database file NAME; for a PostgreSQL URL a folder of its own below
        `$HF_HOME/hubselect`, the same for every password.
        """
        return self._database.location.home

    def close(self) -> None:
        """Give the connections back; the registry can be opened again."""
        self._database.close()

    def __enter__(self) -> Registry:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Registry({self.location!r})"
