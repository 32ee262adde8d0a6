"""The performance matrix: what counts as a cell, what a missing one is, what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hubselect.errors import InvalidInput, UnknownEntry
from hubselect.knowledge.matrix import PerformanceMatrix
from hubselect.records import Run

NAN = math.nan


def run(model: str, dataset: str, test: float | None, **other: object) -> Run:
    return Run(model, dataset, **{"recipe": "r", "status": "done", "test": test, **other})  # type: ignore[arg-type]


def test_a_cell_is_the_mean_over_seeds_and_names_are_sorted() -> None:
    runs = [run("b", "y", 0.5), run("a", "z", 0.2), run("b", "y", 0.7, seed=1)]
    matrix = PerformanceMatrix.from_runs(runs)
    assert matrix.models == ("a", "b")
    assert matrix.datasets == ("y", "z")
    np.testing.assert_allclose(matrix.scores, [[NAN, 0.2], [0.6, NAN]])


def test_only_finished_benchmark_runs_with_a_score_count() -> None:
    runs = [
        run("a", "y", 0.5),
        run("b", "y", 0.5, status="running"),
        run("c", "y", 0.5, status="stopped"),
        run("d", "y", None),
        run("e", "y", NAN),
        run("f", "y", 0.5, selection=3),
    ]
    assert PerformanceMatrix.from_runs(runs).models == ("a",)


def test_no_runs_give_an_empty_matrix() -> None:
    matrix = PerformanceMatrix.from_runs([])
    assert matrix.scores.shape == (0, 0)
    assert matrix.means.shape == (0,)
    assert matrix.scored().models == ()


def test_a_score_of_zero_is_a_score_and_nan_is_not() -> None:
    matrix = PerformanceMatrix(("a", "b"), ("x", "y"), np.array([[0.0, 0.4], [NAN, 0.4]]))
    assert matrix.mean("a") == pytest.approx(0.2)
    assert matrix.mean("b") == pytest.approx(0.4)


def test_a_model_without_scores_has_no_mean_and_is_not_scored() -> None:
    matrix = PerformanceMatrix(("b", "a"), ("y", "x"), np.array([[0.1, 0.2], [NAN, NAN]]))
    assert math.isnan(matrix.mean("a"))
    assert matrix.scored().models == ("b",)
    assert matrix.scored().datasets == ("x", "y")
    np.testing.assert_allclose(matrix.scored().scores, [[0.2, 0.1]])


def test_infinite_scores_and_mixed_recipes_are_refused() -> None:
    with pytest.raises(InvalidInput, match="a on x is infinite"):
        PerformanceMatrix(("a",), ("x",), np.array([[math.inf]]))
    with pytest.raises(InvalidInput, match="infinite"):
        PerformanceMatrix.from_runs([run("a", "x", -math.inf)])
    with pytest.raises(InvalidInput, match="2 recipes"):
        PerformanceMatrix.from_runs([run("a", "x", 0.1), run("b", "x", 0.1, recipe="other")])


def test_names_that_do_not_fit_the_scores_are_refused() -> None:
    with pytest.raises(InvalidInput, match="does not fit"):
        PerformanceMatrix(("a",), ("x", "y"), np.zeros((2, 2)))
    with pytest.raises(InvalidInput, match="twice"):
        PerformanceMatrix(("a", "a"), ("x",), np.zeros((2, 1)))


def test_scores_are_a_read_only_copy() -> None:
    scores = np.array([[0.1]])
    matrix = PerformanceMatrix(("a",), ("x",), scores)
    scores[0, 0] = 9.0
    assert matrix.row("a")[0] == 0.1
    with pytest.raises(ValueError, match="read-only"):
        matrix.scores[0, 0] = 1.0


def test_a_dataset_can_be_left_out_and_models_chosen() -> None:
    matrix = PerformanceMatrix(("a", "b"), ("x", "y"), np.array([[0.1, 0.2], [0.3, 0.4]]))
    without = matrix.without_dataset("x")
    assert without.datasets == ("y",)
    np.testing.assert_allclose(without.scores, [[0.2], [0.4]])
    assert matrix.without_dataset("unknown") is matrix
    assert matrix.subset_models(["b"]).row("b").tolist() == [0.3, 0.4]
    assert "a" in matrix
    assert "c" not in matrix


def test_an_unknown_model_is_named() -> None:
    matrix = PerformanceMatrix(("a",), ("x",), np.array([[0.1]]))
    with pytest.raises(UnknownEntry, match="org/none"):
        matrix.row("org/none")
    with pytest.raises(UnknownEntry, match="org/none"):
        matrix.subset_models(["org/none"])
