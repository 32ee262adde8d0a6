"""`hubselect doctor`."""

from __future__ import annotations

import sys
from dataclasses import asdict

import click

from hubselect.cli.output import Output, common


@click.command()
@common
def doctor(registry: str | None, out: Output) -> None:
    """Check the device, the Hub, the login, the cache, the registry and the libraries.

    Ends with 1 when something stands in the way of a selection.
    """
    from hubselect.api.doctor import doctor as run
    from hubselect.reports.doctor import checks as shown

    checks = run(registry=registry)
    out.result([asdict(check) for check in checks], lambda: [shown(checks)])
    if any(check.status == "problem" for check in checks):
        sys.exit(1)
