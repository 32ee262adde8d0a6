"""Every recall method on the recorded zoo, text and images: regret, rank correlation, cost, coverage.

    python benchmarks/recall/methods.py [--output benchmarks/results]

Leave one dataset out over really fine-tuned results (`benchmarks/quality/recording`): the mean over both
seeds is the truth. Intervals are 95 % bootstrap over targets. `fused` is compared with each other
method on the same targets, with a paired bootstrap of the difference. The intervals that recall gives
with a model are checked at the same time: how many held-out results they hold.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.machine import machine
from benchmarks.quality.load import recorded_registry
from hubselect.api.backtesting import recall_backtest
from hubselect.api.clusters.clustering import known_runs
from hubselect.backtest import RecallBacktest, RecallTarget
from hubselect.backtest.hiding import by_dataset, hidden_target, with_proxies
from hubselect.knowledge.matrix import PerformanceMatrix
from hubselect.recall.methods import FUSED_PROXIES, method
from hubselect.recall.prediction import predictions
from hubselect.recall.quality import bootstrap_interval
from hubselect.records import TASKS, Task
from hubselect.registry import Registry

RESULTS = Path(__file__).parents[1] / "results"
KS = (1, 3, 5, 10)
COVERAGES = (0.8, 0.9)
COMPARED = ("paper", "mean", "size")


def coverage(store: Registry, task: Task) -> dict[str, Any]:
    """The share of held-out results inside their interval, its width, and the error of the prediction."""
    recipe = store.main_recipe(task)
    assert recipe is not None
    matrix = PerformanceMatrix.from_runs(known_runs(store, recipe))
    table, fused = by_dataset(store.proxy_scores()), method("fused")
    found: dict[str, Any] = {}
    for wanted in COVERAGES:
        inside, width, error = [], [], []
        for target in matrix.datasets:
            rest = matrix.without_dataset(target)
            evidence = hidden_target(target, rest, rest.models, table, task=task, threshold=None, top_k=5)
            evidence = with_proxies(evidence, fused, "all", table[target], 10)
            truth = matrix.scores[:, matrix.datasets.index(target)]
            for model, p in predictions(evidence, FUSED_PROXIES, coverage=wanted).items():
                score = truth[matrix.index(model)]
                inside.append(float(p.low <= score <= p.high))
                width.append(p.high - p.low)
                error.append(abs(p.value - score))
        found[f"{wanted:g}"] = {
            "held": fmean(inside),
            "results": len(inside),
            "mean_width": fmean(width),
            "mean_error": fmean(error),
        }
    return found


def summary(targets: Sequence[RecallTarget], name: str) -> dict[str, Any]:
    """A method's means over targets with intervals."""
    measured = [t.methods[name] for t in targets]
    regrets = {k: [m.at(k) for m in measured] for k in KS}
    known = [m.spearman for m in measured if m.spearman is not None]
    return {
        "regret_at": {str(k): fmean(v) for k, v in regrets.items()},
        "interval": {str(k): bootstrap_interval(v) for k, v in regrets.items()},
        "spearman": fmean(known) if known else None,
        "passes": fmean(m.passes for m in measured),
    }


def differences(targets: Sequence[RecallTarget], others: Sequence[str]) -> dict[str, Any]:
    """Regret of the other minus regret of `fused`, target by target: above 0 is for `fused`."""
    found: dict[str, Any] = {}
    for name in others:
        for k in (1, 3):
            gain = [t.methods[name].at(k) - t.methods["fused"].at(k) for t in targets]
            found.setdefault(name, {})[str(k)] = {
                "mean": fmean(gain),
                "interval": bootstrap_interval(gain),
            }
    return found


def run() -> dict[str, Any]:
    result: dict[str, Any] = {
        "machine": machine("numpy", "scipy", "scikit-learn"),
        "fused_proxies": list(FUSED_PROXIES),
        "tasks": {},
    }
    every: list[RecallTarget] = []
    with tempfile.TemporaryDirectory() as folder, recorded_registry(Path(folder) / "zoo.db") as store:
        for task in TASKS:
            recipe = store.main_recipe(task)
            if recipe is None:
                continue
            found: RecallBacktest = recall_backtest(
                store, recipe, known_runs(store, recipe), store.proxy_scores()
            )
            every += found.targets
            result["tasks"][task] = {
                "targets": [t.dataset for t in found.targets],
                "models": max(t.models for t in found.targets),
                "methods": {name: summary(found.targets, name) for name in found.methods},
                "coverage": coverage(store, task),
            }
    names = [n for n in every[0].methods if all(n in t.methods for t in every)]
    result["both"] = {
        "targets": len(every),
        "methods": {name: summary(every, name) for name in names},
        "fused_gains_over": differences(every, [n for n in names if n != "fused"]),
    }
    return result


def table(methods: Mapping[str, Any]) -> list[str]:
    lines = [
        "| method | regret at 1 | at 3 | at 5 | at 10 | Spearman | passes |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, m in methods.items():
        cells = []
        for k in KS:
            low_high = m["interval"][str(k)]
            spread = f" [{low_high[0]:.4f}, {low_high[1]:.4f}]" if low_high and k <= 3 else ""
            cells.append(f"{m['regret_at'][str(k)]:.4f}{spread}")
        correlation = "-" if m["spearman"] is None else f"{m['spearman']:.3f}"
        lines.append(f"| {name} | {' | '.join(cells)} | {correlation} | {m['passes']:.1f} |")
    return lines


def page(result: Mapping[str, Any]) -> str:
    both = result["both"]
    lines = [
        "# Recall methods on the recorded zoo",
        "",
        "Made by `python benchmarks/recall/methods.py` from `benchmarks/quality/recording`. Regret: best "
        "test score of all models minus the best among the first K; means over targets, 95 % bootstrap "
        "intervals over targets. `fused` computes the proxies "
        f"{', '.join(result['fused_proxies'])}; variants pay for representatives or the ten best by mean. "
        "A row with a proxy's name ranks by that proxy alone, computed for every model.",
        "",
        f"## Text and images together, {both['targets']} targets",
        "",
        *table(both["methods"]),
        "",
        "What `fused` gains over each (mean difference of regret, paired bootstrap interval; above 0: "
        "`fused` is better):",
        "",
        "| over | at 1 | at 3 |",
        "|---|---|---|",
    ]
    for name, gain in both["fused_gains_over"].items():
        cells = []
        for k in ("1", "3"):
            low, high = gain[k]["interval"]
            cells.append(f"{gain[k]['mean']:+.4f} [{low:+.4f}, {high:+.4f}]")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    for task, found in result["tasks"].items():
        lines += [
            "",
            f"## {task}: {len(found['targets'])} targets, {found['models']} models",
            "",
            *table(found["methods"]),
            "",
            "Predicted test scores: "
            + "; ".join(
                f"intervals at {float(c):.0%} hold {v['held']:.1%} of {v['results']} held-out results "
                f"(mean width {v['mean_width']:.3f}, mean error {v['mean_error']:.3f})"
                for c, v in found["coverage"].items()
            )
            + ".",
        ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    result = run()
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "recall_methods.json").write_text(json.dumps(result, indent=2) + "\n")
    (options.output / "recall_methods.md").write_text(page(result))
    print(page(result))


if __name__ == "__main__":
    main()
