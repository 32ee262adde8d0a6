"""Chains of calls as Ray tasks, one call of a chain at a time.

A chain goes on where its last call ran if that node has room, because the state and the checkpoint are
there. As many calls run as the nodes that are alive have room for; nodes may come and go.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any

from hubselect.errors import ClusterFailed, HubselectError, TrainingFailed
from hubselect.executors.jobs import TrainingJob
from hubselect.executors.pool import Call, Chain, WorkerPool
from hubselect.executors.ray.needs import Needs
from hubselect.executors.ray.orders import Absent, Order, Refused
from hubselect.executors.ray.shipping import Shipping, iter_once
from hubselect.executors.ray.worker import carry_out

if TYPE_CHECKING:
    from hubselect.executors.ray.cluster import Cluster

MAX_RETRIES = 3  # as Ray's own default: a call that loses its worker more often is given up
_TICK = 5.0  # seconds between two looks at the cluster while nothing arrives
_PATIENCE = 120.0  # seconds to wait for a node that has room


@dataclass
class _Flight:
    key: str
    chain: Chain
    call: Call
    order: Order | None = None
    deaths: int = 0


class RayPool:
    """At most `limit` calls at a time (None: as many as the cluster has room for), each with its `needs`.

    Use as a context manager. Calls on something else than a `TrainingJob` are carried out on the
    driver's machine.
    """

    def __init__(self, cluster: Cluster, limit: int | None, jobs: int, needs: Needs) -> None:
        import ray

        self._cluster = cluster
        self._limit = limit
        self._jobs = jobs
        self._needs = needs
        self._assistant = WorkerPool(1)
        self._shipping = Shipping(cluster.session, cluster.folder, self._assistant, needs.gpus > 0)
        self._task = ray.remote(carry_out)
        self._last_node: dict[str, str] = {}
        self._hopeless_since: float | None = None

    def __enter__(self) -> RayPool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._assistant.close(kill=kind is not None)

    @property
    def workers(self) -> int:
        return self._limit or max(1, min(self._jobs, self._cluster.slots(self._needs)))

    def run(self, chains: Mapping[str, Chain]) -> Iterator[tuple[str, Any]]:
        """See `Pool.run`. Raises `ClusterFailed` when no node can carry out anything, `StorageFailed`
        when what comes back cannot be written."""
        waiting = dict(chains)
        flights: dict[Any, _Flight] = {}
        arrived: deque[tuple[_Flight, Any]] = deque()
        try:
            while True:
                while waiting and len(flights) + len(arrived) < self.workers:
                    key = next(iter(waiting))
                    self._launch_next(key, waiting.pop(key), None, flights, arrived)
                if not arrived and not flights:
                    return
                if not arrived:
                    self._listen(flights, arrived)
                    continue
                flight, result = arrived.popleft()
                self._launch_next(flight.key, flight.chain, result, flights, arrived)
                yield flight.key, result
        finally:
            self._abandon(flights)

    def _launch_next(
        self,
        key: str,
        chain: Chain,
        result: Any,
        flights: dict[Any, _Flight],
        arrived: deque[tuple[_Flight, Any]],
    ) -> None:
        """Start the call that a chain names after `result` (None: its first one)."""
        try:
            call = chain.send(result)
        except StopIteration:
            return
        flight = _Flight(key, chain, call)
        if not call.args or not isinstance(call.args[0], TrainingJob):
            arrived += [(flight, found) for _, found in self._assistant.run({key: iter_once(call)})]
            return
        try:
            flight.order = self._shipping.order(call)
        except HubselectError as error:
            arrived.append((flight, error))
            return
        self._submit(flight, flights)

    def _submit(self, flight: _Flight, flights: dict[Any, _Flight]) -> None:
        options: dict[str, Any] = {**self._needs.options(), "max_retries": 0}
        node = self._last_node.get(flight.key)
        if node is not None and node in self._cluster.alive():
            from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

            # there if it has room, else anywhere
            options["scheduling_strategy"] = NodeAffinitySchedulingStrategy(
                node, soft=True, _spill_on_unavailable=True
            )
        flights[self._task.options(**options).remote(flight.order)] = flight

    def _listen(self, flights: dict[Any, _Flight], arrived: deque[tuple[_Flight, Any]]) -> None:
        """Wait for one answer; what it asks for is sent, what it brings is put among `arrived`."""
        import ray

        ready, _ = ray.wait(list(flights), num_returns=1, timeout=_TICK)
        if not ready:
            self._despair()
            return
        self._hopeless_since = None
        flight = flights.pop(ready[0])
        try:
            answer = ray.get(ready[0])
        except ray.exceptions.RayTaskError as error:
            cause = error.cause if isinstance(error.cause, Exception) else error
            what = (str(cause).strip().splitlines() or [""])[-1]
            raise ClusterFailed(
                f"a Ray node cannot train: {type(cause).__name__}: {what}",
                "install the same hubselect[ray,train] on every node",
            ) from error
        except ray.exceptions.LocalRayletDiedError as error:
            raise ClusterFailed(
                "the Ray node on this machine has died",
                "start it and repeat the command: it goes on from there",
            ) from error
        except ray.exceptions.RayError as error:
            self._lost(flight, error, flights, arrived)
            return
        self._cluster.used.add(answer.node)
        self._last_node[flight.key] = answer.node
        assert flight.order is not None
        if isinstance(answer, Refused):
            raise ClusterFailed(answer.reason, "install the same versions on every node")
        if isinstance(answer, Absent):
            flight.order = self._shipping.posting(flight.order, answer.digests)
            self._submit(flight, flights)
            return
        arrived.append((flight, self._shipping.receive(flight.call, answer)))

    def _lost(
        self,
        flight: _Flight,
        error: Exception,
        flights: dict[Any, _Flight],
        arrived: deque[tuple[_Flight, Any]],
    ) -> None:
        flight.deaths += 1
        if flight.deaths > MAX_RETRIES:
            reason = f"its Ray worker or node died {flight.deaths} times ({type(error).__name__})"
            arrived.append(
                (flight, TrainingFailed(reason, "it probably ran out of memory: use fewer --workers"))
            )
            return
        self._last_node.pop(flight.key, None)
        self._cluster.on_note(
            f"{flight.key}: its Ray worker or node died ({type(error).__name__}), the stage is run again"
        )
        self._submit(flight, flights)

    def _despair(self) -> None:
        """Give up when for a while no node that is alive can carry out any task."""
        if self._cluster.slots(self._needs) > 0:
            self._hopeless_since = None
            return
        now = time.monotonic()
        if self._hopeless_since is None:
            self._hopeless_since = now
            self._cluster.on_note(f"waiting for a Ray node with {self._needs}")
        if now - self._hopeless_since > _PATIENCE:
            raise ClusterFailed(
                f"the Ray cluster has no node with {self._needs}",
                "start one and repeat the command: it goes on from there",
            )

    def _abandon(self, flights: Mapping[Any, _Flight]) -> None:
        import ray

        for reference, flight in flights.items():
            flight.chain.close()
            if ray.is_initialized():
                ray.cancel(reference, force=True)
