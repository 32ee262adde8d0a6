"""Kill -9 inside `index`, `registry pull` and `registry import`: nothing is half there afterwards.

The moments are aimed: at a random request that the command makes of the Hub, or at a random time
between its last request (or its start, without any) and its end. After every kill the registry is
sound, and the same command again leaves what an undisturbed one leaves. HUBSELECT_TEST_KILLS is the
number of kills per test, HUBSELECT_TEST_SEED chooses their moments.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from hubselect.demo.server import MiniHub
from hubselect.records import Model
from hubselect.registry import Registry
from tests.registry.conftest import TEXT
from tests.support.listings import write_listed_model

pytestmark = pytest.mark.slow
KILLS = int(os.environ.get("HUBSELECT_TEST_KILLS", "6"))
SEED = os.environ.get("HUBSELECT_TEST_SEED", "0")
PAGE = 20
LISTED = 15 * PAGE
REPO = "minihub/shared"
PATIENCE = 120.0
_OF_THE_MOMENT = {"run_id", "model_id", "selection_id", "created_at"}


@pytest.fixture(scope="module")
def small_pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MiniHub]:
    """A hub of many short pages, so that a walk has many moments."""
    with MiniHub(tmp_path_factory.mktemp("hub"), page_size=PAGE) as hub:
        for number in range(LISTED):
            stamp = f"2024-05-01T00:{number // 60:02}:{number % 60:02}.000Z"
            claims = {"model-index": [_claim(number)]} if number % 3 == 0 else {}
            write_listed_model(
                hub.root,
                f"someone/model-{number}",
                card={"license": "mit", "pipeline_tag": TEXT, **claims},
                downloads=number,
                last_modified=stamp,
            )
        yield hub


def _claim(number: int) -> dict[str, Any]:
    metric = {"type": "accuracy", "value": number / LISTED}
    return {
        "name": "m",
        "results": [{"task": {"type": TEXT}, "dataset": {"name": "x", "type": "x"}, "metrics": [metric]}],
    }


@dataclass
class Command:
    """A command line over a registry, with a hub that may be watched."""

    words: tuple[str, ...]
    environment: dict[str, str]
    hub: MiniHub
    requests: int = 0
    tail: float = 0.0

    def start(self, place: Path) -> subprocess.Popen[str]:
        self.hub.reset()
        return subprocess.Popen(
            [sys.executable, "-m", "hubselect", *self.words, "--registry", str(place), "--json"],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def finish(self, place: Path) -> Any:
        """Undisturbed; also measures how many requests it makes, and how long it works after the last."""
        seen, since = 0, time.monotonic()
        with self.start(place) as process:
            while process.poll() is None:
                if len(self.hub.requests) > seen:
                    seen, since = len(self.hub.requests), time.monotonic()
                time.sleep(0.002)
            self.requests, self.tail = seen, time.monotonic() - since
            out, errors = process.communicate()
        assert process.returncode == 0, errors
        return json.loads(out)

    def kill(self, place: Path, dice: random.Random) -> bool:
        """Kill it at a random moment; whether it was still at work."""
        at = dice.randint(1, self.requests) if self.requests and dice.random() < 0.5 else self.requests
        delay = dice.uniform(0.1 if not self.requests else 0.0, self.tail) if at == self.requests else 0.0
        with self.start(place) as process:
            deadline = time.monotonic() + PATIENCE
            while len(self.hub.requests) < at and process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.001)
            try:
                process.wait(timeout=delay + dice.uniform(0, 0.01))
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
            process.communicate()
        return process.returncode == -signal.SIGKILL


def command(hub: MiniHub, home: Path, *words: str) -> Command:
    environment = {**os.environ, **hub.environment(home), "HF_TOKEN": "hf_anybody"}
    return Command(words, environment, hub)


def said(place: Path) -> dict[str, list[Any]]:
    """Everything that the views and the cursors tell, without row numbers and times of writing."""
    with sqlite3.connect(place) as raw:
        views = [n for (n,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'view'")]
        told = {}
        for view in views:
            found = raw.execute(f"SELECT * FROM {view}")
            kept = [i for i, c in enumerate(found.description) if c[0] not in _OF_THE_MOMENT]
            told[view] = sorted((tuple(row[i] for i in kept) for row in found), key=repr)
        # not walk_seen: a walk that is gone on with is followed by one of what changed meanwhile
        cursors = "SELECT query, next_page, walk_newest, seen_until FROM index_cursors"
        told["cursors"] = sorted(raw.execute(cursors), key=repr)
        told["events"] = raw.execute("SELECT sequence, kind, payload FROM cluster_events").fetchall()
        return told


def sound(place: Path) -> bool:
    with Registry.open(place, create=False) as registry:
        return registry.check() == []


def test_a_killed_walk_over_a_listing_goes_on(small_pages: MiniHub, tmp_path: Path) -> None:
    """Candidates, claims and cursor equal those of one walk, and pages that were stored stay stored."""
    work = command(small_pages, tmp_path / "home", "index", "--task", TEXT, "--pipeline", TEXT)
    work.finish(tmp_path / "calm.db")
    place, dice, killed, had = tmp_path / "hit.db", random.Random(SEED), 0, 0
    for number in range(KILLS):
        killed += work.kill(place, dice)
        if place.exists():
            assert sound(place)
            with Registry.open(place) as registry:
                now = registry.count_models(TEXT)
            assert now >= had
            had = now
            if now == LISTED:
                place, had = tmp_path / f"hit-{number}.db", 0  # the next walk is a new one
    work.finish(place)
    assert said(place) == said(tmp_path / "calm.db")
    assert sound(place)
    assert killed >= KILLS // 2


def test_a_killed_pull_is_all_or_nothing(small_pages: MiniHub, tmp_path: Path) -> None:
    """Rows, curves, conflicts and clusters end as those of an undisturbed pull."""
    with Registry.open(tmp_path / "theirs.db") as theirs:
        theirs.import_scores(_rows(range(40, 400)), recipe="published", source="table")
    command(small_pages, tmp_path / "home", "registry", "push", REPO).finish(tmp_path / "theirs.db")
    before = tmp_path / "before.db"
    _clustered(before)
    work = command(small_pages, tmp_path / "home", "registry", "pull", REPO)
    _strike(work, before, tmp_path)


def test_a_killed_import_is_all_or_nothing(small_pages: MiniHub, tmp_path: Path) -> None:
    """Rows, curves and clusters end as those of an undisturbed import."""
    before = tmp_path / "before.db"
    _clustered(before)
    rows = _rows(range(40, 400))
    rows[rows["model"] >= "org/m00060"].to_csv(tmp_path / "table.csv", index=False)
    work = command(
        small_pages, tmp_path / "home", "registry", "import", str(tmp_path / "table.csv"),
        "--recipe", "published",
    )  # fmt: skip
    _strike(work, before, tmp_path)


def _rows(models: range, other: float = 0.0) -> pd.DataFrame:
    """Scores on eight benchmarks in ten groups, and curves of three stages on one of them."""
    cells = [(i, j, ((i % 10) * 7 + j * 3) % 10 / 10 + i * 1e-5 + other) for i in models for j in range(8)]
    rows = [(f"org/m{i:05}", f"org/d{j}", value, "test", 3) for i, j, value in cells]
    rows += [
        (f"org/m{i:05}", "org/d0", value * stage / 3, "val", stage)
        for i, j, value in cells
        if j == 0
        for stage in (1, 2, 3)
    ]
    return pd.DataFrame(rows, columns=["model", "dataset", "score", "split", "stage"])


def _clustered(place: Path) -> None:
    """Sixty models with results and clusters; twenty of them disagree with what comes in."""
    from hubselect.api.clusters.clustering import cluster

    with Registry.open(place) as registry:
        registry.add_model(Model("org/own", TEXT, revision="1" * 40))
        rows = pd.concat([_rows(range(40)), _rows(range(40, 60), 0.001)])
        registry.import_scores(rows, recipe="published", source="mine")
        cluster(registry=registry, threshold=0.05)


def _strike(work: Command, before: Path, folder: Path) -> None:
    calm = Path(shutil.copy(before, folder / "calm.db"))
    report = work.finish(calm)
    assert sound(calm)
    untouched, expected = said(before), said(calm)
    assert untouched != expected
    killed, dice = 0, random.Random(SEED)
    for number in range(KILLS):
        place = Path(shutil.copy(before, folder / f"hit-{number}.db"))
        hit = work.kill(place, dice)
        killed += hit
        assert sound(place)
        runs = said(place)["v_runs"]
        assert runs in (untouched["v_runs"], expected["v_runs"])
        again = work.finish(place)
        assert said(place) == expected
        if runs == untouched["v_runs"]:
            assert again == report
        assert sound(place)
    assert killed >= KILLS // 2
