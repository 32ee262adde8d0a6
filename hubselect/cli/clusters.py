"""`hubselect cluster` and `hubselect clusters`."""

from __future__ import annotations

import click

from hubselect.cli.numbers import Finite, Whole
from hubselect.cli.options import TASK
from hubselect.cli.output import Output, common


@click.command()
@click.option("--threshold", type=Finite(0), help="Distance to cut at (default: best silhouette).")
@click.option("--top-k", type=Whole(1), default=5, show_default=True, help="k of Eq. 1.")
@click.option(
    "--method",
    type=click.Choice(["average", "kmeans"]),
    default="average",
    show_default=True,
    help="How to cluster.",
)
@click.option("--clusters", "n_clusters", type=Whole(1), help="Number of clusters (k-means only).")
@click.option("--task", type=TASK, help="Only models of this task.")
@common
def cluster(
    threshold: float | None,
    top_k: int,
    method: str,
    n_clusters: int | None,
    task: str | None,
    registry: str | None,
    out: Output,
) -> None:
    """Group models that fine-tune alike (Eq. 1), and remember the groups."""
    from hubselect.api.clusters.clustering import cluster as compute
    from hubselect.reports import documents, text

    if n_clusters is not None and method != "kmeans":
        raise click.UsageError("--clusters goes with --method kmeans")
    found = compute(
        registry=registry,
        task=task,  # type: ignore[arg-type]
        threshold=threshold,
        top_k=top_k,
        method="kmeans" if method == "kmeans" else "average",
        n_clusters=n_clusters,
    )
    out.result(documents.clusterings_document(found), lambda: text.clusterings(found))


@click.command()
@click.option("--task", type=TASK, help="Only models of this task.")
@click.option("--history", is_flag=True, help="What happened to the clusters, oldest first.")
@click.option("--limit", type=Whole(1), help="Only so many of the newest events (with --history).")
@common
def clusters(task: str | None, history: bool, limit: int | None, registry: str | None, out: Output) -> None:
    """Show the clusters and their representatives, or how they came to be."""
    from hubselect.errors import KnowledgeMissing
    from hubselect.registry import Registry
    from hubselect.reports import cluster_history, documents, text

    if limit is not None and not history:
        raise click.UsageError("--limit goes with --history")
    if history:
        with Registry.open(registry, create=False) as store:
            events = store.cluster_events(task, limit=limit)
        out.result(cluster_history.history_document(events), lambda: cluster_history.history(events))
        return
    with Registry.open(registry, create=False) as store:
        found = [c for c in reversed(store.clusterings()) if task in (None, c.task)]  # newest first
        beside = [store.placements(c.task, c.recipe) for c in found]
    if not found:
        raise KnowledgeMissing("there are no clusters yet", "run `hubselect cluster`")
    out.result(documents.clusterings_document(found, beside), lambda: text.clusterings(found, beside))
