"""`hubselect publish`."""

from __future__ import annotations

import click

from hubselect.cli import completion
from hubselect.cli.numbers import Whole
from hubselect.cli.output import Output, common


@click.command()
@click.argument("selection_id", type=Whole(1), shell_complete=completion.selections)
@click.argument("repo")
@click.option("--private", is_flag=True, help="Make a new repository private.")
@common
def publish(selection_id: int, repo: str, private: bool, registry: str | None, out: Output) -> None:
    """Upload the winner of selection SELECTION_ID to the Hub model repository REPO.

    Weights, tokenizer or processor, a model card that says how it was chosen, and its test score, in one
    commit. REPO is made if there is none; one that holds something else is refused. `hubselect selections`
    lists the ids.
    """
    from hubselect.api.publishing import publish as run
    from hubselect.reports import publishing

    done = run(selection_id, repo, registry=registry, private=private)
    out.result(publishing.published_document(done), lambda: publishing.published(done))
