"""Worker processes are forked from one that has imported the libraries, in the driver's environment."""

from __future__ import annotations

import os
import sys

import pytest

from hubselect.executors.pool import Call, Chain, WorkerPool

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="workers are forked on Linux only")


def seen(*names: str) -> tuple[bool, list[str | None]]:
    """Whether torch was there before the first call, and some variables."""
    return "torch" in sys.modules, [os.environ.get(name) for name in names]


def chain(*names: str) -> Chain:
    yield Call(seen, names)


def answered(*names: str) -> tuple[bool, list[str | None]]:
    with WorkerPool(1) as pool:
        ((_, result),) = pool.run({"one": chain(*names)})
    return result  # type: ignore[no-any-return]


def test_a_worker_has_the_libraries_before_its_first_call() -> None:
    assert answered()[0]


def test_a_worker_has_the_environment_of_the_driver_as_it_is_now(monkeypatch: pytest.MonkeyPatch) -> None:
    answered()  # the process that workers are forked from has started
    monkeypatch.setenv("HUBSELECT_DEBUG", "1")
    assert answered("HUBSELECT_DEBUG") == (True, ["1"])
    monkeypatch.delenv("HUBSELECT_DEBUG")
    assert answered("HUBSELECT_DEBUG") == (True, [None])


def test_where_libraries_would_read_something_else_workers_import_for_themselves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answered()
    monkeypatch.setenv("HF_HOME", "/nowhere")
    assert answered("HF_HOME") == (False, ["/nowhere"])
