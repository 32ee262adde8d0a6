"""What the command line refuses: one clear line, exit code 1, an unchanged registry."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from hubselect.demo.server import MiniHub
from tests.support.repos import break_weights, write_settings, write_text_dataset, write_text_model

pytestmark = pytest.mark.slow  # a process for each

COMMAND = [sys.executable, "-m", "hubselect"]


@pytest.fixture(scope="module")
def place(hub: MiniHub, hub_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry with a benchmark, and repositories with something wrong beside it."""
    write_text_dataset(hub_root, "refusals/bench")
    write_text_dataset(hub_root, "refusals/unlabelled", label_as="none")
    write_text_dataset(hub_root, "refusals/ratings", label_as="score")
    write_settings(write_text_model(hub_root, "refusals/gated"), gated="manual")
    break_weights(write_text_model(hub_root, "refusals/corrupted"))
    registry = tmp_path_factory.mktemp("refusals") / "registry.db"
    done = call(registry, "add-dataset", "refusals/bench")
    assert done.returncode == 0, done.stderr
    return registry


def call(registry: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *words, "--registry", str(registry), "--json"],
        env={**{n: v for n, v in os.environ.items() if n != "HUBSELECT_NAMED_ENDPOINT"}, **environment},
        capture_output=True,
        text=True,
    )


def said(done: subprocess.CompletedProcess[str]) -> list[str]:
    """What stands on stderr beside the notice of the endpoint, which a process says once."""
    return [line for line in done.stderr.strip().splitlines() if "using the Hub at" not in line]


def content(registry: Path) -> list[str]:
    with sqlite3.connect(registry) as connection:
        return list(connection.iterdump())


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("add-model", "refusals/nobody"), "no model refusals/nobody"),
        (("add-model", "refusals/gated"), "request access"),
        (("add-model", "refusals/corrupted"), "refusals/corrupted"),
        (("add-model", "not an id"), "not an id"),
        (("add-dataset", "refusals/nothing"), "no dataset refusals/nothing"),
        (("add-dataset", "refusals/unlabelled"), "--label-column"),
        (("select", "refusals/ratings", "--metric", "accuracy"), "choose pearson or spearman"),
        (("add-dataset", "refusals/bench", "--text-column", "words"), "words"),
        (("select", "refusals/unlabelled"), "--label-column"),
        (("select", "refusals/bench"), "hubselect"),
    ],
    ids=lambda c: " ".join(c) if isinstance(c, tuple) else "",
)
def test_a_refusal_is_one_line_and_changes_nothing(
    place: Path, words: tuple[str, ...], expected: str
) -> None:
    """The line says what is wrong and what to do; the database is byte for byte what it was."""
    before = content(place)
    done = call(place, *words)
    assert done.returncode == 1
    assert done.stdout == ""
    assert len(said(done)) == 1
    assert expected in done.stderr
    assert content(place) == before


def test_an_unreachable_hub_is_one_line_within_seconds(place: Path, tmp_path: Path) -> None:
    """The endpoint is named; nothing waits for retries; nothing is written."""
    before = content(place)
    done = call(place, "add-model", "refusals/any", HF_ENDPOINT="http://127.0.0.1:9", HF_HOME=str(tmp_path))
    assert done.returncode == 1
    notice, line = done.stderr.strip().splitlines()
    assert "not the default endpoint" in notice
    assert "127.0.0.1:9 does not answer" in line
    assert content(place) == before


def test_a_place_that_is_no_registry_is_refused(tmp_path: Path) -> None:
    """A file that is something else is left as it is."""
    other = tmp_path / "notes.txt"
    other.write_text("not a database, just notes, long enough to have a header of its own\n" * 20)
    before = other.read_bytes()
    done = call(other, "models")
    assert done.returncode == 1
    assert "notes.txt" in done.stderr
    assert other.read_bytes() == before
