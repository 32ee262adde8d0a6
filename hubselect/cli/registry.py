"""`hubselect registry ...`: scores in and out, and the invariants of the database."""

from __future__ import annotations

import click

from hubselect.cli.options import TASK
from hubselect.cli.output import Output, common


@click.group()
def registry() -> None:
    """Bring results into the registry, take them out, check it."""


class Columns(click.ParamType[dict[str, str]]):
    """model=A,dataset=B,score=C: which column of the file holds what."""

    name = "columns"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> dict[str, str]:
        if isinstance(value, dict):
            return value
        pairs = [part.partition("=") for part in str(value).split(",")]
        if not all(name.strip() and sign and column.strip() for name, sign, column in pairs):
            self.fail(f"{value!r} does not read model=A,dataset=B,score=C", param, ctx)
        return {name.strip(): column.strip() for name, _, column in pairs}


@registry.command("import")
@click.argument("path", type=click.Path())
@click.option(
    "--format",
    "layout",
    type=click.Choice(["tidy", "matrix"]),
    default="tidy",
    show_default=True,
    help="tidy: CSV or Parquet with columns model, dataset, score; matrix: a folder with matrix.txt.",
)
@click.option("--columns", type=Columns(), metavar="model=A,...", help="The file's own column names.")
@click.option("--recipe", metavar="NAME", help="Name of the recipe these scores were made with.")
@click.option("--task", type=TASK, help="Task of the models and datasets (default: as known, else text).")
@common
def import_(
    path: str,
    layout: str,
    columns: dict[str, str] | None,
    recipe: str | None,
    task: str | None,
    registry: str | None,
    out: Output,
) -> None:
    """Import scores, validation curves or proxy scores. A faulty file is refused as a whole."""
    from hubselect.registry import Registry
    from hubselect.reports import documents, text

    with Registry.open(registry) as store:
        report = store.import_scores(
            path,
            columns=columns,
            recipe=recipe,
            format="matrix" if layout == "matrix" else "tidy",
            task=task,
        )
    out.result(documents.import_document(report), lambda: text.imported(report))


@registry.command("export")
@click.argument("path", type=click.Path())
@click.option(
    "--what",
    type=click.Choice(["scores", "curves", "proxies", "all"]),
    default="scores",
    show_default=True,
    help="all: a folder with one file of each.",
)
@common
def export(path: str, what: str, registry: str | None, out: Output) -> None:
    """Export results as CSV (.csv, .csv.gz) or Parquet; `registry import` reads them back."""
    from hubselect.registry import Registry
    from hubselect.reports import documents, text

    with Registry.open(registry, create=False) as store:
        written = store.export(path, what=what)  # type: ignore[arg-type]
    out.result(documents.export_document(written), lambda: text.exported(written))


@registry.command("check")
@common
def check(registry: str | None, out: Output) -> None:
    """Verify every invariant of the registry; exit code 1 and how to repair it when one is broken."""
    from hubselect.errors import RegistryError
    from hubselect.registry import Registry
    from hubselect.reports import documents, text

    with Registry.open(registry, create=False) as store:
        problems = store.check()
    out.result(documents.check_document(problems), lambda: text.checked(problems))
    if problems:
        raise RegistryError(f"the registry has {len(problems)} problems", "repair them as listed above")
