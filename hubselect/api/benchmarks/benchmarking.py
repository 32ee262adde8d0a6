"""Filling the performance matrix: fine-tune every model on every benchmark dataset, cell by cell."""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hubselect.api.benchmarks.missing import Missing, missing_cells, within
from hubselect.api.clusters.after import ClustersAfter, clusters_after
from hubselect.api.opening import opened
from hubselect.api.progress import Listener, Progress, silent
from hubselect.api.turns import turn
from hubselect.errors import HubselectError, InvalidInput, KnowledgeMissing
from hubselect.executors.jobs import TrainingJob
from hubselect.executors.local import PASSING, advance_to
from hubselect.executors.pool import Chain, WorkerPool, default_workers
from hubselect.hub import download_model, index_dataset, index_model
from hubselect.records import TASKS, Dataset, Model, Recipe, Task
from hubselect.registry import Registry


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
    """`cells` were worked on now; `known` were there before; `recipes` by task.

    `clusters` tells what the new scores did to the clusters under these recipes.
    """

    cells: tuple[Cell, ...] = ()
    known: int = 0
    recipes: Mapping[Task, str] = field(default_factory=dict)
    clusters: tuple[ClustersAfter, ...] = ()

    @property
    def failed(self) -> tuple[Cell, ...]:
        return tuple(c for c in self.cells if c.status == "failed")


def recipe_for(
    registry: Registry,
    task: Task,
    *,
    epochs: int | None = None,
    stages_per_epoch: int | None = None,
    max_train_samples: int | None = None,
    seed: int | None = None,
) -> Recipe:
    """The registry's main measured recipe for `task` (or the default one) with what was asked for changed."""
    measured = registry.main_recipe(task, measured=True) or Recipe(task)
    asked = {
        "epochs": epochs,
        "stages_per_epoch": stages_per_epoch,
        "max_train_samples": max_train_samples,
        "seed": seed,
    }
    return measured.with_(**{name: value for name, value in asked.items() if value is not None})


def benchmark(
    *,
    registry: Registry | str | Path | None = None,
    models: Sequence[str] = (),
    datasets: Sequence[str] = (),
    epochs: int | None = None,
    stages_per_epoch: int | None = None,
    max_train_samples: int | None = None,
    seed: int | None = None,
    seeds: Sequence[int] = (),
    budget: int | None = None,
    retry_failed: bool = False,
    workers: int | None = None,
    listener: Listener = silent,
) -> BenchmarkReport:
    """Fine-tune what is missing in the performance matrix (all models and benchmarks by default), and
    bring the clusters up to date.

    A cell that was interrupted goes on from its last finished stage; a failed cell is left
    alone unless `retry_failed`. `seeds` fills each cell once per seed under the one recipe: other
    output layers, dropout and orders of the same examples; a score is then the mean over them
    (`seed`, the recipe's own, makes another recipe instead). With a `budget` at most so many cells
    are worked on, those first that tell most about the others (`knowledge.cells`).

    Raises `KnowledgeMissing` when there is nothing to work on, `InvalidInput` for a budget below 1 or
    a negative seed and `HubUnreachable` when checkpoints cannot be fetched.
    """
    if budget is not None and budget < 1:
        raise InvalidInput(f"a budget of {budget} cells fills nothing", "give --budget at least 1")
    if any(each < 0 for each in seeds):
        raise InvalidInput(f"{min(seeds)} is no seed", "seeds are whole numbers from 0")
    with opened(registry) as store:
        work = []
        for task in TASKS:
            chosen = _chosen_models(store, task, models)
            suite = _chosen_datasets(store, task, datasets)
            if chosen and suite:
                recipe = recipe_for(
                    store,
                    task,
                    epochs=epochs,
                    stages_per_epoch=stages_per_epoch,
                    max_train_samples=max_train_samples,
                    seed=seed,
                )
                for each in dict.fromkeys(seeds or (recipe.seed,)):
                    work.append(
                        missing_cells(store, chosen, suite, recipe, seed=each, retry_failed=retry_failed)
                    )
        if not work:
            raise KnowledgeMissing(
                "there is no model and benchmark dataset of one task to fill a cell with",
                "add them with `hubselect add-model` and `hubselect add-dataset`",
            )
        if budget is None:
            cells = [c for each in work for c in _fill(store, each, workers, listener).cells]
        else:
            cells = _fill_within(store, work, budget, workers, listener)
        digests = {each.recipe.task: each.recipe.digest for each in work}
        clusters = clusters_after(store, digests.values())
        return BenchmarkReport(tuple(cells), sum(each.known for each in work), digests, clusters)


def fill_cells(
    store: Registry,
    models: Sequence[Model],
    suite: Sequence[Dataset],
    recipe: Recipe,
    *,
    retry_failed: bool = False,
    workers: int | None = None,
    listener: Listener = silent,
) -> BenchmarkReport:
    """Fill the missing cells of `models` x `suite` under `recipe`."""
    return _fill(
        store, missing_cells(store, models, suite, recipe, retry_failed=retry_failed), workers, listener
    )


def _fill_within(
    store: Registry, work: Sequence[Missing], budget: int, workers: int | None, listener: Listener
) -> list[Cell]:
    """Fill `budget` cells in rounds: what a round found decides what is most informative next."""
    cells: list[Cell] = []
    while (left := budget - len(cells)) > 0 and any(each.cells for each in work):
        chosen = within(store, work, left)
        for each in chosen:
            cells += _fill(store, each, workers, listener).cells
        work = [each.without(done.cells) for each, done in zip(work, chosen, strict=True)]
    return cells


def _fill(store: Registry, work: Missing, workers: int | None, listener: Listener) -> BenchmarkReport:
    recipe, todo = work.recipe, work.cells
    report = BenchmarkReport((), work.known, {recipe.task: recipe.digest})
    if not todo:
        return report
    with turn(store, f"cells-{recipe.digest}", "benchmarking under the same recipe"):
        return _fill_todo(store, work, report, workers, listener)


def _fill_todo(
    store: Registry, work: Missing, report: BenchmarkReport, workers: int | None, listener: Listener
) -> BenchmarkReport:
    todo = work.cells
    checkpoints = {m.id: _fetch(m) for m in {m.id: m for m, _ in todo}.values()}
    store.add_recipe(work.recipe)
    largest = max((m.weights_bytes or 0) for m, _ in todo)
    with WorkerPool(workers or default_workers(len(todo), largest)) as pool:
        cells = _Cells(store, work, listener).work(pool, todo, checkpoints)
    return BenchmarkReport(tuple(cells), report.known, report.recipes)


class _Cells:
    """Works through cells, and writes every stage to the registry as it comes."""

    def __init__(self, store: Registry, work: Missing, listener: Listener) -> None:
        self._store = store
        self._recipe = work.recipe
        self._digest = work.recipe.digest
        self._seed = work.seed
        self._listener = listener
        self._total = len(work.cells)
        self._done: list[Cell] = []

    def work(
        self,
        pool: WorkerPool,
        todo: Sequence[tuple[Model, Dataset]],
        checkpoints: Mapping[str, Path | HubselectError],
    ) -> list[Cell]:
        self._tell("")
        chains: dict[str, Chain] = {}
        self._jobs: dict[str, TrainingJob] = {}
        self._started: dict[str, float] = {}
        for model, dataset in todo:
            checkpoint = checkpoints[model.id]
            if isinstance(checkpoint, HubselectError):
                self._store.start_run(model.id, dataset.name, self._digest, seed=self._seed)
                self._failed(model.id, dataset.name, checkpoint, 0.0)
                continue
            place = self._state_dir(model, dataset)
            job = TrainingJob(checkpoint, model, dataset, self._recipe, place, self._seed)
            key = f"{model.id} on {dataset.name}"
            if self._seed != self._recipe.seed:
                key += f", seed {self._seed}"
            self._jobs[key] = job
            chains[key] = self._chain(key, job)
        for key, result in pool.run(chains):
            self._record(key, result)
        return self._done

    def _chain(self, key: str, job: TrainingJob) -> Chain:
        self._store.start_run(job.model.id, job.dataset.name, self._digest, seed=self._seed)
        self._started[key] = time.monotonic()
        yield from advance_to(job, self._recipe.stages, test=True)

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
            self._done.append(Cell(model, dataset, "done", result, None, seconds, self._seed))
            self._tell(f"{key}: {result:.3f}")
        else:
            for point in result:  # type: ignore[attr-defined]
                self._store.append_point(point, dataset, self._digest, seed=self._seed)
            return
        shutil.rmtree(job.state_dir, ignore_errors=True)

    def _failed(self, model: str, dataset: str, error: HubselectError, seconds: float) -> None:
        self._store.fail_run(model, dataset, self._digest, str(error), seed=self._seed)
        self._done.append(Cell(model, dataset, "failed", None, str(error), seconds, self._seed))
        self._tell(f"{model} on {dataset}: failed, {error}")

    def _tell(self, detail: str) -> None:
        self._listener(Progress("benchmark", len(self._done), self._total, detail))

    def _state_dir(self, model: Model, dataset: Dataset) -> Path:
        names = (model.id, model.revision, dataset.name, dataset.revision, self._digest, self._seed)
        digest = hashlib.sha256(repr(names).encode()).hexdigest()[:24]
        return self._store.home / "work" / f"cell-{digest}"


def _fetch(model: Model) -> Path | HubselectError:
    try:
        return download_model(model).path
    except PASSING:
        raise
    except HubselectError as error:
        return error


def _chosen_models(store: Registry, task: Task, wanted: Sequence[str]) -> list[Model]:
    if wanted:
        return [pinned(store, m) for m in map(store.model, wanted) if m.task == task]
    return [m for m in store.models(task, indexed_only=False) if m.revision is not None]


def _chosen_datasets(store: Registry, task: Task, wanted: Sequence[str]) -> list[Dataset]:
    if wanted:
        found = [d for d in map(store.dataset, wanted) if d.task == task]
        return [d if d.revision else store.add_dataset(index_dataset(d.id, config=d.config)) for d in found]
    return [d for d in store.datasets(task, role="benchmark") if d.revision is not None]


def pinned(store: Registry, model: Model) -> Model:
    """The model at its pinned revision; one known by name (imported) or from a listing only is looked
    up on the Hub now."""
    known = model.revision is not None and not model.indexed_only
    return model if known else store.add_model(index_model(model.id))
