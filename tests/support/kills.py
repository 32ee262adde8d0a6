"""Commands that are killed with `kill -9`, and what must still be true afterwards.

Used by the tests in `tests/reliability` and by `benchmarks/reliability/kills.py`.
"""

from __future__ import annotations

import fcntl
import json
import random
import signal
import sqlite3
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from hubselect.demo.server import MiniHub
from hubselect.registry import Registry

PATIENCE = 120.0
_OF_THE_MOMENT = frozenset({"run_id", "model_id", "selection_id", "created_at"})
_WRITE_LOCK = 120
"""The byte of a -shm file that a writer of a database in WAL mode locks (https://sqlite.org/walformat.html)."""


def line(registry: Path, *words: str) -> list[str]:
    """The whole command line of one command over a registry."""
    return [sys.executable, "-m", "hubselect", *words, "--registry", str(registry), "--json"]


@dataclass
class Life:
    """One start of a command. Its output goes to files: workers that outlive it hold no pipe open."""

    process: subprocess.Popen[bytes]
    out: IO[bytes]
    errors: IO[bytes]
    began: float = field(default_factory=time.monotonic)

    @classmethod
    def start(cls, registry: Path, environment: Mapping[str, str], *words: str) -> Life:
        out, errors = tempfile.TemporaryFile(), tempfile.TemporaryFile()  # noqa: SIM115 (see close)
        process = subprocess.Popen(line(registry, *words), env=dict(environment), stdout=out, stderr=errors)
        return cls(process, out, errors)

    @property
    def ended(self) -> bool:
        return self.process.poll() is not None

    @property
    def killed(self) -> bool:
        return self.process.returncode == -signal.SIGKILL

    def until(self, condition: Callable[[], bool], pause: float = 0.002) -> None:
        """Wait for `condition`, or for the end of the process."""
        deadline = time.monotonic() + PATIENCE
        while not self.ended and not condition() and time.monotonic() < deadline:
            time.sleep(pause)

    def rest(self, seconds: float) -> None:
        """Let it work on for so long, unless it ends before."""
        try:
            self.process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            return

    def kill(self) -> bool:
        """Kill the driver alone, not its workers; whether it was still at work."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        return self.killed

    def document(self) -> Any:
        """What it printed, once it has ended well."""
        self.process.wait()
        self.errors.seek(0)
        assert self.process.returncode == 0, self.errors.read().decode()
        self.out.seek(0)
        return json.loads(self.out.read())

    def close(self) -> None:
        self.out.close()
        self.errors.close()


def finish(registry: Path, environment: Mapping[str, str], *words: str) -> Any:
    """Run a command undisturbed; its document."""
    life = Life.start(registry, environment, *words)
    try:
        return life.document()
    finally:
        life.close()


@dataclass
class Asking:
    """A command over a registry that asks a hub for something, or nobody; killed at its requests.

    `finish` measures how many requests an undisturbed one makes (`requests`), and for how many seconds it
    works after the last one (`tail`).
    """

    words: tuple[str, ...]
    environment: Mapping[str, str]
    hub: MiniHub
    requests: int = 0
    tail: float = 0.0

    def start(self, registry: Path) -> Life:
        self.hub.reset()
        return Life.start(registry, self.environment, *self.words)

    def finish(self, registry: Path) -> Any:
        life = self.start(registry)
        seen, since = 0, time.monotonic()
        while not life.ended:
            if len(self.hub.requests) > seen:
                seen, since = len(self.hub.requests), time.monotonic()
            time.sleep(0.002)
        self.requests, self.tail = seen, time.monotonic() - since
        try:
            return life.document()
        finally:
            life.close()

    def wait(self, life: Life, dice: random.Random) -> None:
        """Until a random request, or a random time between the last request (or the start) and the end."""
        at = dice.randint(1, self.requests) if self.requests and dice.random() < 0.5 else self.requests
        delay = dice.uniform(0.1 if not self.requests else 0.0, self.tail) if at == self.requests else 0.0
        life.until(lambda: len(self.hub.requests) >= at, 0.001)
        life.rest(delay + dice.uniform(0, 0.01))

    def kill(self, registry: Path, dice: random.Random) -> bool:
        """Kill it at a random moment; whether it was still at work."""
        life = self.start(registry)
        try:
            self.wait(life, dice)
            return life.kill()
        finally:
            life.close()


def recorded(registry: Path) -> dict[tuple[str, str, int], float]:
    """(model, dataset, stage) -> seconds of every curve point in the registry."""
    query = (
        "select m.repo_id, d.name, p.stage, p.seconds from curve_points p join runs r on r.id = p.run_id"
        " join models m on m.id = r.model_id join datasets d on d.id = r.dataset_id"
    )
    with sqlite3.connect(registry) as connection:
        return {(m, d, s): seconds for m, d, s, seconds in connection.execute(query)}


def on_disk(registry: Path) -> set[float]:
    """Seconds of every stage in a training state that survived the kill."""
    import torch

    found: set[float] = set()
    for state in registry.parent.rglob("state.pt"):
        points = torch.load(state, weights_only=True)["points"]
        found |= {point[4] for point in points}
    return found


def said(registry: Path, without: Collection[str] = ()) -> dict[str, list[Any]]:
    """Everything that the views and the cursors tell, without row numbers, times of writing and the columns
    `without`."""
    left_out = _OF_THE_MOMENT | set(without)
    with sqlite3.connect(registry) as raw:
        views = [n for (n,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'view'")]
        told = {}
        for view in views:
            found = raw.execute(f"SELECT * FROM {view}")
            kept = [i for i, c in enumerate(found.description) if c[0] not in left_out]
            told[view] = sorted((tuple(row[i] for i in kept) for row in found), key=repr)
        # not walk_seen: a walk that is gone on with is followed by one of what changed meanwhile
        cursors = "SELECT query, next_page, walk_newest, seen_until FROM index_cursors"
        told["cursors"] = sorted(raw.execute(cursors), key=repr)
        told["events"] = raw.execute("SELECT sequence, kind, payload FROM cluster_events").fetchall()
        return told


def sound(registry: Path) -> bool:
    """Whether `registry check` finds nothing."""
    with Registry.open(registry, create=False) as opened:
        return opened.check() == []


def writing(registry: Path) -> bool:
    """Whether some other process is inside a transaction that writes; asked without taking any lock."""
    try:
        with open(f"{registry}-shm", "rb+") as shared:
            question = struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, _WRITE_LOCK, 1, 0)
            return struct.unpack("hhqqi4x", fcntl.fcntl(shared, fcntl.F_GETLK, question))[0] != fcntl.F_UNLCK
    except FileNotFoundError:
        return False
