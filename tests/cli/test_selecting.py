"""`hubselect select --dry-run` and the budget options, on a registry of imported results."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from hubselect.demo.server import MiniHub
from tests.cli.conftest import MODELS, Run
from tests.support.repos import write_text_dataset

TARGET = "planned/target"


@pytest.fixture
def target(hub: MiniHub, hub_root: Path) -> str:
    if not (hub_root / "datasets" / TARGET).exists():
        write_text_dataset(hub_root, TARGET, seed=3)
    return TARGET


def test_a_dry_run_shows_the_plan_and_does_nothing(
    target: str, registry: Path, run: Run, hub: MiniHub
) -> None:
    """A document with the promised keys, a table for people; no weights, and the registry as it was."""
    with sqlite3.connect(registry) as connection:
        before = list(connection.iterdump())
    words = ("select", target, "-k", "3", "--policy", "fine-selection", "--recall", "paper", "--dry-run")
    found = run(*words, "--json").document
    assert {"models", "bytes_at_most", "epochs", "seconds_estimated", "policy", "disk_bytes"} <= set(found)
    assert set(found["models"]["likely"]) <= set(MODELS)
    assert len(found["models"]["likely"]) == 3
    assert found["epochs"]["least"] <= found["epochs"]["expected"] <= found["epochs"]["most"]
    assert found["replayed"] == 6
    assert found["seconds_estimated"] is None  # imported curves were not timed
    assert found["unknown_sizes"] > 0  # nor does an imported name say how large its weights are
    people = run(*words).out
    assert "likely recalled" in people
    assert "Nothing was downloaded, trained or written." in people
    assert not hub.weights_fetched()
    with sqlite3.connect(registry) as connection:
        assert list(connection.iterdump()) == before


def test_budgets_are_options(target: str, registry: Path, run: Run) -> None:
    """Within the plan, refused in one line when too small, bad usage when not positive."""
    words = ("select", target, "-k", "3", "--policy", "brute-force", "--recall", "paper", "--dry-run")
    found = run(*words, "--budget-epochs", "8.5", "--json").document
    assert found["budget_epochs"] == 8.5
    assert found["epochs"]["most"] <= 8.5
    small = run(*words, "--budget-epochs", "3")
    assert small.code == 1
    assert "--budget-epochs 6 is the least" in small.err  # three representatives, a third of an epoch each
    assert len(small.err.strip().splitlines()) == 1
    assert run(*words, "--budget-epochs", "0").code == 2
    unknown = run(*words, "--budget-seconds", "60")
    assert unknown.code == 1
    assert "use --budget-epochs" in unknown.err
