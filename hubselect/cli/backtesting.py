"""`hubselect backtest`."""

from __future__ import annotations

import click

from hubselect.cli.numbers import Finite, Whole
from hubselect.cli.options import POLICY, TASK, recall_with
from hubselect.cli.output import Output, common


@click.command()
@click.option(
    "--policy", type=POLICY, default="fine-selection", show_default=True, help="Who goes on after a stage."
)
@click.option("-k", type=Whole(1), default=10, show_default=True, help="How many models to recall.")
@click.option(
    "--threshold",
    type=Finite(0, 1, max_open=True),
    default=0.0,
    show_default=True,
    help="By what share a prediction must be better to eliminate.",
)
@click.option(
    "--stages-per-epoch",
    type=Whole(1, 1000),
    default=1,
    show_default=True,
    help="How often the policy decides; finer needs curves recorded as fine.",
)
@recall_with(auto=False)
@click.option("--recall-only", is_flag=True, help="Leave the curves alone: measure recall and nothing else.")
@click.option("--task", type=TASK, help="Which results, when there are both.")
@click.option(
    "--recipe", metavar="DIGEST", help="Results under this recipe (default: the one with most results)."
)
@common
def backtest(registry: str | None, out: Output, **options: object) -> None:
    """Replay recall and selection for every benchmark dataset, leaving it out of the knowledge.

    Trains nothing and downloads nothing: it uses recorded scores, proxy scores and curves. Recall is
    compared for every method, beside static lists and single proxies.
    """
    from hubselect.api.backtesting import run_backtest
    from hubselect.reports.backtesting import backtest_document, backtest_text

    found = run_backtest(registry=registry, **options)  # type: ignore[arg-type]
    out.result(backtest_document(found), lambda: backtest_text(found))
