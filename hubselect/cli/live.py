"""What a terminal shows while something runs: a bar for each step, and a selection's candidates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bars
from rich.table import Table
from rich.text import Text

from hubselect.api.progress import PLAN, Candidate, Listener, Progress, Standings
from hubselect.reports.numbers import duration

_STYLES = {"trains": "bold", "waits": "", "left": "dim", "failed": "red", "winner": "bold green"}
_WIDE = 100  # columns, from which on reasons are shown
_HELP = "Ctrl-C stops; the same command goes on from there"


@contextmanager
def drawn(console: Console) -> Iterator[Listener]:
    """A listener that draws on `console`, a terminal, and takes away what it drew when it is left."""
    view = _View(console)
    with Live(view, console=console, refresh_per_second=4, transient=True):
        yield view.listen


def standings(event: Standings, *, wide: bool = True) -> Table:
    """The candidates of a running selection: who trains, who left at which stage and, where wide, why."""
    table = Table(box=None, pad_edge=False, show_edge=False, caption=_caption(event), caption_justify="left")
    table.add_column("model", overflow="fold")
    for heading in ("stage", f"val {event.metric}", "predicted"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("state", no_wrap=True)
    if wide:
        table.add_column("", overflow="ellipsis", no_wrap=True)
    for row in event.candidates:
        cells = _cells(row, event.total)
        table.add_row(*(cells if wide else cells[:-1]), style=_STYLES.get(row.state, ""))
    return table


def _cells(row: Candidate, stages: int) -> Sequence[Text]:
    stage = f"{row.stage}/{stages}" if row.stage else "-"
    cells = row.model, stage, _score(row.val), _score(row.predicted), row.state, row.why
    return [Text(cell) for cell in cells]


def _score(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _caption(event: Standings) -> str:
    trained = sum(row.epochs for row in event.candidates)
    left = "" if event.seconds_left is None else f", about {duration(event.seconds_left)} left"
    return f"selection {event.selection}: {trained:g} epochs trained{left}. {_HELP}"


class _View:
    """Bars of all steps that were heard of, and below them the last standings."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bars = Bars(
            TextColumn("{task.description:>10}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[detail]}", markup=False),
            console=console,
        )
        self._tasks: dict[str, TaskID] = {}
        self._standings: Standings | None = None

    def __rich__(self) -> RenderableType:
        if self._standings is None:
            return self._bars
        return Group(self._bars, standings(self._standings, wide=self._console.width >= _WIDE))

    def listen(self, event: Progress) -> None:
        if event.step == PLAN:
            self._console.print(event.detail, style="dim", markup=False)
        elif isinstance(event, Standings):
            self._standings = event
        else:
            if event.step not in self._tasks:
                self._tasks[event.step] = self._bars.add_task(event.step, total=event.total, detail="")
            task = self._tasks[event.step]
            self._bars.update(task, completed=event.done, total=event.total, detail=event.detail)
