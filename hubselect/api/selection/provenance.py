"""What a selection trains with, kept when it trains: a report or a card may be made years later."""

from __future__ import annotations

from hubselect.records import Environment
from hubselect.registry import Registry
from hubselect.registry.selection_documents import ENVIRONMENT, environment_event, environments_of


def keep_environment(store: Registry, selection: int, model: str, environment: Environment) -> None:
    """Record what trained a model, once: libraries and device may be others when it goes on another day."""
    told = environment_event(model, environment)
    if not any(e.kind == ENVIRONMENT and e.payload == told for e in store.events(selection)):
        store.append_event(selection, ENVIRONMENT, told)


def kept_environments(store: Registry, selection: int) -> tuple[Environment, ...]:
    """All that was recorded, each with its models."""
    return environments_of(store.events(selection))
