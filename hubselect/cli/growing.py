"""`hubselect add-model` and `hubselect add-dataset`."""

from __future__ import annotations

from typing import Any

import click

from hubselect.cli.options import columns, workers
from hubselect.cli.output import Output, common


@click.command("add-model")
@click.argument("repo_ids", metavar="REPO_ID...", nargs=-1, required=True)
@click.option("--revision", metavar="SHA", help="Branch, tag or commit (default: main).")
@click.option("--no-benchmark", is_flag=True, help="Only look it up; do not fine-tune it on the benchmarks.")
@workers
@common
def add_model(
    repo_ids: tuple[str, ...],
    revision: str | None,
    no_benchmark: bool,
    workers: int | None,
    registry: str | None,
    out: Output,
) -> None:
    """Teach the registry a checkpoint: index it, fine-tune it on the benchmarks, update the clusters."""
    from hubselect.api.growing import add_model as add
    from hubselect.errors import TrainingFailed
    from hubselect.reports import documents, text

    if revision and len(repo_ids) > 1:
        raise click.UsageError("--revision goes with one REPO_ID")
    with out.progress() as listener:
        added = add(
            repo_ids,
            registry=registry,
            revision=revision,
            benchmark=not no_benchmark,
            workers=workers,
            listener=listener,
        )
    out.result(documents.added_document(added), lambda: text.added(added))
    out.warn(*(c.warning for c in added.benchmark.clusters))
    failed = added.benchmark.failed
    if failed and len(failed) == len(added.benchmark.cells):
        raise TrainingFailed(
            f"no cell could be filled: {failed[0].reason}",
            "mend what the reasons above name, then run `hubselect benchmark --retry-failed`",
        )


@click.command("add-dataset")
@click.argument("dataset_id")
@columns
@click.option("--revision", metavar="SHA", help="Branch, tag or commit (default: main).")
@click.option(
    "--role",
    type=click.Choice(["benchmark", "target"]),
    default="benchmark",
    show_default=True,
    help="Part of the suite that models are compared on, or only something to select for.",
)
@common
def add_dataset(
    dataset_id: str,
    revision: str | None,
    role: str,
    registry: str | None,
    out: Output,
    **columns: Any,
) -> None:
    """Teach the registry a labelled dataset; columns and labels are found from its metadata."""
    from hubselect.api.growing import add_dataset as add
    from hubselect.reports import documents, text

    dataset = add(
        dataset_id,
        registry=registry,
        revision=revision,
        role="target" if role == "target" else "benchmark",
        **columns,
    )
    out.result(documents.dataset_document(dataset), lambda: [text.datasets([dataset])])
