"""One model more: what an insert costs beside a full batch run and a plain-Python average linkage.

(a) `--models` models in well-separated groups, (b) `--cloud` models whose threshold graph has one
component of two thirds of them. An insert is the import of one row of scores and the update of the
stored clusters, each committed; every one starts from the files alone, as a new process does.
Afterwards the stored clusters are compared with a batch run on the same matrix.

    python benchmarks/clustering/insert.py --out benchmarks/results
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np
from tables import DATASETS, TOP_K, Table, grouped, percolating, percolation_threshold, tidy

from benchmarks.machine import machine
from hubselect.api.clusters.upkeep import cluster_afresh, keep_up
from hubselect.knowledge.clusters import cluster
from hubselect.knowledge.incremental import updated
from hubselect.knowledge.linkage import cut_distances
from hubselect.knowledge.linked import Cut, build
from hubselect.knowledge.matrix import PerformanceMatrix
from hubselect.knowledge.similarity import distance_matrix
from hubselect.registry import Registry

INSERTS = 9


def timed(function: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of wall clock, and the result."""
    start = time.perf_counter()
    result = function()
    return time.perf_counter() - start, result


def measured(name: str, scores: Table, new: Table, threshold: float) -> dict[str, Any]:
    """Insert `new` one by one into a registry that holds `scores`."""
    names = [f"org/m{i:06d}" for i in range(len(scores))]
    with (
        tempfile.TemporaryDirectory() as folder,
        Registry.open(Path(folder) / "registry.db") as store,
    ):
        store.import_scores(tidy(names, scores), recipe="bench")
        (recipe,) = store.recipes()
        batch, _ = timed(lambda: cluster_afresh(store, recipe, threshold, TOP_K))
        imports, updates, processor_times, events = [], [], [], 0
        for i, row in enumerate(new):
            frame = tidy([f"org/new{i}"], row[None])
            used = time.process_time()
            imports.append(timed(lambda frame=frame: store.import_scores(frame, recipe="bench"))[0])
            took, upkeep = timed(lambda: keep_up(store, recipe))
            processor_times.append(time.process_time() - used)
            assert not upkeep.afresh
            assert not upkeep.waiting
            updates.append(took)
            events += len(upkeep.changes)
        stored = store.clustering(recipe.task, recipe)
        table = store.scores_table(recipe)
    assert stored is not None
    matrix = PerformanceMatrix(table.models, table.datasets, table.scores)
    mathematics, expected = timed(
        lambda: cluster(matrix, task=recipe.task, recipe=recipe.digest, threshold=threshold, top_k=TOP_K)
    )
    sizes = np.bincount(build(matrix, Cut(threshold, TOP_K)).component)
    insert = [a + b for a, b in zip(imports, updates, strict=True)]
    return {
        "case": name,
        "models": len(scores),
        "datasets": DATASETS,
        "threshold": threshold,
        "largest_component": int(sizes.max()),
        "clusters": len(stored.clusters),
        "inserts": len(new),
        "events": events,
        "insert_seconds_median": median(insert),
        "insert_seconds_worst": max(insert),
        "insert_processor_seconds_median": median(processor_times),
        "update_seconds_median": median(updates),
        "update_seconds_worst": max(updates),
        "batch_seconds": batch,
        "batch_clustering_only_seconds": mathematics,
        "batch_over_update": batch / median(updates),
        "identical_to_batch": {(c.representative, c.members) for c in stored.clusters}
        == {(c.representative, c.members) for c in expected.clusters},
    }


def plain_average_linkage(distances: list[list[float]], threshold: float) -> list[list[int]]:
    """Average linkage in plain Python: merge the nearest two groups until they are too far apart."""
    groups = {i: [i] for i in range(len(distances))}
    table = [list(row) for row in distances]
    while len(groups) > 1:
        alive = sorted(groups)
        nearest, a, b = min((table[i][j], i, j) for k, i in enumerate(alive) for j in alive[k + 1 :])
        if nearest > threshold + 1e-12:
            break
        sizes = len(groups[a]), len(groups[b])
        for c in alive:
            table[a][c] = table[c][a] = (sizes[0] * table[a][c] + sizes[1] * table[b][c]) / sum(sizes)
        groups[a] += groups.pop(b)
    return list(groups.values())


def beside_plain_python(rng: np.random.Generator, n: int = 300) -> dict[str, Any]:
    """The same cut of n models by plain Python, in a batch, and one more model incrementally."""
    scores = percolating(n + 1, rng)
    threshold = percolation_threshold(scores)
    names = tuple(f"m{i:03d}" for i in range(n + 1))
    suite = tuple(f"d{j:02d}" for j in range(DATASETS))
    distances = distance_matrix(scores, TOP_K)
    plain, groups = timed(lambda: plain_average_linkage(distances.tolist(), threshold))
    ours = min(timed(lambda: cut_distances(distances, threshold))[0] for _ in range(5))
    before = build(PerformanceMatrix(names[:n], suite, scores[:n]), Cut(threshold, TOP_K))
    insert, step = min(
        (timed(lambda: updated(before, {names[n]: scores[n]})) for _ in range(5)), key=lambda x: x[0]
    )
    found = {c.members for c in step.linked.clusters()}
    return {
        "models": n,
        "threshold": threshold,
        "plain_over_batch": plain / ours,
        "plain_over_insert": plain / insert,
        "identical": found == {tuple(sorted(names[i] for i in g)) for g in groups},
    }


def page(results: dict[str, Any]) -> str:
    lines = [
        "# One model more",
        "",
        f"`benchmarks/clustering/insert.py` on {results['machine']}. An insert is the import of one row of "
        f"{DATASETS} scores and the update of the stored clusters, both committed to SQLite; `update` is "
        "the second part. The batch run reads all scores, clusters and stores. The processor was shared: "
        f"{os.getloadavg()[0]:.1f} processes wanted {os.cpu_count()} cores.",
        "",
        "| case | models | threshold | largest component | insert, median (worst) | "
        "of processor time | update, median | batch run | batch / update | identical to batch |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for c in results["cases"]:
        lines.append(
            f"| {c['case']} | {c['models']:,} | {c['threshold']:g} | {c['largest_component']:,} | "
            f"{c['insert_seconds_median']:.2f} s ({c['insert_seconds_worst']:.2f} s) | "
            f"{c['insert_processor_seconds_median']:.2f} s | "
            f"{c['update_seconds_median']:.2f} s | {c['batch_seconds']:.1f} s | "
            f"{c['batch_over_update']:.0f} | {'yes' if c['identical_to_batch'] else 'NO'} |"
        )
    plain = results["plain_python"]
    lines += [
        "",
        f"{plain['models']} models at {plain['threshold']:g}, plain-Python average linkage of the same "
        f"distances: {plain['plain_over_batch']:.0f} times as long as the batch cut, "
        f"{plain['plain_over_insert']:.0f} times as long as one insert with its distances; "
        f"the same clusters: {'yes' if plain['identical'] else 'NO'}.",
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--models", type=int, default=100_000)
    parser.add_argument("--cloud", type=int, default=5_000)
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "results")
    given = parser.parse_args()
    rng = np.random.default_rng(0)
    groups, cloud = grouped(given.models + INSERTS, rng), percolating(given.cloud + INSERTS, rng)
    results = {
        "machine": f"{platform.machine()}, one core of {machine()['cpu']}",
        "cases": [
            measured("percolating", cloud[:-INSERTS], cloud[-INSERTS:], percolation_threshold(cloud)),
            measured("groups", groups[:-INSERTS], groups[-INSERTS:], 0.03),
        ],
        "plain_python": beside_plain_python(rng),
    }
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "clustering_insert.json").write_text(json.dumps(results, indent=2) + "\n")
    (given.out / "clustering_insert.md").write_text(page(results))
    print(page(results))


if __name__ == "__main__":
    main()
