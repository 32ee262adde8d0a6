"""Repeating cells under one recipe with other seeds; real fine-tuning."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubselect import Registry, benchmark
from hubselect.errors import InvalidInput
from tests.cli.conftest import Run, run  # noqa: F401
from tests.support.lab import BENCHMARKS, MODELS

TASK = "text-classification"


@pytest.mark.slow
def test_seeds_repeat_a_cell_under_one_recipe_and_the_matrix_holds_the_mean(registry: Path) -> None:
    """What is there is not trained again; a repetition has another curve and the same recipe."""
    chosen = {"models": MODELS[:1], "datasets": BENCHMARKS[:1]}
    with Registry.open(registry) as store:
        report = benchmark(registry=store, **chosen, seeds=(0, 1, 2), workers=1)
        assert [(c.model, c.dataset, c.status, c.seed) for c in report.cells] == [
            (MODELS[0], BENCHMARKS[0], "done", 1),
            (MODELS[0], BENCHMARKS[0], "done", 2),
        ]
        assert report.known == 1
        runs = store.runs(model=MODELS[0], dataset=BENCHMARKS[0])
        assert [r.seed for r in runs] == [0, 1, 2]
        assert len({r.recipe for r in runs}) == 1
        assert len({(*tuple(p.val for p in r.curve), r.test) for r in runs}) > 1
        tests = [r.test for r in runs if r.test is not None]
        assert store.matrix(TASK).loc[MODELS[0], BENCHMARKS[0]] == pytest.approx(sum(tests) / 3)
        assert benchmark(registry=store, **chosen, seeds=(2, 1)).cells == ()


@pytest.mark.slow
def test_a_budget_counts_repetitions(registry: Path) -> None:
    """A second seed of everything is missing where the matrix has no gap; a budget of one fills one."""
    assert len(benchmark(registry=registry, seeds=(0, 1), budget=1, workers=1).cells) == 1


@pytest.mark.slow
def test_the_command_repeats_cells_and_refuses_what_is_no_seed(registry: Path, run: Run) -> None:  # noqa: F811
    words = ("benchmark", "--model", MODELS[0], "--dataset", BENCHMARKS[0], "--registry", registry)
    done = run(*words, "--seeds", "0,4", "--json")
    assert done.code == 0
    assert [c["seed"] for c in done.document["cells"]] == [4]
    assert run(*words, "--seeds", "0,one").code == 2
    with pytest.raises(InvalidInput, match="-1 is no seed"):
        benchmark(registry=registry, seeds=(0, -1))
