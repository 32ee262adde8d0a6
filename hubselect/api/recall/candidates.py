"""Which models come into question for a dataset: all with results, a filter's, or a list of one's own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from hubselect.api.benchmarks.benchmarking import pinned
from hubselect.api.disk import disk_bytes
from hubselect.errors import HubselectError, InvalidInput, KnowledgeMissing, UnknownEntry
from hubselect.executors.local import PASSING
from hubselect.hub import index_model
from hubselect.recall.classes import Classes
from hubselect.records import Dataset, Model, Task, models_for
from hubselect.registry import Registry
from hubselect.reports.numbers import size

_NAMED = 5  # models that are left out


@dataclass(frozen=True)
class Filters:
    """Conditions on candidates; empty ones hold for all.

    `candidates` names the models to choose from, `exclude` those never to take; `authors` are the
    parts of ids before the slash, `licenses` the Hub's names (apache-2.0), `max_params` counts
    parameters. A model whose licence or size nobody states does not meet a condition on it. `max_disk`
    (bytes) is for a selection in which the model is alone.
    """

    candidates: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    licenses: tuple[str, ...] = ()
    max_params: int | None = None
    max_disk: int | None = None

    @classmethod
    def of(
        cls,
        candidates: Iterable[str] = (),
        exclude: Iterable[str] = (),
        authors: Iterable[str] = (),
        licenses: Iterable[str] = (),
        max_params: int | None = None,
        max_disk: int | None = None,
    ) -> Filters:
        """From what a user gave: lists may be comma-separated, and name a model twice.

        Raises `InvalidInput` for a size below 1.
        """
        if max_params is not None and max_params < 1:
            raise InvalidInput(f"no model has at most {max_params} parameters", "raise --max-params")
        lists = (_listed(candidates), _listed(exclude), _listed(authors), _listed(licenses))
        return cls(*lists, max_params, max_disk)

    @property
    def any(self) -> bool:
        return self != Filters()


@dataclass(frozen=True)
class Candidates:
    """The models that come into question, sorted by id, and what was left out on the way (`notes`).
    `largest_bytes` is the size of the largest checkpoint, as far as it is known."""

    models: tuple[Model, ...]
    notes: tuple[str, ...] = ()
    ids: tuple[str, ...] = field(init=False)
    largest_bytes: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "ids", tuple(m.id for m in self.models))
        object.__setattr__(self, "largest_bytes", max((m.weights_bytes or 0 for m in self.models), default=0))


def candidates_for(
    store: Registry, task: Task, with_results: Iterable[str], filters: Filters, *, unknown: bool = False
) -> Candidates:
    """The models of `with_results` that meet the filters; with `unknown`, also those of the registry
    without any result.

    A list of candidates replaces both; one that the registry does not know is looked up on the Hub
    and added. A model whose licence or size a filter asks for is looked up where it is not known.
    Raises what the Hub says about a listed model, and `KnowledgeMissing` when nobody is left.
    """
    if filters.candidates:
        models = [_listed_model(store, name, task) for name in filters.candidates]
    else:
        models = [m for m in store.models_named(with_results) if m.task == models_for(task)]
        if unknown:
            there = {m.id for m in models}
            added = store.models(models_for(task), indexed_only=False)
            models += [m for m in added if m.id not in there and m.revision is not None]
    kept: list[Model] = []
    notes: list[str] = []
    for model in models:
        try:
            if _meets(model, filters, lambda m: pinned(store, m)):
                kept.append(model)
        except PASSING:
            raise
        except HubselectError as error:
            notes.append(f"{model.id} is left out: {error.message}")
    if not kept:
        raise KnowledgeMissing(*_nobody(task, filters, bool(models)))
    if filters.max_disk is not None:
        kept, more = _with_room(kept, filters.max_disk)
        notes += more
    return Candidates(tuple(sorted(kept, key=lambda m: m.id)), tuple(notes))


def _with_room(models: list[Model], limit: int) -> tuple[list[Model], list[str]]:
    """Those that could be selected from alone, as far as their size is known, and why others could not."""
    needed = {m.id: disk_bytes([m], 1) for m in models}
    kept = [m for m in models if needed[m.id] <= limit]
    large = sorted((m.id for m in models if needed[m.id] > limit), key=lambda name: (needed[name], name))
    if not kept:
        raise InvalidInput(
            f"no candidate fits into {size(limit)} on the disk: {large[0]} takes {size(needed[large[0]])}",
            "raise --max-disk",
        )
    named = "; ".join(f"{name} takes {size(needed[name])}" for name in large[:_NAMED])
    more = f"; {len(large) - _NAMED} others take more" if len(large) > _NAMED else ""
    told = f"left out, as --max-disk is {size(limit)}: {named}{more}"
    return kept, [told] if large else []


def classes_of(
    store: Registry, task: Task, models: Iterable[Model], target: Dataset | None = None
) -> Classes:
    """The class names of the models' own heads, and of the task's datasets and the target, where known."""
    datasets = {d.name: d.label_names for d in store.datasets(task)}
    if target is not None:
        datasets[target.name] = target.label_names
    return Classes({m.id: m.labels for m in models}, datasets)


def _listed(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(v.strip() for each in values for v in each.split(",") if v.strip()))


def _listed_model(store: Registry, name: str, task: Task) -> Model:
    try:
        return _for(store.model(name), task)
    except UnknownEntry:
        return store.add_model(_for(index_model(name), task))


def _for(model: Model, task: Task) -> Model:
    if model.task != models_for(task):
        raise InvalidInput(f"{model.id} is for {model.task}, not for {task}", "leave it out of --candidates")
    return model


def _meets(model: Model, filters: Filters, looked_up: Callable[[Model], Model]) -> bool:
    if model.id in filters.exclude:
        return False
    if filters.authors and model.id.partition("/")[0] not in filters.authors:
        return False
    asks = (filters.max_params is not None and model.parameters is None) or (
        filters.licenses and model.license is None
    )
    if asks and model.revision is None:
        model = looked_up(model)
    if filters.licenses and (model.license or "").lower() not in {n.lower() for n in filters.licenses}:
        return False
    return filters.max_params is None or (
        model.parameters is not None and model.parameters <= filters.max_params
    )


def _nobody(task: Task, filters: Filters, any_models: bool) -> Sequence[str]:
    if any_models and filters.any:
        return f"no model for {task} meets all conditions", "loosen the filters"
    return (
        f"the registry knows no model for {task}",
        "run `hubselect add-model`, or name models with --candidates",
    )
