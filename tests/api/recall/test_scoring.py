"""Proxy scores from few forward passes: what the server's log and the epochs spent say."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from hubselect.api.progress import silent
from hubselect.api.recall.scoring import Scorer
from hubselect.demo.server import MiniHub
from hubselect.errors import InvalidInput
from hubselect.executors.pool import WorkerPool
from hubselect.hub import index_dataset
from hubselect.recall.features import Pooling
from hubselect.records import Dataset, Recipe
from hubselect.registry import Registry
from tests.support.lab import MODELS, OWNER, TARGET, Lab

RECIPE = Recipe("text-classification")
HEADLESS = f"{OWNER}/headless"


@pytest.fixture(scope="module")
def place(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copy(lab.registry, tmp_path_factory.mktemp("scoring") / "registry.db"))


@pytest.fixture
def store(place: Path) -> Iterator[Registry]:
    with Registry.open(place) as found:
        yield found


@pytest.fixture(scope="module")
def target(lab: Lab) -> Dataset:
    return index_dataset(TARGET, role="target")


@pytest.fixture(scope="module")
def pool() -> Iterator[WorkerPool]:
    with WorkerPool(2) as found:
        yield found


def scorer(store: Registry, target: Dataset, pool: WorkerPool, pooling: Pooling = "mean") -> Scorer:
    return Scorer(store, target, RECIPE, pool, silent, pooling=pooling)


@pytest.mark.slow
def test_one_pass_serves_several_proxies(store: Registry, target: Dataset, pool: WorkerPool) -> None:
    """Two proxies cost the epochs of one pass over 64 examples a model."""
    found = scorer(store, target, pool)
    scores = found.score(MODELS[:2], ["leep", "nleep"])
    assert {name: set(of) for name, of in scores.items()} == {
        "leep": set(MODELS[:2]),
        "nleep": set(MODELS[:2]),
    }
    assert found.epochs == pytest.approx(2 / 3)
    assert all(s.origin == "head" for s in scores["leep"].values())
    assert all(s.origin == "features" for s in scores["nleep"].values())


def test_a_second_proxy_costs_no_inference_and_no_download(
    store: Registry, target: Dataset, hub: MiniHub
) -> None:
    """A kept pass answers: no epochs, no bytes, no worker, not one request to the Hub."""
    with WorkerPool(1) as pool:
        scorer(store, target, pool).score(MODELS[:2], ["leep"])
        hub.reset()
    with WorkerPool(1) as idle:
        again = scorer(store, target, idle)
        scores = again.score(MODELS[:2], ["nleep@layers", "nleep@cls", "leep"])
        assert not idle._processes
    assert all(set(of) == set(MODELS[:2]) for of in scores.values())
    assert (again.epochs, again.bytes_downloaded, again.notes) == (0, 0, [])
    assert hub.requests == []


def test_poolings_are_never_confused(store: Registry, target: Dataset, pool: WorkerPool) -> None:
    """A scorer's own pooling is in the name of what it makes; poolings give different scores."""
    model = MODELS[0]
    plain = scorer(store, target, pool).score([model], ["nleep", "nleep@mean", "nleep@layers"])
    layers = scorer(store, target, pool, "layers").score([model], ["nleep", "nleep@mean"])
    assert plain["nleep"][model] == plain["nleep@mean"][model] == layers["nleep@mean"][model]
    assert plain["nleep@layers"][model] == layers["nleep"][model]
    assert plain["nleep"][model].proxy == "nleep"
    assert layers["nleep"][model].proxy == "nleep@layers"
    assert plain["nleep"][model].score != layers["nleep"][model].score


def test_a_model_that_cannot_be_had_leaves_a_note(
    store: Registry, target: Dataset, pool: WorkerPool, hub: MiniHub
) -> None:
    """The others are scored; unknown proxies are refused before any work."""
    found = scorer(store, target, pool)
    with pytest.raises(InvalidInput):
        found.score(MODELS, ["leep", "luck"])
    assert hub.requests == []
    scores = found.score([HEADLESS, f"{OWNER}/nobody"], ["leep"])["leep"]
    assert set(scores) == {HEADLESS}
    assert scores[HEADLESS].origin == "features"
    assert len(found.notes) == 1
    assert "nobody" in found.notes[0]


def test_passes_that_cannot_be_kept_are_used_all_the_same(
    lab: Lab, target: Dataset, pool: WorkerPool, tmp_path: Path
) -> None:
    """No room for the cache: the scores are there, and a note says what the next time will cost."""
    with Registry.open(shutil.copy(lab.registry, tmp_path / "registry.db")) as store:
        store.home.mkdir(parents=True, exist_ok=True)
        (store.home / "features").write_text("in the way")
        found = scorer(store, target, pool)
        assert set(found.score(MODELS[:2], ["leep"])["leep"]) == set(MODELS[:2])
    assert ["cannot be kept" in note for note in found.notes] == [True]


@pytest.mark.slow
def test_a_second_recall_on_the_same_target_downloads_nothing(lab: Lab, tmp_path: Path, hub: MiniHub) -> None:
    """The server is asked for the revision of the dataset at most: no weights and no data."""
    from hubselect import coarse_recall

    registry = Path(shutil.copy(lab.registry, tmp_path / "registry.db"))
    first = coarse_recall(TARGET, registry=registry, proxy="leep")
    assert first.epochs > 0
    hub.reset()
    for proxy in ("leep", "nleep"):
        again = coarse_recall(TARGET, registry=registry, proxy=proxy)
        assert (again.epochs, again.bytes_downloaded) == (0, 0)
        assert proxy != "leep" or again.recalled == first.recalled
    sent = [r for r in hub.requests if r.file and Path(r.file).suffix in (".parquet", ".csv", ".safetensors")]
    assert not [r for r in sent if r.method == "GET"]
    assert not hub.weights_fetched()
