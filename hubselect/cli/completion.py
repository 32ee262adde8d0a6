"""`hubselect completion`, and what a shell proposes for ids."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem, get_completion_class

if TYPE_CHECKING:
    from hubselect.registry import Registry

SHELLS = ("bash", "zsh", "fish")
_VARIABLE = "_HUBSELECT_COMPLETE"  # where click looks for what a shell asks
_MOST = 200


@click.command()
@click.argument("shell", type=click.Choice(SHELLS), required=False)
@click.pass_context
def completion(ctx: click.Context, shell: str | None) -> None:
    """Print the script that lets a shell complete commands, options and ids of the registry.

    Without SHELL it is that of the login shell. To have it in every new shell:

    \b
    bash   echo 'eval "$(hubselect completion bash)"' >> ~/.bashrc
    zsh    echo 'eval "$(hubselect completion zsh)"' >> ~/.zshrc
    fish   hubselect completion fish > ~/.config/fish/completions/hubselect.fish
    """
    name = shell or PurePath(os.environ.get("SHELL", "")).name
    found = get_completion_class(name) if name in SHELLS else None
    if found is None:
        raise click.UsageError(f"name the shell: hubselect completion {'|'.join(SHELLS)}")
    click.echo(found(ctx.find_root().command, {}, "hubselect", _VARIABLE).source())


def proposing(ids: Callable[[Registry], list[str]]) -> Callable[..., list[CompletionItem[Any]]]:
    """A `shell_complete` that proposes what `ids` finds in the registry; nothing where there is none.

    Whatever goes wrong, a shell that completes shows no error.
    """

    def propose(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[Any]]:
        from hubselect.registry import Registry

        try:
            with Registry.open(ctx.params.get("registry"), create=False) as store:
                found = ids(store)
        except Exception:
            return []
        return [CompletionItem(name) for name in found if name.startswith(incomplete)][:_MOST]

    return propose


models = proposing(lambda store: [model.id for model in store.models()])
datasets = proposing(lambda store: [dataset.name for dataset in store.datasets()])
selections = proposing(lambda store: [str(selection.id) for selection in store.selections()])


def targets(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[Any]]:
    """Datasets that are known; files and folders for what begins like a path."""
    if incomplete.startswith((".", "/", "~")):
        return [CompletionItem(incomplete, type="file")]
    return datasets(ctx, param, incomplete)
