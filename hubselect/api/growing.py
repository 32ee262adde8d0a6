"""Adding checkpoints and datasets to the registry."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hubselect.api.benchmarks.benchmarking import BenchmarkReport, fill_cells, recipe_for
from hubselect.api.clusters.after import ClustersAfter, clusters_after
from hubselect.api.clusters.placing import place_added
from hubselect.api.opening import opened
from hubselect.api.own_data import placed
from hubselect.api.progress import Listener, Progress, silent
from hubselect.api.targets import content_of, described
from hubselect.errors import HubselectError, InvalidInput
from hubselect.executors.jobs import TrainingJob, check
from hubselect.executors.pool import Call, Chain, WorkerPool, default_workers
from hubselect.hub import download_model, index_model
from hubselect.records import DO, Clustering, Dataset, Model, Placement, Recipe, Role, Task, models_for
from hubselect.registry import Registry


@dataclass(frozen=True)
class Added:
    """The models now known, the cells filled for them, and the clusters before and after by task.

    `placed` are the provisional places, by lineage, of those that have too few results.
    """

    models: tuple[Model, ...]
    benchmark: BenchmarkReport
    before: tuple[Clustering, ...] = ()
    after: tuple[Clustering, ...] = ()
    placed: tuple[Placement, ...] = ()


def add_model(
    repo_ids: str | Sequence[str],
    *,
    registry: Registry | str | Path | None = None,
    revision: str | None = None,
    benchmark: bool = True,
    workers: int | None = None,
    listener: Listener = silent,
) -> Added:
    """Index checkpoints of the Hub, fine-tune them on the benchmark datasets, update the clusters.

    All are looked up, and loaded once when they are to be fine-tuned, before anything is
    written: one that is missing, gated, unsupported or broken leaves the registry unchanged.
    With `benchmark=False` they are only indexed, and placed provisionally beside a relative.
    """
    ids = [repo_ids] if isinstance(repo_ids, str) else list(dict.fromkeys(repo_ids))
    with opened(registry) as store:
        models = []
        for number, repo_id in enumerate(ids, start=1):
            models.append(index_model(repo_id, revision=revision))
            listener(Progress("look up", number, len(ids), repo_id))
        tasks = [t for filed in dict.fromkeys(m.task for m in models) for t in DO[filed]] if benchmark else []
        suites = {task: store.datasets(task, role="benchmark") for task in tasks}
        recipes = {task: recipe_for(store, task) for task, suite in suites.items() if suite}
        _load_once(models, suites, recipes, workers, listener)
        models = [store.add_model(m) for m in models]
        if not recipes:
            return Added(tuple(models), BenchmarkReport(), placed=place_added(store, models))
        before, after, reports = [], [], []
        clusters: list[ClustersAfter] = []
        for task, recipe in recipes.items():
            old = store.clustering(task, recipe.digest)
            report = fill_cells(
                store,
                [m for m in models if m.task == models_for(task)],
                suites[task],
                recipe,
                workers=workers,
                listener=listener,
            )
            reports.append(report)
            if old is not None:
                clusters += clusters_after(store, [recipe.digest])
                before.append(old)
                after.append(store.clustering(task, recipe.digest) or old)
        cells = tuple(c for r in reports for c in r.cells)
        digests = {task: recipe.digest for task, recipe in recipes.items()}
        known = sum(r.known for r in reports)
        warnings = tuple(line for r in reports for line in r.warnings)
        report = BenchmarkReport(cells, known, digests, tuple(clusters), warnings)
        return Added(tuple(models), report, tuple(before), tuple(after), place_added(store, models))


def add_dataset(
    dataset_id: Any,
    *,
    registry: Registry | str | Path | None = None,
    config: str | None = None,
    revision: str | None = None,
    role: Role = "benchmark",
    text_columns: Sequence[str] = (),
    choice_columns: Sequence[str] = (),
    image_column: str | None = None,
    audio_column: str | None = None,
    label_column: str | None = None,
) -> Dataset:
    """Index a labelled dataset of the Hub, or a file or folder of one's own; columns that are not named are
    found from its metadata."""
    with opened(registry) as store:
        found = described(
            placed(dataset_id, store.home),
            config=config,
            revision=revision,
            role=role,
            text_columns=tuple(text_columns),
            choice_columns=tuple(choice_columns),
            image_column=image_column,
            audio_column=audio_column,
            label_column=label_column,
        )
        known = next((d for d in store.datasets(name=found.name) if d.revision), None)
        if known is not None and content_of(known) != content_of(found) and store.runs(dataset=found.name):
            raise InvalidInput(
                f"results on {found.name} were measured with other columns or at another revision",
                f"keep it as it is (--revision {known.revision}), or use another registry",
            )
        return store.add_dataset(found)


def _load_once(
    models: Sequence[Model],
    suites: Mapping[Task, Sequence[Dataset]],
    recipes: Mapping[Task, Recipe],
    workers: int | None,
    listener: Listener,
) -> None:
    """Download and load each checkpoint for its first benchmark dataset; raises what is wrong with it."""
    first = {task: next((t for t in DO[task] if t in recipes), None) for task in {m.task for m in models}}
    models = [m for m in models if first[m.task]]
    if not models:
        return
    scratch = Path(tempfile.mkdtemp(prefix="hubselect-"))
    try:
        chains: dict[str, Chain] = {}
        for model in models:
            path = download_model(model).path
            task = first[model.task]
            assert task is not None
            job = TrainingJob(path, model, suites[task][0], recipes[task], scratch / str(len(chains)))
            chains[model.id] = (call for call in [Call(check, (job,))])
        largest = max((m.weights_bytes or 0) for m in models)
        with WorkerPool(workers or default_workers(len(chains), largest)) as pool:
            for done, (name, result) in enumerate(pool.run(chains), start=1):
                if isinstance(result, HubselectError):
                    raise result
                listener(Progress("load", done, len(chains), name))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
