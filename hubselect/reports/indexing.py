"""Reports on what listings of the Hub brought, and on what model cards claim."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from hubselect.reports.numbers import counted

if TYPE_CHECKING:
    from hubselect.api.indexing import IndexReport
    from hubselect.registry import HubResult


def index_document(report: IndexReport) -> dict[str, Any]:
    return {
        "what": report.what,
        "task": report.task,
        "seen": report.seen,
        "pages": report.pages,
        **asdict(report.indexed),
        "skipped": dict(report.skipped),
        "resumed": report.resumed,
    }


def indexed(report: IndexReport) -> list[str]:
    done = report.indexed
    again = "went on where an earlier walk stopped: " if report.resumed else ""
    lines = [
        f"{again}{report.seen:,} {report.what} seen on {counted(report.pages, 'page')}: {done.new:,} new, "
        f"{done.changed:,} changed, {done.unchanged:,} unchanged, {sum(report.skipped.values()):,} skipped"
    ]
    if done.claims:
        lines.append(f"{counted(done.claims, 'score')} claimed by model cards (`hubselect claims`)")
    return lines + [escape(f"  skipped {count:,}: {why}") for why, count in report.skipped.items()]


def claims_document(found: Sequence[HubResult]) -> list[dict[str, Any]]:
    return [asdict(r) for r in found]


def claims(found: Sequence[HubResult]) -> Table:
    table = Table(
        title=counted(len(found), "score") + " claimed by model cards, not measured here",
        title_justify="left",
        header_style="bold",
        box=SIMPLE_HEAD,
    )
    for name in ("model", "dataset", "config", "split", "metric"):
        table.add_column(name, overflow="fold")
    table.add_column("value", justify="right")
    for r in found:
        table.add_row(*(escape(x) for x in (r.model, r.dataset, r.config, r.split, r.metric)), f"{r.value:g}")
    return table
