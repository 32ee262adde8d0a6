"""`hubselect curves` and `hubselect matrix`."""

from __future__ import annotations

import click

from hubselect.cli import completion
from hubselect.cli.options import TASK
from hubselect.cli.output import Output, common


@click.command()
@click.argument("model", shell_complete=completion.models)
@click.argument("dataset", required=False, shell_complete=completion.datasets)
@common
def curves(model: str, dataset: str | None, registry: str | None, out: Output) -> None:
    """Show the recorded validation curves of a model, on all datasets or one."""
    from hubselect.registry import Registry
    from hubselect.reports import documents, text

    with Registry.open(registry, create=False) as store:
        found = store.curves(model, dataset)
    out.result([documents.run_document(r) for r in found], lambda: [text.curves(found)])


@click.command()
@click.option("--task", type=TASK, help="Models and datasets of this task.")
@click.option(
    "--recipe", metavar="DIGEST", help="Scores under this recipe (default: the one with most results)."
)
@common
def matrix(task: str | None, recipe: str | None, registry: str | None, out: Output) -> None:
    """Show the performance matrix: test scores of models x benchmark datasets."""
    from hubselect.registry import Registry
    from hubselect.reports import documents, text

    with Registry.open(registry, create=False) as store:
        frame = store.matrix(task=task, recipe=recipe)  # type: ignore[arg-type]
    rows = frame.to_numpy().tolist()
    models, datasets = list(frame.index), list(frame.columns)
    out.result(
        documents.matrix_document(models, datasets, rows), lambda: [text.matrix(models, datasets, rows)]
    )
