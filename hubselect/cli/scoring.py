"""`hubselect score`."""

from __future__ import annotations

import click

from hubselect.cli.options import TASK, only_datasets, only_models, workers
from hubselect.cli.output import Output, common


@click.command()
@only_models("Only this model; can be repeated.")
@only_datasets("Only this benchmark dataset.")
@click.option(
    "--proxy",
    "proxies",
    metavar="NAME",
    multiple=True,
    help="Which proxies (default: those the recall methods use); see `hubselect proxies`.",
)
@click.option("--task", type=TASK, help="Which results, when there are both.")
@workers
@common
def score(registry: str | None, out: Output, **options: object) -> None:
    """Compute proxy scores of benchmarked models on the benchmark datasets. Fine-tunes nothing.

    They let `recall` and `select` compare their methods on this registry, and teach `fused` its weights.
    """
    from hubselect.api.recall.scoring_benchmarks import score_benchmarks
    from hubselect.reports.scoring import score_document, score_text

    with out.progress() as listener:
        found = score_benchmarks(registry=registry, listener=listener, **options)  # type: ignore[arg-type]
    out.result(score_document(found), lambda: score_text(found))
