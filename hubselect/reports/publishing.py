"""Reports on winners that were published."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.markup import escape

from hubselect.reports.numbers import counted
from hubselect.reports.tables import Part

if TYPE_CHECKING:
    from hubselect.api.publishing import Published


def published_document(done: Published) -> dict[str, Any]:
    return {
        "selection_id": done.selection,
        "repo": done.repo_id,
        "url": done.url,
        "commit": done.commit,
        "changed": done.changed,
        "files": list(done.files),
    }


def published(done: Published) -> list[Part]:
    what = "nothing to publish: it holds everything already"
    if done.changed:
        what = f"commit {done.commit[:12]} with {counted(len(done.files), 'file')}"
    return [escape(f"{done.url}: {what}")]
