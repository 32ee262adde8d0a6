"""A real Ray cluster on this machine: every node a set of processes of its own, on the loopback address.

Each node is started by `ray start --block`, with a small object store, and can be killed as a machine
is that loses its power. A node may be kept from seeing folders of this machine, as another machine
would be: it is started where an empty folder is mounted over each of them.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

_STORE = 100 << 20  # bytes; Ray takes no less than 75 MiB
_PATIENCE = 300.0  # seconds; a quiet machine needs ten for a node
# Ray takes the machine's own address for 127.0.0.1, and then listens to everybody.
_RAY = """
from ray._private import services
services.resolve_ip_for_localhost = lambda host: host
from ray.scripts.scripts import main
main()
"""


class Nodes:
    """The nodes of one cluster; `address` is what RAY_ADDRESS is set to."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self._folder = Path(tempfile.mkdtemp(prefix="r-", dir="/tmp"))  # sockets have short paths
        self._nodes: list[subprocess.Popen[bytes]] = []
        self.address = f"127.0.0.1:{self._port}"

    def head(self, cpus: int) -> subprocess.Popen[bytes]:
        where = ("--head", f"--port={self._port}", "--include-dashboard=false", f"--temp-dir={self._folder}")
        return self._start(cpus, where)

    def add(self, cpus: int = 1, hidden: Sequence[Path] = ()) -> subprocess.Popen[bytes]:
        """One more node, which finds the folders `hidden` empty."""
        return self._start(cpus, (f"--address={self.address}",), hidden)

    def wait(self) -> None:
        """Until every node that was started is part of the cluster."""
        until = time.monotonic() + _PATIENCE
        for number, node in enumerate(self._nodes):
            while "Ray runtime started" not in (said := self._log(number).read_text(errors="replace")):
                assert node.poll() is None, said
                assert time.monotonic() < until, said
                time.sleep(0.1)

    def kill(self, node: subprocess.Popen[bytes]) -> None:
        """All processes of a node at once, with SIGKILL."""
        for pid in (node.pid, *_descendants(node.pid)):
            _send(pid, signal.SIGKILL)
        node.wait()

    def kill_at_work(self, node: subprocess.Popen[bytes]) -> None:
        """Kill a node as soon as a task runs on it; the tasks of the other nodes are held until then, so
        that one comes to it."""
        held: set[int] = set()
        until = time.monotonic() + _PATIENCE
        try:
            while not _at_work(node):
                assert time.monotonic() < until, "no task came to the node"
                for pid in (pid for other in self._nodes if other is not node for pid in _at_work(other)):
                    held.add(pid)
                    _send(pid, signal.SIGSTOP)
                time.sleep(0.02)
            self.kill(node)
        finally:
            for pid in held:
                _send(pid, signal.SIGCONT)

    def stop(self) -> None:
        for node in self._nodes[::-1]:
            self.kill(node)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _log(self, number: int) -> Path:
        return self._folder / f"node-{number}.log"

    def _start(self, cpus: int, where: Sequence[str], hidden: Sequence[Path] = ()) -> subprocess.Popen[bytes]:
        command = [
            *(sys.executable, "-c", _RAY, "start", "--block", "--disable-usage-stats"),
            *("--node-ip-address=127.0.0.1", f"--num-cpus={cpus}", f"--object-store-memory={_STORE}", *where),
        ]
        if hidden:
            mounts = " && ".join(f"mount -t tmpfs tmpfs '{folder}'" for folder in hidden)
            command = [*_UNSHARE, "sh", "-c", f'{mounts} && exec "$@"', "sh", *command]
        environment = {
            **os.environ,
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "RAY_TMPDIR": str(self._folder),
            "TMPDIR": str(self._folder),
            "RAY_worker_niceness": "0",  # else 15: on busy cores, workers would wait for ever
            "RAY_AUTH_MODE": "disabled",  # also for somebody who keeps a token
            "HF_ENDPOINT": "http://127.0.0.1:9",  # no node needs the Hub
        }
        with self._log(len(self._nodes)).open("wb") as log:
            node = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
        self._nodes.append(node)
        return node


_UNSHARE = ("unshare", "--user", "--map-root-user", "--mount")


def can_hide() -> bool:
    """Whether this machine lets folders be hidden from a process."""
    if shutil.which("unshare") is None:
        return False
    with tempfile.TemporaryDirectory() as folder:
        tried = [*_UNSHARE, "mount", "-t", "tmpfs", "tmpfs", folder]
        return subprocess.run(tried, capture_output=True).returncode == 0


@contextmanager
def ray_nodes() -> Iterator[Nodes]:
    """A cluster without nodes, at RAY_ADDRESS inside the block."""
    nodes = Nodes()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_ADDRESS", nodes.address)
        patch.setenv("RAY_AUTH_MODE", "disabled")
        try:
            yield nodes
        finally:
            nodes.stop()


def _descendants(pid: int) -> list[int]:
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            parents.setdefault(parent, []).append(int(entry.name))
    found, todo = [], [pid]
    while todo:
        children = parents.get(todo.pop(), [])
        found += children
        todo += children
    return found


def _at_work(node: subprocess.Popen[bytes]) -> list[int]:
    """The processes of a node that carry out a task of the executor: Ray titles them so."""
    return [pid for pid in _descendants(node.pid) if _command_line(pid).startswith("ray::carry_out")]


def _send(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def processes() -> list[str]:
    """The command lines of all Ray processes of this machine."""
    lines = [_command_line(int(entry.name)) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]
    return [line for line in lines if line.startswith("ray::") or "raylet" in line or "gcs_server" in line]
