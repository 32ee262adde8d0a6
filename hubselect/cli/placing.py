"""`hubselect place`."""

from __future__ import annotations

import click

from hubselect.cli.numbers import Whole
from hubselect.cli.options import TASK, only_models
from hubselect.cli.output import Output, common


@click.command()
@only_models("Only this model; may be repeated.")
@click.option(
    "--text-model",
    metavar="REPO_ID",
    help="Sentence embedding checkpoint of the Hub, for the cards of models without a relative.",
)
@click.option("--task", type=TASK, help="Only models of this task.")
@click.option("--limit", type=Whole(1), metavar="N", help="Only the N most downloaded models.")
@common
def place(
    models: tuple[str, ...],
    text_model: str | None,
    task: str | None,
    limit: int | None,
    registry: str | None,
    out: Output,
) -> None:
    """Put models without enough results beside clusters, provisionally: by lineage, then by card text.

    Nothing is downloaded without --text-model. With it, and neither --model nor --limit, at most 500
    cards are read.
    """
    from hubselect.api.clusters.placing import place as put
    from hubselect.reports import placing

    with out.progress() as listener:
        found = put(
            registry,
            text_model=text_model,
            task=task,  # type: ignore[arg-type]
            models=models or None,
            limit=limit,
            listener=listener,
        )
    out.result(placing.report_document(found), lambda: placing.report(found))
