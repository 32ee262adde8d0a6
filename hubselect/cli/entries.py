"""`hubselect models` and `hubselect datasets`."""

from __future__ import annotations

import click

from hubselect.cli.options import TASK
from hubselect.cli.output import Output, common


@click.command()
@click.option("--task", type=TASK, help="Only models of this task.")
@common
def models(task: str | None, registry: str | None, out: Output) -> None:
    """List the checkpoints the registry knows."""
    from hubselect.registry import Registry
    from hubselect.reports import documents, text

    with Registry.open(registry, create=False) as store:
        found = store.models(task)  # type: ignore[arg-type]
    out.result([documents.model_document(m) for m in found], lambda: [text.models(found)])


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
