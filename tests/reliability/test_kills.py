"""Kill -9 at random moments: the same command again ends as an undisturbed one, repeating nothing.

Each stage records how many seconds it took. A stage that was finished before a kill, in the
registry or in a training state on disk, must be found with the same seconds in the end: had it
been trained again, its seconds would differ.
"""

from __future__ import annotations

import os
import random
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from hubselect.demo.server import MiniHub
from tests.support import lab as laboratory
from tests.support.kills import Life, finish, on_disk, recorded

pytestmark = pytest.mark.slow
KILLS = 3


@pytest.fixture
def environment(hub: MiniHub, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return {**os.environ, **hub.environment(tmp_path_factory.mktemp("home"))}


def timed(registry: Path, environment: dict[str, str], *words: str) -> tuple[Any, float]:
    """The document of an undisturbed command, and its seconds."""
    started = time.monotonic()
    return finish(registry, environment, *words), time.monotonic() - started


def kill(registry: Path, environment: dict[str, str], after: float, *words: str) -> None:
    """Start the command and kill its driver alone, not its workers."""
    life = Life.start(registry, environment, *words)
    life.rest(after)
    life.kill()
    life.close()


def check(registry: Path, environment: dict[str, str]) -> None:
    assert finish(registry, environment, "registry", "check")["ok"]


def test_a_killed_selection_ends_with_the_same_winner(
    lab: laboratory.Lab, environment: dict[str, str], tmp_path: Path
) -> None:
    """Decisions, scores and winner equal those of an undisturbed selection; no stage is repeated."""
    words = ("select", laboratory.TARGET, "-k", "4", "--epochs", "3", "--output", "winner")
    calm = Path(shutil.copy(lab.registry, tmp_path / "calm.db"))
    hit = Path(shutil.copy(lab.registry, tmp_path / "hit.db"))
    expected, seconds = timed(calm, environment, *words[:-1], str(tmp_path / "calm"))
    dice = random.Random(os.environ.get("HUBSELECT_TEST_SEED", "0"))
    seen: dict[tuple[str, str, int], float] = {}
    for _ in range(KILLS):
        kill(hit, environment, dice.uniform(0.15, 1.0) * seconds, *words[:-1], str(tmp_path / "hit"))
        now = recorded(hit)
        assert {k: now.get(k) for k in seen} == seen
        seen, kept = now, on_disk(hit)
        check(hit, environment)
    got = finish(hit, environment, *words[:-1], str(tmp_path / "hit"))
    final = recorded(hit)
    assert {k: final.get(k) for k in seen} == seen
    assert kept <= set(final.values())
    for key in ("model", "val_score", "test_score", "recalled", "history"):
        assert got[key] == expected[key], key
    assert got["cost"]["training_epochs"] == expected["cost"]["training_epochs"]
    check(hit, environment)
    assert not list(hit.parent.glob("hit.db.files/work/*"))


def test_a_killed_benchmark_fills_the_same_matrix(
    lab: laboratory.Lab, environment: dict[str, str], tmp_path: Path
) -> None:
    """The matrix and all curves equal those of an undisturbed run; no finished stage is trained again."""
    fresh = tmp_path / "hit.db"
    for dataset in laboratory.BENCHMARKS[:2]:
        finish(fresh, environment, "add-dataset", dataset)
    finish(fresh, environment, "add-model", *laboratory.MODELS[:3], "--no-benchmark")
    calm = Path(shutil.copy(fresh, tmp_path / "calm.db"))
    words = ("benchmark", "--epochs", "3")
    _, seconds = timed(calm, environment, *words)
    dice = random.Random(os.environ.get("HUBSELECT_TEST_SEED", "1"))
    seen: dict[tuple[str, str, int], float] = {}
    for _ in range(KILLS):
        kill(fresh, environment, dice.uniform(0.3, 1.0) * seconds, *words)
        now = recorded(fresh)
        assert {k: now.get(k) for k in seen} == seen
        seen, kept = now, on_disk(fresh)
        check(fresh, environment)
    finish(fresh, environment, *words)
    final = recorded(fresh)
    assert {k: final.get(k) for k in seen} == seen
    assert kept <= set(final.values())
    assert finish(fresh, environment, "matrix") == finish(calm, environment, "matrix")
    for model in laboratory.MODELS[:3]:
        assert finish(fresh, environment, "curves", model) == finish(calm, environment, "curves", model)
    assert set(final) == set(recorded(calm))
