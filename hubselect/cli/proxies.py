"""`hubselect proxies`."""

from __future__ import annotations

import click

from hubselect.cli.output import Output, common


@click.command()
@common
def proxies(registry: str | None, out: Output) -> None:
    """List the light scores that `--proxy` can choose, plug-ins included."""
    from hubselect.api.recall.proxies import proxies as listed
    from hubselect.reports import proxies as report

    found = listed()
    out.result(report.proxies_document(found), lambda: report.proxies(found))
