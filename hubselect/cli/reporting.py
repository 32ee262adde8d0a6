"""`hubselect report`."""

from __future__ import annotations

import click

from hubselect.cli import completion
from hubselect.cli.numbers import Whole
from hubselect.cli.options import HTML
from hubselect.cli.output import Output, common


@click.command()
@click.argument("selection_id", required=False, type=Whole(1), shell_complete=completion.selections)
@click.option("--html", "html", type=HTML, required=True, metavar="FILE", help="Where to write the page.")
@common
def report(selection_id: int | None, html: str, registry: str | None, out: Output) -> None:
    """Write an HTML page about a selection, or without SELECTION_ID about the whole registry.

    One file that can be read offline: the answer and how sure it is, validation curves, what was expected
    and reached, clusters as a map and a dendrogram, the performance matrix, costs and provenance.
    `hubselect selections` lists the ids; a selection need not be finished.
    """
    from hubselect.api.reporting.writing import report as write
    from hubselect.reports import text

    place = write(selection_id, html=html, registry=registry)
    document = {"selection_id": selection_id, "html": str(place), "bytes": place.stat().st_size}
    out.result(document, lambda: text.exported([place]))
