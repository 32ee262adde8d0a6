"""Filling the performance matrix: fine-tune every model on every benchmark dataset, cell by cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from hubselect.api.benchmarks.filling import BenchmarkReport, Cell, fill
from hubselect.api.benchmarks.missing import Missing, missing_cells, within
from hubselect.api.clusters.after import clusters_after
from hubselect.api.opening import opened
from hubselect.api.progress import PLAN, Listener, Progress, silent
from hubselect.errors import InvalidInput, KnowledgeMissing
from hubselect.executors.workplaces import ThisMachine, Workplace, check_executor, workplace
from hubselect.hub import index_dataset, index_model
from hubselect.records import METHODS, TASKS, Dataset, Method, Model, Recipe, Task, models_for
from hubselect.registry import Registry
from hubselect.training.metrics import known_metric

__all__ = ["BenchmarkReport", "Cell", "benchmark", "fill_cells", "pinned", "recipe_for"]


_NAMES: dict[Method, str] = {"full": "full-finetune", "lora": "lora", "probe": "probe"}


def checked_method(method: str) -> Method:
    """Raises `InvalidInput` for what is no method, and for one whose library is not installed."""
    if method not in METHODS:
        raise InvalidInput(f"there is no method {method!r}", f"choose one of {', '.join(METHODS)}")
    if method == "lora" and find_spec("peft") is None:
        raise InvalidInput("LoRA needs the peft library", "pip install 'hubselect[lora]'")
    return method


def recipe_for(
    registry: Registry,
    task: Task,
    *,
    epochs: int | None = None,
    stages_per_epoch: int | None = None,
    max_train_samples: int | None = None,
    seed: int | None = None,
    method: Method | None = None,
    metric: str | None = None,
) -> Recipe:
    """The registry's main measured recipe for `task` (or the default one) with what was asked for changed.

    With a `method` the main recipe of that method. Raises `InvalidInput` for one that is not known or
    whose library is not installed, and for an unknown metric.
    """
    measured = registry.main_recipe(task, measured=True) or Recipe.usual(task)
    if method is not None:
        same = registry.main_recipe(task, measured=True, method=checked_method(method))
        measured = same or measured.with_(method=method, name=_NAMES[method])
    asked = {
        "epochs": epochs,
        "stages_per_epoch": stages_per_epoch,
        "max_train_samples": max_train_samples,
        "seed": seed,
        "metric": None if metric is None else known_metric(metric),
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
    method: Method | None = None,
    metric: str | None = None,
    budget: int | None = None,
    retry_failed: bool = False,
    executor: str = "local",
    workers: int | None = None,
    listener: Listener = silent,
) -> BenchmarkReport:
    """Fine-tune what is missing in the performance matrix (all models and benchmarks by default), and
    bring the clusters up to date.

    `method` is what of each checkpoint is trained: "full", "lora" or "probe" (`training.methods`), each
    a recipe with a matrix of its own; the default is that of the main recipe. So is each `metric`
    (`training.metrics`), which scores the datasets whose labels it fits; others keep the usual one of
    their kind of label.

    A cell that was interrupted goes on from its last finished stage; a failed cell is left
    alone unless `retry_failed`. Any number of processes may fill one matrix: each cell is worked on by
    one of them, and taken over by another if that one dies; all return when every cell is settled.

    `seeds` fills each cell once per seed under the one recipe: other output layers, dropout and orders
    of the same examples; a score is then the mean over them (`seed`, the recipe's own, makes another
    recipe instead). With a `budget` at most so many cells are worked on, those first that tell most
    about the others (`knowledge.cells`). `executor` and `workers` are as in `hubselect.select`: cells are
    filled in worker processes of this machine, or on a Ray cluster.

    Raises `KnowledgeMissing` when there is nothing to work on, `InvalidInput` for a budget below 1 or
    a negative seed and `HubUnreachable` when checkpoints cannot be fetched.
    """
    if budget is not None and budget < 1:
        raise InvalidInput(f"a budget of {budget} cells fills nothing", "give --budget at least 1")
    if any(each < 0 for each in seeds):
        raise InvalidInput(f"{min(seeds)} is no seed", "give whole numbers from 0")
    check_executor(executor)
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
                    method=method,
                    metric=metric,
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
        if not any(each.cells for each in work):
            executor = "local"  # nothing is to be trained: no cluster need be started
        with workplace(executor, lambda text: listener(Progress(PLAN, 0, 1, text))) as place:
            if budget is None:
                reports = [fill(store, each, place, workers, listener) for each in work]
            else:
                reports = _fill_within(store, work, budget, place, workers, listener)
        digests = {each.recipe.task: each.recipe.digest for each in work}
        return BenchmarkReport(
            tuple(c for r in reports for c in r.cells),
            sum(each.known for each in work) + sum(r.known for r in reports),
            digests,
            clusters_after(store, digests.values()),
            tuple(dict.fromkeys(line for r in reports for line in r.warnings)),
        )


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
    work = missing_cells(store, models, suite, recipe, retry_failed=retry_failed)
    report = fill(store, work, ThisMachine(), workers, listener)
    return replace(report, known=work.known + report.known)


def _fill_within(
    store: Registry,
    work: Sequence[Missing],
    budget: int,
    place: Workplace,
    workers: int | None,
    listener: Listener,
) -> list[BenchmarkReport]:
    """Fill `budget` cells in rounds: what a round found decides what is most informative next."""
    reports: list[BenchmarkReport] = []
    while (left := budget - sum(len(r.cells) for r in reports)) > 0 and any(each.cells for each in work):
        chosen = within(store, work, left)
        reports += [fill(store, each, place, workers, listener) for each in chosen]
        work = [each.without(done.cells) for each, done in zip(work, chosen, strict=True)]
    return reports


def _chosen_models(store: Registry, task: Task, wanted: Sequence[str]) -> list[Model]:
    if wanted:
        return [pinned(store, m) for m in map(store.model, wanted) if m.task == models_for(task)]
    return [m for m in store.models(models_for(task), indexed_only=False) if m.revision is not None]


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
