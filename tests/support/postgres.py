"""A real PostgreSQL server for tests: the one that HUBSELECT_TEST_POSTGRES names, or a throw-away one.

A throw-away cluster lives in a temporary folder, listens on a free port of 127.0.0.1 only, asks for
a password, and sorts text by language, so that nothing passes because the server happens to sort as
SQLite does. `python -m tests.support.postgres COMMAND ...` runs a command while one is up, its URL in
HUBSELECT_TEST_POSTGRES; only the standard library is needed for that.
"""

from __future__ import annotations

import os
import pwd
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

VARIABLE = "HUBSELECT_TEST_POSTGRES"
_USER = "hubselect"
_TRUSTED_FOLDER = "/usr/lib/postgresql"
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",  # nothing here outlives the tests
    "full_page_writes": "off",
    "max_connections": "60",
    "shared_buffers": "32MB",
}


def binaries() -> Path | None:
    """The folder of `initdb` and `pg_ctl` of the newest PostgreSQL on this machine, None without one."""
    packaged = sorted(Path(_TRUSTED_FOLDER).glob("*/bin"), key=_version, reverse=True)
    found = shutil.which("pg_ctl")
    for folder in [*packaged, *([Path(found).resolve().parent] if found else [])]:
        if all((folder / name).exists() for name in ("initdb", "pg_ctl", "postgres")):
            return folder
    return None


def _version(folder: Path) -> int:
    number = re.match(r"\d+", folder.parent.name)
    return int(number.group()) if number else 0


@contextmanager
def server() -> Iterator[str | None]:
    """The URL of a server whose user may make databases; None where there is none and none can be had."""
    if given := os.environ.get(VARIABLE):
        yield given
    elif (folder := binaries()) is None or (os.geteuid() == 0 and _unprivileged() is None):
        yield None
    else:
        with throw_away(folder) as url:
            yield url


@contextmanager
def throw_away(folder: Path) -> Iterator[str]:
    """Make and start a cluster with the binaries in `folder`; it is stopped and removed at the end."""
    home = Path(tempfile.mkdtemp(prefix="hubselect-postgres-"))
    password, port = secrets.token_hex(8), _free_port()
    try:
        (home / "password").write_text(password)
        for path in (home, home / "password"):
            _give_away(path)
        data = home / "data"
        initdb = [folder / "initdb", "-D", data, "-U", _USER, "--auth=scram-sha-256", "--no-sync"]
        _run(
            [
                *initdb,
                f"--pwfile={home / 'password'}",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                *_by_language(folder),
            ]
        )
        options = " ".join(f"-c {name}={value!r}" for name, value in {**_SETTINGS, "port": str(port)}.items())
        pg_ctl = [folder / "pg_ctl", "-D", data, "-w", "-t", "60"]
        _run([*pg_ctl, "-l", home / "log", "-o", options, "start"])
        try:
            yield f"postgresql://{_USER}:{password}@127.0.0.1:{port}/postgres"
        finally:
            _run([*pg_ctl, "-m", "immediate", "stop"])
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _by_language(folder: Path) -> list[str]:
    """Options of initdb for a collation that is not byte by byte, where this build has one."""
    known = subprocess.run([folder / "initdb", "--help"], capture_output=True, text=True, check=True).stdout
    return ["--locale-provider=icu", "--icu-locale=en-US"] if "--icu-locale" in known else []


def _unprivileged() -> pwd.struct_passwd | None:
    """Another user to run the server as: PostgreSQL refuses to run as root."""
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    return None


def _give_away(path: Path) -> None:
    user = _unprivileged()
    if os.geteuid() == 0 and user is not None:
        os.chown(path, user.pw_uid, user.pw_gid)


def _run(command: list[Any]) -> None:
    user = _unprivileged()
    other: dict[str, Any] = {}
    if os.geteuid() == 0 and user is not None:
        other = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PG")}
    done = subprocess.run(
        [str(part) for part in command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE
        if command[-1] != "start"
        else subprocess.DEVNULL,  # the server keeps a pipe open
        stderr=subprocess.STDOUT,
        text=True,
        cwd="/",
        env=environment,
        check=False,
        **other,
    )
    if done.returncode:
        raise RuntimeError(f"{Path(command[0]).name} failed: {done.stdout}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Databases:
    """Makes databases on a server and removes all of them at the end."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._made: list[str] = []

    def make(self, template: str = "template0") -> str:
        """A new database, a copy of `template`; returns its URL."""
        name = f"hubselect_{os.getpid()}_{secrets.token_hex(4)}"
        self.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" ENCODING \'UTF8\'')
        self._made.append(name)
        return self.named(name)

    def named(self, name: str, **changed: Any) -> str:
        """The URL of a database on the server, of another user or with another password on request."""
        from sqlalchemy.engine import make_url

        return make_url(self.url).set(database=name, **changed).render_as_string(hide_password=False)

    def execute(self, statement: str, url: str | None = None) -> list[tuple[Any, ...]]:
        """Run one statement outside of any transaction, in the server's own database by default."""
        import psycopg

        with psycopg.connect(url or self.url, autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def empty(self, url: str) -> None:
        """Take every row out of the tables of a registry, and begin its counters again."""
        import psycopg

        from hubselect.registry.tables import Table

        tables = [table.name for table in reversed(Table.metadata.sorted_tables)]
        counters = "SELECT setval(oid::regclass, 1, false) FROM pg_class WHERE relkind = 'S'"
        with psycopg.connect(url, options="-c lock_timeout=10s") as connection:
            connection.execute("; ".join(f"DELETE FROM {name}" for name in tables))
            connection.execute(counters)

    def drop(self, url: str) -> None:
        """Remove a database, also one that somebody is still connected to."""
        name = url.partition("?")[0].rpartition("/")[2]
        self.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        self._made.remove(name)

    def remove(self) -> None:
        """Remove every database that was made and is still there."""
        for name in tuple(self._made):
            self.drop(self.named(name))


def _stopped(number: int, frame: object) -> None:
    raise SystemExit(128 + number)


def main(command: list[str], environment: Mapping[str, str] = os.environ) -> int:
    """Run the command while a server is up (or without one, saying so); returns its exit status."""
    signal.signal(signal.SIGTERM, _stopped)
    with server() as url:
        if url is None:
            print("There is no PostgreSQL on this machine: its tests will be skipped.", file=sys.stderr)
        return subprocess.run(
            command, env={**environment, **({VARIABLE: url} if url else {})}, check=False
        ).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
