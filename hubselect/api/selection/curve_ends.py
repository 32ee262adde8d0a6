"""What recorded curves teach about the curves of a new selection: loaded from the registry, then learned."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import numpy as np

from hubselect.api.knowing import Knowledge
from hubselect.knowledge.curve_ends import CurveEnds
from hubselect.records import Dataset, Recalled, Recipe, Run
from hubselect.registry import Registry

_MOST_MODELS = 200  # whose curves are read: the regression has a handful of numbers to learn


def ends_for(
    store: Registry, known: Knowledge, dataset: Dataset, recipe: Recipe, recalled: Iterable[Recalled]
) -> CurveEnds:
    """Learned on the datasets of `known`, for selecting among `recalled` on `dataset` under `recipe`."""
    recalled = tuple(recalled)
    models = dict.fromkeys([*(r.model for r in recalled if r.model in known.matrix), *_best(known)])
    names = set(known.matrix.datasets)
    runs = [run for model in list(models)[:_MOST_MODELS] for run in _curves(store, known, model, names)]
    ends = CurveEnds.from_runs(
        runs,
        [recipe.epochs_at(stage) for stage in range(1, recipe.stages + 1)],
        steps=steps_by_dataset(store, recipe),
        target_steps=steps_per_epoch(dataset, recipe),
    )
    return ends.with_priors(priors(recalled), next((r.sd for r in recalled if r.sd is not None), None))


def priors(recalled: Iterable[Recalled]) -> Mapping[str, tuple[float, float, float]]:
    """What recall expects of single models: the test score and the bounds that hold nine of ten."""
    return {
        r.model: (r.predicted, r.low, r.high)
        for r in recalled
        if r.predicted is not None and r.low is not None and r.high is not None
    }


def steps_by_dataset(store: Registry, recipe: Recipe) -> dict[str, float]:
    """The optimizer steps per epoch under `recipe` of the task's datasets whose size is known."""
    found = {d.name: steps_per_epoch(d, recipe) for d in store.datasets(recipe.task)}
    return {name: steps for name, steps in found.items() if steps is not None}


def steps_per_epoch(dataset: Dataset, recipe: Recipe) -> float | None:
    """Optimizer steps in one epoch of `dataset`; None while its number of examples is unknown."""
    rows = dataset.splits.get("train")
    if not rows:
        return None
    return float(math.ceil(min(rows, recipe.max_train_samples or rows) / recipe.batch_size))


def _best(known: Knowledge) -> list[str]:
    means = known.matrix.means
    return [known.matrix.models[place] for place in np.argsort(-means, kind="stable")[:_MOST_MODELS]]


def _curves(store: Registry, known: Knowledge, model: str, datasets: set[str]) -> list[Run]:
    found = store.runs(model=model, recipe=known.recipe.digest, status="done", role="benchmark", current=True)
    return [run for run in found if run.dataset in datasets]
