"""`hubselect registry ...`: scores and whole registries in and out, and the invariants of the database."""

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
            self.fail(f"{value!r} names no columns; write model=A,dataset=B,score=C", param, ctx)
        return {name.strip(): column.strip() for name, _, column in pairs}


@registry.command("import")
@click.argument("path", type=click.Path())
@click.option(
    "--format",
    "layout",
    type=click.Choice(["tidy", "matrix", "registry"]),
    help="tidy: CSV or Parquet with columns model, dataset, score; matrix: a folder with matrix.txt; "
    "registry: a folder of `export --what registry`. (default: tidy, or registry for such a folder)",
)
@click.option("--columns", type=Columns(), metavar="model=A,...", help="The file's own column names.")
@click.option("--recipe", metavar="NAME", help="Name of the recipe these scores were made with.")
@click.option("--task", type=TASK, help="Task of the models and datasets (default: as known, else text).")
@common
def import_(
    path: str,
    layout: str | None,
    columns: dict[str, str] | None,
    recipe: str | None,
    task: str | None,
    registry: str | None,
    out: Output,
) -> None:
    """Import scores, validation curves or proxy scores. A faulty file is refused as a whole."""
    from hubselect.api.importing import import_scores
    from hubselect.registry.sharing import is_exported_registry
    from hubselect.reports import documents, text

    if layout == "registry" or (layout is None and is_exported_registry(path)):
        if columns or recipe or task:
            raise click.UsageError("--columns, --recipe and --task are for scores, not for a whole registry")
        _import_registry(path, registry, out)
        return
    done = import_scores(
        path,
        registry=registry,
        columns=columns,
        recipe=recipe,
        format="matrix" if layout == "matrix" else "tidy",
        task=task,
    )
    out.result(documents.import_document(done), lambda: text.imported(done))
    out.warn(*done.report.warnings, *(c.warning for c in done.clusters))


def _import_registry(path: str, registry: str | None, out: Output) -> None:
    from hubselect.api.sharing import import_registry
    from hubselect.reports import sharing

    done = import_registry(path, registry=registry)
    out.result(sharing.taken_in_document(done), lambda: sharing.taken_in(done))
    out.warn(*sharing.warnings(done))


@registry.command("export")
@click.argument("path", type=click.Path())
@click.option(
    "--what",
    type=click.Choice(["scores", "curves", "proxies", "all", "registry"]),
    default="scores",
    show_default=True,
    help="all: a folder with one file of each; registry: everything that `push` would share, as a folder.",
)
@common
def export(path: str, what: str, registry: str | None, out: Output) -> None:
    """Export results as CSV (.csv, .csv.gz) or Parquet; `registry import` reads them back."""
    from hubselect.registry import Registry
    from hubselect.reports import documents, text

    if what == "registry":
        from hubselect.reports import sharing

        with Registry.open(registry, create=False) as store:
            whole = store.export_registry(path)
        out.result(sharing.exported_document(whole), lambda: sharing.exported(whole))
        return
    with Registry.open(registry, create=False) as store:
        written = store.export(path, what=what)  # type: ignore[arg-type]
    out.result(documents.export_document(written), lambda: text.exported(written))


@registry.command("push")
@click.argument("repo")
@click.option("--private", is_flag=True, help="Make a new repository private.")
@click.option(
    "--prefer",
    type=click.Choice(["remote", "local"]),
    default="remote",
    show_default=True,
    help="Whose score stands where the repository already holds another one.",
)
@common
def push(repo: str, private: bool, prefer: str, registry: str | None, out: Output) -> None:
    """Add the registry's results to the Hub dataset repository REPO, which is made if there is none.

    What others shared there stays. Selections, target datasets, failed runs and names that are local
    paths never leave this machine.
    """
    from hubselect.api import sharing as api
    from hubselect.registry import Registry
    from hubselect.reports import sharing

    with Registry.open(registry, create=False) as store:
        done = api.push(repo, registry=store, private=private, prefer=prefer)  # type: ignore[arg-type]
    out.result(sharing.pushed_document(done), lambda: sharing.pushed(done))
    out.warn(sharing.warning(done.exported.merged.conflicts))


@registry.command("pull")
@click.argument("repo")
@click.option("--revision", metavar="R", help="Branch, tag or commit (default: the newest).")
@click.option(
    "--prefer",
    type=click.Choice(["local", "remote"]),
    default="local",
    show_default=True,
    help="Whose score stands where this registry already holds another one.",
)
@common
def pull(repo: str, revision: str | None, prefer: str, registry: str | None, out: Output) -> None:
    """Merge the registry shared in the Hub dataset repository REPO into this one.

    Local measurements stay unless --prefer remote is given; every conflict is listed.
    """
    from hubselect.api import sharing as api
    from hubselect.reports import sharing

    done = api.pull(repo, revision=revision, registry=registry, prefer=prefer)  # type: ignore[arg-type]
    out.result(sharing.pulled_document(done), lambda: sharing.pulled(done))
    out.warn(*sharing.warnings(done))


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
