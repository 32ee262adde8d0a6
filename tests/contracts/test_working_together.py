"""Eight real commands at once on one registry: benchmarks, a new model and selections.

Nobody is refused, no cell is worked on twice, nothing is lost; and when one of them is killed in the
middle of its cells, the others finish those too.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from hubselect import add_dataset, add_model, benchmark
from hubselect.demo.server import MiniHub
from hubselect.registry import Registry
from tests.support import lab

pytestmark = pytest.mark.slow
BENCHMARKING, SELECTING = 5, 2
PATIENCE = 300.0


@pytest.fixture
def begun(place: str, hub: MiniHub) -> str:
    """Everything is known by name, one model was benchmarked."""
    lab.write_repositories(hub.root)
    with Registry.open(place) as store:
        for name in lab.BENCHMARKS:
            add_dataset(name, registry=store)
        add_model(lab.MODELS, registry=store, benchmark=False)
        assert not benchmark(registry=store, models=lab.MODELS[:1], epochs=2, workers=1).failed
    return place


def start(place: str, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "hubselect", *words, "--registry", place, "--json"],
        env=dict(os.environ),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finished(process: subprocess.Popen[str]) -> dict[str, Any]:
    out, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, errors
    assert "lock" not in errors
    told: dict[str, Any] = json.loads(out)
    return told


def wait_for_a_curve(place: str, known: int) -> None:
    """Until somebody has written a stage of a new cell."""
    deadline = time.monotonic() + PATIENCE
    with Registry.open(place) as store:
        while sum(bool(r.curve) for r in store.runs()) <= known and time.monotonic() < deadline:
            time.sleep(0.05)


def test_eight_commands_share_the_work(begun: str, tmp_path: Path) -> None:
    with Registry.open(begun) as store:
        before = {(r.model, r.dataset) for r in store.runs(status="done")}
        recipe = store.runs(status="done")[0].recipe
    benchmarks = [start(begun, "benchmark", "--workers", "1") for _ in range(BENCHMARKING)]
    adding = start(begun, "add-model", lab.LATECOMER, "--workers", "1")
    selecting = [
        start(begun, "select", lab.TARGET, "-k", "2", "--epochs", "2", "--seed", str(seed), "--workers", "1",
              "--output", str(tmp_path / f"winner-{seed}"))
        for seed in range(SELECTING)
    ]  # fmt: skip
    try:
        wait_for_a_curve(begun, len(before))
        benchmarks[0].kill()
        benchmarks[0].communicate()
        told = [*(finished(process) for process in benchmarks[1:]), finished(adding)["benchmark"]]
        winners = [finished(process) for process in selecting]
    finally:
        for process in (*benchmarks, adding, *selecting):
            process.kill()
    worked_on = [(c["model"], c["dataset"]) for c in chain.from_iterable(t["cells"] for t in told)]
    assert len(worked_on) == len(set(worked_on))
    assert not before & set(worked_on)
    with Registry.open(begun, create=False) as store:
        runs = store.runs(recipe=recipe)
        done = {(r.model, r.dataset) for r in runs if r.status == "done" and r.dataset in lab.BENCHMARKS}
        assert {(m, d) for m in (*lab.MODELS, lab.LATECOMER) for d in lab.BENCHMARKS} == done
        assert all(len(r.curve) == len({p.stage for p in r.curve}) == 2 for r in runs)
        assert store.check() == []
        assert len(store.selections()) == SELECTING
    for winner in winners:
        assert (Path(winner["path"]) / "model.safetensors").exists()
