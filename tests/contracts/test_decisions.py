"""The seam of phase 2: the same curves through every executor and journal give identical decisions.

The local executor really trains, and so does a Ray cluster; what was recorded is then replayed, in memory
and in a registry, in other orders and after a kill. Every policy must give the same verdicts, reasons
included, and the same winner.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from hubselect import select
from hubselect.api.selection.journal import RegistryJournal
from hubselect.api.selection.policies import policy_from
from hubselect.backtest import MemoryJournal
from hubselect.executors.jobs import TrainingJob
from hubselect.executors.local import LocalExecutor
from hubselect.executors.replay import ReplayExecutor
from hubselect.executors.workplaces import Workplace, workplace
from hubselect.hub import download_model
from hubselect.records import CurvePoint, Failed, Run, Selection
from hubselect.registry import Registry, SelectionRequest
from hubselect.selection import POLICIES, Budgeted, Executor, Journal, Stage, StagedPolicy, drive
from tests.support import lab as laboratory

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Trained:
    """What the local executor did: the selection, its curves, and the policy rebuilt from its journal."""

    selection: Selection
    runs: dict[str, Run]
    policy: StagedPolicy
    registry: Path

    @property
    def candidates(self) -> list[str]:
        return [r.model for r in self.selection.recalled]

    def replayed_in(self, journal: Journal, executor: Executor | None = None) -> None:
        """The same decisions once more, or the test fails."""
        done = drive(self.policy, executor or ReplayExecutor(self.runs), journal)
        assert done.winner == self.selection.model_id
        assert done.verdicts == self.selection.history


BUDGETED = "successive-halving within 5.4 epochs"  # all four start, one instead of two goes on


@pytest.fixture(scope="module", params=[*sorted(POLICIES), BUDGETED])
def trained(
    request: pytest.FixtureRequest, lab: laboratory.Lab, tmp_path_factory: pytest.TempPathFactory
) -> Trained:
    place = tmp_path_factory.mktemp("decisions") / "registry.db"
    shutil.copy(lab.registry, place)
    name, _, budget = request.param.partition(" within ")
    limit = float(budget.removesuffix(" epochs")) if budget else None
    found = select(laboratory.TARGET, registry=place, k=4, policy=name, budget_epochs=limit, workers=2)
    with Registry.open(place) as store:
        record = store.selection_record(found.id)
        runs = {r.model: r for r in store.runs(selection=found.id)}
        policy = policy_from(record.request, store.recipe(found.recipe), record.knowledge or {})
    assert isinstance(policy, Budgeted) == (request.param == BUDGETED)
    if limit is not None:
        assert found.cost.epochs <= limit
        assert any("budget" in v.reason for v in found.history)
    return Trained(found, runs, policy, place)


def test_a_replay_in_memory_decides_as_the_training_did(trained: Trained) -> None:
    """The replay executor, and candidates in the order of recall."""
    trained.replayed_in(MemoryJournal(trained.candidates))


def test_a_replay_in_a_registry_decides_as_the_training_did(trained: Trained) -> None:
    """The durable journal; what it holds at the end are the same verdicts."""
    with Registry.open(trained.registry) as store:
        recipe = store.recipe(trained.selection.recipe)
        request = SelectionRequest(trained.selection.dataset, recipe.digest, "replayed", "", 4, {"again": 1})
        number = store.create_selection(request)
        journal = RegistryJournal(store, number, trained.candidates, trained.selection.dataset, recipe)
        trained.replayed_in(journal)
        assert store.selection_record(number).verdicts == trained.selection.history


@pytest.fixture(scope="module")
def cluster() -> Iterator[Workplace]:
    """A Ray cluster of this machine, as the executor starts it where none is named."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("RAY_ADDRESS", raising=False)
        with workplace("ray") as place:
            yield place


def test_a_ray_cluster_decides_as_the_training_did(
    trained: Trained, cluster: Workplace, tmp_path: Path
) -> None:
    """Every model is trained once more, on a cluster: the same curves, to the last bit, and decisions."""
    with Registry.open(trained.registry) as store:
        recipe, target = store.recipe(trained.selection.recipe), store.dataset(trained.selection.dataset)
        models = {m: store.model(m) for m in trained.candidates}

    def state_dir(model: str) -> Path:
        return tmp_path / model.replace("/", "--")

    def job(model: str) -> TrainingJob:
        checkpoint = download_model(models[model]).path
        return TrainingJob(checkpoint, models[model], target, recipe, state_dir(model))

    with Registry.open(trained.registry) as store, cluster.pool(2, len(models)) as pool:
        request = SelectionRequest(trained.selection.dataset, recipe.digest, "on ray", "", 4, {"again": 2})
        number = store.create_selection(request)
        journal = RegistryJournal(store, number, trained.candidates, trained.selection.dataset, recipe)
        trained.replayed_in(journal, LocalExecutor(pool, job, state_dir))
        curves = journal.history().points
    for model, points in curves.items():
        assert [(p.stage, p.val) for p in points] == [(p.stage, p.val) for p in trained.runs[model].curve]


class Reversed(ReplayExecutor):
    """Answers the last candidate first, as an executor does whose workers finish in any order."""

    def run(self, stage: Stage) -> Iterator[CurvePoint | Failed]:
        return super().run(Stage(stage.number, stage.models[::-1], stage.verdicts))


def test_the_order_in_which_results_arrive_decides_nothing(trained: Trained) -> None:
    """Workers that finish in another order, and candidates in another order."""
    trained.replayed_in(MemoryJournal(trained.candidates[::-1]), Reversed(trained.runs))


class Killed(Exception):
    pass


class Mortal(ReplayExecutor):
    """Is killed after `events` results; what it had reached stays, as a training state on disk would."""

    def __init__(self, runs: dict[str, Run], events: int) -> None:
        super().__init__(runs)
        self.events = events

    def run(self, stage: Stage) -> Iterator[CurvePoint | Failed]:
        for event in super().run(stage):
            yield event
            self.events -= 1
            if self.events == 0:
                raise Killed


@pytest.mark.parametrize("events", [1, 3, 4, 5])
def test_a_kill_changes_no_decision(trained: Trained, events: int) -> None:
    """Killed in the middle of a stage or between two, and continued with the same journal."""
    journal, executor = MemoryJournal(trained.candidates), Mortal(trained.runs, events)
    try:
        drive(trained.policy, executor, journal)
    except Killed:
        executor.events = -1
    trained.replayed_in(journal, executor)
