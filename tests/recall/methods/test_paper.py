"""The paper's recall among the methods: Eq. 2-4 with clusters, every model for itself without."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from hubselect.knowledge.matrix import PerformanceMatrix
from hubselect.recall.coarse import recall
from hubselect.recall.methods import Evidence, method
from tests.support.recall_lab import clustering_of, scores_of

EVIDENCE = Evidence(
    PerformanceMatrix(
        ("a", "b", "c", "d"), ("x", "y"), np.array([[0.9, 0.7], [0.8, 0.8], [0.2, 0.3], [0.5, 0.1]])
    ),
    clustering_of(("a", "b"), ("c", "d")),
    ("a", "b", "c", "d", "new"),
    {"leep": scores_of("t", "leep", {"a": -0.5, "c": -0.2})},
    parameters={"new": 7},
)
PAPER = method("paper")


def test_it_is_the_paper_s_recall_with_unknown_models_last() -> None:
    """Scores are those of Eq. 2-4; a candidate without results has none."""
    found = PAPER.rank(EVIDENCE)
    assert found[:-1] == recall(EVIDENCE.matrix, EVIDENCE.clustering, EVIDENCE.proxies["leep"])
    assert found[-1].model == "new"
    assert math.isnan(found[-1].prior)


def test_a_proxy_of_a_model_that_represents_nobody_changes_nothing() -> None:
    """Faithful in every scope."""
    more = {"leep": {**EVIDENCE.proxies["leep"], **scores_of("t", "leep", {"b": -0.01, "d": -0.01})}}
    assert PAPER.rank(replace(EVIDENCE, proxies=more)) == PAPER.rank(EVIDENCE)


def test_without_clusters_every_model_represents_itself() -> None:
    """Eq. 3 with the model's own proxy; who was not scored counts as the lowest that was."""
    listed = replace(EVIDENCE, clustering=replace(EVIDENCE.clustering, clusters=()))
    found = {r.model: r for r in PAPER.rank(listed)}
    assert found["a"].recall_score == pytest.approx(0.8 * math.exp(-0.5))
    assert found["c"].recall_score == pytest.approx(0.25 * math.exp(-0.2))
    assert found["b"].recall_score == pytest.approx(0.8 * math.exp(-0.5))
    assert (found["a"].representative, found["b"].representative) == ("a", None)
    assert found["new"].recall_score == 0


def test_an_empty_registry_is_ranked_by_the_proxy_alone() -> None:
    """No mean to multiply for anybody: the proxy, then the size."""
    cold = replace(
        EVIDENCE,
        matrix=EVIDENCE.matrix.subset_models([]),
        clustering=replace(EVIDENCE.clustering, clusters=()),
        candidates=("a", "c", "new"),
    )
    assert [r.model for r in PAPER.rank(cold)] == ["c", "new", "a"]
    assert [r.model for r in PAPER.rank(replace(cold, proxies={}))] == ["new", "a", "c"]
