"""Fetching one item ahead."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from hubselect.hub.ahead import Ahead


def slow(count: int, made: list[int]) -> Iterator[int]:
    for number in range(count):
        time.sleep(0.05)
        made.append(number)
        yield number


def test_items_come_in_order_however_they_are_asked_for() -> None:
    """Begun ahead or not, every item comes once, then None."""
    ahead = Ahead(slow(4, []))
    found = []
    while (item := ahead.next()) is not None:
        found.append(item)
        if item % 2:
            ahead.begin()
            ahead.begin()
    assert found == [0, 1, 2, 3]
    assert ahead.next() is None


def test_nothing_is_fetched_that_was_not_begun() -> None:
    """Without `begin` the iterator rests; with it, one item is fetched and no more."""
    made: list[int] = []
    ahead = Ahead(slow(4, made))
    ahead.next()
    time.sleep(0.2)
    assert made == [0]
    ahead.begin()
    time.sleep(0.3)
    assert made == [0, 1]


def test_work_and_fetching_overlap() -> None:
    """Five items of 50 ms with 50 ms of work each take well under the sum of both."""
    ahead = Ahead(slow(5, []))
    started = time.perf_counter()
    while ahead.next() is not None:
        ahead.begin()
        time.sleep(0.05)
    assert time.perf_counter() - started < 0.45


def test_a_failure_is_raised_where_the_item_is_asked_for() -> None:
    """What the iterator raises in the background reaches the caller, once."""

    def failing() -> Iterator[int]:
        yield 1
        raise ValueError("lost")

    ahead = Ahead(failing())
    assert ahead.next() == 1
    ahead.begin()
    with pytest.raises(ValueError, match="lost"):
        ahead.next()
    assert ahead.next() is None
