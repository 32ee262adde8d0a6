"""`report_to`: the curves arrive in real trackers, once each, also over a stop."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from hubselect.api.progress import Candidate, Progress, Standings
from hubselect.api.selection.tracking import TRACKERS, Tracking, check_trackers
from hubselect.errors import InvalidInput
from hubselect.records import CurvePoint, Dataset, Recipe
from hubselect.registry import Registry, SelectionRequest

RECIPE = Recipe("text-classification", epochs=2)


@pytest.fixture
def store(tmp_path: Path) -> Registry:
    return Registry.open(tmp_path / "registry.db")


@pytest.fixture
def selection(store: Registry) -> int:
    store.add_dataset(Dataset("org/target", "text-classification", revision="0" * 40, role="target"))
    store.add_recipe(RECIPE)
    return store.create_selection(SelectionRequest("org/target", RECIPE.digest, "brute-force", "leep", 2))


def standings(
    selection: int, *vals: float, predicted: float | None = None, test: float | None = None
) -> Standings:
    curve = tuple(CurvePoint("org/a", s, float(s), val, 3.0) for s, val in enumerate(vals, 1))
    row = Candidate("org/a", "trains", curve, predicted, judged=len(vals), test=test)
    return Standings("fine-tune", len(vals), 2, "", selection, "accuracy", (row,))


def scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """What TensorBoard itself reads."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    read = EventAccumulator(str(folder), size_guidance={"tensors": 0})
    read.Reload()
    return {
        tag: [(e.step, float(e.tensor_proto.float_val[0] if e.tensor_proto.float_val else _raw(e)))
              for e in read.Tensors(tag)]
        for tag in read.Tags()["tensors"]
    }  # fmt: skip


def _raw(event: object) -> float:
    from tensorboard.util.tensor_util import make_ndarray

    return float(make_ndarray(event.tensor_proto))  # type: ignore[attr-defined]


def test_tensorboard_reads_every_point_once(store: Registry, selection: int) -> None:
    """Validation scores, the predicted end and the test score; a second driver tells the rest."""
    heard: list[Progress] = []
    first = Tracking(store, ["tensorboard"], heard.append)
    first(standings(selection))
    first(standings(selection, 0.5, predicted=0.8))
    first(standings(selection, 0.5, predicted=0.8))
    second = Tracking(store, ["tensorboard"], heard.append)
    second(standings(selection, 0.5, 0.75, predicted=0.8, test=0.7))
    folder = store.home / "tensorboard" / f"selection-{selection}"
    found = scalars(folder / "org" / "a")
    assert found["val/accuracy"] == [(1, 0.5), (2, 0.75)]
    assert [step for step, _ in found["predicted/accuracy"]] == [1, 2]
    assert found["test/accuracy"] == [(2, pytest.approx(0.7))]
    assert f"curves: tensorboard --logdir {folder}" in {e.detail for e in heard}


def test_where_tensorboard_looks_can_be_said_as_with_transformers(
    store: Registry, selection: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TENSORBOARD_LOGGING_DIR", str(tmp_path / "elsewhere"))
    Tracking(store, ["tensorboard"], lambda event: None)(standings(selection, 0.5))
    assert "val/accuracy" in scalars(tmp_path / "elsewhere" / f"selection-{selection}" / "org" / "a")


def test_trackio_shows_a_run_for_each_candidate(store: Registry, selection: int, tmp_path: Path) -> None:
    """In a process of its own: trackio reads where it stores when it is imported."""
    code = f"""
import json, os
os.environ["TRACKIO_DIR"] = {str(tmp_path / "trackio")!r}
from hubselect.api.selection.tracking import Tracking
from hubselect.registry import Registry
from tests.api.selection.test_tracking import standings
store = Registry.open({str(tmp_path / "registry.db")!r})
Tracking(store, ["trackio"], lambda event: None)(standings({selection}, 0.5, predicted=0.8))
Tracking(store, ["trackio"], lambda event: None)(standings({selection}, 0.5, 0.75, test=0.7))
from trackio.sqlite_storage import SQLiteStorage
(name,) = SQLiteStorage.get_runs("hubselect")
rows = SQLiteStorage.get_logs("hubselect", name)
logged = [{{k: v for k, v in row.items() if k != "timestamp"}} for row in rows]
print(json.dumps([name, logged]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    name, logged = json.loads(done.stdout)  # nothing else was printed there
    assert name == f"selection-{selection}/org/a"
    scores = [(row["step"], row["val/accuracy"]) for row in logged if "val/accuracy" in row]
    assert scores == [(1, 0.5), (2, 0.75)]
    assert [row["step"] for row in logged if "predicted/accuracy" in row] == [1]
    assert [row["test/accuracy"] for row in logged if "test/accuracy" in row] == [0.7]


def test_a_tracker_that_fails_does_not_stop_the_selection(
    store: Registry, selection: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Its folder cannot be made: that is said once, and the listener hears everything else."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TENSORBOARD_LOGGING_DIR", str(tmp_path / "file" / "below"))
    heard: list[Progress] = []
    tracking = Tracking(store, ["tensorboard"], heard.append)
    tracking(standings(selection, 0.5))
    tracking(standings(selection, 0.5, 0.6))
    said = [e.detail for e in heard if "is told no more" in e.detail]
    assert len(said) == 1
    assert sum(isinstance(e, Standings) for e in heard) == 2


def test_a_tracker_that_nobody_knows_is_refused() -> None:
    with pytest.raises(InvalidInput, match="'wandb' is not known"):
        check_trackers(["wandb"])
    check_trackers(list(TRACKERS))
