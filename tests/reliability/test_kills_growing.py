"""Kill -9 inside `index`, `registry pull` and `registry import`: nothing is half there afterwards.

The moments are aimed: at a random request that the command makes of the Hub, or at a random time
between its last request (or its start, without any) and its end. After every kill the registry is
sound, and the same command again leaves what an undisturbed one leaves. HUBSELECT_TEST_KILLS is the
number of kills per test, HUBSELECT_TEST_SEED chooses their moments.
"""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hubselect.demo.server import MiniHub
from hubselect.registry import Registry
from tests.registry.conftest import TEXT
from tests.support.grouped import rows, write_clustered
from tests.support.kills import Asking, said, sound
from tests.support.listings import write_listed_model

pytestmark = pytest.mark.slow
KILLS = int(os.environ.get("HUBSELECT_TEST_KILLS", "4"))
SEED = os.environ.get("HUBSELECT_TEST_SEED", "0")
PAGE = 20
LISTED = 15 * PAGE
REPO = "minihub/shared"


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


def command(hub: MiniHub, home: Path, *words: str) -> Asking:
    environment = {**os.environ, **hub.environment(home), "HF_TOKEN": "hf_anybody"}
    return Asking(words, environment, hub)


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
        theirs.import_scores(rows(range(40, 400)), recipe="published", source="table")
    command(small_pages, tmp_path / "home", "registry", "push", REPO).finish(tmp_path / "theirs.db")
    before = tmp_path / "before.db"
    write_clustered(before)
    work = command(small_pages, tmp_path / "home", "registry", "pull", REPO)
    _strike(work, before, tmp_path)


def test_a_killed_import_is_all_or_nothing(small_pages: MiniHub, tmp_path: Path) -> None:
    """Rows, curves and clusters end as those of an undisturbed import."""
    before = tmp_path / "before.db"
    write_clustered(before)
    table = rows(range(40, 400))
    table[table["model"] >= "org/m00060"].to_csv(tmp_path / "table.csv", index=False)
    work = command(
        small_pages, tmp_path / "home", "registry", "import", str(tmp_path / "table.csv"),
        "--recipe", "published",
    )  # fmt: skip
    _strike(work, before, tmp_path)


def _strike(work: Asking, before: Path, folder: Path) -> None:
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
