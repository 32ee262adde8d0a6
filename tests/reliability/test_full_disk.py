"""A disk that is full, and one that is read-only, under every command that writes: one clear line, exit
code 1, nothing half-written, a registry that is sound.

Real commands on a real disk (a small tmpfs of its own, `tests.support.disks`). The line says what is the
matter, so a command that fails for another reason fails the test.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import pytest

from hubselect import Registry, add_dataset, add_model, cluster, push
from hubselect.demo.server import MiniHub
from tests.support.disks import Disk, Outcome, Step, mounted
from tests.support.repos import write_text_dataset, write_text_model

pytestmark = pytest.mark.slow

OWNER = "full"
BENCH, TARGET, MORE = (f"{OWNER}/{name}" for name in ("bench", "target", "more"))
MODELS = tuple(f"{OWNER}/{name}" for name in ("one", "two", "kin"))
NEW = f"{OWNER}/new"
SHARED = "minihub/theirs-of-full"
TRAINING = ("--epochs", "1", "--max-train-samples", "16", "--workers", "1")
SUITE = f"""
[suite]
name = "small"
task = "text-classification"
title = "One model"
source = "made for this test"

[[models]]
id = "{NEW}"
"""
ROOM_FOR_THE_REGISTRY = 1 << 17
ROOM_FOR_A_CONFIG = 24_576

ANYWHERE: dict[str, tuple[str, ...]] = {
    "add-model": ("add-model", NEW, "--no-benchmark"),
    "add-dataset": ("add-dataset", MORE),
    "benchmark": ("benchmark", "--model", MODELS[0], "--dataset", BENCH, *TRAINING),
    "cluster": ("cluster", "--threshold", "0.3"),
    "index": ("index", "--task", "text-classification", "--author", OWNER),
    "init": ("init", "--suite", "{suite}"),
    "place": ("place",),
    "pull": ("registry", "pull", SHARED),
    "import": ("registry", "import", "{table}", "--recipe", "published"),
    "recall": ("recall", TARGET, "-k", "1"),
    "score": ("score",),
    "select": ("select", TARGET, "-k", "2", "--recall", "mean", *TRAINING, "--output", "{disk}/best"),
}
EXPORTS: dict[str, tuple[str, ...]] = {
    "export-csv": ("registry", "export", "{disk}/out/scores.csv"),
    "export-gz": ("registry", "export", "{disk}/out/scores.csv.gz"),
    "export-parquet": ("registry", "export", "{disk}/out/scores.parquet"),
    "export-all": ("registry", "export", "{disk}/out/all", "--what", "all"),
    "export-registry": ("registry", "export", "{disk}/out/shared", "--what", "registry"),
}
FETCHING = ("add-model", "benchmark", "recall", "select")
"""What brings files of the Hub into the cache."""


@dataclass(frozen=True)
class Bench:
    """The disk, the registry that every command starts from, and the environments of commands."""

    disk: Disk
    before: Path
    elsewhere: Path
    """Where a registry is that is not on the disk."""
    cache_elsewhere: dict[str, str]
    cache_on_disk: dict[str, str]
    places: dict[str, str] = field(default_factory=dict)

    def words(self, name: str) -> tuple[str, ...]:
        return tuple(word.format(**self.places) for word in {**ANYWHERE, **EXPORTS}[name])

    def run(
        self, steps: dict[str, int | None], *, on_disk: bool, cache_on_disk: bool = False
    ) -> dict[str, Outcome]:
        """Commands with so much room; `on_disk` tells whether the registry is there."""
        place = self.disk.place / "registry.db" if on_disk else self.elsewhere
        environment = self.cache_on_disk if cache_on_disk else self.cache_elsewhere
        asked = [Step(self.words(name), room) for name, room in steps.items()]
        return dict(zip(steps, self.disk.run(asked, self.before, place, environment), strict=True))


@pytest.fixture(scope="module")
def bench(hub: MiniHub, hub_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("full")
    for seed, name in enumerate((*MODELS, NEW)):
        card = {"base_model": MODELS[0]} if name == MODELS[2] else None
        write_text_model(hub_root, name, hidden_size=16, layers=1, seed=seed, card=card)
    for seed, name in enumerate((BENCH, TARGET, MORE)):
        write_text_dataset(hub_root, name, sizes=(32, 16, 16), seed=seed)
    (folder / "table.csv").write_text(_scores(300, 6).to_csv(index=False))
    (folder / "suite.toml").write_text(SUITE)
    _write_registry(folder)
    disk = folder / "disk"
    environments = [{**os.environ, **hub.environment(place)} for place in (folder / "cache", disk / "cache")]
    with mounted(disk, 32) as small:
        if small is None:
            pytest.skip("no disk of our own to be had: unshare, nsenter and mount in a user namespace")
        places = {"disk": str(disk), "table": str(folder / "table.csv"), "suite": str(folder / "suite.toml")}
        yield Bench(small, folder / "before.db", folder / "off" / "registry.db", *environments, places)


def _scores(models: int, datasets: int) -> pd.DataFrame:
    rows = [(f"{OWNER}/t{m}", f"{OWNER}/x{d}", m / models) for m in range(models) for d in range(datasets)]
    return pd.DataFrame(rows, columns=["model", "dataset", "score"])


def _write_registry(folder: Path) -> None:
    with Registry.open(folder / "before.db") as store:
        add_dataset(BENCH, registry=store)
        add_model(MODELS, registry=store, benchmark=False)
        known = [(m, d, v) for m, v in zip(MODELS[:2], (0.9, 0.8), strict=True) for d in (BENCH, "o/other")]
        frame = pd.DataFrame(known, columns=["model", "dataset", "score"])
        store.import_scores(frame, recipe="published")
        curve = frame[frame["dataset"] == BENCH].assign(split="val", stage=1, epochs=1)
        store.import_scores(curve, recipe="published")
        cluster(registry=store, threshold=0.5)
    with Registry.open(folder / "theirs.db") as theirs, pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_TOKEN", "hf_anybody")
        theirs.import_scores(_scores(300, 6), recipe="published")
        push(SHARED, registry=theirs)


@pytest.fixture(scope="module")
def full(bench: Bench) -> dict[str, Outcome]:
    """Every command with its registry on a disk without a byte left."""
    return bench.run(dict.fromkeys((*ANYWHERE, *EXPORTS), 0), on_disk=True)


@pytest.fixture(scope="module")
def read_only(bench: Bench) -> dict[str, Outcome]:
    """Every command with its registry on a disk that cannot be written."""
    bench.run({"place": None}, on_disk=True)  # puts a registry there
    with bench.disk.read_only():
        return bench.run(dict.fromkeys((*ANYWHERE, *EXPORTS)), on_disk=True)


@pytest.fixture(scope="module")
def full_elsewhere(bench: Bench) -> dict[str, Outcome]:
    """The registry has room, but the cache of the Hub's client and the output have none."""
    return bench.run(dict.fromkeys((*FETCHING, *EXPORTS), 0), on_disk=False, cache_on_disk=True)


@pytest.fixture(scope="module")
def read_only_elsewhere(bench: Bench) -> dict[str, Outcome]:
    """The registry can be written, but not the cache of the Hub's client nor the output."""
    with bench.disk.read_only():
        return bench.run(dict.fromkeys((*FETCHING, *EXPORTS)), on_disk=False, cache_on_disk=True)


def line_of(outcome: Outcome) -> str:
    """The one line of the error; notices and the plan, which come before, are not errors."""
    assert outcome.code == 1, outcome
    assert outcome.out == ""
    notices = ("hubselect: using the Hub at", "plan for", "to be downloaded", "policy ")
    (line,) = (each for each in outcome.errors.splitlines() if not each.startswith(notices))
    assert line.startswith("hubselect: ")
    assert "should not have happened" not in line
    return line


def left_by(outcome: Outcome) -> list[str]:
    """Files that are left beside the database, its log, empty locks and what is whole in the cache."""
    harmless = ("registry.db-", "registry.db.files/locks/", "cache/")
    assert not [name for name in outcome.left if name.endswith((".tmp", ".partial", ".draft"))]
    return [name for name in outcome.left if not name.startswith(harmless)]


@pytest.mark.parametrize("name", [*ANYWHERE, *EXPORTS])
def test_a_full_disk_under_the_registry(full: dict[str, Outcome], name: str) -> None:
    """It is named as such, and the registry says what it said."""
    line = line_of(full[name])
    assert "no space is left for the registry" in line
    assert "free some space and repeat" in line
    assert left_by(full[name]) == []
    assert full[name].problems == ()
    assert not full[name].changed


@pytest.mark.parametrize("name", [*ANYWHERE, *EXPORTS])
def test_a_read_only_disk_under_the_registry(read_only: dict[str, Outcome], name: str) -> None:
    """It is refused when it is opened."""
    line = line_of(read_only[name])
    assert "registry.db cannot be written" in line
    assert "choose another place" in line
    assert read_only[name].left == ()


@pytest.mark.parametrize("name", [*FETCHING, *EXPORTS])
def test_a_full_disk_under_the_cache_and_the_output(full_elsewhere: dict[str, Outcome], name: str) -> None:
    """The line names the place and what to do; no part of an export is left."""
    line = line_of(full_elsewhere[name])
    assert "No space left on device" in line or "errno 28" in line
    assert "choose another path" in line if name in EXPORTS else "check the free space" in line
    assert left_by(full_elsewhere[name]) == []
    assert full_elsewhere[name].problems == ()


@pytest.mark.parametrize("name", [*FETCHING, *EXPORTS])
def test_a_read_only_disk_under_the_cache_and_the_output(
    read_only_elsewhere: dict[str, Outcome], name: str
) -> None:
    line = line_of(read_only_elsewhere[name])
    assert "Read-only file system" in line
    assert "choose another path" in line if name in EXPORTS else "check the free space" in line
    assert read_only_elsewhere[name].left == ()
    assert read_only_elsewhere[name].problems == ()


def test_an_export_of_several_files_is_there_as_a_whole_or_not_at_all(bench: Bench) -> None:
    """A page is enough for the first of two."""
    outcome = bench.run({"export-all": 4096}, on_disk=False)["export-all"]
    assert "curves.csv cannot be written" in line_of(outcome)
    assert left_by(outcome) == []


def test_a_disk_too_small_for_a_training_state(bench: Bench) -> None:
    """The cell is not settled: the same command goes on with it."""
    outcome = bench.run({"benchmark": ROOM_FOR_THE_REGISTRY}, on_disk=True)["benchmark"]
    line = line_of(outcome)
    assert f"the training state of {MODELS[0]} cannot be saved: No space left on device" in line
    assert "run the same command again" in line
    assert left_by(outcome) == []
    assert outcome.problems == ()


def test_a_disk_too_small_for_the_winner(bench: Bench) -> None:
    """Nothing of the checkpoint is left where it was to be saved."""
    outcome = bench.run({"select": ROOM_FOR_A_CONFIG}, on_disk=False)["select"]
    line = line_of(outcome)
    assert f"the checkpoint cannot be saved in {bench.disk.place}/best" in line
    assert "run the same command again" in line
    assert left_by(outcome) == []
    assert outcome.problems == ()
