"""`hubselect index`."""

from __future__ import annotations

import click

from hubselect.cli.numbers import Whole
from hubselect.cli.options import COUNT, TASK
from hubselect.cli.output import Output, common


@click.command()
@click.option("--task", type=TASK, required=True, help="What the models or datasets are for.")
@click.option("--author", metavar="A", help="Only those of this user or organization.")
@click.option("--min-downloads", type=COUNT, metavar="N", help="Only those with so many downloads a month.")
@click.option("--limit", type=Whole(1), metavar="N", help="Only the N most downloaded.")
@click.option(
    "--what",
    type=click.Choice(["models", "datasets"]),
    default="models",
    show_default=True,
    help="Which listing to walk.",
)
@click.option(
    "--pipeline",
    "pipelines",
    metavar="TAG",
    multiple=True,
    help="Pipeline tag to walk, repeatable (default: heads and encoders for the task).",
)
@common
def index(
    task: str,
    author: str | None,
    min_downloads: int | None,
    limit: int | None,
    what: str,
    pipelines: tuple[str, ...],
    registry: str | None,
    out: Output,
) -> None:
    """Take the metadata of the Hub's models for a task into the registry.

    Nothing is downloaded but the Hub's listings. A walk that was stopped goes on where it stopped; one
    that ended asks again only for what changed (with --limit or --min-downloads: for the most
    downloaded). `hubselect models` searches what was found.
    """
    from hubselect.api.indexing import index as walk
    from hubselect.reports import indexing

    with out.progress() as listener:
        report = walk(
            task,  # type: ignore[arg-type]
            registry=registry,
            author=author,
            min_downloads=min_downloads,
            limit=limit,
            what="datasets" if what == "datasets" else "models",
            pipelines=pipelines,
            listener=listener,
        )
    out.result(indexing.index_document(report), lambda: indexing.indexed(report))
