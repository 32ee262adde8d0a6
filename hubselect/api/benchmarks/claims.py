"""Whose cell is it: one process at a time works on one cell of the performance matrix.

A claim is a lock of the registry (`registry.locking`): the operating system, or the database server, frees
it with its process, however that ends. So there is nothing to keep alive, and a dead worker's claim is
free at once. Locks are shared by cells that fall on the same one of a fixed number: two such cells
are worked on one after the other, and a large matrix leaves few files behind.
"""

from __future__ import annotations

import hashlib
from contextlib import ExitStack
from types import TracebackType

from hubselect.registry import Registry
from hubselect.registry.locking import LockTaken

_LOCKS = 512


class Claims:
    """The claims of this process on cells of one recipe and seed. A context manager: all end with it."""

    def __init__(self, store: Registry, recipe: str, seed: int) -> None:
        self._store = store
        self._of = (recipe, seed)
        self._held: dict[str, tuple[tuple[str, str], ExitStack]] = {}

    def __enter__(self) -> Claims:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._held:
            self._held.popitem()[1][1].close()

    def take(self, model: str, dataset: str) -> bool:
        """Whether the cell is ours now; it never waits."""
        name = self._lock(model, dataset)
        if name in self._held:
            return False
        claim = ExitStack()
        try:
            claim.enter_context(self._store.locked(name))
        except LockTaken:
            return False
        self._held[name] = (model, dataset), claim
        return True

    def free(self, model: str, dataset: str) -> None:
        """Give the cell back; one that is not ours is left alone."""
        name = self._lock(model, dataset)
        if name in self._held and self._held[name][0] == (model, dataset):
            self._held.pop(name)[1].close()

    def _lock(self, model: str, dataset: str) -> str:
        digest = hashlib.sha256(repr((model, dataset, *self._of)).encode()).digest()
        return f"cell-{int.from_bytes(digest[:4]) % _LOCKS:03}"
