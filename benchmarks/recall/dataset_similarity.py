"""Do benchmarks that look like the target deserve more weight in the prior? Measured on the recorded zoo.

    python benchmarks/recall/dataset_similarity.py --workdir build/quality [--output benchmarks/results]

A resident probe checkpoint embeds every dataset without downloading any other model: the mean of its
features over 512 training texts or images, and the spread of them along each feature. Benchmarks are
then weighted by a Gaussian kernel of the distance to the target, in the prior alone and inside
`fused`. Several probes, embeddings and kernel widths are tried; what counts is whether the weighted prior
beats the plain one by more than its paired interval. `--workdir` is that of `record.py`.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np

from benchmarks.machine import machine
from benchmarks.quality.load import recorded_registry
from benchmarks.quality.zoo_hub import part_of, served
from hubselect.api.clusters.clustering import known_runs
from hubselect.knowledge.matrix import FloatArray, PerformanceMatrix
from hubselect.recall.methods.predictors import standing, z_scores
from hubselect.recall.quality import at, bootstrap_interval, regrets, spearman
from hubselect.records import TASKS, Task

RESULTS = Path(__file__).parents[1] / "results"
PROBES: Mapping[Task, tuple[str, ...]] = {
    "text-classification": ("hubselect-zoo/bert-docs", "hubselect-zoo/roberta-mixed"),
    "image-classification": ("hubselect-zoo/vit-glyphs", "hubselect-zoo/convnext-glyphs"),
}
WIDTHS = (0.25, 0.5, 1.0)  # of the kernel, in median distances; infinitely wide is the plain prior


def embeddings(workdir: Path, task: Task, probe: str, names: tuple[str, ...]) -> dict[str, FloatArray]:
    """By dataset: mean features and their spread as the probe sees them, [2 d]."""
    from hubselect.hub import download_model
    from hubselect.records import Recipe
    from hubselect.registry import Registry
    from hubselect.training.features import forward_features

    found = {}
    with Registry.open(workdir / "registry.db", create=False) as store:
        model = store.model(probe)
        checkpoint = download_model(model).path
        for name in names:
            seen = forward_features(checkpoint, model, store.dataset(name), Recipe(task), max_samples=512)
            features = seen.pooled("mean").astype(np.float64)
            found[name] = np.concatenate([features.mean(axis=0), features.std(axis=0)])
    return found


def weights(vectors: FloatArray, target: int, width: float) -> FloatArray:
    """How much each benchmark counts for the target [d]: a Gaussian kernel of scaled distances, sum d."""
    scaled = z_scores(vectors)
    distances = np.linalg.norm(scaled - scaled[target], axis=1)
    others = np.arange(len(vectors)) != target
    kernel = np.exp(-0.5 * (distances[others] / (width * np.median(distances[others]))) ** 2)
    return kernel / kernel.sum() * others.sum()


def judged(matrix: PerformanceMatrix, target: int, score: FloatArray) -> dict[str, float]:
    truth = dict(zip(matrix.models, matrix.scores[:, target].tolist(), strict=True))
    values = dict(zip(matrix.models, score.tolist(), strict=True))
    regret = regrets(sorted(matrix.models, key=lambda m: (-values[m], m)), truth)
    return {
        "regret_at_1": at(regret, 1),
        "regret_at_3": at(regret, 3),
        "spearman": spearman(values, truth) or 0.0,
    }


def compared(matrix: PerformanceMatrix, vectors: FloatArray, width: float) -> list[dict[str, Any]]:
    """Every dataset as the target: the plain prior beside the weighted one."""
    rows = []
    for target, name in enumerate(matrix.datasets):
        stand = standing(matrix, matrix.models, without=name)
        rows.append(
            {
                "target": name,
                "plain": judged(matrix, target, stand.mean(axis=1)),
                "weighted": judged(matrix, target, stand @ weights(vectors, target, width)),
            }
        )
    return rows


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for figure in ("regret_at_1", "regret_at_3", "spearman"):
        gain = [r["weighted"][figure] - r["plain"][figure] for r in rows]
        found[figure] = {
            "plain": fmean(r["plain"][figure] for r in rows),
            "weighted": fmean(r["weighted"][figure] for r in rows),
            "difference": fmean(gain),
            "interval": bootstrap_interval(gain),
        }
    return found


def run(workdir: Path) -> dict[str, Any]:
    result: dict[str, Any] = {"machine": machine("numpy", "torch", "transformers"), "trials": []}
    with served(workdir, [part_of(task) for task in TASKS]):
        for task in TASKS:
            with recorded_registry(workdir / "similarity.db") as store:
                recipe = store.main_recipe(task)
                assert recipe is not None
                matrix = PerformanceMatrix.from_runs(known_runs(store, recipe))
            for probe in PROBES[task]:
                seen = embeddings(workdir, task, probe, matrix.datasets)
                vectors = np.stack([seen[d] for d in matrix.datasets])
                for width in WIDTHS:
                    figures = summary(compared(matrix, vectors, width))
                    result["trials"].append({"task": task, "probe": probe, "width": width, **figures})
    return result


def page(result: Mapping[str, Any]) -> str:
    lines = [
        "# Weighting benchmarks by their likeness to the target",
        "",
        "Made by `python benchmarks/recall/dataset_similarity.py` from `benchmarks/quality/recording`: the "
        "prior (mean standing on the other datasets) against the same weighted by a Gaussian kernel of the "
        "distance between datasets, as a resident probe checkpoint embeds them. Differences are weighted "
        "minus plain, with paired 95 % bootstrap intervals over targets: below 0 is a gain for regret, "
        "above 0 for the rank correlation.",
        "",
        "| task | probe | width | regret at 1: plain | weighted | difference | Spearman: plain | weighted "
        "| difference |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for t in result["trials"]:
        cells = []
        for figure in ("regret_at_1", "spearman"):
            f = t[figure]
            low, high = f["interval"]
            cells += [
                f"{f['plain']:.4f}",
                f"{f['weighted']:.4f}",
                f"{f['difference']:+.4f} [{low:+.4f}, {high:+.4f}]",
            ]
        lines.append(f"| {t['task']} | {t['probe']} | {t['width']:g} | {' | '.join(cells)} |")
    lines += ["", verdict(result["trials"])]
    return "\n".join(lines) + "\n"


def verdict(trials: list[Mapping[str, Any]]) -> str:
    """Whether any trial lowers the regret beyond its interval."""
    gains = [t for t in trials if t["regret_at_1"]["interval"][1] < 0]
    if gains:
        return f"{len(gains)} of {len(trials)} trials lower the regret by more than their interval."
    return (
        f"None of {len(trials)} trials lowers the regret by more than its interval, so the product weighs "
        "benchmarks alike in the prior. What `fused` has instead is a prior made for the target from the "
        "proxies themselves (`recall/methods/predictors.py`), which needs no probe."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--workdir", type=Path, required=True)
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    result = run(options.workdir.absolute())
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "recall_dataset_similarity.json").write_text(json.dumps(result, indent=2) + "\n")
    (options.output / "recall_dataset_similarity.md").write_text(page(result))
    print(page(result))


if __name__ == "__main__":
    main()
