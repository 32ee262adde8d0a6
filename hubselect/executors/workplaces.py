"""Where calls are carried out: worker processes of this machine, or a Ray cluster.

A workplace is entered once for a command and gives out pools: what is expensive to set up, such as
a cluster, serves all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib.util import find_spec
from typing import Protocol

from hubselect.errors import InvalidInput
from hubselect.executors.pool import Pool, WorkerPool, default_workers

EXECUTORS = ("local", "ray")


class Workplace(Protocol):
    def pool(self, workers: int | None, jobs: int, bytes_per_job: int = 0) -> AbstractContextManager[Pool]:
        """A pool for so many `jobs`, the largest on a checkpoint of `bytes_per_job`, with as many
        workers as asked for (None: as many as fit)."""
        ...


class ThisMachine:
    """Worker processes beside the driver."""

    def pool(self, workers: int | None, jobs: int, bytes_per_job: int = 0) -> AbstractContextManager[Pool]:
        return WorkerPool(workers or default_workers(jobs, bytes_per_job))


def check_executor(executor: str) -> None:
    """Raise `InvalidInput` for an executor that is unknown or not installed; starts nothing."""
    if executor not in EXECUTORS:
        raise InvalidInput(f"unknown executor {executor!r}", f"choose one of {', '.join(EXECUTORS)}")
    if executor == "ray" and find_spec("ray") is None:
        raise InvalidInput(
            "the executor ray needs Ray, which is not installed", "run `pip install 'hubselect[ray]'`"
        )


@contextmanager
def workplace(executor: str, on_note: Callable[[str], None] = lambda note: None) -> Iterator[Workplace]:
    """The workplace of `executor`; `on_note` is told, in one line, what people should know of it.

    Raises `InvalidInput` as `check_executor` does, and `ClusterFailed` when the cluster does not answer.
    """
    check_executor(executor)
    if executor == "local":
        yield ThisMachine()
        return
    from hubselect.executors.ray.cluster import connected

    with connected(on_note) as cluster:
        yield cluster
