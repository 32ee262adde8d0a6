"""`hubselect benchmark`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from hubselect.cli.numbers import Whole
from hubselect.cli.options import executor, metric, only_datasets, only_models, training_method, workers
from hubselect.cli.output import Output, common

if TYPE_CHECKING:
    from hubselect.records import Method


class Seeds(click.ParamType[tuple[int, ...]]):
    """0,1,2: whole numbers."""

    name = "seeds"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        if isinstance(value, tuple):
            return value
        parts = [part.strip() for part in str(value).split(",")]
        if not all(part.isdecimal() and len(part) < 16 for part in parts):
            self.fail(f"{value!r} is no list of seeds; write 0,1,2", param, ctx)
        return tuple(int(part) for part in parts)


@click.command()
@only_models("Only this model (repeat for more).")
@only_datasets("Only this dataset (repeat for more).")
@click.option("--epochs", type=Whole(1, 1000), help="Epochs of fine-tuning (default: as before, else 5).")
@click.option(
    "--stages-per-epoch", type=Whole(1, 1000), help="Validations per epoch (default: as before, else 1)."
)
@click.option("--max-train-samples", type=Whole(2), help="Cap on training examples, stratified.")
@click.option("--seed", type=Whole(0), help="Seed of head, order and dropout (default: as before, else 0).")
@training_method
@metric
@click.option(
    "--seeds",
    type=Seeds(),
    default=(),
    metavar="0,1,...",
    help="Fine-tune each cell once per seed, on the same examples; scores are means (default: once).",
)
@click.option(
    "--budget",
    type=Whole(1),
    metavar="N",
    help="Fill at most N cells, the most informative first (default: all that are missing).",
)
@click.option("--retry-failed", is_flag=True, help="Also repeat cells that failed.")
@executor
@workers
@common
def benchmark(
    models: tuple[str, ...],
    datasets: tuple[str, ...],
    epochs: int | None,
    stages_per_epoch: int | None,
    max_train_samples: int | None,
    seed: int | None,
    seeds: tuple[int, ...],
    method: Method | None,
    metric: str | None,
    budget: int | None,
    retry_failed: bool,
    executor: str,
    workers: int | None,
    registry: str | None,
    out: Output,
) -> None:
    """Fill the missing cells of the performance matrix by fine-tuning; goes on where it was stopped."""
    from hubselect.api.benchmarks.benchmarking import benchmark as fill
    from hubselect.errors import TrainingFailed
    from hubselect.reports import documents, text

    with out.progress() as listener:
        report = fill(
            registry=registry,
            models=models,
            datasets=datasets,
            epochs=epochs,
            stages_per_epoch=stages_per_epoch,
            max_train_samples=max_train_samples,
            seed=seed,
            seeds=seeds,
            method=method,
            metric=metric,
            budget=budget,
            retry_failed=retry_failed,
            executor=executor,
            workers=workers,
            listener=listener,
        )
    out.result(documents.benchmark_document(report), lambda: text.benchmark(report))
    out.warn(*(c.warning for c in report.clusters))
    if report.failed and len(report.failed) == len(report.cells):
        raise TrainingFailed(
            f"no cell could be filled: {report.failed[0].reason}",
            "mend what the reasons above name, then add --retry-failed",
        )
