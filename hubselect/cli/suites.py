"""`hubselect suite`."""

from __future__ import annotations

import click

from hubselect.cli.numbers import Whole
from hubselect.cli.options import TASK
from hubselect.cli.output import Output, common


@click.command()
@click.option("--size", type=Whole(1), required=True, metavar="M", help="How many datasets.")
@click.option("--task", type=TASK, help="Which results, when there are both.")
@click.option(
    "--recipe", metavar="DIGEST", help="Results under this recipe (default: the one with most results)."
)
@click.option(
    "--draws",
    type=Whole(1, 1_000_000),
    default=200,
    show_default=True,
    help="How many random suites to compare with.",
)
@click.option("--seed", type=Whole(0), default=0, show_default=True, help="Of the random suites.")
@common
def suite(
    size: int,
    task: str | None,
    recipe: str | None,
    draws: int,
    seed: int,
    registry: str | None,
    out: Output,
) -> None:
    """Propose a compact benchmark suite: the datasets that best predict a model's scores on the others."""
    from hubselect.api.benchmarks.suites import suite as propose
    from hubselect.reports.suites import proposal, proposal_document

    found = propose(
        size,
        registry=registry,
        task=task,  # type: ignore[arg-type]
        recipe=recipe,
        draws=draws,
        seed=seed,
    )
    out.result(proposal_document(found), lambda: proposal(found))
