"""Adaptive recall: how many proxies, beginning with whom, against fixed choices of as many.

    python benchmarks/recall/adaptive.py [--recording DIR] [--output benchmarks/results]

Leave one dataset out over really fine-tuned results, as in `methods.py`; every arm ranks with `fused`. It
tells what each part is worth: the class names that a head and the target share, the search, its width.
The numbers in `hubselect/recall/adaptive.py` were chosen on this table (seed 0).
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.machine import machine
from benchmarks.quality.load import RECORDING, recorded_registry
from hubselect.api.clusters.clustering import known_runs
from hubselect.api.recall.candidates import classes_of
from hubselect.backtest.hiding import by_dataset, hidden_target, with_proxies
from hubselect.knowledge.matrix import PerformanceMatrix
from hubselect.recall.adaptive import SEARCH, Search, next_to_score
from hubselect.recall.methods import Evidence, method
from hubselect.recall.quality import bootstrap_interval, regrets
from hubselect.records import TASKS, ProxyScore
from hubselect.registry import Registry

RESULTS = Path(__file__).parents[1] / "results"
FUSED = method("fused")
KS = (1, 3, 4, 5)
Table = Mapping[str, Mapping[str, ProxyScore]]
Scored = Callable[[Evidence, Table], Evidence]


@dataclass(frozen=True)
class Target:
    """A hidden dataset: what is known without it, its proxy scores, and the truth."""

    task: str
    dataset: str
    evidence: Evidence
    proxies: Table
    truth: Mapping[str, float]


def targets(store: Registry) -> Iterator[Target]:
    for task in TASKS:
        recipe = store.main_recipe(task)
        if recipe is None:
            continue
        matrix = PerformanceMatrix.from_runs(known_runs(store, recipe))
        table, models = by_dataset(store.proxy_scores()), store.models_named(matrix.models)
        sizes = {m.id: m.parameters for m in models if m.parameters is not None}
        classes = classes_of(store, task, models)
        for target in matrix.datasets:
            rest = matrix.without_dataset(target)
            known = {"threshold": None, "top_k": 5, "parameters": sizes, "classes": classes}
            evidence = hidden_target(target, rest, rest.models, table, task=task, **known)  # type: ignore[arg-type]
            truth = dict(zip(matrix.models, matrix.scores[:, matrix.datasets.index(target)], strict=True))
            yield Target(task, target, evidence, table.get(target, {}), truth)


def searched(most: int, search: Search = SEARCH) -> Scored:
    def scored(evidence: Evidence, proxies: Table) -> Evidence:
        asked: set[str] = set()
        while batch := next_to_score(evidence, FUSED, asked, most=most, search=search):
            asked.update(batch)
            seen = {n: {m: s for m, s in proxies.get(n, {}).items() if m in asked} for n in FUSED.proxies}
            evidence = replace(evidence, proxies=seen)
        return evidence

    return scored


def fixed(scope: str, top: int = 10) -> Scored:
    return lambda evidence, proxies: with_proxies(evidence, FUSED, scope, proxies, top)  # type: ignore[arg-type]


ARMS: dict[str, Scored] = {
    "all models": fixed("all"),
    "representatives": fixed("representatives"),
    "the best 8 by mean": fixed("top", 8),
    **{f"adaptive, at most {n}": searched(n) for n in (5, 6, 7, 8, 10, 12)},
    "adaptive, at most 8, without class names": searched(8, Search(matching=0)),
    "adaptive, at most 12, without class names": searched(12, Search(matching=0)),
    "adaptive, at most 8, beginning with class names only": searched(8, Search(best=0)),
    **{f"adaptive, at most 8, front of {n}": searched(8, Search(front=n)) for n in (3, 4, 6)},
    "adaptive, at most 8, one at once": searched(8, Search(at_once=1)),
    "adaptive, at most 8, four at once": searched(8, Search(at_once=4)),
}


def run(recording: Path) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder, recorded_registry(Path(folder) / "zoo.db", recording) as s:
        every = list(targets(s))
    arms: dict[str, Any] = {}
    for name, scored in ARMS.items():
        print(name, file=sys.stderr, flush=True)
        found = []
        for target in every:
            evidence = scored(target.evidence, target.proxies)
            regret = regrets([r.model for r in FUSED.rank(evidence)], target.truth)
            found.append((target.task, len(set().union(*evidence.proxies.values())), regret))
        arms[name] = {
            part: {
                "passes": fmean(n for t, n, _ in found if part in (t, "both")),
                "regret_at": {
                    str(k): [
                        fmean(values := [r[k - 1] for t, _, r in found if part in (t, "both")]),
                        bootstrap_interval(values),
                    ]
                    for k in KS
                },
            }
            for part in ("both", *TASKS)
        }
    return {"machine": machine("numpy", "scipy"), "targets": len(every), "arms": arms}


def page(result: Mapping[str, Any]) -> str:
    lines = [
        "# Whose proxies to compute",
        "",
        "Made by `python benchmarks/recall/adaptive.py` from `benchmarks/quality/recording`: "
        f"{result['targets']} targets, each hidden in turn; all arms rank with `fused`. Regret in points "
        "(0.01 of the metric), 95 % bootstrap intervals over targets; passes are models scored. The zoo's "
        "class names match its datasets more often than those of the Hub will: the rows without class names "
        "tell what is left without them.",
        "",
        "| scored | passes | regret at 1 | at 3 | at 4 | at 5 | text: passes, at 3 | images: passes, at 3 |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, arm in result["arms"].items():
        both = arm["both"]
        cells = [f"{both['passes']:.1f}"]
        for k in KS:
            mean, interval = both["regret_at"][str(k)]
            spread = f" [{100 * interval[0]:.2f}, {100 * interval[1]:.2f}]" if k in (1, 3) else ""
            cells.append(f"{100 * mean:.2f}{spread}")
        for task in TASKS:
            cells.append(f"{arm[task]['passes']:.1f}, {100 * arm[task]['regret_at']['3'][0]:.2f}")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--recording", type=Path, default=RECORDING, help="default: the one kept here")
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    result = run(options.recording)
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "recall_adaptive.json").write_text(json.dumps(result, indent=1) + "\n")
    (options.output / "recall_adaptive.md").write_text(page(result))
    print(page(result))


if __name__ == "__main__":
    main()
