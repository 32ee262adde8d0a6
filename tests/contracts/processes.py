"""Processes that work on one registry at the same time."""

from __future__ import annotations

import multiprocessing
import traceback
from collections.abc import Callable
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Barrier
from typing import Any

_FORK = multiprocessing.get_context("fork")
_PATIENCE = 60.0


def together(work: Callable[..., None], number: int, *arguments: Any) -> None:
    """Run `work(i, *arguments)` in processes i = 0 ... number - 1 that begin together; all must succeed."""
    begin, failures = _FORK.Barrier(number), _FORK.SimpleQueue()
    processes = [
        _FORK.Process(target=_one, args=(work, i, begin, failures, arguments)) for i in range(number)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(_PATIENCE)
    stuck = [process for process in processes if process.is_alive()]
    for process in stuck:
        process.kill()
        process.join()
    assert not stuck, f"{len(stuck)} processes did not end"
    if not failures.empty():
        raise AssertionError(failures.get())
    assert [process.exitcode for process in processes] == [0] * number


def _one(
    work: Callable[..., None], i: int, begin: Barrier, failures: SimpleQueue[str], arguments: tuple[Any, ...]
) -> None:
    try:
        begin.wait(_PATIENCE)
        work(i, *arguments)
    except BaseException:
        failures.put(traceback.format_exc())
        raise SystemExit(1) from None
