"""One process at a time works on one selection, or on the cells of one recipe, in one registry.

The lock is the operating system's: it ends with its process, however that ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from filelock import FileLock, Timeout

from hubselect.errors import RegistryError
from hubselect.registry import Registry


@contextmanager
def turn(store: Registry, name: str, what: str) -> Iterator[None]:
    """Hold the lock `name` of this registry; `what` says in the error what is being done already.

    Raises `RegistryError` at once when another process holds it.
    """
    folder = store.home / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / f"{name}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise RegistryError(
            f"another process is already {what} with this registry",
            "wait until it has ended, then give the command again",
        ) from None
    try:
        yield
    finally:
        lock.release()
