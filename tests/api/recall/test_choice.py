"""Which method recalls, and how many models: what was measured is what is used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from hubselect.api.knowing import Knowledge
from hubselect.api.recall.choice import DEFAULT_K, Choice, Chooser
from hubselect.api.recall.options import K, recall_options
from hubselect.recall.classes import Classes
from hubselect.records import Clustering, Model, ProxyScore, Recipe
from tests.support.recall_lab import World, clustering_of

RECIPE = Recipe("text-classification")


def choice(
    world: World,
    names: Sequence[str],
    k: K = 10,
    clustering: Clustering | None = None,
    models: tuple[Model, ...] = (),
    **options: Any,
) -> Choice:
    """What is chosen when these proxies of the world are recorded, in clusters of two."""
    pairs = [world.models[i : i + 2] for i in range(0, len(world.models), 2)]
    clusters = clustering or clustering_of(*pairs)
    scores = tuple(
        ProxyScore(m, d, n, v, "features")
        for n in names
        for d in world.datasets
        for m, v in world.proxy(n, d).items()
    )
    known = Knowledge(RECIPE, world.matrix(), clusters, scores)
    return Chooser(known, recall_options(**options), models, clusters, Classes()).choose(k)


def test_the_winner_is_used_with_the_proxies_it_was_measured_with() -> None:
    """Of the proxies of `fused` only one is recorded: no other is computed for the target."""
    world = World(noise={"logme": 0.005})
    found = choice(world, ["logme"], scope="all")
    assert (found.method.name, found.method.proxies, found.scope) == ("fused", ("logme",), "all")


def test_proxies_that_cannot_be_computed_decide_nothing() -> None:
    """Imported scores of a kind unknown here could never be had for the target."""
    found = choice(World(noise={"theirs": 0.005}), ["theirs"])
    assert (found.method.name, found.method.proxies) == ("paper", ("leep",))
    assert "too few proxy scores" in found.reasons[0]


def test_a_paper_without_recorded_proxies_is_not_measured() -> None:
    """Without leep its ranking would be that of the mean under another name."""
    found = choice(World(noise={"logme": 3.0}), ["logme"], scope="all")
    assert found.method.name in ("mean", "rank-average", "fused")
    assert "paper" not in found.reasons[0]


@pytest.mark.parametrize("method", ["size", "mean", "random"])
def test_the_number_of_a_static_list_needs_no_proxies(method: str) -> None:
    """`-k auto` of a list that downloads nothing is measured from results alone, sizes known or not."""
    found = choice(World(), [], k="auto", method=method, tolerance=0.02)
    assert "backtest" in found.reasons[-1]
    assert choice(World(), [], k="auto", method=method, tolerance=1.0).k == 1


def test_the_number_is_measured_with_the_very_method() -> None:
    """With proxies of which nothing is recorded it is the default, and the line says why."""
    world = World(noise={"logme": 0.01})
    assert choice(world, ["logme"], k="auto", method="fused", proxies=["logme"]).k is not None
    found = choice(world, ["logme"], k="auto", method="fused", proxies=["knn"])
    assert (found.k, "too few" in found.reasons[-1]) == (DEFAULT_K, True)


def test_without_clusters_of_two_the_best_by_mean_are_scored() -> None:
    """Filters that leave singletons only must not leave recall without any proxy; the paper's has none."""
    world = World()
    singles = clustering_of(*((m,) for m in world.models))
    found = choice(world, [], clustering=singles, method="fused", scope="representatives")
    assert found.scope == "top"
    assert "no cluster of two" in found.reasons[0]
    assert choice(world, [], clustering=singles, proxy="leep").scope == "representatives"


def test_one_named_proxy_is_the_paper_to_the_letter() -> None:
    """Whatever is recorded: representatives, that proxy, and nothing measured."""
    found = choice(World(noise={"logme": 0.005}), ["logme"], proxy="leep@mean")
    assert (found.method.name, found.method.proxies, found.scope) == ("paper", ("leep",), "representatives")
    assert found.reasons == ()
