"""Backtests of recall: rankings against the truth, nothing about a target known before."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from scipy.stats import spearmanr

from hubselect.backtest import RecallSettings, backtest_recall
from hubselect.backtest.trials import all_trials, choosable
from hubselect.errors import KnowledgeMissing
from hubselect.knowledge.matrix import PerformanceMatrix
from hubselect.recall.quality import REGRET_AT
from hubselect.records import ProxyScore
from tests.support.published import published
from tests.support.recall_lab import World

SETTINGS = RecallSettings("text-classification", proxy="good", proxies=("good", "bad"), threshold=0.05)


def recorded(world: World) -> list[ProxyScore]:
    return [
        ProxyScore(m, d, name, v, "features")
        for name in world.proxies
        for d in world.datasets
        for m, v in world.proxy(name, d).items()
    ]


def test_every_method_is_measured_on_every_dataset() -> None:
    """Regret never rises with K and ends at 0; the better proxy has the higher correlation."""
    world = World()
    found = backtest_recall(world.matrix(), recorded(world), SETTINGS, parameters={"m00": 5})
    assert [t.dataset for t in found.targets] == list(world.datasets)
    assert found.methods == (
        "paper", "fused", "fused-top", "fused-adaptive", "fused-representatives", "rank-average",
        "mean", "size", "random", "bad", "good",
    )  # fmt: skip
    for target in found.targets:
        assert target.best == max(world.truth(target.dataset).values())
        for measured in target.methods.values():
            assert list(measured.regret) == sorted(measured.regret, reverse=True)
            assert measured.regret[-1] == 0
    means = found.means
    assert (means["good"].spearman or 0) > (means["bad"].spearman or 0) + 0.3
    assert means["fused"].regret[1] <= means["mean"].regret[1]
    assert means["fused"].regret[1] < means["random"].regret[1]
    assert all(set(m.regret) == set(REGRET_AT) for m in means.values())
    low, high = means["fused"].intervals[1] or (1, 0)
    assert low <= means["fused"].regret[1] <= high


def test_passes_and_bytes_are_those_of_the_scored_models() -> None:
    """A static list costs nothing; representatives cost less than everybody; unknown sizes are unknown."""
    world = World()
    sizes = dict.fromkeys(world.models, 100)
    found = backtest_recall(world.matrix(), recorded(world), SETTINGS, weights=sizes)
    for target in found.targets:
        spent = {n: (m.passes, m.bytes) for n, m in target.methods.items()}
        assert spent["mean"] == (0, 0)
        assert spent["fused"] == (24, 2400)
        assert spent["fused-top"] == (7, 700)
        assert spent["paper"][0] == spent["fused-representatives"][0] < 24
    del sizes["m00"]
    found = backtest_recall(world.matrix(), recorded(world), SETTINGS, weights=sizes)
    assert all(t.methods["fused"].bytes is None for t in found.targets)
    assert found.means["fused"].bytes is None


def test_a_target_s_results_decide_nothing() -> None:
    """With the target's column turned round every ranking is the same, only its judgement differs."""
    world, other = World(), World()
    other.scores[:, 0] = 1 - other.scores[:, 0]
    before, after = (
        backtest_recall(w.matrix(), recorded(world), SETTINGS).targets[0] for w in (world, other)
    )
    for name, measured in before.methods.items():
        assert after.methods[name].spearman == pytest.approx(-(measured.spearman or 0), abs=1e-9)


def test_the_best_method_has_the_lowest_regret_and_k_is_as_small_as_it_may_be() -> None:
    """By regret at 1, 3 and 5; the smallest K keeps the mean regret within the tolerance, K - 1 does not."""
    world = World()
    found = backtest_recall(world.matrix(), recorded(world), SETTINGS)
    best = found.best(choosable("all"))
    assert best is not None
    regret = {n: sum(m.regret[k] for k in (1, 3, 5)) for n, m in found.means.items()}
    assert regret[best] == min(regret[n] for n in choosable("all") if n in regret)
    for tolerance in (0.0, 0.01, 0.05):
        k, reached = found.smallest_k(best, tolerance)
        assert reached <= tolerance
        at = [np.mean([t.methods[best].regret[n] for t in found.targets]) for n in range(24)]
        assert reached == pytest.approx(at[k - 1])
        assert k == 1 or at[k - 2] > tolerance


def test_only_scores_are_enough_and_too_few_are_refused() -> None:
    """Without proxies methods rank by the prior; one dataset leaves nothing to learn from."""
    world = World()
    found = backtest_recall(world.matrix(), [], SETTINGS)
    means = found.means
    assert means["paper"].regret == means["mean"].regret
    assert means["fused"].passes == 0
    single = PerformanceMatrix(world.models, ("d00",), world.scores[:, :1])
    with pytest.raises(KnowledgeMissing, match="two models on two datasets"):
        backtest_recall(single, [], SETTINGS)


def test_a_sparse_dataset_is_skipped_and_said() -> None:
    """A column with one score is no target; the others are."""
    world = World()
    scores = world.scores.copy()
    scores[1:, 2] = np.nan
    found = backtest_recall(PerformanceMatrix(world.models, world.datasets, scores), [], SETTINGS)
    assert list(found.skipped) == ["d02"]
    assert len(found.targets) == 9


def test_a_proxy_named_like_a_method_keeps_apart() -> None:
    """An imported proxy may be called anything."""
    names = [t.name for t in all_trials("leep", ["mean", "leep"])]
    assert names.count("mean") == 1
    assert "proxy:mean" in names


def test_published_rank_correlations() -> None:
    """10 ImageNet CNNs on 8 datasets: per target and proxy, scipy's Spearman of the published numbers."""
    folder = published("modelspider_in1k10")
    with (folder / "matrix.csv").open() as file:
        truth = {(r["model"], r["dataset"]): float(r["test_score"]) for r in csv.DictReader(file)}
    with (folder / "proxies.csv").open() as file:
        proxies = [
            ProxyScore(r["model"], r["dataset"], r["proxy"], float(r["score"])) for r in csv.DictReader(file)
        ]
    models, datasets = (tuple(sorted({key[i] for key in truth})) for i in (0, 1))
    scores = np.array([[truth[m, d] / 100 for d in datasets] for m in models])
    found = backtest_recall(
        PerformanceMatrix(models, datasets, scores), proxies, RecallSettings("image-classification")
    )
    assert len(found.targets) == 8
    values = {(p.proxy, p.dataset, p.model): p.score for p in proxies}
    for target in found.targets:
        column = [truth[m, target.dataset] for m in models]
        for name in {p.proxy for p in proxies}:
            own = [values[name, target.dataset, m] for m in models]
            assert target.methods[name].spearman == pytest.approx(spearmanr(own, column).statistic)
