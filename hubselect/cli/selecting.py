"""`hubselect select` and `hubselect selections`."""

from __future__ import annotations

import click

from hubselect.cli import completion
from hubselect.cli.numbers import Finite, Whole
from hubselect.cli.options import (
    HTML,
    POLICY,
    Size,
    budget,
    columns,
    executor,
    filters,
    k_option,
    metric,
    recall_with,
    training_method,
    workers,
)
from hubselect.cli.output import Output, common


@click.command()
@click.argument("dataset_id", shell_complete=completion.targets)
@columns
@k_option("auto")
@click.option(
    "--epochs", type=Whole(1, 1000), help="Epochs of the full training (default: as benchmarked, else 5)."
)
@click.option(
    "--policy",
    type=click.Choice(["auto", *POLICY.choices]),
    default="auto",
    show_default=True,
    help="Who goes on after a stage; auto: knowledge-gradient where recorded curves teach it.",
)
@click.option(
    "--threshold",
    type=Finite(0, 1, max_open=True),
    default=0.0,
    show_default=True,
    help="By what share a prediction must be better to eliminate (Table IV).",
)
@recall_with(auto=True, name="--recall")
@training_method
@metric
@filters
@budget
@executor
@click.option(
    "--output",
    type=click.Path(file_okay=False),
    help="Where to save the winner (default: beside the registry).",
)
@click.option(
    "--push-to-hub",
    metavar="REPO",
    help="Publish the winner to this Hub model repository, as `hubselect publish` does.",
)
@click.option("--private", is_flag=True, help="Make a new repository of --push-to-hub private.")
@click.option(
    "--max-download",
    type=Size(),
    metavar="SIZE",
    help="Fetch at most this much: leave out models that no longer fit.",
)
@click.option(
    "--max-disk",
    type=Size(),
    metavar="SIZE",
    help="Take at most this much disk for fetched weights, training states and the winner together.",
)
@click.option(
    "--report", type=HTML, metavar="FILE", help="Also write an HTML page about it (`hubselect report`)."
)
@click.option(
    "--report-to",
    type=click.Choice(["tensorboard", "trackio"]),
    multiple=True,
    help="Also show the validation curves in this tracker (repeat for both).",
)
@click.option("--max-train-samples", type=Whole(2), help="Cap on training examples, stratified.")
@click.option("--seed", type=Whole(0), help="Seed of head, order and dropout (default: as benchmarked).")
@click.option("--fresh", is_flag=True, help="Start over instead of going on with an earlier selection.")
@click.option("--dry-run", is_flag=True, help="Show the plan and stop: models, bytes, epochs, time.")
@workers
@common
def select(
    dataset_id: str, registry: str | None, out: Output, dry_run: bool, report: str | None, **options: object
) -> None:
    """Get the best known checkpoint for a dataset, fine-tuned.

    Recalls -k models, fine-tunes them in stages, drops the losers early and saves the winner.
    A selection that was stopped goes on when the same command is given again.
    """
    from hubselect.api.reporting.writing import check_report
    from hubselect.api.reporting.writing import report as write_report
    from hubselect.api.selection.selecting import plan_selection
    from hubselect.api.selection.selecting import select as run
    from hubselect.reports import closing, documents, text

    if options["private"] and not options["push_to_hub"]:
        raise click.UsageError("--private is for --push-to-hub")
    if dry_run:
        plan = plan_selection(dataset_id, registry=registry, **options)
        out.result(closing.plan_document(plan), lambda: closing.plan(plan))
        return
    if report is not None:
        check_report(report)
    with out.progress() as listener:
        found = run(dataset_id, registry=registry, listener=listener, **options)  # type: ignore[arg-type]
    out.result(documents.selection_document(found), lambda: text.selection(found))
    if report is not None:
        out.note(f"report in {write_report(found.id, html=report, registry=registry)}")


@click.command()
@common
def selections(registry: str | None, out: Output) -> None:
    """List past and unfinished selections."""
    from hubselect.registry import Registry
    from hubselect.reports import documents, text

    with Registry.open(registry, create=False) as store:
        found = store.selections()
    out.result([documents.summary_document(s) for s in found], lambda: [text.selections(found)])
