"""The sections about the models of one task: map, dendrogram and matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubselect.reports.html.clusters import Marked, dendrogram
from hubselect.reports.html.figures import Chart
from hubselect.reports.html.heatmap import matrix
from hubselect.reports.html.maps import cluster_map
from hubselect.reports.html.page import Section
from hubselect.reports.numbers import counted

if TYPE_CHECKING:
    from hubselect.api.reporting.landscape import Landscape


def landscape_sections(here: Landscape | None, marked: Marked, absent: str, key: str = "") -> list[Section]:
    """`absent` is the sentence where there is no landscape; `key` tells those of several tasks apart."""
    if here is None:
        return [Section(f"models{key}", "Clusters and performance matrix", [absent])]
    of = f" ({here.task})" if key else ""
    return [
        Section(f"map-of{key}", f"Clusters{of}", [*_map(here, marked, key)], _about(here, marked)),
        Section(
            f"tree-of{key}",
            f"Dendrogram{of}",
            [dendrogram(here, marked, key) or "One model has results: there is nothing to join."],
            _cut(here),
        ),
        Section(
            f"matrix-of{key}",
            f"Performance matrix{of}",
            [matrix(here, marked, key) or "No cell of the performance matrix is filled."],
            "Test scores on the benchmark datasets, in the order of the dendrogram. A colour says how far a "
            "score is above or below its dataset's mean over all models with a result there, so that easy "
            "and hard datasets can be compared; the score itself is under the pointer. A gap is a cell that "
            f"nobody filled, not a score of 0. Recipe {here.recipe.digest}.",
        ),
    ]


def _map(here: Landscape, marked: Marked, key: str) -> list[Chart | str]:
    without: list[Chart | str] = (
        [] if here.clustering else ["There are no clusters yet: `hubselect cluster` makes them."]
    )
    chart = cluster_map(here, marked, key)
    return [*without, chart or "Fewer than three models have results: that makes no map."]


def _about(here: Landscape, marked: Marked) -> str:
    drawn = (
        f"{len(here.models)} of {counted(here.total, 'model')} with results are drawn: "
        f"{'the recalled ones, ' if marked.recalled else ''}representatives of clusters, then the best. "
        if len(here.models) < here.total
        else ""
    )
    told = ""
    if here.clustering is not None:
        several = sum(c.size > 1 for c in here.clustering.clusters)
        count = counted(len(here.clustering.clusters), "cluster")
        told = f"{count}, {several:,} of them with more than one model. "
    return (
        f"{drawn}{told}Models are the nearer the more alike their scores on the benchmarks are; the plane "
        f"keeps {here.kept:.0%} of their squared distances."
    )


def _cut(here: Landscape) -> str:
    base = "Models that join further to the left are more alike (average linkage)."
    if here.clustering is None:
        return base
    if here.clustering.method != "average":
        return f"{base} Colours are the clusters of k-means, which does not cut this tree."
    cut = here.clustering.threshold
    return base if cut is None else f"{base} Clusters are cut at distance {cut:.4g}, the dotted line."
