"""How every table of the terminal looks."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

Part = Table | str


def new_table(title: str, *columns: str, right: Sequence[str] = ()) -> Table:
    table = Table(title=escape(title), title_justify="left", header_style="bold", box=SIMPLE_HEAD)
    for name in columns:
        table.add_column(escape(name), justify="right" if name in right else "left", overflow="fold")
    return table


def add_row(table: Table, *cells: object) -> None:
    """A row of cells as text; None is an empty cell."""
    table.add_row(*(escape("" if c is None else str(c)) for c in cells))
