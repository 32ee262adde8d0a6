"""Thousands of models arrive one by one, or in random chunks: exactly the batch clusters at the end?

Seven of eight models are in groups, the rest in a percolating cloud; a few cells are missing; scores
have two decimals in a second run (many ties). On the way every cluster that an update does not
report must keep its id and members; at checkpoints and at the end all clusters are compared with a
batch run.

    python benchmarks/clustering/arrivals.py --models 10000
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from tables import DATASETS, TOP_K, Table, grouped, percolating

from hubselect.knowledge.clusters import cluster
from hubselect.knowledge.incremental import updated
from hubselect.knowledge.linked import Cut, Linked, build
from hubselect.knowledge.matrix import PerformanceMatrix

SUITE = tuple(f"d{j:02d}" for j in range(DATASETS))


def arrive(scores: Table, threshold: float, rng: np.random.Generator, chunks: list[int]) -> dict[str, Any]:
    """Insert the rows in random order, in chunks of the given sizes drawn at random."""
    names = [f"m{i:05d}" for i in range(len(scores))]
    order = rng.permutation(len(scores))
    linked = build(PerformanceMatrix((), SUITE, np.empty((0, DATASETS))), Cut(threshold, TOP_K))
    known: dict[int, tuple[str, ...]] = {}
    checks, steps, at = 0, 0, 0
    start = time.perf_counter()
    while at < len(order):
        size = int(rng.choice(chunks))
        rows = {names[i]: scores[i] for i in order[at : at + size]}
        step = updated(linked, rows, largest=len(scores))
        for c in step.old:
            assert known.pop(c.id) == c.members
        for c in step.new:
            assert c.id not in known
            known[c.id] = c.members
        linked, steps = step.linked, steps + 1
        if at // 2_500 != (at + size) // 2_500:
            checks += 1
            assert same(linked, known, scores, names, order[: at + size])
        at += size
    return {
        "chunks": chunks,
        "steps": steps,
        "seconds_per_step": (time.perf_counter() - start) / steps,
        "clusters": len(known),
        "largest_component": int(np.bincount(linked.component).max()),
        "checks": checks + 1,
        "identical_to_batch": same(linked, known, scores, names, order),
    }


def same(
    linked: Linked, known: dict[int, tuple[str, ...]], scores: Table, names: list[str], rows: Any
) -> bool:
    """Whether the clusters, and those a reader of the reported changes has, are those of a batch run."""
    matrix = PerformanceMatrix(tuple(names[i] for i in rows), SUITE, scores[rows])
    found = cluster(
        matrix, task="text-classification", recipe="r", threshold=linked.cut.threshold, top_k=TOP_K
    )
    expected = {(c.representative, c.members) for c in found.clusters}
    stored = linked.clusters()
    return {(c.representative, c.members) for c in stored} == expected and known == {
        c.id: c.members for c in stored
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--models", type=int, default=10_000)
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "results")
    given = parser.parse_args()
    rng = np.random.default_rng(2)
    cloud = given.models // 8
    scores = np.vstack([grouped(given.models - cloud, rng), percolating(cloud, rng)])
    scores[rng.random(scores.shape) < 0.002] = np.nan
    results = []
    for name, table, threshold in (("smooth", scores, 0.08), ("two decimals", scores.round(2), 0.08)):
        for chunks in ([1], [1, 10, 100, 500]):
            results.append({"scores": name, "models": len(table)} | arrive(table, threshold, rng, chunks))
            print(results[-1], flush=True)
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "clustering_arrivals.json").write_text(json.dumps(results, indent=2) + "\n")
    (given.out / "clustering_arrivals.md").write_text(page(results))


def page(results: list[dict[str, Any]]) -> str:
    lines = [
        "# Arrivals",
        "",
        "`benchmarks/clustering/arrivals.py`: models arrive in random order; clusters compared with a batch "
        "run at checkpoints and at the end, ids of untouched clusters held at every step.",
        "",
        "| scores | models | chunks of | steps | largest component | clusters | checks | as in batch |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for r in results:
        lines.append(
            f"| {r['scores']} | {r['models']:,} | {', '.join(map(str, r['chunks']))} | {r['steps']:,} | "
            f"{r['largest_component']:,} | {r['clusters']:,} | {r['checks']} | "
            f"{'yes' if r['identical_to_batch'] else 'NO'} |"
        )
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
