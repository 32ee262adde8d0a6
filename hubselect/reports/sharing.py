"""Reports on registries that were pushed, pulled, exported or imported as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from hubselect.reports.clusters_after import changed_clusters, clusters_document
from hubselect.reports.numbers import counted
from hubselect.reports.tables import Part, add_row, new_table

if TYPE_CHECKING:
    from hubselect.api.sharing import Pulled, Pushed, TakenIn
    from hubselect.registry.sharing import Exported, MergeReport
    from hubselect.registry.snapshot_plan import Conflict

_SHOWN = 100
_KINDS = {
    "score": "other test score",
    "curve": "other validation curve",
    "revision": "measured on another revision",
    "unfinished": "not finished here",
    "proxy": "other proxy score",
    "pin": "pinned to another revision",
    "task": "of another task: left out",
}


def merge_document(report: MergeReport) -> dict[str, Any]:
    return {
        **asdict(report),
        "conflicts": [asdict(c) for c in report.conflicts],
        "other_revisions": [asdict(o) for o in report.other_revisions],
    }


def pulled_document(pulled: Pulled) -> dict[str, Any]:
    return {"repo": pulled.repo_id, "commit": pulled.commit, **taken_in_document(pulled)}


def taken_in_document(found: TakenIn | Pulled) -> dict[str, Any]:
    return {**merge_document(found.merged), "clusters": clusters_document(found.clusters)}


def pushed_document(pushed: Pushed) -> dict[str, Any]:
    return {
        "repo": pushed.repo_id,
        "url": pushed.url,
        "commit": pushed.commit,
        "changed": pushed.changed,
        **exported_document(pushed.exported),
    }


def exported_document(exported: Exported) -> dict[str, Any]:
    return {
        "rows": dict(exported.rows),
        "withheld": exported.withheld,
        "added": merge_document(exported.merged),
    }


def merged(report: MergeReport, place: str) -> list[Part]:
    """What a merge did to `place`, and every disagreement."""
    new = (
        (report.models, "model"), (report.datasets, "dataset"), (report.runs, "run"),
        (report.points, "curve point"), (report.proxies, "proxy score"),
        (report.hub_results, "score claimed by model cards", "scores claimed by model cards"),
    )  # fmt: skip
    added = ", ".join(counted(*each) for each in new if each[0]) or "nothing new"
    completed = f"; {counted(report.completed, 'run')} completed" if report.completed else ""
    parts: list[Part] = [
        f"new in {escape(place)}: {added}{completed}; {report.unchanged:,} were there already"
    ]
    for other in report.other_revisions:
        text = f"{counted(other.runs, 'run')} of {other.model} at revision {other.revision[:12]}"
        parts.append(escape(f"{text}: kept, but the matrix counts only the pinned one"))
    return parts + _conflicts(report.conflicts)


def pulled(found: Pulled) -> list[Part]:
    head = f"{found.repo_id} at {found.commit[:12]}"
    lines = [escape(head), *taken_in(found)]
    if found.merged.changed and not found.clusters:
        lines.append("`hubselect cluster` makes clusters where there are none yet")
    return lines


def taken_in(found: TakenIn | Pulled) -> list[Part]:
    return [*merged(found.merged, "this registry"), *changed_clusters(found.clusters)]


def pushed(found: Pushed) -> list[Part]:
    done = f"commit {found.commit[:12]}" if found.changed else "nothing to push: it holds everything already"
    return [
        escape(f"{found.url}: {done}"),
        *merged(found.exported.merged, found.repo_id),
        *_withheld(found.exported.withheld),
    ]


def exported(found: Exported) -> list[Part]:
    rows = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in found.rows.items())
    folder = found.files[-1].parent
    return [escape(f"{folder}: {rows}"), *_withheld(found.withheld)]


def warnings(found: TakenIn | Pulled) -> list[str | None]:
    """Lines for stderr: disagreements, and clusters that could not follow."""
    lines = [warning(found.merged.conflicts), *found.merged.warnings]
    return [*lines, *(c.warning for c in found.clusters)]


def warning(conflicts: Sequence[Conflict]) -> str | None:
    """One line for stderr when there were disagreements."""
    if not conflicts:
        return None
    taken = sum(c.kept == "incoming" for c in conflicts)
    kept = len(conflicts) - taken
    words = [f"{kept} stay as they were" if kept else "", f"{taken} were replaced" if taken else ""]
    return f"warning: {len(conflicts)} conflicts: {', '.join(w for w in words if w)} (see --prefer)"


def _withheld(count: int) -> list[Part]:
    return [f"{counted(count, 'row')} with names of local paths or secrets were left out"] if count else []


def _conflicts(conflicts: Sequence[Conflict]) -> list[Part]:
    if not conflicts:
        return []
    table = new_table(
        f"{len(conflicts)} conflicts", "what", "model", "dataset", "held", "incoming", "kept",
        right=("held", "incoming"),
    )  # fmt: skip
    for c in conflicts[:_SHOWN]:
        kind = _KINDS.get(c.kind, c.kind) + (f" ({c.recipe})" if c.kind == "proxy" else "")
        add_row(table, kind, c.model, c.dataset, _value(c.held), _value(c.incoming), c.kept)
    more = len(conflicts) - _SHOWN
    return [table, f"and {more:,} more (--json lists all)"] if more > 0 else [table]


def _value(value: float | str | None) -> str | None:
    return value[:12] if isinstance(value, str) else None if value is None else f"{value:.6g}"
