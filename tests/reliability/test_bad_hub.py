"""Answers that are late, missing, cut or wrong, at every request of a model's and a dataset's way here.

What passes by itself costs a wait as the Hub asked for; what lasts is one clear line. Neither leaves
anything behind that a later, undisturbed try would trip over.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import pytest

from hubselect.demo.server import MiniHub
from hubselect.errors import HubselectError
from hubselect.hub import download_model, index_dataset, index_model
from tests.support.bad_hub import DATASET_PLACES, MODEL_PLACES, WEIGHTS, Place, failure, write_plain_model
from tests.support.repos import write_text_dataset

UniqueId = Callable[[str], str]
Job = Callable[[], object]

PASSING: Mapping[str, dict[str, Any]] = {
    "429, later": {"status": 429, "headers": {"Retry-After": "7"}},
    "500": {"status": 500},
    "503, later": {"status": 503, "headers": {"Retry-After": "7"}},
    "cut": {"cut": 5},
}
LASTING: Mapping[str, dict[str, Any]] = {
    "429": {"status": 429},
    "429, in a week": {"status": 429, "headers": {"Retry-After": "604800"}},
    "503": {"status": 503},
    "cut": {"cut": 0},
    "tampered": {"corrupt": True},
    "longer": {"headers": {"Content-Length": "99999", "X-Linked-Size": "99999"}},
    "shorter": {"headers": {"X-Linked-Size": "77"}},
}
FOR_DATASETS = ("429, later", "cut", "503", "tampered", "shorter")
LONGEST = 120.0
"""Seconds after which a Hub that stays broken has to be told to the user."""


@pytest.fixture
def model_job(hub_root: Path, unique_id: UniqueId) -> Job:
    """Look a model up and download it; the weights must be those in the repository."""
    repo_id = unique_id("m")
    folder = write_plain_model(hub_root, repo_id)

    def job() -> None:
        path = download_model(index_model(repo_id)).path
        for name in (WEIGHTS, "config.json", "tokenizer.json"):
            assert (path / name).read_bytes() == (folder / name).read_bytes()

    return job


@pytest.fixture
def dataset_job(hub_root: Path, unique_id: UniqueId) -> Job:
    """Look a dataset up and read it with the datasets library; the rows must be those in the repository."""
    import pyarrow.parquet as pq

    from hubselect.training.sources import read_dataset

    repo_id = unique_id("d")
    folder = write_text_dataset(hub_root, repo_id, sizes=(24, 8, 8), described=False)

    def job() -> None:
        read = read_dataset(index_dataset(repo_id))
        for split in ("train", "validation", "test"):
            stored = pq.read_table(next(folder.glob(f"data/{split}-*.parquet")))
            assert list(read[split]["text"]) == stored["text"].to_pylist()

    return job


def cases(
    faults: Mapping[str, dict[str, Any]], places: Mapping[str, Place], among: Collection[str] = ()
) -> list[Any]:
    """Every fault (or those `among` them) at every place where it can show: HEAD has no body to spoil."""
    return [
        pytest.param(fault, place, id=f"{fault_name} at {name}")
        for fault_name, fault in faults.items()
        for name, place in places.items()
        if (not among or fault_name in among)
        and not (name.endswith("head") and fault.keys() & {"cut", "corrupt"})
    ]


def survives(job: Job, hub: MiniHub, fault: dict[str, Any], place: Place, waits: list[float]) -> None:
    injected = hub.fault(place, **fault)
    job()
    assert injected.hits == 1
    if "headers" in fault:
        assert any(6.9 < wait < 8.1 for wait in waits), waits  # the Hub's client adds a second


def says_so(job: Job, hub: MiniHub, fault: dict[str, Any], place: Place, waits: list[float]) -> None:
    injected = hub.fault(place, times=None, **fault)
    error = failure(job)
    assert injected.hits
    if error is not None:
        assert error.hint, str(error)
        assert str(error).isprintable()
    # without an error the client found another way, and the job has seen that nothing wrong was taken
    assert sum(waits) <= LONGEST
    hub.reset()
    job()


@pytest.mark.parametrize(("fault", "place"), cases(PASSING, MODEL_PLACES))
def test_a_fault_that_passes_costs_a_model_a_wait(
    hub: MiniHub, model_job: Job, waits: list[float], fault: dict[str, Any], place: Place
) -> None:
    survives(model_job, hub, fault, place, waits)


@pytest.mark.parametrize(("fault", "place"), cases(PASSING, DATASET_PLACES, FOR_DATASETS))
def test_a_fault_that_passes_costs_a_dataset_a_wait(
    hub: MiniHub, dataset_job: Job, waits: list[float], fault: dict[str, Any], place: Place
) -> None:
    survives(dataset_job, hub, fault, place, waits)


@pytest.mark.parametrize(("fault", "place"), cases(LASTING, MODEL_PLACES))
def test_a_fault_that_lasts_is_one_clear_line_about_a_model(
    hub: MiniHub, model_job: Job, waits: list[float], fault: dict[str, Any], place: Place
) -> None:
    says_so(model_job, hub, fault, place, waits)


@pytest.mark.parametrize(("fault", "place"), cases(LASTING, DATASET_PLACES, FOR_DATASETS))
def test_a_fault_that_lasts_is_one_clear_line_about_a_dataset(
    hub: MiniHub, dataset_job: Job, waits: list[float], fault: dict[str, Any], place: Place
) -> None:
    says_so(dataset_job, hub, fault, place, waits)


def test_no_blob_of_other_content_stays_in_the_cache(
    hub: MiniHub, hub_root: Path, unique_id: UniqueId, waits: list[float]
) -> None:
    """After a tampered download every file named by a hash has that hash."""
    from huggingface_hub import constants

    repo_id = unique_id("m")
    write_plain_model(hub_root, repo_id)
    model = index_model(repo_id)
    hub.fault(MODEL_PLACES["weights"], corrupt=True)
    with pytest.raises(HubselectError, match="does not match"):
        download_model(model)
    cache = Path(constants.HF_HUB_CACHE) / f"models--{repo_id.replace('/', '--')}" / "blobs"
    for blob in cache.iterdir():
        assert len(blob.name) == 40 or hashlib.sha256(blob.read_bytes()).hexdigest() == blob.name
