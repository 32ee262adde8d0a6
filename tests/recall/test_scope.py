"""Whose proxies are computed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hubselect.errors import InvalidInput
from hubselect.knowledge.matrix import PerformanceMatrix
from hubselect.recall.methods import Evidence
from hubselect.recall.scope import fitting, models_to_score
from tests.support.recall_lab import clustering_of

EVIDENCE = Evidence(
    PerformanceMatrix(("a", "b", "c", "d"), ("x",), np.array([[0.2], [0.9], [0.5], [0.7]])),
    clustering_of(("b", "a"), ("c", "d")),
    ("a", "b", "c", "d", "new"),
)
SIZES = {"a": 10, "b": 60, "c": 30, "d": 50}


def test_who_is_scored_in_which_scope() -> None:
    """Representatives, the best by mean, or all; the better mean first, unknown models last."""
    assert models_to_score(EVIDENCE, "representatives") == ("b", "c")
    assert models_to_score(EVIDENCE, "top", top=3) == ("b", "d", "c")
    assert models_to_score(EVIDENCE, "all") == ("b", "d", "c", "a", "new")


def test_without_results_the_largest_comes_first() -> None:
    """A cold registry knows sizes and names: models of unknown size come last."""
    cold = replace(EVIDENCE, matrix=EVIDENCE.matrix.subset_models([]), parameters={"c": 5, "new": 9})
    assert models_to_score(cold, "top", top=3) == ("new", "c", "a")


def test_a_limit_is_never_exceeded() -> None:
    """What does not fit is passed over, and so is a model of unknown size; the order stays."""
    order = ("b", "d", "c", "a", "new")
    assert fitting(order, SIZES, 100) == ("b", "c", "a")
    assert fitting(order, SIZES, 9) == ()
    assert fitting(order, {**SIZES, "new": 0, "b": 0}, 50) == ("b", "d", "new")


def test_nonsense_is_refused() -> None:
    """Unknown scopes, and less than one model."""
    with pytest.raises(InvalidInput, match="whom to score"):
        models_to_score(EVIDENCE, "some")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="0 models"):
        models_to_score(EVIDENCE, "top", top=0)
