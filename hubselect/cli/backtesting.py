"""`hubselect backtest`."""

from __future__ import annotations

import click

from hubselect.cli.options import POLICY, TASK
from hubselect.cli.output import Output, common


@click.command()
@click.option(
    "--policy", type=POLICY, default="fine-selection", show_default=True, help="Who goes on after a stage."
)
@click.option(
    "--proxy", default="leep", show_default=True, help="Which recorded proxy scores to recall with."
)
@click.option("-k", type=click.IntRange(1), default=10, show_default=True, help="How many models to recall.")
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.0,
    show_default=True,
    help="By what share a prediction must be better to eliminate.",
)
@click.option(
    "--stages-per-epoch",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="How often the policy decides; finer needs curves recorded as fine.",
)
@click.option("--task", type=TASK, help="Which results, when there are both.")
@click.option(
    "--recipe", metavar="DIGEST", help="Results under this recipe (default: the one with most results)."
)
@common
def backtest(
    policy: str,
    proxy: str,
    k: int,
    threshold: float,
    stages_per_epoch: int,
    task: str | None,
    recipe: str | None,
    registry: str | None,
    out: Output,
) -> None:
    """Replay a selection for every benchmark dataset, leaving it out of the knowledge. Trains nothing."""
    from hubselect.api.backtesting import run_backtest
    from hubselect.reports import documents, text

    found = run_backtest(
        registry=registry,
        policy=policy,
        proxy=proxy,
        k=k,
        task=task,  # type: ignore[arg-type]
        recipe=recipe,
        threshold=threshold,
        stages_per_epoch=stages_per_epoch,
    )
    out.result(documents.backtest_document(found), lambda: text.backtest(found))
