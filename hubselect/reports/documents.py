"""The JSON documents of the command line: plain dictionaries from records, keys as promised."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubselect.records import Clustering, Dataset, Environment, Model, Placement, Recalled, Run, Selection
from hubselect.reports.closing import estimate_document, explanation_document
from hubselect.reports.clusters_after import clusters_document
from hubselect.reports.placing import placement_document, with_provisional

if TYPE_CHECKING:
    from hubselect.api.benchmarks.benchmarking import BenchmarkReport
    from hubselect.api.growing import Added
    from hubselect.api.importing import Imported
    from hubselect.api.recall.recalling import Recall
    from hubselect.registry import SelectionSummary
    from hubselect.registry.checks import Problem


def model_document(model: Model, placement: Placement | None = None) -> dict[str, Any]:
    """`provisional` is where a model without enough results stands for the time being."""
    document = asdict(model)
    document.pop("weights_files")
    place = {"cluster": placement.cluster, **placement_document(placement)} if placement else None
    return {
        **document,
        "labels": list(model.labels),
        "has_head": model.has_head,
        "provisional": place and {k: v for k, v in place.items() if k != "model"},
    }


def dataset_document(dataset: Dataset) -> dict[str, Any]:
    return {
        "name": dataset.name,
        **asdict(dataset),
        "splits": dict(dataset.splits),
        "text_columns": list(dataset.text_columns),
        "choice_columns": list(dataset.choice_columns),
        "label_names": list(dataset.label_names),
    }


def clustering_document(clustering: Clustering) -> dict[str, Any]:
    return {
        "task": clustering.task,
        "recipe": clustering.recipe,
        "threshold": clustering.threshold,
        "top_k": clustering.top_k,
        "method": clustering.method,
        "silhouette": clustering.silhouette,
        "silhouette_paper": clustering.silhouette_paper,
        "clusters": [
            {"id": c.id, "representative": c.representative, "size": c.size, "members": list(c.members)}
            for c in clustering.clusters
        ],
    }


def clusterings_document(
    clusterings: Sequence[Clustering], placements: Sequence[Sequence[Placement]] | None = None
) -> dict[str, Any]:
    """One clustering's document; with several tasks, the first one's, and all under `tasks`.

    `placements` of each clustering come as a list `provisional` in each cluster.
    """
    documents = [clustering_document(c) for c in clusterings]
    if placements is not None:
        documents = [with_provisional(d, p) for d, p in zip(documents, placements, strict=True)]
    if len(documents) == 1:
        return documents[0]
    return {**(documents[0] if documents else {}), "tasks": documents}


def recalled_document(recalled: Recalled) -> dict[str, Any]:
    return {
        "model": recalled.model,
        "recall_score": recalled.recall_score,
        "proxy_score": recalled.proxy_score,
        "proxy_origin": recalled.proxy_origin,
        "prior": None if math.isnan(recalled.prior) else recalled.prior,
        "cluster": recalled.cluster,
        "representative": recalled.representative,
        "predicted": recalled.predicted,
        "predicted_low": recalled.low,
        "predicted_high": recalled.high,
    }


def selection_document(selection: Selection) -> dict[str, Any]:
    return {
        "selection_id": selection.id,
        "dataset": selection.dataset,
        "model": selection.model_id,
        "path": selection.path,
        "val_score": selection.val_score,
        "test_score": selection.test_score,
        "policy": selection.policy,
        "proxy": selection.proxy,
        "recipe": selection.recipe,
        "metric": selection.metric,
        "resumed": selection.resumed,
        "recalled": [recalled_document(r) for r in selection.recalled],
        "history": [asdict(v) for v in selection.history],
        "cost": {**asdict(selection.cost), "epochs": selection.cost.epochs},
        "explanation": explanation_document(selection.explanation),
        "estimate": estimate_document(selection),
        "warnings": list(selection.warnings),
        "published": selection.published,
        "environments": [environment_document(e) for e in selection.environments],
    }


def environment_document(environment: Environment) -> dict[str, Any]:
    """What trained which models: the device, and versions by name."""
    return {**asdict(environment), "models": list(environment.models)}


def run_document(run: Run) -> dict[str, Any]:
    return {
        "model": run.model,
        "dataset": run.dataset,
        "recipe": run.recipe,
        "seed": run.seed,
        "status": run.status,
        "source": run.source,
        "test": run.test,
        "reason": run.reason,
        "curve": [{"stage": p.stage, "epochs": p.epochs, "val": p.val} for p in run.curve],
    }


def matrix_document(
    models: Sequence[str], datasets: Sequence[str], rows: Sequence[Sequence[float]]
) -> Mapping[str, Any]:
    """Scores by model and dataset; a missing cell is null, never 0."""
    return {
        "models": list(models),
        "datasets": list(datasets),
        "scores": [[None if math.isnan(v) else float(v) for v in row] for row in rows],
    }


def added_document(added: Added) -> dict[str, Any]:
    return {
        "models": [model_document(m) for m in added.models],
        "benchmark": benchmark_document(added.benchmark),
        "provisional": [{**placement_document(p), "cluster": p.cluster} for p in added.placed],
        "clusters_before": [clustering_document(c) for c in added.before],
        "clusters_after": [clustering_document(c) for c in added.after],
    }


def benchmark_document(report: BenchmarkReport) -> dict[str, Any]:
    return {
        "cells": [asdict(c) for c in report.cells],
        "done": sum(c.status == "done" for c in report.cells),
        "failed": len(report.failed),
        "known": report.known,
        "recipes": dict(report.recipes),
        "warnings": list(report.warnings),
        "clusters": clusters_document(report.clusters),
    }


def recall_document(recall: Recall) -> dict[str, Any]:
    return {
        "dataset": recall.dataset,
        "method": recall.method,
        "proxy": recall.proxy,
        "proxies": list(recall.proxies),
        "recalled": [recalled_document(r) for r in recall.recalled],
        "scored": [
            {"model": s.model, "proxy": s.proxy, "score": s.score, "origin": s.origin} for s in recall.scored
        ],
        "cost": {"epochs": recall.epochs, "bytes_downloaded": recall.bytes_downloaded},
        "notes": list(recall.notes),
    }


def summary_document(summary: SelectionSummary) -> dict[str, Any]:
    document = asdict(summary)
    document["selection_id"] = document.pop("id")
    return document


def import_document(imported: Imported) -> dict[str, Any]:
    return {**asdict(imported.report), "clusters": clusters_document(imported.clusters)}


def export_document(written: Sequence[Path]) -> dict[str, Any]:
    return {"files": [str(p) for p in written]}


def check_document(problems: Sequence[Problem]) -> dict[str, Any]:
    return {"ok": not problems, "problems": [asdict(p) for p in problems]}
