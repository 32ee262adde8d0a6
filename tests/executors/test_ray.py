"""The Ray executor on a real cluster of several nodes, one of which sees no file of the driver."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hubselect import benchmark, select
from hubselect.api.progress import Progress
from hubselect.errors import ClusterFailed, InvalidInput
from hubselect.executors.ray import leases
from hubselect.executors.workplaces import workplace
from hubselect.records import Selection
from hubselect.registry import Registry
from tests.support import lab as laboratory
from tests.support.ray_nodes import Nodes, can_hide, processes, ray_nodes

K = 4
slow = pytest.mark.slow


@pytest.fixture(scope="module")
def nodes(lab: laboratory.Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    """A head that sees all of the driver's files, and a second node that sees none, if that can be."""
    from huggingface_hub import constants

    kept = leases.lease("kept")  # so that the folder over which another is mounted is not made anew
    private = [Path(constants.HF_HOME), tmp_path_factory.getbasetemp(), kept.parent]
    try:
        with ray_nodes() as cluster:
            cluster.head(cpus=1)
            cluster.wait()
            cluster.add(cpus=1, hidden=private if can_hide() else ())
            cluster.wait()
            yield cluster
    finally:
        leases.remove(kept)
    assert not processes()
    assert not leases.root().exists() or not list(leases.root().iterdir())


@pytest.fixture(scope="module")
def local(lab: laboratory.Lab, tmp_path_factory: pytest.TempPathFactory) -> tuple[Selection, Path]:
    """The selection by the local executor, and its registry."""
    return selected(lab, tmp_path_factory.mktemp("local"), "local")


def selected(
    lab: laboratory.Lab, folder: Path, executor: str, listener: Any = lambda event: None
) -> tuple[Selection, Path]:
    place = Path(shutil.copy(lab.registry, folder / "registry.db"))
    found = select(
        laboratory.TARGET,
        registry=place,
        k=K,
        policy="successive-halving",
        executor=executor,
        output=folder / "winner",
        listener=listener,
    )
    return found, place


def curves(registry: Path, selection: int) -> dict[str, list[tuple[int, float, float]]]:
    with Registry.open(registry) as store:
        runs = store.runs(selection=selection)
    return {run.model: [(p.stage, p.epochs, p.val) for p in run.curve] for run in runs}


def same(one: tuple[Selection, Path], other: tuple[Selection, Path]) -> None:
    """The same decisions, curves, scores and weights, to the last bit."""
    assert other[0].history == one[0].history
    assert [r.model for r in other[0].recalled] == [r.model for r in one[0].recalled]
    assert [r.proxy_score for r in other[0].recalled] == [r.proxy_score for r in one[0].recalled]
    assert (other[0].model_id, other[0].val_score, other[0].test_score) == (
        one[0].model_id,
        one[0].val_score,
        one[0].test_score,
    )
    assert curves(other[1], other[0].id) == curves(one[1], one[0].id)
    weights = [(Path(s.path or "") / "model.safetensors").read_bytes() for s, _ in (one, other)]
    assert weights[0] == weights[1]
    assert not list(Path(f"{other[1]}.files").glob("work/*"))


@slow
def test_a_cluster_selects_as_one_machine_does(
    lab: laboratory.Lab, nodes: Nodes, local: tuple[Selection, Path], tmp_path: Path
) -> None:
    """Proxies, decisions, curves and the winner's weights are those of the local executor."""
    same(local, selected(lab, tmp_path, "ray"))


@slow
def test_a_node_that_dies_in_the_middle_changes_nothing(
    lab: laboratory.Lab, nodes: Nodes, local: tuple[Selection, Path], tmp_path: Path
) -> None:
    """All processes of a node are killed while stages are in flight: they are run again elsewhere."""
    third = nodes.add(cpus=1)
    nodes.wait()
    killing = threading.Thread(target=nodes.kill_at_work, args=(third,))
    notes: list[str] = []

    def listen(event: Progress) -> None:
        notes.append(event.detail)
        if event.step == "recall" and event.done == event.total and killing.ident is None:
            killing.start()  # what comes now are stages, three at a time

    same(local, selected(lab, tmp_path, "ray", listen))
    killing.join()
    assert third.poll() is not None
    assert any("is run again" in note for note in notes), notes


@slow
def test_a_cluster_fills_the_same_matrix(lab: laboratory.Lab, nodes: Nodes, tmp_path: Path) -> None:
    """Every cell of two models on two benchmarks, with another seed, has the local executor's score."""
    scores = []
    for executor in ("local", "ray"):
        place = Path(shutil.copy(lab.registry, tmp_path / f"{executor}.db"))
        report = benchmark(
            registry=place,
            models=laboratory.MODELS[:2],
            datasets=laboratory.BENCHMARKS[:2],
            epochs=1,
            seed=5,
            executor=executor,
        )
        assert len(report.cells) == 4
        assert not report.failed
        scores.append({(c.model, c.dataset): c.test for c in report.cells})
        assert not list(Path(f"{place}.files").glob("work/*"))
    assert scores[0] == scores[1]


def command(tmp_path: Path, *, code: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """`hubselect select --executor ray` on an empty registry."""
    Registry.open(tmp_path / "registry.db").close()
    words = ["select", "x/y", "--executor", "ray", "--registry", str(tmp_path / "registry.db")]
    program = f"import sys\n{code}\nfrom hubselect.cli import main\nsys.argv[1:] = {words!r}\nmain()"
    return subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, **environment}, capture_output=True, text=True
    )


def test_without_ray_one_line_says_what_to_install(tmp_path: Path) -> None:
    """The command ends before it does anything."""
    done = command(tmp_path, code="sys.modules['ray'] = None")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "hubselect: the executor ray needs Ray, which is not installed. run `pip install 'hubselect[ray]'`"
    ]


def test_a_cluster_that_is_not_there_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray itself would try for minutes."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{closed.getsockname()[1]}"
    monkeypatch.setenv("RAY_ADDRESS", address)
    started = time.monotonic()
    with (
        pytest.raises(ClusterFailed, match=rf"the Ray cluster at {address} does not answer"),
        workplace("ray"),
    ):
        pass
    assert time.monotonic() - started < 5


def test_a_port_of_something_else_is_no_cluster(monkeypatch: pytest.MonkeyPatch, silent_port: int) -> None:
    """A port that accepts connections and says nothing costs a few seconds, not minutes."""
    monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{silent_port}")
    with pytest.raises(ClusterFailed, match="does not answer"), workplace("ray"):
        pass


@pytest.mark.parametrize("address", ["ray://127.0.0.1:10001", "127.0.0.1", "127.0.0.1:none", "host:99999"])
def test_an_address_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    """Ray Client included: its driver is no node, and keeps no state where nodes can find it."""
    monkeypatch.setenv("RAY_ADDRESS", address)
    with pytest.raises(InvalidInput, match="is no address of a Ray cluster"), workplace("ray"):
        pass
