"""One process at a time works on one selection, or on the cells of one recipe, in one registry.

The lock is the registry's own: beside a SQLite file for this machine, on a PostgreSQL server for every
machine that uses it. It ends with its process, however that ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from hubselect.errors import RegistryError
from hubselect.registry import Registry
from hubselect.registry.locking import LockTaken


@contextmanager
def turn(store: Registry, name: str, what: str) -> Iterator[None]:
    """Hold the lock `name` of this registry; `what` says in the error what is being done already.

    Raises `RegistryError` at once when another process holds it, and `LockLost` from the first write
    after another process took it because our connection to the server was lost.
    """
    with ExitStack() as held:
        try:
            held.enter_context(store.locked(name))
        except LockTaken:
            raise RegistryError(
                f"another process is already {what} with this registry",
                "wait until it has ended, then give the command again",
            ) from None
        yield
