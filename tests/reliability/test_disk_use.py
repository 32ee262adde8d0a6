"""The disk use of a selection, measured while it works: within `--max-disk`, and no training state of a model
that is out."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest
from huggingface_hub import constants

from hubselect import Registry, plan_selection, select
from hubselect.api.progress import Progress
from hubselect.api.selection.work import _state_dir
from hubselect.demo.server import MiniHub
from hubselect.errors import InvalidInput
from hubselect.executors.jobs import TrainingJob
from hubselect.executors.local import LocalExecutor
from hubselect.executors.pool import WorkerPool
from tests.support.repos import write_text_dataset, write_text_model

OWNER = "roomy"
TARGET = f"{OWNER}/target"
MODELS = tuple(f"{OWNER}/{name}" for name in ("first", "second", "third"))
ASKED = {"k": 3, "recall": "mean", "policy": "fine-selection", "epochs": 2, "workers": 1}


@pytest.fixture(scope="module")
def store(hub: MiniHub, hub_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry that knows three models, best first, by imported scores alone."""
    write_text_dataset(hub_root, TARGET)
    for seed, name in enumerate(MODELS):
        write_text_model(hub_root, name, hidden_size=160, seed=seed)
    path = tmp_path_factory.mktemp("roomy") / "home" / "registry.db"
    with Registry.open(path) as opened:
        scores = [(m, f"{OWNER}/known", 0.9 - i / 100) for i, m in enumerate(MODELS)]
        opened.import_scores(pd.DataFrame(scores, columns=["model", "dataset", "score"]))
    return path


@pytest.fixture
def checkpoints() -> Path:
    """The Hub's cache of models, empty."""
    cache = Path(constants.HF_HUB_CACHE)
    for folder in cache.glob("models--*"):
        shutil.rmtree(folder)
    return cache


def fetched(hub: MiniHub) -> set[str]:
    """The models of whose weights more than the header was read, which tells their size."""
    return {model for model, files in hub.weights_fetched().items() if sum(files.values()) > 1 << 17}


@dataclass
class Peak:
    bytes: int = 0


@contextmanager
def watched(*folders: Path) -> Iterator[Peak]:
    """The most that ever lies in models, states and winners below `folders`, looked at all the time."""
    peak, ended = Peak(), threading.Event()

    def watch() -> None:
        while not ended.is_set():
            peak.bytes = max(peak.bytes, sum(map(_size, folders)))
            time.sleep(0.002)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peak
    finally:
        ended.set()
        thread.join()


def _size(folder: Path) -> int:
    """Weights, states and checkpoints only: not the registry, nor the dataset."""
    found = 0
    for pattern in ("models--*/**/*", "work/**/*", "*winner*/**/*"):
        for path in folder.glob(pattern):
            try:
                found += 0 if path.is_symlink() or path.is_dir() else path.stat().st_size
            except FileNotFoundError:
                continue
    return found


@pytest.mark.slow
def test_the_disk_use_of_a_selection_stays_within_the_limit(
    store: Path, hub: MiniHub, checkpoints: Path, tmp_path: Path
) -> None:
    """Room for two models of three: the third is left out with a reason, and the peak that is measured does
    not exceed the limit; the plan says the same beforehand."""
    limit = plan_selection(TARGET, registry=store, **{**ASKED, "k": 2}, max_disk=10**9).disk_bytes
    assert plan_selection(TARGET, registry=store, **ASKED, max_disk=10**9).disk_bytes > limit
    plan = plan_selection(TARGET, registry=store, **ASKED, max_disk=limit)
    assert plan.likely == MODELS[:2]
    assert plan.disk_bytes <= limit
    heard: list[Progress] = []
    with Registry.open(store) as opened, watched(checkpoints, opened.home, tmp_path) as peak:
        found = select(
            TARGET,
            registry=opened,
            output=tmp_path / "winner",
            listener=heard.append,
            **ASKED,
            max_disk=limit,
        )  # type: ignore[arg-type]
    assert {r.model for r in found.recalled} == set(MODELS[:2])
    (told,) = {e.detail for e in heard if "left out" in e.detail}
    assert MODELS[2] in told
    assert "--max-disk" in told
    assert fetched(hub) == set(MODELS[:2])
    assert limit / 2 < peak.bytes <= limit


def test_a_disk_too_small_for_any_candidate_is_refused_before_anything_is_fetched(
    store: Path, hub: MiniHub, checkpoints: Path
) -> None:
    """One line that names the limit, from the plan and from the selection; also for models whose size is
    known to the registry."""
    with Registry.open(store) as opened:
        before = len(opened.selections())
    for what in (plan_selection, select, plan_selection):
        with pytest.raises(InvalidInput, match="raise --max-disk"):
            what(TARGET, registry=store, **ASKED, max_disk=1_000_000)
    with pytest.raises(InvalidInput, match="must not be negative"):
        select(TARGET, registry=store, max_disk=-1)
    assert not fetched(hub)
    with Registry.open(store) as opened:
        assert len(opened.selections()) == before


@pytest.mark.slow
def test_the_state_of_a_model_that_is_out_is_deleted_at_once(store: Path, tmp_path: Path) -> None:
    """When the first model reaches the second stage, no state of an eliminated one is left."""
    seen: list[set[str]] = []

    def listen(event: Progress) -> None:
        if event.step == "fine-tune" and event.done == 2:
            seen.append({p.parent.name for p in home.glob("work/selection-*/*/state.pt")})

    with Registry.open(store) as opened:
        home = opened.home
        found = select(
            TARGET, registry=opened, output=tmp_path / "winner", listener=listen, **ASKED, fresh=True
        )  # type: ignore[arg-type]
    started = {v.model for v in found.history if v.stage == 1}
    left = {v.model for v in found.history if v.stage == 1 and v.kept}
    assert started == set(MODELS)
    assert len(left) < len(MODELS)
    assert seen
    assert seen[0] == {_state_dir(home, m).name for m in left}
    assert not list(home.glob("work/*"))


def test_a_state_that_an_earlier_life_left_is_deleted_too(tmp_path: Path) -> None:
    """After a restart a model that is out has no job any more: its state goes all the same."""

    def never(model: str) -> TrainingJob:
        raise AssertionError(f"{model} is out")

    state = tmp_path / "out" / "state.pt"
    state.parent.mkdir()
    state.write_bytes(b"a training state")
    with WorkerPool(1) as pool:
        LocalExecutor(pool, never, lambda model: tmp_path / model).discard("out")
    assert not state.parent.exists()
