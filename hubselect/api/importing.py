"""Published results come in, and the clusters follow them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from hubselect.api.clusters.after import ClustersAfter, clusters_after
from hubselect.api.clusters.state import forget_state
from hubselect.api.opening import opened
from hubselect.registry import ImportReport, Registry


@dataclass(frozen=True)
class Imported:
    """What an import added, and what it did to the clusters of the recipes it touched."""

    report: ImportReport
    clusters: tuple[ClustersAfter, ...] = ()


def import_scores(
    scores: Any,
    *,
    registry: Registry | str | Path | None = None,
    columns: Mapping[str, str] | None = None,
    recipe: str | None = None,
    format: Literal["tidy", "matrix"] = "tidy",  # noqa: A002
    task: str | None = None,
    source: str | None = None,
) -> Imported:
    """`Registry.import_scores` (a pandas frame or a path), then the clusters under the imported recipes
    are brought up to date.

    The import is all or nothing and raises what it raises; clusters that cannot be brought up to
    date after it are told in `clusters`, and do not undo it.
    """
    with opened(registry) as store:
        # the store's own, also of a facade that would bring the clusters up to date itself
        report = Registry.import_scores(
            store, scores, columns=columns, recipe=recipe, format=format, task=task, source=source
        )
        for digest in report.replaced:
            forget_state(store, digest)
        return Imported(report, clusters_after(store, report.recipes))
