"""Growing the registry over real HTTP: what is added, what is refused, what stays unchanged."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pytest

from hubselect import Registry, add_dataset, add_model, benchmark
from hubselect.demo.server import MiniHub
from hubselect.errors import (
    CheckpointBroken,
    HubselectError,
    HubUnreachable,
    InvalidInput,
    RepoGated,
    RepoNotFound,
    UnsupportedDataset,
)
from tests.support.lab import BENCHMARKS, LATECOMER, MODELS, OWNER, TARGET, Lab
from tests.support.repos import break_weights, write_settings, write_text_model


def content(path: Path) -> list[str]:
    """Everything the database says."""
    with sqlite3.connect(path) as connection:
        return list(connection.iterdump())


def test_the_matrix_is_filled_by_real_fine_tuning(registry: Path) -> None:
    """Every cell holds a test score, every run a curve of one point per epoch and both revisions."""
    with Registry.open(registry) as store:
        matrix = store.matrix()
        assert list(matrix.index) == sorted(MODELS)
        assert list(matrix.columns) == sorted(BENCHMARKS)
        assert np.isfinite(matrix.to_numpy()).all()
        runs = store.runs(status="done")
        assert all([p.epochs for p in r.curve] == [1.0, 2.0] for r in runs)
        assert all(len(r.model_revision or "") == len(r.dataset_revision or "") == 40 for r in runs)


def test_a_filled_matrix_leaves_nothing_to_do(registry: Path, hub: MiniHub) -> None:
    """A second `benchmark` fills no cell and downloads nothing."""
    report = benchmark(registry=registry)
    assert report.cells == ()
    assert report.known == len(MODELS) * len(BENCHMARKS)
    assert not hub.weights_fetched()


@pytest.mark.slow
def test_adding_a_model_fills_its_cells_and_updates_the_clusters(registry: Path, lab: Lab) -> None:
    """The new model is fine-tuned on every benchmark and stands in exactly one cluster."""
    added = add_model(LATECOMER, registry=registry, workers=2)
    assert {c.dataset for c in added.benchmark.cells} == set(BENCHMARKS)
    assert all(c.status == "done" for c in added.benchmark.cells)
    (before,), (after,) = added.before, added.after
    assert before.of(LATECOMER) is None
    assert after.of(LATECOMER) is not None
    assert {m for c in after.clusters for m in c.members} == {*MODELS, LATECOMER}


@pytest.mark.slow
def test_new_scores_update_the_clusters_and_say_so(registry: Path, lab: Lab) -> None:
    """`benchmark` brings the clusters up to date as `add_model` does, and tells what changed."""
    add_model(LATECOMER, registry=registry, benchmark=False)
    report = benchmark(registry=registry, workers=2)
    (after,) = report.clusters
    assert after.failure is None
    assert any(LATECOMER in payload.get("models", ()) for _, payload in after.events)
    with Registry.open(registry) as store:
        assert any(LATECOMER in c.members for c in store.clusters())
        events = len(store.cluster_events())
    (again,) = benchmark(registry=registry).clusters
    assert (again.events, again.waiting, again.failure) == ((), (), None)
    with Registry.open(registry) as store:
        assert len(store.cluster_events()) == events


def test_indexing_alone_trains_nothing_and_reads_a_header_only(
    registry: Path, hub: MiniHub, lab: Lab
) -> None:
    """`benchmark=False` writes the model's metadata; of its weights only the header crosses the wire."""
    add_model(LATECOMER, registry=registry, benchmark=False)
    with Registry.open(registry) as store:
        assert store.model(LATECOMER).revision is not None
        assert store.runs(model=LATECOMER) == []
    assert sum(hub.weights_fetched()[LATECOMER].values()) <= 1 << 15


def test_the_public_registry_grows_by_hub_id(registry: Path, lab: Lab) -> None:
    """`Registry.add_model` and `add_dataset` take ids as the functions do, and records as they are."""
    with Registry.open(registry) as store:
        model = store.add_model(LATECOMER, benchmark=False)
        assert store.model(LATECOMER) == model == store.add_model(model)
        dataset = store.add_dataset(TARGET, role="target")
        assert store.dataset(TARGET) == dataset


@pytest.mark.slow
def test_a_model_known_by_name_is_looked_up_when_it_is_benchmarked(tmp_path: Path, lab: Lab) -> None:
    """An imported name becomes a pinned checkpoint when its first cell is to be measured."""
    place = tmp_path / "imported.db"
    file = tmp_path / "scores.csv"
    file.write_text(f"model,dataset,score\n{MODELS[0]},{BENCHMARKS[0]},0.5\n")
    with Registry.open(place) as store:
        store.import_scores(file)
        assert store.model(MODELS[0]).revision is None
        report = benchmark(registry=store, models=[MODELS[0]], datasets=[BENCHMARKS[0]], epochs=1)
        assert [c.status for c in report.cells] == ["done"]
        assert store.model(MODELS[0]).revision is not None
        assert {r.source for r in store.runs(model=MODELS[0])} == {"measured", "imported:scores"}


def test_a_missing_model_leaves_the_registry_unchanged(registry: Path) -> None:
    """Nothing is written for any of the ids when one of them does not exist."""
    before = content(registry)
    with pytest.raises(RepoNotFound):
        add_model([LATECOMER, f"{OWNER}/nobody"], registry=registry, benchmark=False)
    assert content(registry) == before


def test_a_gated_model_leaves_the_registry_unchanged(registry: Path, lab: Lab) -> None:
    """The error says that access has to be requested; nothing is written."""
    folder = write_text_model(lab.root, f"{OWNER}/gated")
    write_settings(folder, gated="manual")
    before = content(registry)
    with pytest.raises(RepoGated, match="access"):
        add_model(f"{OWNER}/gated", registry=registry)
    assert content(registry) == before


def test_a_corrupted_checkpoint_leaves_the_registry_unchanged(registry: Path, lab: Lab) -> None:
    """Weights that cannot be loaded are found out before the model is written."""
    folder = write_text_model(lab.root, f"{OWNER}/corrupt")
    break_weights(folder)
    before = content(registry)
    with pytest.raises((CheckpointBroken, HubselectError)):
        add_model(f"{OWNER}/corrupt", registry=registry)
    assert content(registry) == before


def test_a_dataset_without_labels_leaves_the_registry_unchanged(registry: Path, lab: Lab) -> None:
    """The error names the columns there are and the option to set."""
    before = content(registry)
    with pytest.raises(UnsupportedDataset, match="label"):
        add_dataset(f"{OWNER}/unlabelled", registry=registry)
    assert content(registry) == before


def test_an_unreachable_hub_leaves_the_registry_unchanged(
    registry: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One clear error, soon."""
    before = content(registry)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(HubUnreachable):
        add_model(LATECOMER, registry=registry)
    assert content(registry) == before


@pytest.mark.slow
def test_a_hub_that_goes_away_leaves_cells_missing_not_failed(
    registry: Path, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An outage is no verdict: the registry is unchanged and the same command fills the cells later."""
    name = f"{OWNER}/outage"
    write_text_model(lab.root, name, seed=11)
    add_model(name, registry=registry, benchmark=False)
    before = content(registry)
    with monkeypatch.context() as away:
        away.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
        with pytest.raises(HubUnreachable):
            benchmark(registry=registry, models=[name])
    assert content(registry) == before
    report = benchmark(registry=registry, models=[name])
    assert [c.status for c in report.cells] == ["done"] * len(BENCHMARKS)


def test_measured_benchmarks_keep_their_columns(registry: Path, lab: Lab) -> None:
    """Results on one pair of columns and on another are never mixed under one name."""
    before = content(registry)
    with pytest.raises(InvalidInput, match="measured with other columns"):
        add_dataset(BENCHMARKS[2], registry=registry, text_columns=["sentence1"])
    assert content(registry) == before


def test_failed_cells_are_recorded_and_left_alone(registry: Path, lab: Lab) -> None:
    """A model that breaks later fails its cells with a reason; they are repeated only when asked to."""
    name = f"{OWNER}/breaks-later"
    folder = write_text_model(lab.root, name, seed=8)
    add_model(name, registry=registry, benchmark=False)
    with Registry.open(registry) as store:
        model = store.model(name)
    break_weights(folder)
    report = benchmark(registry=registry, models=[name], datasets=[BENCHMARKS[0]])
    assert [c.status for c in report.cells] == ["failed"]
    assert report.cells[0].reason
    assert benchmark(registry=registry, models=[name], datasets=[BENCHMARKS[0]]).cells == ()
    again = benchmark(registry=registry, models=[name], datasets=[BENCHMARKS[0]], retry_failed=True)
    assert [c.status for c in again.cells] == ["failed"]
    assert model.revision
