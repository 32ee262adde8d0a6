"""Tables IV, V, VI and VII and Appendix A: what selections cost and what they find.

Costs are epochs as the paper counts them. `by target` holds means over the seeds; a figure over all targets
is the mean over targets and seeds, with its range over single seeds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from statistics import fmean
from typing import Any

from benchmarks.paper.published import CUTS, MODELS, THRESHOLDS, K
from benchmarks.paper.replays import Replayed, Replays, Setup, baselines, replay_at_lower_rate
from benchmarks.paper.sources import SHOWN, Zoo, short
from hubselect.backtest import PROXY_EPOCHS
from hubselect.knowledge.matrix import PerformanceMatrix
from hubselect.recall.quality import bootstrap_interval, spearman
from hubselect.records import Run

Value = Callable[[Replayed], float]


def over(found: Iterable[Replayed], value: Value) -> dict[str, Any]:
    """Mean of `value`, and the means of the single seeds."""
    by_seed: dict[int, list[float]] = {}
    for each in found:
        by_seed.setdefault(each.seed, []).append(value(each))
    seeds = [fmean(values) for values in by_seed.values()]
    return {"mean": fmean(seeds), "seeds": seeds}


def by_target(found: Sequence[Replayed], **values: Value) -> dict[str, dict[str, float]]:
    """Means over the seeds of every value on every target."""
    names = sorted({r.target.dataset for r in found})
    return {
        name: {
            label: fmean(value(r) for r in found if r.target.dataset == name)
            for label, value in values.items()
        }
        for name in names
    }


def table_iv(replays: Replays) -> dict[str, Any]:
    """Accuracy and training epochs of fine selection among 10 models by filtering threshold."""
    return {
        f"{threshold:g}": {
            "accuracy": over(found, _test),
            "epochs": over(found, _training),
            "by target": by_target(found, accuracy=_test, epochs=_training),
        }
        for threshold in THRESHOLDS
        for found in [replays.of(Setup("fine-selection", threshold=threshold))]
    }


def table_v(replays: Replays) -> dict[str, Any]:
    """Training epochs of brute force, halving and fine selection: 10 models, the paper's share, all."""
    sizes = {"10": K, "share": replays.share, "pool": None}
    result: dict[str, Any] = {}
    for label, k in sizes.items():
        policies = {
            "bf": replays.of(Setup("brute-force", k)),
            "sh": replays.of(Setup("successive-halving", k)),
            "fs": replays.of(Setup("fine-selection", k)),
        }
        result[label] = {
            "models": min(k or replays.zoo.pool, replays.zoo.pool),
            **{
                name: {
                    "epochs": over(found, _training),
                    "accuracy": over(found, _test),
                    "within a point": fmean(float(_near_best(r)) for r in found),
                    "by target": by_target(found, epochs=_training, accuracy=_test),
                }
                for name, found in policies.items()
            },
        }
        result[label]["fs behind sh"] = _lost(policies["fs"], policies["sh"])
    return result


def _near_best(r: Replayed) -> bool:
    """Whether the pick is at most a point below the best of those it was picked from."""
    return max(r.recalled_tests) - r.target.test_score <= 0.01 + 1e-9


def _lost(found: Sequence[Replayed], halving: Sequence[Replayed]) -> dict[str, int]:
    """On how many targets fine selection ends behind halving, and how often because it had dropped
    halving's pick by its predicted end."""
    behind, dropped = 0, 0
    for ours, other in zip(found, halving, strict=True):
        if ours.target.test_score < other.target.test_score:
            behind += 1
            pick = other.target.selected
            out = [v.reason for v in ours.target.history if v.model == pick and not v.kept]
            dropped += any("predicted to end higher" in reason for reason in out)
    return {"behind": behind, "by prediction": dropped}


def table_vi(replays: Replays) -> dict[str, Any]:
    """End to end: recall and fine selection, recall counted as 0.5 epoch per model with a proxy score."""
    zoo = replays.zoo
    pool = {p: replays.of(Setup(p, None)) for p in ("brute-force", "successive-halving")}
    arms = {
        "10": Setup("fine-selection"),
        "share": Setup("fine-selection", replays.share),
        "10, authors' cut": Setup("fine-selection", cut=CUTS[zoo.kind]),
    }
    if CUTS[zoo.kind] != CUTS["text"]:  # which leaves clusters in both zoos
        arms["10, cut 0.09"] = Setup("fine-selection", cut=CUTS["text"])
    return {
        "models": zoo.pool,
        "baselines": {
            name: {
                "accuracy": over(found, _test),
                "regret": over(found, _regret),
                "epochs": over(found, _training),
            }
            for name, found in pool.items()
        },
        "arms": {
            label: end_to_end(replays.of(setup), pool["brute-force"], pool["successive-halving"])
            for label, setup in arms.items()
        },
    }


def end_to_end(
    found: Sequence[Replayed], brute: Sequence[Replayed], halving: Sequence[Replayed]
) -> dict[str, Any]:
    """Costs, ratios and scores of two-phase selections beside the baselines over the whole pool."""
    behind = {(b.seed, b.target.dataset): b.target.test_score for b in brute}

    def late(r: Replayed) -> float:
        return behind[r.seed, r.target.dataset] - r.target.test_score

    regrets = by_target(found, regret=_regret, behind=late)
    rows = by_target(
        found,
        epochs=_epochs,
        training=_training,
        proxied=_proxied,
        accuracy=_test,
        best=_best,
        regret=_regret,
    )
    bases = {"bf": by_target(brute, epochs=_training, accuracy=_test)}
    bases["sh"] = by_target(halving, epochs=_training, accuracy=_test)
    for name, row in rows.items():
        for base, table in bases.items():
            row[f"vs {base}"] = table[name]["epochs"] / row["epochs"]
            row[f"accuracy {base}"] = table[name]["accuracy"]
    return {
        "k": len(found[0].target.recalled),
        "epochs": over(found, _epochs),
        "training": over(found, _training),
        "recall": over(found, lambda r: r.recall),
        "proxied": over(found, _proxied),
        "accuracy": over(found, _test),
        "regret": {**over(found, _regret), "interval": _interval(regrets, "regret")},
        "regret of the recall": over(found, lambda r: r.target.best - max(r.recalled_tests)),
        "behind brute force": {**over(found, late), "interval": _interval(regrets, "behind")},
        "vs bf": _ratio(found, brute),
        "vs sh": _ratio(found, halving),
        "by target": rows,
    }


def _ratio(found: Sequence[Replayed], baseline: Sequence[Replayed]) -> dict[str, Any]:
    """Epochs of all targets together, as a ratio; of all seeds and of single ones."""
    seeds = sorted({r.seed for r in found})
    costs = [
        (sum(r.training for r in baseline if r.seed == s), sum(r.target.epochs for r in found if r.seed == s))
        for s in seeds
    ]
    return {
        "mean": sum(theirs for theirs, _ in costs) / sum(ours for _, ours in costs),
        "seeds": [theirs / ours for theirs, ours in costs],
    }


def at_papers_size(zoo: Zoo, arm: dict[str, Any]) -> dict[str, float]:
    """What was measured beside a pool of the paper's size: recall grows with it, training does not."""
    models = MODELS[zoo.kind]
    epochs = arm["training"]["mean"] + PROXY_EPOCHS * arm["proxied"]["mean"] * models / zoo.pool
    brute, halving = baselines(zoo, models)
    return {"models": models, "epochs": epochs, "vs bf": brute / epochs, "vs sh": halving / epochs}


def table_vii(replays: Replays) -> list[dict[str, Any]]:
    """What was selected on the two targets whose ranking of models agrees least with the others'."""
    odd = sorted(agreement(replays.zoo.matrix).items(), key=lambda item: (round(item[1], 9), item[0]))[:2]
    rows = []
    for each in replays.of(Setup("fine-selection")):
        for name, value in odd:
            if each.target.dataset == name:
                place = each.target.recalled.index(each.target.selected)
                rows.append(
                    {
                        "dataset": short(name),
                        "agreement": value,
                        "seed": each.seed,
                        "model": short(each.target.selected),
                        "accuracy": each.target.test_score,
                        "place": place,
                        "mean recalled": fmean(each.recalled_tests),
                        "mean pool": fmean(each.tests.values()),
                        "best": each.target.best,
                        "best model": short(each.target.best_model),
                    }
                )
    return sorted(rows, key=lambda r: (r["agreement"], r["dataset"], r["seed"]))


def agreement(matrix: PerformanceMatrix) -> dict[str, float]:
    """For every dataset the mean rank correlation of the models' scores there with those on the others."""
    columns = {
        d: dict(zip(matrix.models, matrix.scores[:, j].tolist(), strict=True))
        for j, d in enumerate(matrix.datasets)
    }
    return {
        d: fmean(spearman(columns[d], columns[o]) or 0.0 for o in matrix.datasets if o != d)
        for d in matrix.datasets
    }


def appendix_a(replays: Replays, slower: Sequence[Run]) -> dict[str, Any]:
    """The shown dataset with the usual learning rate and with a third of it: cost, regret, selected."""
    setup, target = Setup("fine-selection"), SHOWN[replays.zoo.kind]
    usual = [r for r in replays.of(setup) if r.target.dataset == target]
    found = {"usual rate": usual, "a third of it": replay_at_lower_rate(replays.zoo, slower, setup)}
    return {
        label: {
            "epochs": over(rows, _epochs)["mean"],
            "accuracy": over(rows, _test)["mean"],
            "best": over(rows, _best)["mean"],
            "best recalled": over(rows, lambda r: max(r.recalled_tests))["mean"],
            "regret": over(rows, _regret)["mean"],
            "selected": [short(r.target.selected) for r in rows],
        }
        for label, rows in found.items()
    }


def _interval(rows: dict[str, dict[str, float]], name: str) -> tuple[float, float] | None:
    return bootstrap_interval([row[name] for row in rows.values()])


def _test(r: Replayed) -> float:
    return r.target.test_score


def _training(r: Replayed) -> float:
    return r.training


def _epochs(r: Replayed) -> float:
    return r.target.epochs


def _regret(r: Replayed) -> float:
    return r.target.regret


def _best(r: Replayed) -> float:
    return r.target.best


def _proxied(r: Replayed) -> float:
    return r.target.proxies
