"""Several processes at one registry, and processes that are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from hubselect.records import CurvePoint, Dataset, Model, Recipe
from hubselect.registry import Registry
from tests.registry.conftest import TEXT

RECIPE = Recipe(TEXT, epochs=1000)
SETUP = f"""
import os, signal, sys
from hubselect.records import CurvePoint, Model, Recipe, ProxyScore, Dataset
from hubselect.registry import Registry
path, name = sys.argv[1:]
recipe = Recipe({TEXT!r}, epochs=1000)
"""
WRITER = (
    SETUP
    + """
with Registry.open(path) as registry:
    registry.add_dataset(Dataset("org/d", recipe.task))
    for i in range(15):
        model = f"org/{name}-{i}"
        registry.add_model(Model(model, recipe.task))
        registry.start_run(model, "org/d", recipe)
        registry.append_point(CurvePoint(model, 1, 1.0, 0.5), "org/d", recipe)
        registry.finish_run(model, "org/d", recipe, 0.5)
"""
)
KILLED = (
    SETUP
    + """
registry = Registry.open(path)
registry.start_run(name, "org/d", recipe)
for stage in range(1, 1000):
    registry.append_point(CurvePoint(name, stage, float(stage), 0.5), "org/d", recipe)
    print(stage, flush=True)
"""
)


def python(code: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_processes_may_create_and_write_one_registry_at_once(tmp_path: Path) -> None:
    """Nobody waits in vain, nothing is lost, the tables are made once."""
    path = tmp_path / "registry.db"
    writers = [python(WRITER, path, name) for name in ("one", "two", "three")]
    for writer in writers:
        _, errors = writer.communicate(timeout=100)
        assert writer.returncode == 0, errors
    with Registry.open(path) as registry:
        assert len(registry.runs(status="done")) == 45
        assert registry.matrix().shape == (45, 1)
        assert registry.check() == []


def test_every_stage_that_was_reported_survives_a_kill(tmp_path: Path) -> None:
    """A recorded point is on the disk when append_point returns, and the next process goes on."""
    path = tmp_path / "registry.db"
    with Registry.open(path) as registry:
        registry.add_model(Model("org/a", TEXT))
        registry.add_dataset(Dataset("org/d", TEXT))
    victim = python(KILLED, path, "org/a")
    assert victim.stdout is not None
    reported = [int(victim.stdout.readline()) for _ in range(20)][-1]
    victim.send_signal(signal.SIGKILL)
    rest, _ = victim.communicate()
    reported = max([reported, *(int(line) for line in rest.split("\n")[:-1] if line)])
    with Registry.open(path) as registry:
        run = registry.start_run("org/a", "org/d", RECIPE)
        assert run.status == "running"
        assert [p.stage for p in run.curve] == list(range(1, len(run.curve) + 1))
        assert len(run.curve) >= reported
        stage = len(run.curve) + 1
        registry.append_point(CurvePoint("org/a", stage, float(stage), 0.5), "org/d", RECIPE)
        assert registry.check() == []


def test_threads_share_one_registry(registry: Registry) -> None:
    """Every call is a transaction of its own."""
    registry.add_dataset(Dataset("org/d", TEXT))

    def work(name: str) -> None:
        for i in range(5):
            registry.add_model(Model(f"org/{name}{i}", TEXT))
            registry.start_run(f"org/{name}{i}", "org/d", RECIPE)

    threads = [threading.Thread(target=work, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(registry.runs()) == 15


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_registry_may_be_used_after_a_fork(registry: Registry) -> None:
    """The child opens connections of its own, the parent keeps its own."""
    registry.add_model(Model("org/parent", TEXT))
    child = os.fork()
    if child == 0:
        try:
            registry.add_model(Model("org/child", TEXT))
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert [m.id for m in registry.models()] == ["org/child", "org/parent"]
    assert registry.check() == []
