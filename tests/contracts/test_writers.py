"""Many writers at once: nothing is lost, nobody is refused, and a killed one holds up nobody."""

from __future__ import annotations

import os
import signal
import time

import pandas as pd
import pytest

from hubselect.errors import RegistryError
from hubselect.records import Cluster, Clustering, CurvePoint, Dataset, Model, ProxyScore, Recipe
from hubselect.registry import Registry, SelectionRequest
from tests.contracts.processes import together
from tests.registry.conftest import RECIPE, TEXT

WRITERS = 8
OWN = 3
SHARED = Recipe(TEXT, epochs=40)


def _everything(number: int, place: str) -> None:
    with Registry.open(place) as registry:
        registry.add_dataset(Dataset("org/d", TEXT))
        for i in range(OWN):
            _own(registry, f"org/w{number}-{i}")
        _imports(registry, number)
        _shared(registry, number)


def _own(registry: Registry, model: str) -> None:
    registry.add_model(Model(model, TEXT))
    registry.start_run(model, "org/d", RECIPE)
    for stage in (1, 2, 3):
        registry.append_point(CurvePoint(model, stage, float(stage), stage / 4), "org/d", RECIPE)
    registry.finish_run(model, "org/d", RECIPE, 0.75)
    registry.add_proxy_scores([ProxyScore(model, "org/d", "leep", -0.5, "head")])


def _imports(registry: Registry, number: int) -> None:
    """One file that everybody imports, and one of one's own with the same new datasets."""
    for source, offset in (("everybody", 0), (f"writer{number}", number)):
        rows = [
            (f"pub/m{i + offset}", f"pub/d{j}", (i + offset) * j / 99) for i in range(9) for j in range(5)
        ]
        frame = pd.DataFrame(rows, columns=["model", "dataset", "score"])
        registry.import_scores(frame, source=source, recipe="published")


def _shared(registry: Registry, number: int) -> None:
    """One model, one run, one clustering and one request that everybody works on."""
    registry.add_model(Model("org/shared", TEXT))
    registry.add_dataset(Dataset("org/target", TEXT, role="target"))
    run = registry.start_run("org/shared", "org/d", SHARED)
    for stage in range(len(run.curve) + 1, 6):
        if len(registry.start_run("org/shared", "org/d", SHARED).curve) < stage:
            point = CurvePoint("org/shared", stage, float(stage), 0.5)
            registry.append_point(point, "org/d", SHARED)
    members = ("org/shared", f"org/w{number}-0")
    registry.save_clustering(
        Clustering(TEXT, SHARED.digest, 0.05, 5, "average", (Cluster(number, members[0], members),))
    )
    selection = registry.create_selection(
        SelectionRequest("org/target", SHARED.digest, "fine-selection", "leep", 1, {"writer": number})
    )
    for text in "abc":
        registry.append_event(selection, "note", {"text": text})
        registry.append_event(1, "note", {"writer": number})


@pytest.mark.slow
def test_eight_writers_lose_nothing(place: str) -> None:
    """From an empty place, each in its own process: models, runs, points, imports, clusters, selections."""
    together(_everything, WRITERS, place)
    with Registry.open(place) as registry:
        assert registry.check() == []
        own = [r for r in registry.runs(recipe=RECIPE) if r.model.startswith("org/w")]
        assert len(own) == WRITERS * OWN
        assert all(r.status == "done" and [p.stage for p in r.curve] == [1, 2, 3] for r in own)
        assert len(registry.proxy_scores("org/d", "leep")) == WRITERS * OWN
        imported = next(r for r in registry.recipes() if r.name == "published")
        assert registry.matrix(recipe=imported).shape == (9 + WRITERS - 1, 5)
        assert registry.matrix(recipe=imported).notna().all().all()
        (shared,) = registry.runs(recipe=SHARED)
        assert [p.stage for p in shared.curve] == [1, 2, 3, 4, 5]
        (clustering,) = registry.clusterings()
        assert [len(c.members) for c in clustering.clusters] == [2]
        events = [registry.events(s.id) for s in registry.selections()]
        assert len(events) == WRITERS
        assert sum(len(e) for e in events) == WRITERS * 6
        assert all([x.sequence for x in e] == list(range(1, len(e) + 1)) for e in events)


def _upsert(number: int, place: str) -> None:
    with Registry.open(place) as registry:
        for i in range(5):
            names = [f"org/m{(i + number * 7 + j) % 20}" for j in range(3)]
            for name in reversed(names) if number % 2 else names:
                registry.add_model(Model(name, TEXT, downloads=i))
            registry.add_proxy_scores([ProxyScore(n, "org/d", "leep", float(number), "x") for n in names])


def test_writers_of_the_same_rows_in_opposite_orders_never_deadlock(registry: Registry) -> None:
    """The last one counts, row by row."""
    registry.add_dataset(Dataset("org/d", TEXT))
    for i in range(20):
        registry.add_model(Model(f"org/m{i}", TEXT))
    together(_upsert, WRITERS, _address(registry))
    assert len(registry.models()) == len(registry.proxy_scores()) == 20
    assert registry.check() == []


def _address(registry: Registry) -> str:
    """Where another process finds the registry; `.location` hides the password."""
    return registry._database.location.url


def test_a_reader_sees_one_state_while_others_write(registry: Registry) -> None:
    """All that one call reads belongs together, whatever is committed meanwhile."""
    registry.add_model(Model("org/a", TEXT))
    with Registry.open(_address(registry)) as other, registry._database.read() as session:
        query = "SELECT count(*) FROM models"
        before = session.connection().exec_driver_sql(query).scalar()
        other.add_model(Model("org/b", TEXT))
        assert session.connection().exec_driver_sql(query).scalar() == before == 1
    assert len(registry.models()) == 2


def test_a_killed_writer_leaves_nothing_half_done_and_blocks_nobody(registry: Registry) -> None:
    """What it had committed stays, the open transaction is undone, the next writer goes on at once."""
    address = _address(registry)
    told, tell = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            with Registry.open(address) as own:
                own.add_model(Model("org/committed", TEXT))
                with own._database.write() as session:
                    session.connection().exec_driver_sql("DELETE FROM models")
                    os.write(tell, b"x")
                    time.sleep(60)
        finally:
            os._exit(1)
    assert os.read(told, 1) == b"x"
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    started = time.monotonic()
    registry.add_model(Model("org/next", TEXT))
    assert time.monotonic() - started < 10
    assert [m.id for m in registry.models()] == ["org/committed", "org/next"]


def test_a_registry_may_be_used_on_both_sides_of_a_fork(registry: Registry) -> None:
    """The child opens connections of its own, and its end does not close the parent's."""
    registry.add_model(Model("org/parent", TEXT))
    child = os.fork()
    if child == 0:
        status = 1
        try:
            registry.add_model(Model("org/child", TEXT))
            registry.close()
            status = 0
        finally:
            os._exit(status)
    for i in range(20):
        registry.add_model(Model(f"org/parent{i}", TEXT))
    assert os.waitpid(child, 0)[1] == 0
    assert len(registry.models()) == 22
    assert registry.check() == []


def test_a_writer_that_waits_too_long_says_so(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line with what to do, not the words of the database."""
    monkeypatch.setattr("hubselect.registry.database.BUSY_SECONDS", 0.2)
    with (
        Registry.open(_address(registry)) as hurried,
        registry._database.write(),
        pytest.raises(RegistryError, match="busy: another process") as caught,
    ):
        hurried.add_model(Model("org/a", TEXT))
    assert caught.value.hint == "try again"
    registry.add_model(Model("org/a", TEXT))
