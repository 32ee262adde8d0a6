"""How long an epoch of a model takes on a target: from the times of its recorded trainings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from statistics import median

import numpy as np

from hubselect.api.knowing import Knowledge
from hubselect.records import Dataset, Model, Recipe
from hubselect.registry import Registry
from hubselect.reports.numbers import counted

_TIMED = 20  # other models that are looked at for what a parameter takes


@dataclass(frozen=True)
class Pace:
    """`seconds` per epoch on the target by model, and what they stand on (empty: nothing is known)."""

    seconds: Mapping[str, float] = field(default_factory=dict)
    basis: str = ""


def pace_of(
    store: Registry, known: Knowledge, dataset: Dataset, recipe: Recipe, models: Iterable[Model]
) -> Pace:
    """The pace of `models` on `dataset`: the median over their benchmark trainings, scaled by training
    examples; for a model that was never timed, what a parameter takes in the median of others.

    The times are those of whatever machine recorded them.
    """
    models = list(models)
    rows = {d.name: train_rows(d, known.recipe) for d in store.datasets(known.recipe.task)}
    target = train_rows(dataset, recipe)
    timed = {m.id: found for m in models if (found := _timed(store, known, m.id, rows, target)) is not None}
    untimed = [m for m in models if m.id not in timed]
    if not untimed:
        return Pace(timed, _basis(len(timed), 0, target))
    others = {name: timed.get(name) for name in _best(known)[:_TIMED]}
    for name, found in others.items():
        others[name] = found if found is not None else _timed(store, known, name, rows, target)
    sizes = {m.id: m.parameters for m in [*models, *store.models_named(others)]}
    rates = [
        seconds / size
        for name, seconds in {**others, **timed}.items()
        if seconds is not None and (size := sizes.get(name))
    ]
    by_size = {m.id: median(rates) * m.parameters for m in untimed if rates and m.parameters}
    if not timed and not by_size:
        return Pace()
    return Pace({**timed, **by_size}, _basis(len(timed), len(by_size), target))


def train_rows(dataset: Dataset, recipe: Recipe) -> int | None:
    """Training examples under `recipe`; None while their number is unknown."""
    rows = dataset.splits.get("train")
    return min(rows, recipe.max_train_samples or rows) if rows else None


def _timed(
    store: Registry, known: Knowledge, model: str, rows: Mapping[str, int | None], target: int | None
) -> float | None:
    """Per example where both numbers of examples are known, else as long as the benchmarks took."""
    if model not in known.matrix:
        return None
    found: list[tuple[float, int | None]] = []
    for run in store.runs(
        model=model, recipe=known.recipe.digest, status="done", role="benchmark", current=True
    ):
        took = sum(p.seconds for p in run.curve)
        if took > 0:
            found.append((took / run.curve[-1].epochs, rows.get(run.dataset)))
    scaled = [seconds * target / n for seconds, n in found if n and target]
    return median(scaled) if scaled else median(s for s, _ in found) if found else None


def _best(known: Knowledge) -> list[str]:
    return [known.matrix.models[place] for place in np.argsort(-known.matrix.means, kind="stable")]


def _basis(timed: int, by_size: int, target: int | None) -> str:
    parts = [f"recorded trainings of {counted(timed, 'model')}"] if timed else []
    parts += (
        [f"the size of {by_size} others" if timed else f"the size of {counted(by_size, 'model')}"]
        if by_size
        else []
    )
    return " and ".join(parts) + ("" if target else ", not scaled: the number of examples is unknown")
