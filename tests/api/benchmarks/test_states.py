"""Training states that a kill left between the score of a cell and the cleaning up."""

from __future__ import annotations

from pathlib import Path

from hubselect import benchmark
from hubselect.api.benchmarks.claims import Claims
from hubselect.api.benchmarks.filling import _folder, _work
from hubselect.records import Run
from hubselect.registry import Registry
from tests.registry.conftest import RECIPE, fill


def state_of(registry: Registry, run: Run) -> Path:
    of = (run.model, run.model_revision, run.dataset, run.dataset_revision, run.recipe, run.seed)
    file = _work(registry) / _folder(*of) / "state.pt"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"a training state")
    return file


def test_states_of_settled_cells_are_swept_and_others_stay(tmp_path: Path) -> None:
    """By the next `benchmark`, also where it has no cell to fill; not while another process has the cell."""
    with Registry.open(tmp_path / "registry.db") as registry:
        fill(registry)
        done, busy, _ = registry.runs(recipe=RECIPE, status="done", current=True)
        (failed,) = registry.runs(status="failed")
        running = registry.start_run("org/b", "org/e", RECIPE, seed=5)
        states = {run: state_of(registry, run) for run in (done, failed, busy, running)}
        with Claims(registry, busy.recipe, busy.seed) as elsewhere:
            assert elsewhere.take(busy.model, busy.dataset)
            assert benchmark(registry=registry).cells == ()
        assert [state.exists() for state in states.values()] == [False, False, True, True]
        benchmark(registry=registry)
        assert [state.exists() for state in states.values()] == [False, False, False, True]
