"""Working through cells of the performance matrix, beside other processes that do the same."""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hubselect.api.benchmarks.claims import Claims
from hubselect.api.benchmarks.missing import SETTLED, Missing, settled_cells
from hubselect.api.clusters.after import ClustersAfter
from hubselect.api.looking import look_at_all
from hubselect.api.progress import PLAN, Listener, Progress
from hubselect.errors import HubselectError
from hubselect.executors.jobs import Advanced, TrainingJob
from hubselect.executors.local import PASSING, advance_to
from hubselect.executors.pool import Chain, Pool
from hubselect.executors.workplaces import Workplace
from hubselect.hub import download_model
from hubselect.records import Dataset, Model, Task
from hubselect.registry import Registry
from hubselect.reports.numbers import counted

_PATIENCE = 1.0  # seconds between two looks at cells that other processes work on
_Cell = tuple[Model, Dataset]


@dataclass(frozen=True)
class Cell:
    """What happened to one cell of the performance matrix: done with a test score, or failed.

    `seed` is that of the run.
    """

    model: str
    dataset: str
    status: str
    test: float | None = None
    reason: str | None = None
    seconds: float = 0.0
    seed: int = 0


@dataclass(frozen=True)
class BenchmarkReport:
    """`cells` were worked on now; `known` were there before, or came from other processes meanwhile;
    `recipes` by task.

    `clusters` tells what the new scores did to the clusters under these recipes, `warnings` what makes
    scores on a dataset doubtful.
    """

    cells: tuple[Cell, ...] = ()
    known: int = 0
    recipes: Mapping[Task, str] = field(default_factory=dict)
    clusters: tuple[ClustersAfter, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def failed(self) -> tuple[Cell, ...]:
        return tuple(c for c in self.cells if c.status == "failed")


def fill(
    store: Registry, work: Missing, place: Workplace, workers: int | None, listener: Listener
) -> BenchmarkReport:
    """Every cell of `work` is settled afterwards, by this process or by another one; training happens
    at `place`.

    A cell that another process works on is left to it, and taken over should that process end
    without a result. `known` of the report counts those that others settled.
    """
    recipes = {work.recipe.task: work.recipe.digest}
    _sweep(store)
    if not work.cells:
        return BenchmarkReport((), 0, recipes)
    checkpoints = {m.id: _fetch(m) for m in {m.id: m for m, _ in work.cells}.values()}
    store.add_recipe(work.recipe)
    largest = max((m.weights_bytes or 0) for m, _ in work.cells)
    with (
        place.pool(workers, len(work.cells), largest) as pool,
        Claims(store, work.recipe.digest, work.seed) as claims,
    ):
        warnings = look_at_all(pool, {d.name: d for _, d in work.cells}.values(), work.recipe, listener)
        filling = _Filling(store, work, claims, checkpoints, listener)
        cells = filling.work(pool)
    return BenchmarkReport(tuple(cells), filling.others, recipes, warnings=warnings)


class _Filling:
    """Works through cells, and writes every stage to the registry as it comes.

    `others` counts the cells that other processes settled meanwhile.
    """

    def __init__(
        self,
        store: Registry,
        work: Missing,
        claims: Claims,
        checkpoints: Mapping[str, Path | HubselectError],
        listener: Listener,
    ) -> None:
        self._store = store
        self._cells = work.cells
        self._recipe = work.recipe
        self._digest = work.recipe.digest
        self._seed = work.seed
        self._claims = claims
        self._checkpoints = checkpoints
        self._listener = listener
        self._jobs: dict[str, TrainingJob] = {}
        self._started: dict[str, float] = {}
        self._claimed: list[_Cell] = []
        self._done: list[Cell] = []
        self.others = 0

    def work(self, pool: Pool) -> list[Cell]:
        self._tell("")
        left: Sequence[_Cell] = self._cells
        while left:
            for key, result in pool.run({self._key(*cell): self._chain(*cell) for cell in left}):
                self._record(key, result)
            left = self._with_others(left)
        return self._done

    def _chain(self, model: Model, dataset: Dataset) -> Chain:
        """Nothing to do, unless the cell can be claimed and nobody has finished it yet."""
        if not self._claims.take(model.id, dataset.name):
            return
        self._claimed.append((model, dataset))
        run = self._store.start_run(model.id, dataset.name, self._digest, seed=self._seed)
        if run.status == "done":
            self._claims.free(model.id, dataset.name)
            self.others += 1
            return
        checkpoint = self._checkpoints[model.id]
        if isinstance(checkpoint, HubselectError):
            self._failed(model.id, dataset.name, checkpoint, 0.0)
            return
        key, place = self._key(model, dataset), self._state_dir(model, dataset)
        self._jobs[key] = TrainingJob(checkpoint, model, dataset, self._recipe, place, self._seed)
        self._started[key] = time.monotonic()
        yield from advance_to(self._jobs[key], self._recipe.stages, test=True)

    def _record(self, key: str, result: object) -> None:
        job = self._jobs[key]
        seconds = time.monotonic() - self._started[key]
        model, dataset = job.model.id, job.dataset.name
        if isinstance(result, PASSING):
            raise result  # no verdict on the cell: it is missing still, its state is kept
        if isinstance(result, HubselectError):
            self._failed(model, dataset, result, seconds)
        elif isinstance(result, float):
            self._store.finish_run(model, dataset, self._digest, result, seed=self._seed)
            self._settled(Cell(model, dataset, "done", result, None, seconds, self._seed))
            self._tell(f"{key}: {result:.3f}")
        elif isinstance(result, Advanced):
            if result.note is not None:
                self._listener(Progress(PLAN, 0, 1, result.note))
            for point in result.points:
                self._store.append_point(point, dataset, self._digest, seed=self._seed)
            return
        shutil.rmtree(job.state_dir, ignore_errors=True)

    def _failed(self, model: str, dataset: str, error: HubselectError, seconds: float) -> None:
        self._store.fail_run(model, dataset, self._digest, str(error), seed=self._seed)
        self._settled(Cell(model, dataset, "failed", None, str(error), seconds, self._seed))
        self._tell(f"{model} on {dataset}: failed, {error}")

    def _settled(self, cell: Cell) -> None:
        self._done.append(cell)
        self._claims.free(cell.model, cell.dataset)

    def _with_others(self, cells: Sequence[_Cell]) -> Sequence[_Cell]:
        """Those of `cells` that another process works on, or had when it ended."""
        elsewhere = [cell for cell in cells if cell not in self._claimed]
        if not elsewhere:
            return ()
        if len(elsewhere) == len(cells):
            self._tell(f"other processes are filling {counted(len(elsewhere), 'cell')}")
            time.sleep(_PATIENCE)
        settled = settled_cells(self._store, self._digest, self._seed)
        left = [(m, d) for m, d in elsewhere if (m.id, d.name) not in settled]
        self.others += len(elsewhere) - len(left)
        return left

    def _tell(self, detail: str) -> None:
        self._listener(Progress("benchmark", len(self._done), len(self._cells) - self.others, detail))

    def _key(self, model: Model, dataset: Dataset) -> str:
        key = f"{model.id} on {dataset.name}"
        return key if self._seed == self._recipe.seed else f"{key}, seed {self._seed}"

    def _state_dir(self, model: Model, dataset: Dataset) -> Path:
        of = (model.id, model.revision, dataset.name, dataset.revision)
        return _work(self._store) / _folder(*of, self._digest, self._seed)


def _work(store: Registry) -> Path:
    return store.home / "work"


def _folder(*names: str | int | None) -> str:
    """The name of the folder for the training state of a cell: model, dataset, recipe and seed, pinned."""
    return f"cell-{hashlib.sha256(repr(names).encode()).hexdigest()[:24]}"


def _sweep(store: Registry) -> None:
    """Training states of settled cells, left by a kill between the score and the cleaning up."""
    left = {path.name: path for path in _work(store).glob("cell-*")}
    for run in store.runs(curves=False) if left else ():
        of = (run.model, run.model_revision, run.dataset, run.dataset_revision)
        place = left.get(_folder(*of, run.recipe, run.seed))
        if place is None or run.status not in SETTLED:
            continue
        with Claims(store, run.recipe, run.seed) as claims:  # of a failed cell that is being repeated: none
            if claims.take(run.model, run.dataset):
                shutil.rmtree(place, ignore_errors=True)


def _fetch(model: Model) -> Path | HubselectError:
    try:
        return download_model(model).path
    except PASSING:
        raise
    except HubselectError as error:
        return error
