"""Filling only some cells of the matrix, the most informative first; real fine-tuning."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubselect import Registry, add_model, benchmark
from hubselect.api.clusters.clustering import matrix_of
from hubselect.errors import InvalidInput
from hubselect.knowledge.suites import propose
from tests.cli.conftest import Run, run  # noqa: F401
from tests.support.lab import BENCHMARKS, LATECOMER, MODELS

pytestmark = pytest.mark.slow


def suite_order(registry: Path) -> tuple[str, ...]:
    with Registry.open(registry) as store:
        recipe = store.main_recipe("text-classification")
        assert recipe is not None
        return propose(matrix_of(store, recipe), len(BENCHMARKS)).datasets


def test_a_new_model_gets_the_most_telling_datasets_first(registry: Path) -> None:
    """A budget of two fills two cells in the order of the suite; the rest waits for the next call."""
    order = suite_order(registry)
    add_model(LATECOMER, registry=registry, benchmark=False)
    first = benchmark(registry=registry, budget=2, workers=1)
    assert {(c.model, c.dataset) for c in first.cells} == {(LATECOMER, d) for d in order[:2]}
    assert all(c.status == "done" for c in first.cells)
    assert first.known == len(MODELS) * len(BENCHMARKS)
    rest = benchmark(registry=registry, budget=100, workers=1)
    assert [(c.model, c.dataset) for c in rest.cells] == [(LATECOMER, order[2])]
    assert benchmark(registry=registry, budget=100).cells == ()


def test_where_nothing_is_known_full_rows_come_first(registry: Path) -> None:
    """Under a new recipe nothing is known: the first model gets its whole row before the second."""
    report = benchmark(registry=registry, epochs=1, budget=4, workers=1)
    first, second = sorted(MODELS)[:2]
    assert [c.model for c in report.cells].count(first) == len(BENCHMARKS)
    assert [c.model for c in report.cells].count(second) == 1


def test_the_command_takes_a_budget_and_refuses_an_empty_one(registry: Path, run: Run) -> None:  # noqa: F811
    """Where nothing is missing a budget spends nothing."""
    done = run("benchmark", "--budget", "3", "--json", "--registry", registry)
    assert done.code == 0
    assert (done.document["cells"], done.document["known"]) == ([], len(MODELS) * len(BENCHMARKS))
    assert run("benchmark", "--budget", "0", "--registry", registry).code == 2
    with pytest.raises(InvalidInput, match="budget of 0"):
        benchmark(registry=registry, budget=0)
