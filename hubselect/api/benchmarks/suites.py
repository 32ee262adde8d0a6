"""Proposing a compact benchmark suite from what the registry has measured."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hubselect.api.clusters.clustering import matrix_of
from hubselect.api.opening import opened
from hubselect.api.recipes import recipe_with_results
from hubselect.knowledge import suites
from hubselect.knowledge.suites import Suite
from hubselect.records import Task
from hubselect.registry import Registry


@dataclass(frozen=True)
class RandomSuites:
    """Errors of random suites of the same size; `better` is the share of them below the proposal's."""

    draws: int
    mean: float
    deviation: float
    best: float
    worst: float
    better: float


@dataclass(frozen=True)
class Proposal:
    """A suite of benchmark datasets, what it costs, and what random ones would.

    Errors are root mean squares in score units over the datasets outside the suite, the predicted
    model left out; `held_out_error` leaves it out of the choice of datasets too (None where too
    little is known to choose without it). `benchmarks` is how many datasets there were to choose from.
    """

    task: Task
    recipe: str
    models: int
    benchmarks: int
    suite: Suite
    held_out_error: float | None
    random: RandomSuites


def suite(
    size: int,
    *,
    registry: Registry | str | Path | None = None,
    task: Task | None = None,
    recipe: str | None = None,
    draws: int = 200,
    seed: int = 0,
) -> Proposal:
    """The `size` benchmark datasets that best predict a model's scores on the others.

    From the results under the main recipe of `task` (or `recipe`). Raises `InvalidInput` for a
    size or number of draws out of range or an undecided task, `KnowledgeMissing` when too few
    results are known.
    """
    with opened(registry) as store:
        chosen = recipe_with_results(store, task, recipe, purpose="choose benchmark datasets by")
        matrix = matrix_of(store, chosen)
    found = suites.propose(matrix, size)
    errors = suites.random_errors(matrix, size, draws=draws, seed=seed)
    held_out = suites.held_out_error(matrix, size, seed=seed)
    return Proposal(
        chosen.task,
        chosen.digest,
        len(matrix.models),
        len(matrix.datasets),
        found,
        None if np.isnan(held_out) else held_out,
        RandomSuites(
            len(errors),
            float(errors.mean()),
            float(errors.std()),
            float(errors.min()),
            float(errors.max()),
            float(np.mean(errors < found.error - 1e-12)),
        ),
    )
