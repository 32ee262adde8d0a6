"""The connection to a Ray cluster: the one at RAY_ADDRESS, else one started here for as long as it lasts.

A cluster that is started here listens on the loopback address only, because whoever reaches a Ray
port can run code; it has no dashboard and reports no usage. A program that has called `ray.init` itself
keeps its own connection.
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from hubselect.errors import ClusterFailed, InvalidInput
from hubselect.executors.ray import leases
from hubselect.executors.ray.needs import Needs, needs_for
from hubselect.executors.ray.pool import RayPool
from hubselect.executors.ray.worker import clean

ADDRESS = "RAY_ADDRESS"
_OBJECT_STORE = 1 << 30  # bytes of a cluster started here; what does not fit goes to the disk
_ANSWER = 5.0  # seconds for a port to answer; Ray itself would try for minutes
_CLEANING = 10.0
_STARTS = 3  # Ray gives its processes 30 seconds to start, which busy cores may need more than once
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))  # RFC 9113, 3.4
# The name that Ray gives to it: without clusters on the network it binds every port to 127.0.0.1.
_NETWORKED = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"


class Cluster:
    """A connected cluster. `session` names this connection in the caches of the nodes, `folder` is its
    folder on this machine, `used` the nodes that may have kept something."""

    def __init__(self, on_note: Callable[[str], None]) -> None:
        self.on_note = on_note
        self.session = f"s{secrets.token_hex(6)}"
        self.folder: Path = leases.lease(f"{self.session}-driver")
        self.used: set[str] = set()

    def pool(self, workers: int | None, jobs: int, bytes_per_job: int = 0) -> RayPool:
        """See `Workplace.pool`. Raises `InvalidInput` as `needs_for` does."""
        needs = needs_for(bytes_per_job, list(self.alive().values()))
        return RayPool(self, workers, jobs, needs)

    def alive(self) -> dict[str, dict[str, float]]:
        """The resources of every node that is alive, by node."""
        import ray

        return {node["NodeID"]: node["Resources"] for node in ray.nodes() if node["Alive"]}

    def slots(self, needs: Needs) -> int:
        """How many trainings the nodes have room for at a time, if nobody else uses them."""
        return sum(needs.fits(resources) for resources in self.alive().values())

    def clean(self) -> None:
        """Remove what this session left on the nodes that are alive, and here."""
        import ray
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        with suppress(Exception):  # what stays is swept by the next session there
            task = ray.remote(clean)
            sent = [
                task.options(
                    num_cpus=0,
                    max_retries=0,
                    scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False),
                ).remote(self.session)
                for node in self.used & set(self.alive())
            ]
            if sent:
                ray.wait(sent, num_returns=len(sent), timeout=_CLEANING)


@contextmanager
def connected(on_note: Callable[[str], None]) -> Iterator[Cluster]:
    """A cluster for the block. Raises `ClusterFailed` when it does not answer, `InvalidInput` for an address
    that is none."""
    leases.sweep()
    with _connection():
        cluster = Cluster(on_note)
        try:
            yield cluster
            cluster.clean()
        finally:
            leases.remove_all(cluster.session)


@contextmanager
def _connection() -> Iterator[None]:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    import ray

    if ray.is_initialized():
        yield
        return
    address = os.environ.get(ADDRESS, "").strip()
    local = address in ("", "local")
    host, port = ("", 0) if local or address == "auto" else _parsed(address)
    if host:
        _answers(address, host, port)
    own = leases.lease(f"r{secrets.token_hex(4)}") if local else None
    with ExitStack() as stack:
        stack.enter_context(_on_loopback(local or (host in _LOOPBACK and not _networked(port))))
        stack.enter_context(_silence())
        if own is not None:
            stack.callback(leases.remove, own)
            stack.enter_context(_token(own))
            # Ray makes its workers so nice that on busy cores they wait for ever
            stack.enter_context(_environment(RAY_worker_niceness="0"))
        stack.callback(ray.shutdown)
        if own is not None:
            _start(own)
        else:
            _init(address=address)
        yield


@contextmanager
def _token(folder: Path) -> Iterator[None]:
    """Newer versions of Ray let nobody in without a token: one for this cluster alone, and none in the
    user's home, which would be that of every later cluster."""
    place = folder / "token"
    with open(place, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        file.write(secrets.token_hex(32))
    mode = os.environ.get("RAY_AUTH_MODE")  # Ray sets it
    try:
        with _environment(RAY_AUTH_TOKEN_PATH=str(place), RAY_AUTH_MODE=mode):
            yield
    finally:
        with suppress(Exception):  # what this process remembers of it
            raylet: Any = import_module("ray._raylet")
            raylet.Config.initialize("")
            raylet.AuthenticationTokenLoader.instance().reset_cache()


@contextmanager
def _environment(**values: str | None) -> Iterator[None]:
    """These variables inside the block (None: not set), and what they were after it."""
    before = {name: os.environ.get(name) for name in values}
    _set(values)
    try:
        yield
    finally:
        _set(before)


def _set(values: Mapping[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def _start(folder: Path) -> None:
    """A cluster of this machine alone, whose files lie in `folder`."""
    import ray

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    for left in reversed(range(_STARTS)):
        try:
            _init(
                address="local",
                num_cpus=cores,
                include_dashboard=False,
                object_store_memory=_OBJECT_STORE,
                _temp_dir=str(folder),
            )
            break
        except ClusterFailed as error:
            if not left or "timed out" not in error.message:
                raise
            ray.shutdown()
    where = next(node["NodeManagerAddress"] for node in ray.nodes())
    if where not in _LOOPBACK:
        raise ClusterFailed(
            f"Ray would listen on {where}, where others may reach it",
            f"start a cluster with `ray start --head` as you want it, and set {ADDRESS}",
        )


def _init(**options: Any) -> None:
    import ray

    try:
        ray.init(logging_level=logging.CRITICAL, log_to_driver=False, **options)
    except Exception as error:
        text = " ".join(str(error).split()).rstrip(".")
        if "ersion mismatch" in text:
            hint = "install the same Ray and Python on every node"
        elif options["address"] == "local":
            hint = "see whether its processes can start here, with `ray start --head`"
        else:
            hint = "make this machine a node of the cluster with `ray start --address=HOST:PORT`"
        raise ClusterFailed(f"Ray cannot be used: {text[:300] or type(error).__name__}", hint) from error


def _parsed(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    if "://" in address or not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise InvalidInput(
            f"{ADDRESS}={address!r} is no address of a Ray cluster",
            "give HOST:PORT as `ray start --head` shows it, or auto; Ray Client (ray://) will not do",
        )
    return host.strip("[]"), int(port)


def _answers(address: str, host: str, port: int) -> None:
    """Raise `ClusterFailed` unless a server of Ray's kind (HTTP/2) answers there."""
    reason = "nothing there speaks Ray's protocol"
    try:
        with socket.create_connection((host, port), timeout=_ANSWER) as connection:
            connection.settimeout(_ANSWER)
            if os.environ.get("RAY_USE_TLS") == "1":
                return
            connection.sendall(_PREFACE)
            if connection.recv(9)[3:4] == b"\x04":  # the server's settings
                return
    except OSError as error:
        reason = error.strerror or str(error)
    raise ClusterFailed(
        f"the Ray cluster at {address} does not answer: {reason}",
        f"check {ADDRESS}, or unset it to use this machine only",
    )


def _networked(port: int) -> bool:
    """Whether a cluster that answers on the loopback address also does on the machine's own."""
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("198.51.100.1", 9))  # sends nothing: it asks for the way out
        own = probe.getsockname()[0]
        if own in _LOOPBACK:
            return False
        with socket.create_connection((own, port), timeout=_ANSWER):
            return True
    return False


@contextmanager
def _on_loopback(wanted: bool) -> Iterator[None]:
    """Let Ray, and the processes it starts, use 127.0.0.1 for this machine inside the block."""
    if not wanted:
        yield
        return
    from ray._private import ray_constants

    networked = ray_constants.ENABLE_RAY_CLUSTER
    ray_constants.ENABLE_RAY_CLUSTER = False  # for this process, which has read the variable before
    try:
        with _environment(**{_NETWORKED: "0"}):
            yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = networked


@contextmanager
def _silence() -> Iterator[None]:
    """Ray prints the logs of nodes that died into the driver's output; the pool says it in one line."""
    import ray

    worker = ray._private.worker
    before = getattr(worker, "_worker_logs_enabled", True)
    worker._worker_logs_enabled = False
    try:
        yield
    finally:
        worker._worker_logs_enabled = before
