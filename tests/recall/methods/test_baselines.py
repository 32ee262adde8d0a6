"""The baselines rank as their names say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hubselect.errors import InvalidInput
from hubselect.knowledge.matrix import PerformanceMatrix
from hubselect.recall.methods import METHODS, Evidence, SingleProxy, method
from hubselect.recall.methods.base import only
from tests.support.recall_lab import clustering_of, scores_of

MATRIX = PerformanceMatrix(
    ("a", "b", "c", "d"), ("x", "y"), np.array([[0.9, 0.7], [0.8, 0.8], [0.2, np.nan], [0.5, 0.1]])
)
EVIDENCE = Evidence(
    MATRIX,
    clustering_of(("a", "b"), ("c",), ("d",)),
    ("a", "b", "c", "d", "new"),
    {"logme": scores_of("t", "logme", {"a": 1.0, "d": 2.0})},
    parameters={"a": 10, "c": 40, "new": 20},
)


def order(name: str) -> list[str]:
    return [r.model for r in method(name).rank(EVIDENCE)]


def test_mean_is_the_static_list() -> None:
    """By mean known score, equal means by id; a model without results comes last."""
    assert order("mean") == ["a", "b", "d", "c", "new"]


def test_size_is_by_parameters() -> None:
    """The largest first; unknown sizes last, the better mean first among them."""
    assert order("size") == ["c", "new", "a", "b", "d"]


def test_random_is_a_shuffle_by_seed() -> None:
    """The same seed gives the same order, seeds give different ones, and nobody is lost."""
    orders = {tuple(r.model for r in method("random").rank(replace(EVIDENCE, seed=s))) for s in range(20)}
    assert len(orders) > 5
    assert all(sorted(o) == sorted(EVIDENCE.candidates) for o in orders)
    assert order("random") == order("random")


def test_a_single_proxy_stands_for_its_cluster() -> None:
    """b takes the value of its representative a; who has none at all comes last, known means first."""
    found = SingleProxy("logme").rank(EVIDENCE)
    assert [r.model for r in found] == ["d", "a", "b", "c", "new"]
    assert [r.proxy_score for r in found] == [2.0, 1.0, None, None, None]


@pytest.mark.parametrize("name", METHODS)
def test_every_method_ranks_every_candidate_once(name: str) -> None:
    """Unknown models are candidates as well, scores are finite, and the prior is acc(m)."""
    found = method(name).rank(EVIDENCE)
    assert sorted(r.model for r in found) == sorted(EVIDENCE.candidates)
    assert all(np.isfinite(r.recall_score) for r in found)
    assert {r.model: round(r.prior, 3) for r in found if r.model != "new"} == {
        "a": 0.8, "b": 0.8, "c": 0.2, "d": 0.3,
    }  # fmt: skip
    assert np.isnan(next(r.prior for r in found if r.model == "new"))


def test_unknown_names_are_refused() -> None:
    """One clear line names what there is."""
    with pytest.raises(InvalidInput, match="no recall method 'best'"):
        method("best")
    with pytest.raises(InvalidInput, match="uses one proxy"):
        method("paper", ("leep", "logme"))


def test_clusters_are_reduced_to_the_candidates() -> None:
    """A cluster that lost its representative is represented by its best member; empty ones vanish."""
    reduced = only(EVIDENCE.clustering, MATRIX, ["b", "d"])
    assert [(c.id, c.representative, c.members) for c in reduced.clusters] == [
        (1, "b", ("b",)),
        (3, "d", ("d",)),
    ]
