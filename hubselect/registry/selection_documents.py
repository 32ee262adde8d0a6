"""What is told of a selection, from its plan to its end, as JSON in the registry and back as records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from hubselect.records import Environment, Explanation, Plan, Rival, Span
from hubselect.registry.selections import Event

EXPLANATION = "explanation"
"""The kind of event that holds an `Explanation`."""
ENVIRONMENT = "environment"
"""The kind of event that says what a model was trained with."""


def plan_of(knowledge: Mapping[str, Any] | None) -> Plan | None:
    """The plan that was kept with a selection's knowledge; None for one of an older hubselect."""
    kept = (knowledge or {}).get("plan")
    return None if kept is None else Plan(**{**_tuples(kept), "epochs": Span(**kept["epochs"])})


def warnings_of(knowledge: Mapping[str, Any] | None) -> tuple[str, ...]:
    """What was said of the dataset when the selection began."""
    return tuple((knowledge or {}).get("warnings", ()))


def metric_of(knowledge: Mapping[str, Any] | None) -> str:
    """The metric of its scores; an older hubselect knew accuracy only."""
    return str((knowledge or {}).get("metric", "accuracy"))


def recipe_of(knowledge: Mapping[str, Any] | None, asked: str) -> str:
    """The digest of the recipe that was followed: the one asked for, unless the target wanted another
    metric."""
    return str((knowledge or {}).get("recipe", asked))


def explanation_of(kept: Mapping[str, Any] | None) -> Explanation | None:
    """What `asdict` made of an `Explanation`."""
    if kept is None:
        return None
    return Explanation(**{**_tuples(kept), "rivals": tuple(Rival(**r) for r in kept["rivals"])})


def environment_event(model: str, trained_with: Environment) -> dict[str, Any]:
    """The payload of an event of the kind `ENVIRONMENT`."""
    return {"model": model, "device": trained_with.device, "versions": dict(trained_with.versions)}


def environments_of(events: Iterable[Event]) -> tuple[Environment, ...]:
    """What was trained with what, each once with its models, in order; none if nothing was recorded of
    it, as by an older hubselect."""
    models: dict[tuple[str, tuple[tuple[str, str], ...]], list[str]] = {}
    for told in (e.payload for e in events if e.kind == ENVIRONMENT):
        with_what = told["device"], tuple(told["versions"].items())
        models.setdefault(with_what, []).append(told["model"])
    return tuple(
        Environment(device, dict(versions), tuple(dict.fromkeys(names)))
        for (device, versions), names in models.items()
    )


def _tuples(kept: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in kept.items()}
