"""Runs and curves: idempotent, continued after an interruption, honest about revisions."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hubselect.errors import InvalidInput, UnknownEntry
from hubselect.records import CurvePoint, Dataset, Model, Recipe
from hubselect.registry import Registry
from tests.registry.conftest import RECIPE, TEXT, add_cell, fill

MODEL = Model("org/a", TEXT, revision="1" * 40, weights_digest="w1")


@pytest.fixture
def cell(registry: Registry) -> Registry:
    """A registry with one model and one dataset."""
    registry.add_model(MODEL)
    registry.add_dataset(Dataset("org/d", TEXT, revision="d" * 40))
    return registry


def points(registry: Registry) -> list[float]:
    return [p.val for run in registry.runs() for p in run.curve]


def append(registry: Registry, stage: int, val: float = 0.5) -> None:
    registry.append_point(CurvePoint("org/a", stage, float(stage), val, 2.0), "org/d", RECIPE)


def test_a_finished_run_holds_its_curve_score_and_revisions(cell: Registry) -> None:
    """Everything needed to trust a score is in its record."""
    add_cell(cell, "org/a", "org/d", 0.9)
    (run,) = cell.runs(status="done")
    assert (run.test, run.seconds, run.seed, run.source) == (0.9, 4.5, 0, "measured")
    assert [p.stage for p in run.curve] == [1, 2, 3]
    assert (run.model_revision, run.dataset_revision) == ("1" * 40, "d" * 40)
    assert cell.curves("org/a") == cell.curves("org/a", "org/d") == [run]
    assert cell.recipe(run.recipe) == RECIPE


def test_starting_again_continues_with_the_recorded_points(cell: Registry) -> None:
    """Also after a failure; the reason is forgotten."""
    cell.start_run("org/a", "org/d", RECIPE)
    append(cell, 1, 0.4)
    assert [p.val for p in cell.start_run("org/a", "org/d", RECIPE).curve] == [0.4]
    cell.fail_run("org/a", "org/d", RECIPE, "out of\nmemory")
    assert cell.runs()[0].reason == "out of memory"
    again = cell.start_run("org/a", "org/d", RECIPE.digest)
    assert (again.status, again.reason, len(again.curve)) == ("running", None, 1)


def test_a_recorded_stage_stays_as_it_is(cell: Registry) -> None:
    """The first value of a stage counts, in every status."""
    cell.start_run("org/a", "org/d", RECIPE)
    append(cell, 1, 0.4)
    append(cell, 1, 0.9)
    cell.finish_run("org/a", "org/d", RECIPE, 0.5, 1.0)
    append(cell, 1, 0.9)
    assert points(cell) == [0.4]


def test_stages_follow_one_another_within_the_recipe(cell: Registry) -> None:
    """Gaps, stage zero and stages beyond the recipe are refused."""
    cell.start_run("org/a", "org/d", RECIPE)
    for stage in (0, 2, 4):
        with pytest.raises(InvalidInput):
            append(cell, stage)
    for stage in (1, 2, 3):
        append(cell, stage)
    with pytest.raises(InvalidInput, match="stage 4"):
        append(cell, 4)


def test_only_running_runs_grow(cell: Registry) -> None:
    """A stopped run must be started again before it goes on."""
    cell.start_run("org/a", "org/d", RECIPE)
    cell.stop_run("org/a", "org/d", RECIPE)
    assert (cell.runs()[0].status, cell.runs()[0].reason) == ("stopped", "eliminated")
    with pytest.raises(InvalidInput, match="stopped"):
        append(cell, 1)


def test_a_finished_run_stays_finished(cell: Registry) -> None:
    """Finishing, failing, stopping and starting it again change nothing."""
    add_cell(cell, "org/a", "org/d", 0.9)
    before = cell.runs()
    cell.finish_run("org/a", "org/d", RECIPE, 0.1, 1.0)
    cell.fail_run("org/a", "org/d", RECIPE, "no")
    cell.stop_run("org/a", "org/d", RECIPE)
    assert cell.start_run("org/a", "org/d", RECIPE) == before[0]
    assert cell.runs() == before


def test_a_failure_before_the_start_is_recorded(cell: Registry) -> None:
    """A model that cannot be downloaded has a failed run; stopping it leaves it failed."""
    cell.fail_run("org/a", "org/d", RECIPE, "gone")
    cell.stop_run("org/a", "org/d", RECIPE)
    assert [(r.status, r.reason) for r in cell.runs(model="org/a")] == [("failed", "gone")]


def test_runs_that_were_never_started_are_unknown(cell: Registry) -> None:
    """Points, scores and stops need a run; a start needs model, dataset, recipe and selection."""
    for ask in (
        lambda: append(cell, 1),
        lambda: cell.finish_run("org/a", "org/d", RECIPE, 0.5),
        lambda: cell.stop_run("org/a", "org/d", RECIPE),
        lambda: cell.start_run("org/nobody", "org/d", RECIPE),
        lambda: cell.start_run("org/a", "org/nothing", RECIPE),
        lambda: cell.start_run("org/a", "org/d", "0" * 16),
        lambda: cell.start_run("org/a", "org/d", RECIPE, selection=7),
    ):
        with pytest.raises(UnknownEntry):
            ask()
    assert cell.runs() == []


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_scores_are_finite(cell: Registry, bad: float) -> None:
    """NaN never reaches the registry."""
    cell.start_run("org/a", "org/d", RECIPE)
    with pytest.raises(InvalidInput, match="finite"):
        append(cell, 1, bad)
    with pytest.raises(InvalidInput, match="finite"):
        cell.finish_run("org/a", "org/d", RECIPE, bad)
    assert cell.runs()[0].status == "running"


def test_seeds_and_selections_are_separate_runs(registry: Registry) -> None:
    """The same model and dataset under another seed or in a selection is another run."""
    selection = fill(registry)
    add_cell(registry, "org/a", "org/e", 0.5, seed=1)
    add_cell(registry, "org/a", "org/e", 0.1, selection=selection)
    assert {r.seed: r.test for r in registry.runs(model="org/a", dataset="org/e")} == {0: 0.7, 1: 0.5}
    of_selection = registry.runs(selection=selection)
    assert {(r.dataset, r.test) for r in of_selection} == {("org/target", 0.6), ("org/e", 0.1)}
    assert all(r.selection == selection for r in of_selection)


def test_runs_are_filtered(registry: Registry) -> None:
    """By status, task, recipe and names; unknown names give nothing."""
    fill(registry)
    assert len(registry.runs()) == 4
    assert [r.model for r in registry.runs(status="failed")] == ["org/b"]
    assert len(registry.runs(task=TEXT)) == len(registry.runs(recipe=RECIPE)) == 4
    assert registry.runs(task="image-classification") == registry.runs(model="org/nobody") == []


def test_runs_of_older_weights_leave_the_matrix_and_start_afresh(cell: Registry) -> None:
    """A new pin makes the cell missing again; its old points are not continued."""
    add_cell(cell, "org/a", "org/d", 0.9)
    assert cell.matrix().loc["org/a", "org/d"] == 0.9
    cell.add_model(replace(MODEL, revision="2" * 40, weights_digest="w2"))
    assert cell.matrix().empty
    assert cell.main_recipe(TEXT) is None
    run = cell.start_run("org/a", "org/d", RECIPE)
    assert (run.status, run.curve, run.test, run.model_revision) == ("running", (), None, "2" * 40)


def test_an_unfinished_run_on_an_older_dataset_starts_afresh(cell: Registry) -> None:
    """Points on different data never share a curve; finished cells outlive an edited card."""
    cell.start_run("org/a", "org/d", RECIPE)
    append(cell, 1)
    cell.add_dataset(Dataset("org/d", TEXT, revision="e" * 40))
    assert cell.start_run("org/a", "org/d", RECIPE).curve == ()
    add_cell(cell, "org/a", "org/d", 0.5)
    cell.add_dataset(Dataset("org/d", TEXT, revision="f" * 40))
    assert cell.start_run("org/a", "org/d", RECIPE).status == "done"
    assert cell.matrix().shape == (1, 1)


def test_a_finished_run_of_a_recipe_without_stages_in_between(cell: Registry) -> None:
    """Seconds may be given; fractions of an epoch are kept."""
    recipe = Recipe(TEXT, epochs=1, stages_per_epoch=2)
    cell.start_run("org/a", "org/d", recipe)
    cell.append_point(CurvePoint("org/a", 1, 0.5, 0.3), "org/d", recipe)
    cell.finish_run("org/a", "org/d", recipe, 0.4, 12.5)
    (run,) = cell.runs()
    assert (run.curve[0].epochs, run.seconds) == (0.5, 12.5)
