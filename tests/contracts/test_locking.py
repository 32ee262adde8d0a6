"""Locks by name, on every database, between real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from hubselect.api.turns import turn
from hubselect.errors import RegistryError
from hubselect.records import Model
from hubselect.registry import Registry
from hubselect.registry.locking import LockLost, LockTaken
from tests.contracts.processes import together
from tests.registry.conftest import TEXT
from tests.support.postgres import Databases

_HOLD = """
import sys, time
from hubselect.registry import Registry
with Registry.open(sys.argv[1]) as store, store.locked(sys.argv[2]):
    print("held", flush=True)
    time.sleep(120)
"""


def _address(registry: Registry) -> str:
    """Where another process finds the registry; `.location` hides the password."""
    return registry._database.location.url


@contextmanager
def _holder(address: str, name: str) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the lock."""
    command = [sys.executable, "-c", _HOLD, address, name]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def _taken_soon(registry: Registry, name: str) -> None:
    """Take the lock as soon as it is free, within 10 seconds."""
    deadline = time.monotonic() + 10
    while True:
        try:
            with registry.locked(name):
                return
        except LockTaken:
            assert time.monotonic() < deadline
            time.sleep(0.02)


def test_a_lock_is_one_processs_until_it_is_killed(registry: Registry) -> None:
    """Others are refused at once with one line, and go on as soon as the holder is gone."""
    with _holder(_address(registry), "cells-1") as holder:
        with pytest.raises(LockTaken), registry.locked("cells-1"):
            pass
        with (
            pytest.raises(RegistryError, match="already selecting with this registry") as caught,
            turn(registry, "cells-1", "selecting"),
        ):
            pass
        assert caught.value.hint
        with registry.locked("cells-2"):  # another name is another lock
            registry.add_model(Model("org/a", TEXT))
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        _taken_soon(registry, "cells-1")


def test_a_lock_is_held_once_in_a_process_too(registry: Registry) -> None:
    """Registries opened twice exclude each other like processes; the end of the block frees the lock."""
    with Registry.open(_address(registry)) as again:
        with registry.locked("x"):
            for store in (registry, again):
                with pytest.raises(LockTaken), store.locked("x"):
                    pass
        with again.locked("x"):
            pass


def test_a_lock_ends_with_an_error_in_its_block(registry: Registry) -> None:
    """What goes wrong under a lock is passed on as it is, also another lock that is taken."""
    with (
        _holder(_address(registry), "inner"),
        pytest.raises(LockTaken),
        turn(registry, "x", "selecting"),
        registry.locked("inner"),
    ):
        pass
    with registry.locked("x"):
        pass


def test_a_lock_outlives_the_pool_and_a_child_of_its_process(registry: Registry) -> None:
    """Neither connections that are given back nor a fork end it."""
    with registry.locked("x"):
        registry.add_model(Model("org/a", TEXT))
        registry.close()
        child = os.fork()
        if child == 0:
            status = 1
            try:
                registry.add_model(Model("org/child", TEXT))
                registry.close()
                status = 0
            finally:
                os._exit(status)
        assert os.waitpid(child, 0)[1] == 0
        with Registry.open(_address(registry)) as other, pytest.raises(LockTaken), other.locked("x"):
            pass
        registry.add_model(Model("org/b", TEXT))
    assert len(registry.models()) == 3


def _in_turn(number: int, address: str, place: str) -> None:
    """Add one to a number in a file, three times, each within the lock."""
    with Registry.open(address) as registry:
        for _ in range(3):
            while True:
                try:
                    with registry.locked("counter"):
                        value = int(Path(place).read_text())
                        time.sleep(0.005)
                        Path(place).write_text(str(value + 1))
                        break
                except LockTaken:
                    time.sleep(0.01)


def test_many_processes_never_hold_a_lock_together(registry: Registry, tmp_path: Path) -> None:
    """Of many who read, wait and write nobody's work is lost."""
    (tmp_path / "n").write_text("0")
    together(_in_turn, 6, _address(registry), str(tmp_path / "n"))
    assert (tmp_path / "n").read_text() == "18"


def _end_sessions(databases: Databases, url: str) -> None:
    name = make_url(url).database
    databases.execute(
        f"SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = '{name}'"
    )


def test_a_lost_connection_is_noticed_and_the_lock_taken_again(databases: Databases, database: str) -> None:
    """After the server ended our sessions the next write takes the lock again: nobody else had it."""
    with Registry.open(database) as registry, Registry.open(database) as other:
        with registry.locked("x"):
            _end_sessions(databases, database)
            registry.add_model(Model("org/a", TEXT))
            with pytest.raises(LockTaken), other.locked("x"):
                pass
        with other.locked("x"):
            pass


def test_a_lock_that_somebody_else_took_meanwhile_stops_the_writer(
    databases: Databases, database: str
) -> None:
    """The one whose connection was lost writes nothing more, says why, and may read."""
    with Registry.open(database) as registry, registry.locked("x"):
        registry.add_model(Model("org/a", TEXT))
        _end_sessions(databases, database)
        with _holder(database, "x"):
            for _ in range(2):
                with pytest.raises(LockLost, match="lost with its connection"):
                    registry.add_model(Model("org/b", TEXT))
            assert [m.id for m in registry.models()] == ["org/a"]
    registry.close()


def test_a_lock_is_not_lost_by_being_idle(databases: Databases, database: str) -> None:
    """The server's limit for idle sessions does not end the session that holds a lock."""
    name = make_url(database).database
    databases.execute(f"ALTER DATABASE \"{name}\" SET idle_session_timeout = '300ms'")
    with Registry.open(database) as registry, Registry.open(database) as other, registry.locked("x"):
        time.sleep(1)
        with pytest.raises(LockTaken), other.locked("x"):
            pass


def test_registries_in_two_schemas_of_a_database_have_locks_of_their_own(
    databases: Databases, empty_database: str
) -> None:
    """A lock belongs to a registry, not to the database that holds several."""
    for schema in ("one", "two"):
        databases.execute(f"CREATE SCHEMA {schema}", empty_database)
    one, two = (f"{empty_database}?options=-csearch_path%3D{schema}" for schema in ("one", "two"))
    with Registry.open(one) as first, Registry.open(two) as second, first.locked("x"), second.locked("x"):
        pass
