"""Which cells of the performance matrix are missing, and which of them a budget pays for."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import chain, zip_longest

from hubselect.api.clusters.clustering import matrix_of
from hubselect.knowledge.cells import next_cells
from hubselect.records import Dataset, Model, Recipe
from hubselect.registry import Registry

SETTLED = ("done", "failed")


@dataclass(frozen=True)
class Missing:
    """The cells to fill under one recipe, in the order to fill them; `known` others are settled.

    `seed` is that of the runs: other than the recipe's it repeats them on the same examples.
    """

    recipe: Recipe
    cells: tuple[tuple[Model, Dataset], ...]
    known: int
    seed: int

    def without(self, cells: Collection[tuple[Model, Dataset]]) -> Missing:
        """What is left after `cells` were worked on, whether they gave a score or failed."""
        names = {(m.id, d.name) for m, d in cells}
        return replace(self, cells=tuple((m, d) for m, d in self.cells if (m.id, d.name) not in names))


def settled_cells(
    store: Registry, recipe: str, seed: int, statuses: Collection[str] = SETTLED
) -> set[tuple[str, str]]:
    """The cells, by model and dataset, whose run of `seed` under a recipe's digest has one of `statuses`."""
    runs = store.runs(recipe=recipe, current=True, curves=False)
    return {(r.model, r.dataset) for r in runs if r.seed == seed and r.status in statuses}


def missing_cells(
    store: Registry,
    models: Sequence[Model],
    suite: Sequence[Dataset],
    recipe: Recipe,
    *,
    seed: int | None = None,
    retry_failed: bool = False,
) -> Missing:
    """The cells of `models` x `suite` without a finished run of `seed` (default: the recipe's) or a
    failed one, dataset by dataset."""
    seed = recipe.seed if seed is None else seed
    known = settled_cells(store, recipe.digest, seed, ("done",) if retry_failed else SETTLED)
    todo = tuple((m, d) for d in suite for m in models if (m.id, d.name) not in known)
    return Missing(recipe, todo, len(models) * len(suite) - len(todo), seed)


def within(store: Registry, work: Sequence[Missing], budget: int) -> list[Missing]:
    """The most informative cells of all `work`, at most `budget` together, most informative first.

    Recipes take turns, so that text and images share the budget. Fewer than the budget while full
    rows come first (`knowledge.cells`); at least one if anything is missing.
    """
    ranked = [[(i, cell) for cell in _ranked(store, each, budget)] for i, each in enumerate(work)]
    turns = [entry for entry in chain.from_iterable(zip_longest(*ranked)) if entry is not None][:budget]
    return [
        replace(each, cells=tuple(cell for number, cell in turns if number == i))
        for i, each in enumerate(work)
    ]


def _ranked(store: Registry, work: Missing, budget: int) -> list[tuple[Model, Dataset]]:
    cells = {(m.id, d.name): (m, d) for m, d in work.cells}
    if not cells:
        return []
    models = list(dict.fromkeys(model for model, _ in cells))
    suite = list(dict.fromkeys(dataset for _, dataset in cells))
    matrix = matrix_of(store, work.recipe)
    settled = {(m, d) for m in models for d in suite} - set(cells)
    telling = next_cells(matrix, models, suite, budget, settled=settled)
    # what is left when the matrix has no gap are repetitions with another seed
    return [cells[cell] for cell in telling or tuple(cells)[:budget]]
