"""What to do next, by the state the registry is in: for whoever types `hubselect` alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hubselect.api.opening import opened
from hubselect.errors import RegistryError
from hubselect.records import TASKS
from hubselect.registry import Registry
from hubselect.reports.numbers import counted


@dataclass(frozen=True)
class NextStep:
    """The state of the registry in a sentence, and the commands that lead on, the likeliest first."""

    state: str
    commands: tuple[str, ...]


_SELECT = "hubselect select DATASET_ID"
_ADD_DATASET = "hubselect add-dataset DATASET_ID"
_ADD_MODEL = "hubselect add-model ORG/NAME"
_DEMO = "hubselect demo"


def next_step(*, registry: Registry | str | Path | None = None) -> NextStep:
    """Look at the registry; it is not made where there is none."""
    try:
        with opened(registry, create=False) as store:
            return _by_content(store)
    except RegistryError as error:
        first = ("hubselect init --suite paper-nlp", _ADD_DATASET, _ADD_MODEL, _DEMO)
        return NextStep(error.message, first)


def _by_content(store: Registry) -> NextStep:
    waiting = [s for s in store.selections() if s.status == "running"]
    if waiting:
        state = f"A selection for {waiting[-1].dataset} was interrupted; the same command goes on with it."
        return NextStep(state, (f"hubselect select {waiting[-1].dataset}", "hubselect selections"))
    models, benchmarks = store.count_models(), store.datasets(role="benchmark")
    if not models:
        known = f"{counted(len(benchmarks), 'benchmark dataset')} and no models yet"
        state = f"The registry knows {known if benchmarks else 'no models and no benchmark datasets yet'}."
        return NextStep(state, (*(() if benchmarks else (_ADD_DATASET,)), _ADD_MODEL, _DEMO))
    measured = [task for task in TASKS if store.main_recipe(task) is not None]
    if not measured:
        state = f"The registry knows {counted(models, 'model')} and no results of them."
        fill = "hubselect benchmark" if benchmarks else _ADD_DATASET
        return NextStep(state, (fill, "hubselect registry import FILE", _SELECT))
    if not store.clusterings():
        return NextStep(
            "The registry has results that are not clustered yet.", ("hubselect cluster", _SELECT)
        )
    state = (
        f"The registry knows {counted(models, 'model')} and {counted(len(benchmarks), 'benchmark dataset')}."
    )
    return NextStep(state, (_SELECT, "hubselect backtest", "hubselect matrix"))
