"""What people and files may say: ids that are paths or SQL, options out of range, import files with faults.

Everything goes through the command line in this process. A refusal is one line on stderr (usage errors
have a second one that says where help is), exit code 1 or 2, no traceback, the registry byte for byte as
it was, no request to the Hub for an id that is none, and no file anywhere new.
"""

from __future__ import annotations

import contextlib
import io
import os
import sqlite3
import string
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hubselect.cli import main
from hubselect.demo.server import MiniHub
from hubselect.registry import Registry

EXAMPLES = int(os.environ.get("HUBSELECT_TEST_EXAMPLES", "60"))
fuzzed = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def dump(place: Path) -> list[str]:
    with contextlib.closing(sqlite3.connect(place)) as connection:
        return list(connection.iterdump())


def files(folder: Path) -> list[Path]:
    """Everything in a folder but what the database keeps beside itself while it is open."""
    return sorted(p for p in folder.rglob("*") if not p.name.endswith(("-wal", "-shm")))


class Place:
    """A registry, and the command line over it."""

    def __init__(self, folder: Path, hub: MiniHub) -> None:
        self.folder, self.hub = folder, hub
        self.path = folder / "registry.db"
        cells = [(i, j) for i in range(4) for j in range(3)]
        rows = [(f"org/m{i}", f"org/d{j}", ((i * 7 + j * 3) % 10) / 10 + 0.01) for i, j in cells]
        with Registry.open(self.path) as store:
            store.import_scores(pd.DataFrame(rows, columns=["model", "dataset", "score"]))
        self.call("cluster")
        self.call("add-model", "org/nobody")  # where ids are asked of is said once
        self.before, self.there = dump(self.path), files(folder)

    def call(self, *words: str) -> tuple[int, str, str]:
        out, err, code, argv = io.StringIO(), io.StringIO(), 0, sys.argv
        sys.argv = ["hubselect", *words]
        os.environ["HUBSELECT_REGISTRY"] = str(self.path)
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(bool(end.code))
        finally:
            sys.argv = argv
            del os.environ["HUBSELECT_REGISTRY"]
        return code, out.getvalue(), err.getvalue()

    def unchanged(self) -> bool:
        return dump(self.path) == self.before and files(self.folder) == self.there

    def refuses(self, *words: str) -> str:
        """Run a command that has to fail as a command should; returns what it says."""
        code, out, err = self.call(*words)
        assert code in (1, 2), (words, code, out, err)
        assert out == ""
        assert "Traceback" not in err
        assert "should not have happened" not in err, (words, err)
        said = [line for line in err.splitlines() if line.strip()]
        if code == 1:
            assert len(said) == 1, err
            assert said[0].startswith("hubselect: ")
        else:
            assert said[0].startswith("Usage: ")
            assert len(said) <= 4
        assert self.unchanged(), words
        return err


@pytest.fixture(scope="module")
def place(hub: MiniHub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("words")
    elsewhere = folder / "work"
    elsewhere.mkdir()
    with contextlib.chdir(elsewhere):  # where a path that was taken for one would lie
        yield Place(folder, hub)


# fmt: off
BAD_IDS = (
    "../../etc/passwd", "..", ".", "/etc/passwd", "a/../b", "org/..", "org/name/../..", "org//name",
    "a/b/c", "~/model", "C:\\models\\bert", "\\\\server\\share", "file:///etc/passwd",
    "https://huggingface.co/a/b", "org/na me", " org/name", "org/name ", "org/name\n", "org/\x00name",
    "org/na\tme", "org/\u202eeman", "org/n\u0430me", "\u0451\u0436/\u043c", "\u7d44\u7e54/\u6a21",
    "org/\U0001f917", "org/\u00e9", "\ufb01le/name", "org/name%2e%2e", "%2e%2e%2fetc", "org/name?x=1",
    "org/name#main", "org/name@main", "org:name", "org/name;ls", "org/$(id)", "org/`id`", "org/{name}",
    "org/na*me", "'; DROP TABLE models; --", "org/x' OR '1'='1", 'org/"name"', "org/name'",
    'x" UNION SELECT 1 --', "org/-name", "-org/name", "--", "org/name--x", "org/.name", "org/name.", "",
    " ", "/", "org/", "/name", "a" * 97, "o/" + "n" * 5000, "org/nul.", "org/..\u2215..", "org/\ud800name",
    "null\\u0000", "%s%s%n", "{0.__class__}",
)
# fmt: on
PLACES_FOR_IDS = {
    "add-model": ("add-model", "{}"),
    "add-dataset": ("add-dataset", "{}"),
    "recall": ("recall", "{}"),
    "select": ("select", "{}"),
    "candidates": ("select", "org/d0", "--candidates", "{}"),
    "push": ("registry", "push", "{}"),
    "pull": ("registry", "pull", "{}"),
    "place": ("place", "--text-model", "{}"),
}
KNOWN_IDS = {
    "curves": ("curves", "{}"),
    "curves-dataset": ("curves", "org/m0", "{}"),
    "benchmark-model": ("benchmark", "--model", "{}"),
    "benchmark-dataset": ("benchmark", "--dataset", "{}"),
    "matrix": ("matrix", "--recipe", "{}"),
    "score": ("score", "--model", "{}"),
}


def put(words: tuple[str, ...], value: str) -> list[str]:
    """The command with a value in its place, where it is never read as an option."""
    if words[-2].startswith("--"):
        return [*words[:-2], f"{words[-2]}={value}"]
    return [*words[:-1], "--", value]


@pytest.mark.parametrize("command", PLACES_FOR_IDS)
def test_what_is_no_id_is_refused_before_the_hub_is_asked(place: Place, command: str) -> None:
    """Traversal, other alphabets, quotes, SQL, shell, URLs: none of them becomes a path or a request."""
    place.hub.reset()
    for value in BAD_IDS:
        place.refuses(*put(PLACES_FOR_IDS[command], value))
    asked = {r.repo_id for r in place.hub.requests}
    assert asked <= ({"org/d0"} if command == "candidates" else set())


@pytest.mark.parametrize("command", KNOWN_IDS)
def test_what_the_registry_does_not_hold_is_refused(place: Place, command: str) -> None:
    """Look-ups by name are parameters of a query, never part of it."""
    for value in BAD_IDS:
        place.refuses(*put(KNOWN_IDS[command], value))


@fuzzed
@given(value=st.text(max_size=120), command=st.sampled_from([*PLACES_FOR_IDS, *KNOWN_IDS]))
def test_any_text_as_an_id(place: Place, value: str, command: str) -> None:
    """Whatever is typed: one line, nothing changed."""
    place.refuses(*put((PLACES_FOR_IDS | KNOWN_IDS)[command], value))


NUMBERS = {
    "select": ("-k", "--tolerance", "--top", "--max-params", "--max-download", "--workers", "--epochs",
               "--threshold", "--budget-epochs", "--budget-seconds", "--max-train-samples", "--seed"),
    "recall": ("-k", "--tolerance", "--top", "--max-params", "--max-download", "--workers"),
    "benchmark": ("--epochs", "--stages-per-epoch", "--max-train-samples", "--seed", "--seeds", "--budget",
                  "--workers"),
    "cluster": ("--threshold", "--top-k", "--clusters"),
    "backtest": ("-k", "--threshold", "--stages-per-epoch", "--top"),
    "suite": ("--size", "--draws", "--seed"),
    "place": ("--limit",),
    "index": ("--limit", "--min-downloads"),
    "clusters": ("--limit",),
}  # fmt: skip
REST = {
    "select": ("org/d0",), "recall": ("org/d0",), "cluster": ("--method", "kmeans"), "suite": ("--size", "2"),
    "index": ("--task", "text-classification"), "clusters": ("--history",),
}  # fmt: skip
OPTIONS = [(command, option) for command, options in NUMBERS.items() for option in options]
NO_NUMBERS = (
    "nan",
    "inf",
    "-inf",
    "-1",
    "1e400",
    "9" * 400,
    "abc",
    "",
    "0x10",
    "1;2",
    "1 2",
    "--",
    "\u0663x",
)


@pytest.mark.parametrize("value", NO_NUMBERS)
def test_numbers_out_of_range_are_bad_usage(place: Place, value: str) -> None:
    """Every option that takes a number refuses what it cannot use, and says which option it was."""
    for command, option in OPTIONS:
        said = place.refuses(command, *REST.get(command, ()), option, value)
        assert f"'{option}'" in said, (command, option, said)


@fuzzed
@given(
    which=st.sampled_from(OPTIONS),
    value=st.one_of(
        st.text(string.printable, max_size=30),
        st.floats().map(repr),
        st.integers().map(str),
        st.text(max_size=20),
    ),
)
def test_any_text_as_a_number(place: Place, which: tuple[str, str], value: str) -> None:
    """Read as a number or refused; then `select`, `recall` and `benchmark` ask a Hub that knows nothing."""
    command, option = which
    if command in ("cluster", "backtest", "suite", "place", "clusters", "index"):
        with contextlib.suppress(ValueError):
            float(value)  # those would do their work; the refusals are above
            return
    place.refuses(command, *REST.get(command, ()), option, value)
