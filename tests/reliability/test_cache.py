"""The cache: half-empty snapshots are completed, offline work does not wait, silence ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from hubselect.demo.server import MiniHub
from hubselect.errors import HubError
from hubselect.hub import connection, download_model, index_dataset, index_model
from tests.support.bad_hub import MODEL_PLACES, WEIGHTS, write_plain_model
from tests.support.repos import write_text_dataset

UniqueId = Callable[[str], str]


def emptied(path: Path) -> None:
    path.resolve().write_bytes(b"")


def halved(path: Path) -> None:
    blob = path.resolve()
    blob.write_bytes(blob.read_bytes()[: blob.stat().st_size // 2])


def dangling(path: Path) -> None:
    path.resolve().unlink()


def gone(path: Path) -> None:
    path.resolve().unlink()
    path.unlink()


def replaced(path: Path) -> None:
    path.resolve().write_bytes(b"\x55" * path.stat().st_size)


HOLES: tuple[Callable[[Path], None], ...] = (emptied, halved, dangling, gone, replaced)


@pytest.mark.parametrize("name", [WEIGHTS, "config.json", "tokenizer.json"])
@pytest.mark.parametrize("hole", HOLES)
def test_a_hole_in_a_snapshot_is_filled(
    hub: MiniHub, hub_root: Path, unique_id: UniqueId, hole: Callable[[Path], None], name: str
) -> None:
    """Whatever happened to one file since, the next use has all of them right, and fetches that one only."""
    folder = write_plain_model(hub_root, unique_id("m"))
    model = index_model(unique_id("m"))
    path = download_model(model).path
    hole(path / name)
    hub.reset()
    again = download_model(model)
    assert {p.name: p.read_bytes() for p in again.path.iterdir()} == {
        p.name: (folder / p.name).read_bytes() for p in again.path.iterdir()
    }
    assert again.bytes_fetched == (folder / name).stat().st_size
    assert {r.file for r in hub.requests if r.method == "GET" and r.file} == {name}


@pytest.mark.parametrize("hole", HOLES)
def test_a_hole_in_the_files_of_a_dataset_is_filled(
    hub: MiniHub, hub_root: Path, unique_id: UniqueId, hole: Callable[[Path], None]
) -> None:
    """A program that was killed left its files half here: the datasets library would read them so."""
    from huggingface_hub import snapshot_download

    from hubselect.training.sources import read_dataset

    repo_id = unique_id("d")
    write_text_dataset(hub_root, repo_id, sizes=(24, 8, 8), described=False)
    dataset = index_dataset(repo_id)
    snapshot = snapshot_download(repo_id, repo_type="dataset", revision=dataset.revision)
    hole(next(Path(snapshot).glob("data/train-*.parquet")))
    assert [len(read_dataset(dataset)[split]) for split in ("train", "validation", "test")] == [24, 8, 8]


SCRIPT = """
import json, sys, time
from hubselect.errors import HubselectError
from hubselect.hub import download_model, index_model
from hubselect.records import Dataset, Model
from hubselect.training.sources import read_dataset
model, dataset = (json.loads(text) for text in sys.argv[1:])
kept = {k: tuple(v) if isinstance(v, list) else v for k, v in model.items()}
known = {k: tuple(v) if isinstance(v, list) else v for k, v in dataset.items()}
started = time.monotonic()
path = download_model(Model(**kept)).path
rows = len(read_dataset(Dataset(**known))["train"])
try:
    refused = index_model("nobody/knows").id
except HubselectError as error:
    refused = str(error)
print(json.dumps({"rows": rows, "refused": refused, "seconds": time.monotonic() - started}))
"""


def work(environment: Mapping[str, str], model: Any, dataset: Any) -> Any:
    command = [sys.executable, "-c", SCRIPT, json.dumps(asdict(model)), json.dumps(asdict(dataset))]
    done = subprocess.run(command, env=dict(environment), capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_offline_the_cache_is_used_without_waiting(
    hub: MiniHub, hub_root: Path, unique_id: UniqueId, hub_environment: dict[str, str], silent_port: int
) -> None:
    """What was seen once online costs no request and no wait; what is missing is one line at once."""
    write_plain_model(hub_root, unique_id("m"))
    write_text_dataset(hub_root, unique_id("d"), sizes=(24, 8, 8))
    model, dataset = index_model(unique_id("m")), index_dataset(unique_id("d"))
    assert work(hub_environment, model, dataset)["rows"] == 24
    away = {"HF_HUB_OFFLINE": "1", "HF_ENDPOINT": f"http://127.0.0.1:{silent_port}"}
    found = work({**hub_environment, **away}, model, dataset)
    assert found["rows"] == 24
    assert found["seconds"] < 5
    assert "HF_HUB_OFFLINE=1 forbids" in found["refused"]


@pytest.mark.parametrize(
    "place", ["metadata", "config head", "weights header", "tree", "weights head", "weights"]
)
def test_a_hub_that_falls_silent_is_given_up(
    hub: MiniHub,
    hub_root: Path,
    unique_id: UniqueId,
    waits: list[float],
    monkeypatch: pytest.MonkeyPatch,
    place: str,
) -> None:
    """The listing of a repository has no limit in the Hub's client; every request has one here."""
    from huggingface_hub import constants

    write_plain_model(hub_root, unique_id("m"))
    for name in ("client", "models", "downloads"):
        monkeypatch.setattr(f"hubselect.hub.{name}.TIMEOUT", 0.1)
    for name in ("HF_HUB_ETAG_TIMEOUT", "HF_HUB_DOWNLOAD_TIMEOUT"):
        monkeypatch.setattr(constants, name, 0.1)
    monkeypatch.setattr("huggingface_hub.file_download._ETAG_RETRY_TIMEOUT", 0.1)
    monkeypatch.setattr(connection, "SILENCE", 0.1)
    hub.fault(MODEL_PLACES[place], times=None, delay=2.0)
    started = time.monotonic()
    with pytest.raises(HubError, match="does not answer"):
        download_model(index_model(unique_id("m")))
    assert time.monotonic() - started < 12
    assert sum(waits) <= 120
    hub.reset()
    download_model(index_model(unique_id("m")))


def test_the_workers_of_a_selection_inherit_that_the_endpoint_was_named() -> None:
    """One line about the endpoint, not one per process: the mark is in the environment."""
    connection.name_endpoint()
    assert os.environ["HUBSELECT_NAMED_ENDPOINT"] == os.environ["HF_ENDPOINT"]
