"""`hubselect models`, `hubselect datasets` and `hubselect claims`."""

from __future__ import annotations

from typing import Any

import click

from hubselect.cli import completion
from hubselect.cli.numbers import Whole
from hubselect.cli.options import COUNT, TASK
from hubselect.cli.output import Output, common

SHOWN = 200
"""Rows of a table that nobody bounded."""


@click.command()
@click.option("--task", type=TASK, help="Only models of this task.")
@click.option("--author", metavar="A", help="Only models of this user or organization.")
@click.option("--search", metavar="TEXT", help="Only models with this in their id.")
@click.option("--license", "license_", metavar="L", help="Only models under this licence (apache-2.0, mit).")
@click.option("--cluster", type=int, metavar="ID", help="Only members of this cluster.")
@click.option("--min-parameters", type=COUNT, metavar="N", help="At least so many parameters (10M, 1.5B).")
@click.option("--max-parameters", type=COUNT, metavar="N", help="At most so many parameters.")
@click.option("--min-downloads", type=COUNT, metavar="N", help="At least so many downloads a month.")
@click.option(
    "--indexed-only/--added",
    default=None,
    help="Only what `hubselect index` found and nobody added yet, or only what was added or imported.",
)
@click.option(
    "--order",
    type=click.Choice(["id", "downloads", "likes", "parameters", "modified"]),
    default="id",
    show_default=True,
    help="What comes first: ids upwards, everything else downwards.",
)
@click.option("--limit", type=Whole(1), metavar="N", help=f"Only the first N (tables: {SHOWN}).")
@common
def models(
    task: str | None,
    license_: str | None,
    order: str,
    limit: int | None,
    registry: str | None,
    out: Output,
    **conditions: Any,
) -> None:
    """List the checkpoints the registry knows, by any of these conditions."""
    from hubselect.records import models_for
    from hubselect.registry import Registry
    from hubselect.reports import documents, text

    conditions["license"] = license_
    bound = limit or (None if out.as_json else SHOWN)
    with Registry.open(registry, create=False) as store:
        filed = models_for(task) if task else None  # type: ignore[arg-type]
        found = store.models(filed, order=order, limit=bound, **conditions)  # type: ignore[arg-type]
        full = bound is not None and len(found) == bound
        total = store.count_models(filed, **conditions) if full and not out.as_json else None
        placed = {p.model: p for p in store.placements(task, models=[m.id for m in found])}
    out.result(
        [documents.model_document(m, placed.get(m.id)) for m in found],
        lambda: [text.models(found, total, placed)],
    )


@click.command()
@click.argument("model", required=False, shell_complete=completion.models)
@common
def claims(model: str | None, registry: str | None, out: Output) -> None:
    """Show what model cards claim (of MODEL): scores nobody measured here, never mixed with runs."""
    from hubselect.registry import Registry
    from hubselect.reports import indexing

    with Registry.open(registry, create=False) as store:
        if model is not None:
            store.model(model)
        found = store.hub_results(model)
    out.result(indexing.claims_document(found), lambda: [indexing.claims(found)])


@click.command()
@click.option("--task", type=TASK, help="Only datasets of this task.")
@common
def datasets(task: str | None, registry: str | None, out: Output) -> None:
    """List the datasets the registry knows."""
    from hubselect.registry import Registry
    from hubselect.reports import documents, text

    with Registry.open(registry, create=False) as store:
        found = store.datasets(task)  # type: ignore[arg-type]
    out.result([documents.dataset_document(d) for d in found], lambda: [text.datasets(found)])
