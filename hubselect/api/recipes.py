"""Which recipe's results a question is about."""

from __future__ import annotations

from hubselect.errors import InvalidInput, KnowledgeMissing
from hubselect.records import TASKS, Recipe, Task
from hubselect.registry import Registry


def recipe_with_results(store: Registry, task: Task | None, digest: str | None, *, purpose: str) -> Recipe:
    """The recipe `digest`, else the main recipe of `task`, else of the only task with results.

    Raises `InvalidInput` when the task is undecided, `KnowledgeMissing` when there are no results
    for `purpose` (to finish "no results to ...").
    """
    if digest:
        return store.recipe(digest)
    found = [r for t in ([task] if task else TASKS) if (r := store.main_recipe(t)) is not None]
    if len(found) > 1:
        raise InvalidInput("the registry has results for text and images", "say which with --task")
    if not found:
        raise KnowledgeMissing(
            f"the registry has no results to {purpose}",
            "run `hubselect benchmark`, or bring results with `hubselect registry import`",
        )
    return found[0]
