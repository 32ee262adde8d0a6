"""The script of the recorded kills: it counts, compares, and tells a loss from none."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from benchmarks.reliability.kill_works import FROZEN, Lost, Migration, Training
from benchmarks.reliability.kills import main
from hubselect.registry import Registry
from tests.registry.conftest import fill


@pytest.mark.slow
def test_kills_are_counted_and_rounds_are_kept(tmp_path: Path) -> None:
    """One kill inside a pull and one inside a migration; the same command again repeats none of it."""
    part = ("--command", "registry pull", "--command", "migration")
    words = [*part, "--kills", "2", "--workdir", str(tmp_path / "work"), "--output", str(tmp_path)]
    assert main(words) == 0
    found = json.loads((tmp_path / "reliability_kills.json").read_text())
    assert (found["kills"], found["losses"]) == (2, [])
    assert found["commands"]["migration"]["while_writing"] == 1
    assert "| `registry pull` | 1 |" in (tmp_path / "reliability_kills.md").read_text()
    assert main(words) == 0
    again = json.loads((tmp_path / "reliability_kills.json").read_text())
    assert again["commands"] == found["commands"]


def test_a_part_does_not_replace_the_recorded_page() -> None:
    with pytest.raises(SystemExit):
        main(["--command", "select"])


def test_a_stage_that_was_trained_again_is_a_loss(tmp_path: Path) -> None:
    """Its seconds differ from those that were recorded before the kill; one that is gone is a loss, too."""
    place, memory = tmp_path / "registry.db", {}
    with Registry.open(place) as registry:
        fill(registry)
    work = Training("benchmark", (), (), stages=20)
    assert 0 < work.after_kill(place, memory) < 1
    work.after_kill(place, memory)
    for change in ("UPDATE curve_points SET seconds = 9 WHERE run_id = 1", "DELETE FROM curve_points"):
        with sqlite3.connect(place) as raw:
            raw.execute(change)
        with pytest.raises(Lost, match="trained again"):
            work.after_kill(place, dict(memory))


def test_half_a_migration_is_a_loss(tmp_path: Path) -> None:
    """The old schema with one of the new columns."""
    old = tmp_path / "0001.db"
    raw = sqlite3.connect(old)
    raw.executescript((FROZEN / "0001.sql").read_text(encoding="utf-8"))
    raw.close()
    place = tmp_path / "struck" / old.name
    place.parent.mkdir()
    place.write_bytes(old.read_bytes())
    work, memory = Migration("migration", (), (old,)), {}
    assert work.after_kill(place, memory) == 0.0
    assert work.sound(place)
    with sqlite3.connect(place) as changed:
        changed.execute("ALTER TABLE models ADD COLUMN downloads BIGINT")
    with pytest.raises(Lost, match="neither the old one"):
        work.after_kill(place, memory)
