"""`hubselect recall`."""

from __future__ import annotations

import click

from hubselect.cli.options import columns, workers
from hubselect.cli.output import Output, common


@click.command()
@click.argument("dataset_id")
@columns
@click.option("-k", type=click.IntRange(1), default=10, show_default=True, help="How many models to recall.")
@click.option(
    "--proxy", default="leep", show_default=True, help="Light score of a representative on the target."
)
@workers
@common
def recall(
    dataset_id: str,
    config: str | None,
    text_columns: tuple[str, ...],
    image_column: str | None,
    label_column: str | None,
    k: int,
    proxy: str,
    workers: int | None,
    registry: str | None,
    out: Output,
) -> None:
    """Phase 1 alone: rank the known models for a dataset; only representatives are downloaded."""
    from hubselect.api.recalling import coarse_recall
    from hubselect.reports import documents, text

    with out.progress() as listener:
        found = coarse_recall(
            dataset_id,
            registry=registry,
            config=config,
            k=k,
            proxy=proxy,
            text_columns=text_columns,
            image_column=image_column,
            label_column=label_column,
            workers=workers,
            listener=listener,
        )
    out.result(documents.recall_document(found), lambda: text.recall(found))
