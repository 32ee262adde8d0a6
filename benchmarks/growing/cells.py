"""Does `benchmark --budget` choose better cells than chance? A backtest on recorded matrices.

    python benchmarks/growing/cells.py [--seeds 30]

Two situations. "new models": half of the models (drawn per seed) are fully known, every other
one may have N cells. "from nothing": no score is known, every round fills as many cells as there
are models. Three ways to choose: the cells of `hubselect.knowledge.cells.next_cells`; random
datasets, the same for all models; random cells. After every step the table is judged against
the full one:

    completion     root mean square error of the missing cells, completed by one common method
    clusters       adjusted Rand index of the clusters of the partly filled matrix, at the full one's cut
    ranking        Spearman correlation of the models' means over known cells with their full means
    ranking_filled the same for the means of the completed rows

Writes results/growing_cells.json and .md beside this folder; the data itself is not kept.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np
import numpy.typing as npt
from completion import completed
from recorded import recorded
from scipy.stats import spearmanr
from sklearn.metrics import adjusted_rand_score

from benchmarks.machine import machine
from hubselect.knowledge.cells import next_cells
from hubselect.knowledge.clusters import cluster
from hubselect.knowledge.matrix import PerformanceMatrix
from hubselect.knowledge.suites import held_out_error, propose, random_errors

RESULTS = Path(__file__).parents[1] / "results"
METRICS = ("completion", "clusters", "ranking", "ranking_filled")
LOWER_IS_BETTER = ("completion",)
FloatArray = npt.NDArray[np.float64]
Chooser = Callable[[PerformanceMatrix, int], list[tuple[int, int]]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seeds", type=int, default=30)
    seeds = parser.parse_args().seeds
    started = time.monotonic()
    found = {name: judged(matrix, seeds) for name, matrix in recorded()}
    if not found:
        sys.exit("no recorded matrices are here: set HUBSELECT_SHARED_DATA")
    document = {
        "machine": described(),
        "seeds": seeds,
        "seconds": round(time.monotonic() - started, 1),
        "data": found,
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "growing_cells.json").write_text(json.dumps(document, indent=1) + "\n")
    (RESULTS / "growing_cells.md").write_text(page(document))


def described() -> str:
    found = machine("numpy")
    return f"{found['cpu']}, {found['cores']} cores, Python {found['python']}, numpy {found['numpy']}"


def judged(matrix: PerformanceMatrix, seeds: int) -> dict[str, Any]:
    """Every figure of one recorded matrix."""
    judge = Judge(matrix)
    return {
        "models": len(matrix.models),
        "datasets": len(matrix.datasets),
        "suites": [suite_row(matrix, size) for size in sizes(len(matrix.datasets))],
        "new models": summary([trial for s in range(seeds) for trial in new_models(matrix, judge, s)]),
        "from nothing": summary([trial for s in range(seeds) for trial in from_nothing(matrix, judge, s)]),
    }


def sizes(width: int) -> list[int]:
    return [n for n in (1, 2, 3, 4, 6, 8, 10, 15) if n < width]


def suite_row(matrix: PerformanceMatrix, size: int) -> dict[str, Any]:
    suite, chance = propose(matrix, size), random_errors(matrix, size, draws=500)
    return {
        "size": size,
        "error": round(suite.error, 5),
        "held_out_error": round(held_out_error(matrix, size), 5),
        "random_mean": round(float(chance.mean()), 5),
        "random_sd": round(float(chance.std()), 5),
        "random_best": round(float(chance.min()), 5),
        "datasets": list(suite.datasets),
    }


Trial = tuple[str, int, dict[str, float]]


def new_models(matrix: PerformanceMatrix, judge: Judge, seed: int) -> Iterator[Trial]:
    """Half of the models arrive with nothing; each may have the same number of cells."""
    rng = np.random.default_rng(seed)
    arriving = sorted(rng.permutation(len(matrix.models))[: len(matrix.models) // 2].tolist())
    start = np.array(matrix.scores)
    start[arriving] = np.nan
    for name, choose in choosers(matrix, rng, arriving).items():
        for number in sizes(len(matrix.datasets)):
            partial = filled(matrix, start, choose, number * len(arriving))
            yield name, number, judge(partial)


def from_nothing(matrix: PerformanceMatrix, judge: Judge, seed: int) -> Iterator[Trial]:
    """Nothing is known; the choice is made anew after every round of one cell per model."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(matrix.models))  # new ids: which models come first is drawn too
    matrix = PerformanceMatrix(
        tuple(f"model-{i:03}" for i in range(len(order))), matrix.datasets, matrix.scores[order]
    )
    judge = Judge(matrix, judge.threshold)
    for name, choose in choosers(matrix, rng, list(range(len(matrix.models)))).items():
        scores = np.full_like(matrix.scores, np.nan)
        for number in range(1, max(sizes(len(matrix.datasets))) + 1):
            scores = filled(matrix, scores, choose, len(matrix.models))
            if number in sizes(len(matrix.datasets)):
                yield name, number, judge(scores)


def choosers(matrix: PerformanceMatrix, rng: np.random.Generator, rows: list[int]) -> dict[str, Chooser]:
    """The three ways to choose; where nothing is known, `greedy` starts from a random order too."""
    order = rng.permutation(len(matrix.datasets)).tolist()
    names = [matrix.datasets[j] for j in order]
    known = {(i, j) for i, j in np.argwhere(~np.isnan(matrix.scores)).tolist()}

    def greedy(now: PerformanceMatrix, budget: int) -> list[tuple[int, int]]:
        models = [matrix.models[i] for i in rows]
        absent = [
            (matrix.models[i], d) for i in rows for j, d in enumerate(matrix.datasets) if (i, j) not in known
        ]
        cells = next_cells(now, models, names, budget, settled=absent)
        return [(now.index(m), matrix.datasets.index(d)) for m, d in cells]

    def missing(now: PerformanceMatrix) -> list[tuple[int, int]]:
        return [(i, j) for j in order for i in rows if np.isnan(now.scores[i, j]) and (i, j) in known]

    def same_datasets(now: PerformanceMatrix, budget: int) -> list[tuple[int, int]]:
        return missing(now)[:budget]

    def cells_by_chance(now: PerformanceMatrix, budget: int) -> list[tuple[int, int]]:
        left = missing(now)
        taken: list[tuple[int, int]] = []
        counts = {i: int((~np.isnan(now.scores[i])).sum()) for i in rows}
        for i, j in (left[k] for k in rng.permutation(len(left))):  # as even among models as the others
            if counts[i] < min(counts.values()) + -(-budget // len(rows)):
                taken.append((i, j))
        per_row: dict[int, int] = defaultdict(int)
        kept = []
        for i, j in taken:
            if per_row[i] < -(-budget // len(rows)):
                per_row[i] += 1
                kept.append((i, j))
        return kept[:budget]

    return {"greedy": greedy, "random datasets": same_datasets, "random cells": cells_by_chance}


def filled(matrix: PerformanceMatrix, scores: FloatArray, choose: Chooser, budget: int) -> FloatArray:
    """The scores after `budget` more cells of `matrix`; asks again while a choice is shorter."""
    result = np.array(scores)
    while budget:
        cells = choose(PerformanceMatrix(matrix.models, matrix.datasets, result), budget)
        if not cells:
            break
        for i, j in cells:
            result[i, j] = matrix.scores[i, j]
        budget -= len(cells)
    return result


class Judge:
    """Compares a partly filled table with the full one."""

    def __init__(self, matrix: PerformanceMatrix, threshold: float | None = None) -> None:
        self._matrix = matrix
        full = cluster(matrix, task="text-classification", recipe="recorded", threshold=threshold)
        self.threshold = full.threshold
        self._labels = self._labelled(matrix.scores)

    def __call__(self, scores: FloatArray) -> dict[str, float]:
        whole = completed(scores)
        gaps = np.isnan(scores) & ~np.isnan(self._matrix.scores)
        means = PerformanceMatrix(self._matrix.models, self._matrix.datasets, scores).means
        means = np.where(np.isnan(means), np.nanmean(means), means)  # nothing is known: neither good nor bad
        return {
            "completion": float(np.sqrt(np.mean((whole - self._matrix.scores)[gaps] ** 2))),
            "clusters": float(adjusted_rand_score(self._labels, self._labelled(scores))),
            "ranking": float(spearmanr(means, self._matrix.means).statistic),
            "ranking_filled": float(spearmanr(whole.mean(axis=1), self._matrix.means).statistic),
        }

    def _labelled(self, scores: FloatArray) -> list[int]:
        partial = PerformanceMatrix(self._matrix.models, self._matrix.datasets, scores)
        found = cluster(partial, task="text-classification", recipe="recorded", threshold=self.threshold)
        home = {m: c.id for c in found.clusters for m in c.members}
        return [home.get(m, -1 - i) for i, m in enumerate(self._matrix.models)]


def summary(trials: list[Trial]) -> list[dict[str, Any]]:
    """Mean and standard deviation over seeds, by strategy and number of cells per model."""
    groups: dict[tuple[str, int], list[dict[str, float]]] = defaultdict(list)
    for name, number, values in trials:
        groups[name, number].append(values)
    rows = []
    for (name, number), values in groups.items():
        row: dict[str, Any] = {"cells_per_model": number, "choice": name}
        for metric in METRICS:
            found = np.array([v[metric] for v in values])
            row[metric] = {"mean": round(float(found.mean()), 4), "sd": round(float(found.std()), 4)}
            ours = np.array([v[metric] for v in groups["greedy", number]])
            better = ours < found if metric in LOWER_IS_BETTER else ours > found
            row[metric]["greedy_better"] = round(float(better.mean()), 3)
        rows.append(row)
    return sorted(rows, key=lambda r: (r["cells_per_model"], r["choice"]))


def verdict(rows: list[dict[str, Any]]) -> str:
    """At how many numbers of cells the greedy mean is better than that of random cells, by metric."""
    means = {(r["cells_per_model"], r["choice"]): {m: r[m]["mean"] for m in METRICS} for r in rows}
    numbers = sorted({number for number, _ in means})
    parts = []
    for metric in METRICS:
        gains = [means[n, "greedy"][metric] - means[n, "random cells"][metric] for n in numbers]
        gains = [-g for g in gains] if metric in LOWER_IS_BETTER else gains
        parts.append(f"{metric} {sum(g > 0 for g in gains)} better and {sum(g < 0 for g in gains)} worse")
    return f"greedy against random cells, of {len(numbers)} numbers of cells: {', '.join(parts)}."


def page(document: dict[str, Any]) -> str:
    """The figures as a page to read."""
    lines = [
        "# Which cells to fill first: chosen by data against chance",
        "",
        f"Written by `python benchmarks/growing/cells.py`; {document['seeds']} seeds; "
        f"{document['machine']}; {document['seconds']:g} s. What is measured stands at the top of that file.",
        "Mean ± standard deviation over seeds; `completion` is an error, the rest are agreements.",
        "",
    ]
    for name, found in document["data"].items():
        lines += [f"## {name}: {found['models']} models, {found['datasets']} datasets", "", "Suites:", ""]
        lines += [
            "| size | greedy | greedy, model held out | 500 random suites | best of them |",
            "|-|-|-|-|-|",
        ]
        for r in found["suites"]:
            lines.append(
                f"| {r['size']} | {r['error']:.4f} | {r['held_out_error']:.4f} "
                f"| {r['random_mean']:.4f} ± {r['random_sd']:.4f} | {r['random_best']:.4f} |"
            )
        for scenario in ("new models", "from nothing"):
            lines += ["", f"{scenario.capitalize()}: {verdict(found[scenario])}", ""]
            lines += [
                "| cells per model | choice | " + " | ".join(METRICS) + " | greedy completes better |",
                "|-" * (3 + len(METRICS)) + "|",
            ]
            for r in found[scenario]:
                cells = " | ".join(f"{r[m]['mean']:.3f} ± {r[m]['sd']:.3f}" for m in METRICS)
                share = "" if r["choice"] == "greedy" else f"{r['completion']['greedy_better']:.0%} of seeds"
                lines.append(f"| {r['cells_per_model']} | {r['choice']} | {cells} | {share} |")
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
