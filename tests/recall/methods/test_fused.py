"""The fused recall: better than its parts where it can be, never worse informed than told."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubselect.recall.methods import SingleProxy, method
from hubselect.recall.methods.fused import Fused, listwise_weights
from hubselect.recall.quality import regrets, spearman
from tests.support.recall_lab import World


def quality(world: World, name: str, proxies: tuple[str, ...]) -> float:
    """Mean rank correlation over all targets."""
    found = []
    for target in world.datasets:
        recalled = method(name, proxies).rank(world.evidence(target))
        found.append(spearman({r.model: r.recall_score for r in recalled}, world.truth(target)))
    return float(np.mean([f for f in found if f is not None]))


@pytest.mark.parametrize("seed", range(3))
def test_fusing_beats_the_prior_and_each_noisy_proxy(seed: int) -> None:
    """Two noisy proxies and a prior, each with errors of its own, are better together."""
    world = World(noise={"p": 0.07, "q": 0.07}, seed=seed)
    fused = quality(world, "fused", ("p", "q"))
    assert fused > quality(world, "mean", ()) + 0.05
    for name in world.proxies:
        alone = [
            spearman({r.model: r.recall_score for r in SingleProxy(name).rank(evidence)}, world.truth(target))
            for target in world.datasets
            for evidence in [world.evidence(target)]
        ]
        assert fused > float(np.mean([a for a in alone if a is not None])) + 0.05


def test_a_proxy_that_lies_gets_no_say() -> None:
    """With weights learned worthless proxies cost far less than in equal ranks."""
    world = World(noise={"good": 0.02, "noise": 5.0, "noise2": 5.0, "noise3": 5.0})
    names = tuple(world.proxies)
    alone, all_four, ranks = (
        quality(world, method, proxies)
        for method, proxies in (("fused", ("good",)), ("fused", names), ("rank-average", names))
    )
    assert alone - all_four < 0.5 * (alone - ranks)
    assert all_four > quality(world, "mean", ())


def test_few_scored_models_inform_about_the_others() -> None:
    """With proxies of every third model only, the ranking of the unscored ones beats the prior's."""
    better = 0
    for seed in range(4):
        world = World(noise={"p": 0.02}, seed=seed, skill=0.15, quality=0.02)
        for target in world.datasets:
            evidence = world.evidence(target, scored=world.models[::3])
            truth = {m: s for m, s in world.truth(target).items() if m not in world.models[::3]}
            found = [
                spearman({r.model: r.recall_score for r in method(n, ps).rank(evidence)}, truth) or 0.0
                for n, ps in (("fused", ("p",)), ("mean", ()))
            ]
            better += found[0] > found[1]
    assert better >= 30  # of 40


def test_the_target_s_own_results_are_never_looked_at() -> None:
    """Whatever the hidden column held, the ranking is the same."""
    world, other = World(), World()
    other.scores[:, 3] = other.scores[::-1, 3]
    target = world.datasets[3]
    other.proxies = world.proxies
    assert Fused(("good",)).rank(world.evidence(target)) == Fused(("good",)).rank(other.evidence(target))


def test_who_else_comes_into_question_changes_no_order() -> None:
    """Leaving candidates out leaves the others as they were, down to a single one."""
    world = World(noise={"good": 0.02})
    evidence = world.evidence("d00", scored=world.models[:8])
    order = [r.model for r in Fused(("good",)).rank(evidence)]
    for kept in (world.models[:8], (*world.models[:8], "m20", "m21")):
        found = Fused(("good",)).rank(replace(evidence, candidates=tuple(kept)))
        assert [r.model for r in found] == [m for m in order if m in kept]


def test_without_recorded_proxies_it_averages_ranks() -> None:
    """Too few datasets to learn from: the simple member of the family, not a crash."""
    evidence = replace(World().evidence("d00"), benchmark_proxies={})
    learned, simple = Fused(("good",)), Fused(("good",), learned=False)
    assert [r.model for r in learned.rank(evidence)] == [r.model for r in simple.rank(evidence)]


def test_without_any_proxy_it_is_the_prior_on_z_scores() -> None:
    """No proxy at all: the ranking of mean standings."""
    world = World()
    evidence = replace(world.evidence("d00"), proxies={}, benchmark_proxies={})
    truth = evidence.matrix.scores
    z = ((truth - truth.mean(0)) / truth.std(0)).mean(1)
    expected = [world.models[i] for i in np.argsort(-z, kind="stable")]
    assert [r.model for r in Fused(("good",)).rank(evidence)] == expected


def test_an_empty_registry_still_ranks() -> None:
    """No model has any result, one has a proxy score: it comes first, nothing crashes."""
    world = World(models=3)
    empty = world.matrix().subset_models([])
    evidence = replace(world.evidence("d00", scored=["m01"]), matrix=empty, benchmark_proxies={})
    found = Fused(("good",)).rank(evidence)
    assert sorted(r.model for r in found) == ["m00", "m01", "m02"]
    assert all(np.isfinite(r.recall_score) for r in found)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 5), st.integers(4, 30), st.integers(0, 2**32 - 1))
def test_weights_are_the_best_nonnegative_ones(f: int, n: int, seed: int) -> None:
    """No small step that keeps the weights >= 0 lowers the objective (the KKT conditions)."""
    dice = np.random.default_rng(seed)
    lessons = [(dice.normal(size=(n, f)), dice.normal(size=n)) for _ in range(3)]
    weights = listwise_weights(lessons)
    assert (weights >= 0).all()

    def objective(w: np.ndarray) -> float:
        total = 0.0
        for columns, truth in lessons:
            wanted = np.exp(truth / 0.3) / np.exp(truth / 0.3).sum()
            total -= wanted @ (columns @ w - np.log(np.exp(columns @ w).sum()))
        return float(total / 3 + 0.5 * ((w - w.mean()) ** 2).sum() + 1e-3 * (w @ w))

    if np.allclose(weights, 1 / f):  # nothing was better than no weights: they stay as they began
        return
    for step in np.vstack([np.eye(f), -np.eye(f)]) * 1e-3:
        assert objective(np.maximum(weights + step, 0)) >= objective(weights) - 1e-6


def test_regret_falls_with_more_models() -> None:
    """Recalling all models leaves no regret."""
    world = World()
    found = regrets([r.model for r in Fused(("good",)).rank(world.evidence("d05"))], world.truth("d05"))
    assert list(found) == sorted(found, reverse=True)
    assert found[-1] == 0
