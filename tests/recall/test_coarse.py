"""Coarse recall, Eq. 2-4, by hand and by property."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubselect.errors import InvalidInput
from hubselect.knowledge.clusters import cluster
from hubselect.knowledge.matrix import PerformanceMatrix
from hubselect.knowledge.similarity import similarity_matrix
from hubselect.recall.coarse import recall, representatives_to_score
from hubselect.records import Cluster, Clustering, ProxyScore, Recalled

NAN = math.nan

MATRIX = PerformanceMatrix(
    ("a", "b", "c", "d", "e"),
    ("x", "y"),
    np.array([[0.8, 0.6], [0.8, 0.4], [0.5, 0.3], [0.3, 0.3], [0.9, 0.1]]),
)
CLUSTERING = Clustering(
    "text-classification",
    "r",
    0.2,
    2,
    "average",
    (Cluster(1, "a", ("a", "b")), Cluster(2, "e", ("e",)), Cluster(3, "c", ("c", "d"))),
)


def score(model: str, value: float, proxy: str = "leep", origin: str = "head") -> ProxyScore:
    return ProxyScore(model, "org/target", proxy, value, origin)


PROXIES = {"a": score("a", math.log(0.5)), "c": score("c", math.log(0.9), "nleep", "features")}


def by_model(ranked: list[Recalled]) -> dict[str, Recalled]:
    return {r.model: r for r in ranked}


def test_the_equations_by_hand() -> None:
    """acc: a .7, b .6, c .4, d .3, e .5; p(a) .5, p(c) .9.

    Eq. 3: a .7 * .5 = .35, b .6 * .5 = .30, c .4 * .9 = .36, d .3 * .9 = .27.
    Eq. 1 (k 2): e and a differ by .1 and .5, so sim .7; e and c by .4 and .2, so sim .7.
    Eq. 4: e .5 * (.7 * .5 + .7 * .9) / 2 = .5 * .49 = .245.
    """
    ranked = recall(MATRIX, CLUSTERING, PROXIES)
    assert [r.model for r in ranked] == ["c", "a", "b", "d", "e"]
    assert [r.recall_score for r in ranked] == pytest.approx([0.36, 0.35, 0.30, 0.27, 0.245])
    assert [r.prior for r in ranked] == pytest.approx([0.4, 0.7, 0.6, 0.3, 0.5])
    assert [r.cluster for r in ranked] == [3, 1, 1, 3, 2]
    assert [r.representative for r in ranked] == ["c", "a", "a", "c", "e"]
    log = math.log
    assert [r.proxy_score for r in ranked] == [log(0.9), log(0.5), log(0.5), log(0.9), None]
    assert [r.proxy_origin for r in ranked] == ["features", "head", "head", "features", "propagated"]


def test_the_top_k_are_the_first_of_all() -> None:
    everything = recall(MATRIX, CLUSTERING, PROXIES)
    assert recall(MATRIX, CLUSTERING, PROXIES, k=2) == everything[:2]
    assert recall(MATRIX, CLUSTERING, PROXIES, k=99) == everything


def test_a_members_own_proxy_is_not_used() -> None:
    own = {**PROXIES, "b": score("b", 0.0), "e": score("e", 0.0)}
    assert recall(MATRIX, CLUSTERING, own) == recall(MATRIX, CLUSTERING, PROXIES)


@pytest.mark.parametrize("broken", [{}, {"c": score("c", NAN)}])
def test_a_cluster_without_a_proxy_is_treated_as_singletons(broken: dict[str, ProxyScore]) -> None:
    """sim(c, a) = 1 - (.3 + .3) / 2 = .7, sim(d, a) = 1 - (.5 + .3) / 2 = .6, sim(e, a) = .7; p(a) = .5."""
    got = by_model(recall(MATRIX, CLUSTERING, {"a": PROXIES["a"], **broken}))
    assert got["c"].recall_score == pytest.approx(0.4 * 0.7 * 0.5)
    assert got["d"].recall_score == pytest.approx(0.3 * 0.6 * 0.5)
    assert got["e"].recall_score == pytest.approx(0.5 * 0.7 * 0.5)
    assert got["c"].proxy_score is None
    assert got["c"].proxy_origin == "propagated"
    assert got["c"].cluster == 3


def test_without_any_proxy_models_are_ranked_by_their_mean() -> None:
    singletons = replace(CLUSTERING, clusters=tuple(Cluster(i, m, (m,)) for i, m in enumerate("abcde", 1)))
    for clustering, proxies in (
        (CLUSTERING, {}),
        (singletons, PROXIES),
        (replace(CLUSTERING, clusters=()), {}),
    ):
        ranked = recall(MATRIX, clustering, proxies)
        assert [r.model for r in ranked] == ["a", "b", "e", "c", "d"]
        assert all(r.recall_score == r.prior for r in ranked)
        assert all(r.proxy_score is None and r.proxy_origin is None for r in ranked)


def test_models_the_clustering_does_not_know_are_singletons() -> None:
    smaller = replace(CLUSTERING, clusters=tuple(c for c in CLUSTERING.clusters if c.id != 2))
    got = by_model(recall(MATRIX, smaller, PROXIES))["e"]
    assert got.recall_score == pytest.approx(0.245)
    assert got.cluster is None
    assert got.representative is None


def test_models_without_scores_are_left_out() -> None:
    scores = MATRIX.scores.copy()
    scores[1] = NAN
    ranked = recall(PerformanceMatrix(MATRIX.models, MATRIX.datasets, scores), CLUSTERING, PROXIES)
    assert sorted(r.model for r in ranked) == ["a", "c", "d", "e"]
    assert recall(PerformanceMatrix((), (), np.empty((0, 0))), CLUSTERING, PROXIES) == []


def test_a_representative_without_a_row_still_stands_for_its_cluster() -> None:
    """Its similarity to others is unknown, hence 0 in Eq. 4: e gets .5 * (.7 * .9) / 2."""
    got = by_model(recall(MATRIX.subset_models(["b", "c", "d", "e"]), CLUSTERING, PROXIES))
    assert got["b"].recall_score == pytest.approx(0.30)
    assert got["e"].recall_score == pytest.approx(0.1575)


def test_ties_go_to_the_lower_id() -> None:
    matrix = PerformanceMatrix(("z", "b", "a"), ("x",), np.array([[0.5], [0.5], [0.5]]))
    clustering = replace(CLUSTERING, clusters=(Cluster(1, "a", ("a", "b", "z")),))
    ranked = recall(matrix, clustering, {"a": score("a", -1.0)})
    assert [r.model for r in ranked] == ["a", "b", "z"]


def test_a_proxy_that_is_no_likelihood_is_normalised_over_the_representatives() -> None:
    """h-like scores 2 and 6 become 0 and 1: the whole first cluster falls to 0, ranked by its means."""
    proxies = {"a": score("a", 2.0, "imported-h"), "c": score("c", 6.0, "imported-h")}
    ranked = recall(MATRIX, CLUSTERING, proxies)
    assert [r.model for r in ranked] == ["c", "d", "e", "a", "b"]
    assert by_model(ranked)["c"].recall_score == pytest.approx(0.4)
    assert by_model(ranked)["b"].recall_score == 0.0
    assert by_model(recall(MATRIX, CLUSTERING, PROXIES, normalise="min-max"))["a"].recall_score == 0.0


def test_only_representatives_of_groups_are_scored() -> None:
    assert representatives_to_score(CLUSTERING) == ("a", "c")


def test_senseless_requests_are_refused() -> None:
    with pytest.raises(InvalidInput):
        recall(MATRIX, CLUSTERING, PROXIES, k=0)
    with pytest.raises(InvalidInput):
        recall(MATRIX, CLUSTERING, PROXIES, top_k=0)
    with pytest.raises(InvalidInput):
        recall(MATRIX, CLUSTERING, {"a": score("a", -math.inf)})


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 99_999), st.floats(0.2, 0.6))
def test_every_model_gets_what_the_equations_say(seed: int, threshold: float) -> None:
    rng = np.random.default_rng(seed)
    models = tuple(f"m{i}" for i in rng.permutation(9))
    scores = rng.random((9, 6))
    scores[rng.random(scores.shape) < 0.1] = NAN
    matrix = PerformanceMatrix(models, tuple("uvwxyz"), scores)
    clustering = cluster(matrix, task="text-classification", recipe="r", threshold=threshold)
    proxies = {m: score(m, -rng.random()) for m in representatives_to_score(clustering)}
    similarity = similarity_matrix(scores)
    ranked = recall(matrix, clustering, proxies)
    assert sorted(r.model for r in ranked) == sorted(models)
    for r in ranked:
        own = clustering.of(r.model)
        assert own is not None
        acc = float(np.nanmean(scores[models.index(r.model)]))
        factor = 1.0
        if own.size > 1:
            factor = math.exp(proxies[own.representative].score)
        elif proxies:
            i = models.index(r.model)
            terms = [similarity[i, models.index(m)] * math.exp(p.score) for m, p in proxies.items()]
            factor = sum(terms) / len(terms)
        assert r.recall_score == pytest.approx(acc * factor)
    assert [r.recall_score for r in ranked] == sorted((r.recall_score for r in ranked), reverse=True)
