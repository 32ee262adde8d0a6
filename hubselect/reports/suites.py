"""A proposed benchmark suite, as a document and as a table."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from hubselect.reports.tables import Part, add_row, new_table

if TYPE_CHECKING:
    from hubselect.api.benchmarks.suites import Proposal


def proposal_document(found: Proposal) -> dict[str, Any]:
    return {
        "task": found.task,
        "recipe": found.recipe,
        "models": found.models,
        "benchmarks": found.benchmarks,
        "size": len(found.suite.datasets),
        "datasets": list(found.suite.datasets),
        "error": found.suite.error,
        "errors_by_size": list(found.suite.errors_by_size),
        "held_out_error": found.held_out_error,
        "random": asdict(found.random),
    }


def proposal(found: Proposal) -> list[Part]:
    table = new_table(
        f"Suite of {len(found.suite.datasets)} of {found.benchmarks} benchmark datasets ({found.task})",
        "",
        "dataset",
        "error with the suite so far",
        right=("", "error with the suite so far"),
    )
    add_row(table, 0, "none: every model is predicted by the mean", f"{found.suite.errors_by_size[0]:.4f}")
    for place, name in enumerate(found.suite.datasets, start=1):
        add_row(table, place, name, f"{found.suite.errors_by_size[place]:.4f}")
    held_out = "unknown" if found.held_out_error is None else f"{found.held_out_error:.4f}"
    r = found.random
    return [
        table,
        f"It predicts the other scores of a model with a root mean square error of {found.suite.error:.4f} "
        f"(leaving one of {found.models} models out); {held_out} for models that had no part in the choice",
        f"{r.draws} random suites of this size: {r.mean:.4f} ± {r.deviation:.4f}, "
        f"from {r.best:.4f} to {r.worst:.4f}; {r.better:.0%} of them are better",
    ]
