"""What `hubselect doctor` shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from hubselect.reports.tables import new_table

if TYPE_CHECKING:
    from hubselect.api.doctor import Check

_SHOWN = {"ok": "[green]ok[/green]", "warning": "[yellow]warning[/yellow]", "problem": "[red]problem[/red]"}


def checks(found: Sequence[Check]) -> Table:
    """One row a check, with what to do about it."""
    table = new_table("Is everything in place?", "what", "state", "found", "what to do")
    for check in found:
        table.add_row(escape(check.name), _SHOWN[check.status], escape(check.found), escape(check.hint or ""))
    return table
