"""The next item of a slow iterator, fetched while the last one is worked on."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from threading import Thread
from typing import Generic, TypeVar

T = TypeVar("T")


class Ahead(Generic[T]):
    """One item ahead of an iterator, and never more: what is not asked for is not fetched.

    The thread is a daemon, so that a user who interrupts a walk does not wait for a Hub that said
    "later". The iterator is only ever advanced by one thread at a time.
    """

    def __init__(self, items: Iterator[T]) -> None:
        self._items = items
        self._coming: Future[T | None] | None = None

    def begin(self) -> None:
        """Start to fetch the next item."""
        if self._coming is None:
            self._coming = Future()
            Thread(target=self._fetch, args=(self._coming,), daemon=True).start()

    def next(self) -> T | None:
        """The next item, None after the last; raises what fetching it raised."""
        coming, self._coming = self._coming, None
        return next(self._items, None) if coming is None else coming.result()

    def _fetch(self, coming: Future[T | None]) -> None:
        try:
            coming.set_result(next(self._items, None))
        except BaseException as error:  # raised where the item is asked for
            coming.set_exception(error)
