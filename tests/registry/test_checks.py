"""A healthy registry has no problems; every kind of damage is named, with its place and its repair."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from hubselect.registry import Registry
from tests.registry.conftest import fill


def test_a_healthy_registry_has_no_problems(registry: Registry) -> None:
    """Empty or full."""
    assert registry.check() == []
    fill(registry)
    assert registry.check() == []


RUN = "(SELECT id FROM runs WHERE test = 0.9)"
POINTS = "UPDATE curve_points SET"
DAMAGE = {
    "a finished run has no test score": f"UPDATE runs SET test = NULL WHERE id = {RUN}",
    "a test score is not finite": "UPDATE runs SET test = 9e999 WHERE test = 0.9",
    "the stages of a curve have gaps": f"DELETE FROM curve_points WHERE stage = 2 AND run_id = {RUN}",
    "a curve goes beyond the stages of its recipe": f"INSERT INTO curve_points VALUES ({RUN}, 4, 4, 0.5, 0)",
    "the epochs of a curve do not grow": f"{POINTS} epochs = 9 WHERE stage = 1 AND run_id = {RUN}",
    "a validation score is not finite": f"{POINTS} val = 9e999 WHERE stage = 3 AND run_id = {RUN}",
    "a proxy score is not finite": "UPDATE proxy_scores SET score = -9e999",
    "a recipe's content does not have its digest": "UPDATE recipes SET content = replace(content, '3', '4')",
    "a cluster has no members": "DELETE FROM memberships",
    "a cluster's representative is not one of its members": "DELETE FROM memberships WHERE model_id = 1",
    "a finished selection has no winner": "UPDATE selections SET winner_id = NULL",
    "events of a selection are missing": "DELETE FROM selection_events WHERE sequence = 2",
    "a row of selection_events points to a row of selections that is not there": "DELETE FROM selections",
}


@pytest.mark.parametrize("what", DAMAGE)
def test_damage_is_named(registry: Registry, tmp_path: Path, what: str) -> None:
    """Where and how to mend it are said too; checking changes nothing."""
    fill(registry)
    raw = sqlite3.connect(tmp_path / "registry.db")
    raw.execute("PRAGMA ignore_check_constraints = ON")
    raw.execute(DAMAGE[what])
    raw.commit()
    raw.close()
    found = registry.check()
    assert what in {p.what for p in found}
    assert all(p.where and p.repair for p in found)
    assert registry.check() == found


def test_a_damaged_file_is_a_problem_not_an_exception(registry: Registry, tmp_path: Path) -> None:
    """Pages that cannot be read are reported."""
    fill(registry)
    registry.close()
    path = tmp_path / "registry.db"
    data = bytearray(path.read_bytes())
    middle = range(8 * 4096, 30 * 4096)
    data[middle.start : middle.stop] = b"\xa5" * len(middle)
    path.write_bytes(bytes(data))
    problems = registry.check()
    assert problems
    assert all(p.what and p.repair for p in problems)
