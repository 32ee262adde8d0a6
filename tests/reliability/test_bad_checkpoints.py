"""Checkpoints nobody should trust: each is marked failed with its reason in one line, and the selection
and the benchmark go on with the others. Nothing that a repository carries is run, and nothing that its
config names is fetched. One selection over all of them and one benchmark, over real HTTP.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from hubselect import Registry, add_dataset, add_model, benchmark, select
from hubselect.demo.server import MiniHub
from hubselect.errors import CheckpointBroken, HubselectError
from hubselect.records import Run, Selection
from hubselect.training.tasks import ImageAdapter
from tests.reliability.checkpoints import BAD, HARMLESS
from tests.support.repos import write_image_model, write_text_dataset, write_text_model

pytestmark = pytest.mark.slow  # whole selections

OWNER = "untrusted"
TARGET, BENCH = f"{OWNER}/target", f"{OWNER}/bench"
SOUND = f"{OWNER}/sound"
MODELS = (SOUND, *(f"{OWNER}/{name}" for name in (*BAD, *HARMLESS)))
LOADED_LATE = ("pickle-only", "not-numbers", "constant", "no-tokenizer")
"""Bad checkpoints of each kind that only loading or training tells."""


@dataclass(frozen=True)
class Seen:
    """What came of everything: runs by model, what was asked of the hub, and where code that ran would
    have left its mark."""

    found: Selection
    selected: dict[str, Run]
    benchmarked: dict[str, Run]
    asked: tuple[str, ...]
    files: frozenset[str]
    mark: Path


@pytest.fixture(scope="module")
def seen(hub: MiniHub, hub_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    folder = tmp_path_factory.mktemp("untrusted")
    mark = folder / "mark"
    for name in (TARGET, BENCH):
        write_text_dataset(hub_root, name, sizes=(32, 16, 16))
    for number, model in enumerate(MODELS):
        repository = write_text_model(hub_root, model, seed=number, hidden_size=16, layers=1)
        name = model.partition("/")[2]
        if name in BAD:
            BAD[name][0](repository, mark)
        elif name in HARMLESS:
            HARMLESS[name](repository, mark)
    hub.reset()
    with Registry.open(folder / "registry.db") as store:
        scores = [(m, f"{OWNER}/known", 0.9 - i / 100) for i, m in enumerate(MODELS)]
        store.import_scores(pd.DataFrame(scores, columns=["model", "dataset", "score"]))
        found = select(
            TARGET,
            registry=store,
            k=len(MODELS),
            recall="mean",
            policy="brute-force",
            epochs=1,
            max_train_samples=16,
            output=folder / "winner",
            workers=1,
        )
        add_dataset(BENCH, registry=store)
        late = [f"{OWNER}/{name}" for name in LOADED_LATE]
        benchmark(
            registry=store, models=[SOUND, *late], datasets=[BENCH], epochs=1, max_train_samples=16, workers=1
        )
        assert store.check() == []
        return Seen(
            found,
            {r.model: r for r in store.runs(selection=found.id)},
            {r.model: r for r in store.runs(dataset=BENCH)},
            tuple(r.path for r in hub.requests),
            frozenset(r.file for r in hub.requests if r.method == "GET" and r.file),
            mark,
        )


@pytest.mark.parametrize("name", BAD)
def test_a_bad_checkpoint_is_marked_failed_with_its_reason(seen: Seen, name: str) -> None:
    """Its run in the registry names the model and says what is wrong, in one printable line."""
    run = seen.selected[f"{OWNER}/{name}"]
    assert run.status == "failed"
    assert run.reason is not None
    assert BAD[name][1] in run.reason
    assert f"{OWNER}/{name}" in run.reason
    assert run.reason.isprintable()
    assert run.test is None


def test_the_selection_goes_on_with_the_others(seen: Seen) -> None:
    """Whoever can be trained was trained to the end, one of them won, and the winner has a test score."""
    others = {SOUND, *(f"{OWNER}/{name}" for name in HARMLESS)}
    assert {m for m, r in seen.selected.items() if r.curve} == others
    assert seen.found.model_id in others
    assert seen.found.test_score is not None


def test_the_benchmark_goes_on_with_the_others(seen: Seen) -> None:
    """Cells of bad checkpoints failed for the same reasons; the sound one's is filled."""
    assert seen.benchmarked[SOUND].status == "done"
    for name in LOADED_LATE:
        run = seen.benchmarked[f"{OWNER}/{name}"]
        assert run.status == "failed"
        assert BAD[name][1] in (run.reason or "")


def test_nothing_of_a_repository_is_run(seen: Seen) -> None:
    """No pickle and no module left its mark, and modules and foreign pickles were not even fetched."""
    assert not seen.mark.exists()
    strange = (".py", ".pkl", ".pt", ".pth")
    assert not [f for f in seen.files if f.endswith(strange) or f == "training_args.bin"]


def test_nothing_that_a_config_names_is_fetched(seen: Seen) -> None:
    """A kernel, a base or a module that config.json names elsewhere on the Hub is never asked for."""
    assert not [path for path in seen.asked if "evil" in path]


@pytest.mark.parametrize("name", ["truncated", "code-for-an-unknown-type", "no-tokenizer", "huge-shape"])
def test_adding_a_bad_checkpoint_leaves_the_registry_as_it_was(seen: Seen, name: str, tmp_path: Path) -> None:
    """`add-model` looks up and loads before it writes."""
    with Registry.open(tmp_path / "registry.db") as store:
        add_dataset(BENCH, registry=store)
        with pytest.raises(HubselectError, match=BAD[name][1]):
            add_model(f"{OWNER}/{name}", registry=store, workers=1)
        assert store.models() == []


def test_an_image_model_without_a_processor_is_broken(tmp_path: Path) -> None:
    """transformers has nothing to make up for it."""
    from hubselect.training.loading import load_config

    folder = write_image_model(tmp_path, "o/m", hidden_size=16, layers=1)
    (folder / "preprocessor_config.json").unlink()
    with pytest.raises(CheckpointBroken, match="the image processor of"):
        ImageAdapter(folder, load_config(folder))
