"""`hubselect demo`."""

from __future__ import annotations

import click

from hubselect.cli.numbers import Whole
from hubselect.cli.output import Output, console


@click.command()
@click.option(
    "--workdir",
    type=click.Path(file_okay=False),
    default="hubselect-demo",
    show_default=True,
    help="Folder that keeps the local Hub, the registry and the winner.",
)
@click.option("-k", type=Whole(1), default=5, show_default=True, help="How many models to recall.")
@click.option(
    "--task",
    type=click.Choice(["text-classification", "image-classification"]),
    default="text-classification",
    show_default=True,
    help="Which half of the zoo.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout, nothing else there.")
def demo(workdir: str, k: int, task: str, as_json: bool) -> None:
    """See it all work: a local Hub, real fine-tuning, clusters, and a selection for a new dataset."""
    from pathlib import Path

    from hubselect.demo import tour

    out = Output(as_json)
    screen = console(stderr=as_json)
    with out.progress() as listener:
        found = tour.run(Path(workdir), screen, listener, task=task, k=k)  # type: ignore[arg-type]
    if as_json:
        out.result(tour.document(found), list)
