"""The one output sink: a document for programs, tables for people, progress on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from hubselect.api.progress import Listener, Progress

Function = TypeVar("Function", bound=Callable[..., Any])


def common(function: Function) -> Function:
    """The options every command has: --registry and --json (as `out`, an `Output`)."""

    @click.option(
        "--registry", metavar="URL-OR-PATH", envvar="HUBSELECT_REGISTRY", help="Where the registry is."
    )
    @click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout, nothing else there.")
    @wraps(function)
    def command(*args: Any, as_json: bool, **kwargs: Any) -> Any:
        return function(*args, out=Output(as_json), **kwargs)

    return command  # type: ignore[return-value]


class Output:
    """Prints results. With `as_json` only the document reaches stdout."""

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json

    def result(self, document: Any, tables: Callable[[], Sequence[RenderableType]]) -> None:
        """Print `document` as JSON, or what `tables` renders for people."""
        if self.as_json:
            click.echo(json.dumps(document, indent=2, allow_nan=False))
            return
        screen = console()
        for part in tables():
            screen.print(part)

    def note(self, text: str) -> None:
        """A line for people beside the result, on stderr."""
        click.echo(text, err=True)

    def warn(self, *lines: str | None) -> None:
        """The lines that there are, on stderr."""
        for line in lines:
            if line is not None:
                self.note(line)

    @contextmanager
    def progress(self) -> Iterator[Listener]:
        """A listener that draws on a terminal; piped, it says what will be fetched and what went wrong."""
        from hubselect.api.progress import PLAN

        if sys.stderr.isatty():
            from hubselect.cli.live import drawn

            with drawn(console(stderr=True)) as listener:
                yield listener
            return

        def say(event: Progress) -> None:
            if event.step == PLAN:
                self.note(event.detail)

        yield say


def console(*, stderr: bool = False) -> Console:
    """Where people read. Piped output gets wide lines: a file or a log has no width of its own."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr) if stream.isatty() else Console(stderr=stderr, width=160)
