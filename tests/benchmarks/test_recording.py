"""The recording script and its snapshot, from the outside."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.quality.load import provenance, recorded_registry
from hubselect.api.benchmarks.benchmarking import recipe_for
from hubselect.errors import InvalidInput

pytestmark = pytest.mark.slow

QUALITY = Path(__file__).parents[2] / "benchmarks" / "quality"
ONE = ["--model", "resnet-digits", "--dataset", "digits"]


def command(place: Path, *words: str) -> list[str]:
    places = ["--workdir", str(place / "work"), "--output", str(place / "recording"), "--workers", "1"]
    return [sys.executable, str(QUALITY / "record.py"), *places, *words]


def record(place: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(place, *words), capture_output=True, text=True)


def test_parts_do_not_replace_the_recording_that_is_kept() -> None:
    """A part needs a folder of its own; so does another zoo."""
    for words in (ONE, ["--weights", "elsewhere"], ["--epochs", "1"]):
        done = subprocess.run(
            [sys.executable, str(QUALITY / "record.py"), *words], capture_output=True, text=True
        )
        assert done.returncode == 2
        assert "of its own" in done.stderr


def test_names_that_the_zoo_does_not_have_are_refused(tmp_path: Path) -> None:
    done = record(tmp_path, "--model", "no-such")
    assert done.returncode == 1
    assert "the zoo has no no-such" in done.stderr


def test_no_recording_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput):
        recorded_registry(tmp_path / "registry.db", tmp_path / "nothing")


def test_a_recording_goes_on_after_a_kill_and_loads_as_a_registry(tmp_path: Path) -> None:
    """Two seeds of one recipe, twenty stages each, and what they were made from beside them."""
    with subprocess.Popen(command(tmp_path, *ONE, "--seeds", "0"), start_new_session=True) as process:
        deadline = time.monotonic() + 120
        states = tmp_path / "work" / "registry.db.files"
        while not list(states.glob("work/cell-*/*")) and time.monotonic() < deadline:
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGKILL)
    first = record(tmp_path, *ONE, "--seeds", "0")
    assert first.returncode == 0, first.stderr
    assert "[1/1" in first.stdout
    done = record(tmp_path, *ONE, "--seeds", "0,1")
    assert done.returncode == 0, done.stderr
    assert "[1/1" in done.stdout  # the first seed is not trained again
    told = provenance(tmp_path / "recording")
    assert told["recordings"][0]["seeds"] == [0, 1]
    assert {"python", "scikit-learn", "pillow"} <= set(told["datasets_made_from"])
    assert str(tmp_path) not in json.dumps(told)
    with recorded_registry(tmp_path / "registry.db", tmp_path / "recording") as store:
        runs = store.runs()
        assert [(r.seed, len(r.curve), r.status) for r in runs] == [(0, 20, "done"), (1, 20, "done")]
        assert all(r.test is not None for r in runs)
        assert {r.recipe for r in runs} == {recipe_for(store, "image-classification").digest}
        assert not store.check()
