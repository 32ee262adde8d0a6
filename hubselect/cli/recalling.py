"""`hubselect recall`."""

from __future__ import annotations

import click

from hubselect.cli import completion
from hubselect.cli.options import Size, columns, filters, k_option, recall_with, workers
from hubselect.cli.output import Output, common


@click.command()
@click.argument("dataset_id", shell_complete=completion.targets)
@columns
@k_option(10)
@recall_with(auto=True)
@filters
@click.option(
    "--max-download", type=Size(), metavar="SIZE", help="Fetch at most this much to compute proxies."
)
@workers
@common
def recall(dataset_id: str, registry: str | None, out: Output, **options: object) -> None:
    """Phase 1 alone: rank the known models for a dataset.

    Only models whose proxies are computed are downloaded: by default the representatives of clusters.
    """
    from hubselect.api.recall.recalling import coarse_recall
    from hubselect.reports import documents, text

    with out.progress() as listener:
        found = coarse_recall(dataset_id, registry=registry, listener=listener, **options)  # type: ignore[arg-type]
    out.result(documents.recall_document(found), lambda: text.recall(found))
