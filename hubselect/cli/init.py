"""`hubselect init`."""

from __future__ import annotations

import click

from hubselect.cli.output import Output, common


@click.command("init")
@click.option(
    "--suite",
    required=True,
    metavar="NAME",
    help="paper-nlp, paper-cv, or a TOML file of the same form.",
)
@click.option("--models", "only_models", is_flag=True, help="Only the models.")
@click.option("--datasets", "only_datasets", is_flag=True, help="Only the datasets.")
@click.option("--dry-run", is_flag=True, help="Only list them: ask no Hub, change no registry.")
@common
def init(
    suite: str,
    only_models: bool,
    only_datasets: bool,
    dry_run: bool,
    registry: str | None,
    out: Output,
) -> None:
    """Register a whole suite of models and datasets; what the Hub does not give is listed and skipped."""
    from hubselect.api.initialising import init as register
    from hubselect.errors import HubError
    from hubselect.reports.catalogues import initialised, initialised_document

    with out.progress() as listener:
        found = register(
            suite,
            registry=registry,
            models=only_models or not only_datasets,
            datasets=only_datasets or not only_models,
            dry_run=dry_run,
            listener=listener,
        )
    out.result(initialised_document(found), lambda: initialised(found))
    if found.failed:
        raise HubError(
            f"nothing of {found.suite} could be registered",
            "mend what is listed above, then repeat the command",
        )
