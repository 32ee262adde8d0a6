"""A first look at a dataset, before any checkpoint is fetched for it."""

from __future__ import annotations

from collections.abc import Iterable

from hubselect.api.progress import PLAN, Listener, Progress
from hubselect.errors import HubselectError
from hubselect.executors.jobs import Looked, look_at
from hubselect.executors.local import PASSING
from hubselect.executors.pool import Call, Chain, Pool
from hubselect.records import Dataset, Recipe


def look(pool: Pool, dataset: Dataset, recipe: Recipe, listener: Listener) -> Looked:
    """What the examples of `dataset` under `recipe` show; its warnings are also told to the listener.

    Raises what makes the dataset unusable: no model is to blame for it, and none need be fetched.
    """
    found = Looked(())
    for _, result in pool.run({dataset.name: _once(Call(look_at, (dataset, recipe)))}):
        if isinstance(result, HubselectError):
            raise result
        found = result
    for line in found.warnings:
        listener(Progress(PLAN, 0, 1, f"warning: {line}"))
    return found


def look_at_all(
    pool: Pool, datasets: Iterable[Dataset], recipe: Recipe, listener: Listener
) -> tuple[str, ...]:
    """Warnings about several datasets; none about one that cannot be used: its own cells say why."""
    found: tuple[str, ...] = ()
    for dataset in datasets:
        try:
            found += look(pool, dataset, recipe, listener).warnings
        except PASSING:
            raise
        except HubselectError:
            continue
    return found


def _once(call: Call) -> Chain:
    yield call
