"""Backtests: on made-up curves whose answer is known, and on recorded ones where they are at hand."""

from __future__ import annotations

import numpy as np
import pytest

from hubselect.backtest import PROXY_EPOCHS, Settings, backtest
from hubselect.errors import KnowledgeMissing
from hubselect.records import CurvePoint, ProxyScore, Run


def recorded(groups: int = 4, datasets: int = 6, stages: int = 5) -> tuple[list[Run], list[ProxyScore]]:
    """Groups of three models that fine-tune alike; validation curves that rise to the test score."""
    rng = np.random.default_rng(0)
    centre = rng.uniform(0.4, 0.9, (groups, datasets))
    runs, proxies = [], []
    for g in range(groups):
        for i in range(3):
            for d in range(datasets):
                model, name, score = f"g{g}-m{i}", f"d{d}", float(centre[g, d] + rng.normal(0, 0.003))
                curve = tuple(
                    CurvePoint(model, s, float(s), score * (1 - 0.5**s)) for s in range(1, stages + 1)
                )
                runs.append(Run(model, name, "r", "done", curve=curve, test=score))
                proxies.append(ProxyScore(model, name, "leep", float(np.log(score))))
    return runs, proxies


@pytest.mark.parametrize(
    "policy", ["fine-selection", "successive-halving", "knowledge-gradient", "brute-force"]
)
def test_every_dataset_is_replayed_once_and_the_best_is_found(policy: str) -> None:
    """With proxies that tell the truth the regret is no more than the noise inside a group."""
    found = backtest(*recorded(), Settings("text-classification", policy, k=4, threshold=0.05))
    assert [t.dataset for t in found.targets] == [f"d{d}" for d in range(6)]
    assert found.mean_regret <= 0.01
    assert all(t.best >= t.test_score and len(t.recalled) == 4 for t in found.targets)


def test_costs_are_counted_as_in_the_paper() -> None:
    """Brute force over 12 models x 5 epochs, halving 12+6+3+1+1, half an epoch per proxied cluster."""
    found = backtest(*recorded(), Settings("text-classification", "successive-halving", k=4, threshold=0.05))
    for target in found.targets:
        assert target.epochs_brute_force == 60
        assert target.epochs_successive_halving == 23
        assert target.proxies == 4
        assert target.epochs == 4 + 2 + 1 + 1 + 1 + 4 * PROXY_EPOCHS
    assert found.speedup_vs_brute_force == pytest.approx(60 / 11)


def test_nothing_about_the_target_leaks_into_its_own_replay() -> None:
    """Changing a target's test scores changes the regret, never the decisions."""
    runs, proxies = recorded()
    settings = Settings("text-classification", k=4, threshold=0.05)
    before = backtest(runs, proxies, settings).targets[0]
    turned = [
        Run(r.model, r.dataset, "r", "done", curve=r.curve, test=1 - (r.test or 0))
        if r.dataset == "d0"
        else r
        for r in runs
    ]
    after = backtest(turned, proxies, settings).targets[0]
    assert (after.selected, after.recalled, after.history) == (
        before.selected,
        before.recalled,
        before.history,
    )
    assert after.test_score != before.test_score


def test_without_proxies_models_are_recalled_by_their_mean() -> None:
    """A registry without proxy scores can still be backtested; the prior alone ranks."""
    runs, _ = recorded()
    found = backtest(runs, [], Settings("text-classification", k=3, threshold=0.05))
    assert all(t.proxies == 0 for t in found.targets)


def test_a_dataset_whose_models_are_known_nowhere_else_is_skipped() -> None:
    """The other targets are replayed all the same, and the report says what was left out."""
    runs, proxies = recorded()
    curve = tuple(CurvePoint("x", s, float(s), 0.5) for s in range(1, 6))
    alone = [Run(m, "island", "r", "done", curve=curve, test=0.5) for m in ("x", "y")]
    found = backtest([*runs, *alone], proxies, Settings("text-classification", k=3, threshold=0.05))
    assert set(found.skipped) == {"island"}
    assert len(found.targets) == 6


def test_scores_without_curves_cannot_be_replayed() -> None:
    """The error says what is needed."""
    runs = [Run(r.model, r.dataset, "r", "done", test=r.test) for r in recorded()[0]]
    with pytest.raises(KnowledgeMissing, match="recorded validation curves"):
        backtest(runs, [], Settings("text-classification"))


def test_the_policy_decides_once_an_epoch_however_fine_the_curves_are() -> None:
    """Curves validated eight times before the first epoch ends are replayed at whole epochs, as in the
    paper; asked for finer barriers the same curves are replayed at half epochs."""
    runs, proxies = recorded()
    fine = []
    for run in runs:
        times = [0.125, 0.25, 0.5, 0.75, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5]
        score = run.test or 0.0
        curve = tuple(CurvePoint(run.model, n, t, score * (1 - 0.5**t)) for n, t in enumerate(times, start=1))
        fine.append(Run(run.model, run.dataset, "r", "done", curve=curve, test=run.test))
    whole = backtest(
        fine, proxies, Settings("text-classification", "successive-halving", k=4, threshold=0.05)
    )
    assert {t.epochs for t in whole.targets} == {4 + 2 + 1 + 1 + 1 + 4 * PROXY_EPOCHS}
    assert {t.epochs_successive_halving for t in whole.targets} == {23}
    halves = Settings("text-classification", "successive-halving", k=4, threshold=0.05, stages_per_epoch=2)
    assert {t.epochs for t in backtest(fine, proxies, halves).targets} == {2 + 1 + 4 + 4 * PROXY_EPOCHS}


def test_models_are_recalled_by_size_where_that_is_asked_for() -> None:
    """The largest models are replayed, whatever their results; no proxy is paid for."""
    runs, proxies = recorded()
    sizes = {m: n for n, m in enumerate(sorted({r.model for r in runs}))}
    settings = Settings("text-classification", method="size", k=2, threshold=0.05)
    found = backtest(runs, proxies, settings, parameters=sizes)
    largest = tuple(sorted(sizes, key=lambda m: -sizes[m])[:2])
    assert {(t.recalled, t.proxies) for t in found.targets} == {(largest, 0)}


def test_a_dataset_whose_curves_all_break_off_is_skipped() -> None:
    """One broken recording does not spoil the others."""
    runs, proxies = recorded()
    cut = {"g0-m0": 5, "g0-m1": 1}
    broken = [
        Run(r.model, r.dataset, "r", "done", curve=r.curve[: cut.get(r.model, 1)], test=r.test)
        if r.dataset == "d0"
        else r
        for r in runs
    ]
    settings = Settings("text-classification", "brute-force", method="random", k=1, threshold=0.05)
    found = backtest(broken, proxies, settings)
    assert len(found.targets) + len(found.skipped) == 6
    assert set(found.skipped) <= {"d0"}
