"""Worker processes that each work through chains of calls, one call at a time.

A chain (a generator of `Call`s) belongs to one model: each result is sent back into it before
it names its next call. A chain prefers the worker that served its key last, because that one
still holds the model in memory. A worker that dies is replaced and its call is tried once
more; a second death is the chain's own fault and is sent into it as `TrainingFailed`.

The pool knows nothing of models or torch: it runs picklable functions.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Protocol

from hubselect.errors import HubselectError, TrainingFailed
from hubselect.executors import devices, guard
from hubselect.executors.starting import worker_context

DEATHS_ALLOWED = 1  # a call that loses its worker more often is given up


@dataclass(frozen=True)
class Call:
    """A picklable function with its arguments."""

    function: Callable[..., Any]
    args: tuple[Any, ...] = ()


Chain = Generator[Call, Any, None]


class Pool(Protocol):
    """Works through chains of calls, at most `workers` at a time."""

    @property
    def workers(self) -> int: ...

    def run(self, chains: Mapping[str, Chain]) -> Iterator[tuple[str, Any]]:
        """(key, result) for every finished call, as they finish; a result may be the `HubselectError`
        that the call raised. Chains start in the order given."""
        ...


@dataclass
class _Running:
    key: str
    chain: Chain
    call: Call
    deaths: int = 0


@dataclass
class WorkerPool:
    """`workers` processes, started when first needed. Use as a context manager."""

    workers: int
    _processes: dict[int, ProcessPoolExecutor] = field(default_factory=dict, init=False)
    _last_worker: dict[str, int] = field(default_factory=dict, init=False)
    _cards: tuple[str, ...] | None = field(default=None, init=False)

    def __enter__(self) -> WorkerPool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.close(kill=kind is not None)

    def close(self, *, kill: bool = False) -> None:
        for executor in self._processes.values():
            if kill:
                for process in list((executor._processes or {}).values()):
                    process.kill()
            executor.shutdown(wait=not kill, cancel_futures=True)
        self._processes.clear()

    def run(self, chains: Mapping[str, Chain]) -> Iterator[tuple[str, Any]]:
        """See `Pool.run`."""
        waiting = dict(chains)
        busy: dict[int, tuple[Future[Any], _Running]] = {}
        try:
            self._fill(waiting, busy)
            while busy:
                wait([future for future, _ in busy.values()], return_when=FIRST_COMPLETED)
                for worker in [w for w, (future, _) in busy.items() if future.done()]:
                    future, running = busy.pop(worker)
                    result = self._outcome(worker, future, running)
                    if result is _LOST:
                        busy[worker] = (self._submit(worker, running.call), running)
                        continue
                    self._advance(worker, running, result, busy)
                    self._fill(waiting, busy)
                    yield running.key, result
        finally:
            for _, running in busy.values():
                running.chain.close()

    def _card_of(self, worker: int) -> str | None:
        """Workers take turns among the CUDA devices; None where there is nothing to choose."""
        if self._cards is None:
            self._cards = tuple(card.name for card in devices.visible_cards())
        return self._cards[worker % len(self._cards)] if len(self._cards) > 1 else None

    def _fill(self, waiting: dict[str, Chain], busy: dict[int, tuple[Future[Any], _Running]]) -> None:
        for worker in range(self.workers):
            if not waiting:
                return
            while worker not in busy and waiting:
                key = next((k for k in waiting if self._last_worker.get(k) == worker), next(iter(waiting)))
                chain = waiting.pop(key)
                call = next(chain, None)
                if call is not None:
                    self._last_worker[key] = worker
                    busy[worker] = (self._submit(worker, call), _Running(key, chain, call))

    def _advance(self, worker: int, running: _Running, result: Any, busy: dict[int, Any]) -> None:
        try:
            call = running.chain.send(result)
        except StopIteration:
            return
        busy[worker] = (self._submit(worker, call), _Running(running.key, running.chain, call))

    def _outcome(self, worker: int, future: Future[Any], running: _Running) -> Any:
        try:
            return future.result()
        except HubselectError as error:
            return error
        except BrokenProcessPool:
            self._processes.pop(worker).shutdown(wait=False)
            running.deaths += 1
            if running.deaths <= DEATHS_ALLOWED:
                return _LOST
            return TrainingFailed(
                "the worker process died twice", "it probably ran out of memory: use fewer --workers"
            )

    def _submit(self, worker: int, call: Call) -> Future[Any]:
        if worker not in self._processes:
            self._processes[worker] = ProcessPoolExecutor(
                max_workers=1,
                mp_context=worker_context(),
                initializer=guard.start_worker,
                initargs=(self._card_of(worker), dict(os.environ)),
            )
        try:
            with _hidden_main():
                return self._processes[worker].submit(call.function, *call.args)
        except BrokenProcessPool:  # it died while it was idle: a new one takes the call
            self._processes.pop(worker).shutdown(wait=False)
            return self._submit(worker, call)


_LOST = object()


@contextmanager
def _hidden_main() -> Iterator[None]:
    """Start processes without importing the caller's script into them.

    A spawned process runs the main script again, which fails unless every user guards theirs
    with `if __name__ == "__main__"`. Workers only call functions of this package.
    """
    main = sys.modules["__main__"]
    hidden = {n: getattr(main, n) for n in ("__file__", "__spec__") if hasattr(main, n)}
    main.__spec__ = None
    if "__file__" in hidden:
        del main.__file__
    try:
        yield
    finally:
        for name, value in hidden.items():
            setattr(main, name, value)


def memory_for(checkpoint_bytes: int) -> int:
    """Bytes of memory that training a checkpoint takes: about five times the checkpoint (weights,
    gradients, two optimizer moments, activations) on top of about 700 MB of libraries."""
    return 700_000_000 + 5 * checkpoint_bytes


def default_workers(jobs: int, bytes_per_job: int = 0) -> int:
    """How many workers fit: at most one per core and job; 80 % of the free memory on a CPU, and on each
    CUDA device as many as share it (`devices.trainings_on`).

    `bytes_per_job` is the largest checkpoint in bytes (`memory_for`).
    """
    if devices.is_apple_accelerated():
        return 1  # one device, whose memory is the machine's
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    cards = devices.visible_cards()
    if cards:
        return max(
            1, min(cores, jobs, len(cards) * min(devices.trainings_on(c, bytes_per_job) for c in cards))
        )
    try:
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):  # not offered by this system
        free = 8 << 30
    fits = int(0.8 * free // memory_for(bytes_per_job))
    return max(1, min(cores, jobs, fits))
