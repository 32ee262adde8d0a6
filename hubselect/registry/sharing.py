"""Whole registries in and out: a folder of Parquet files that others merge into theirs.

Where the folder travels (a Hub dataset repository) is not the business of this room. Merging
happens by (model, dataset, recipe digest, seed) and revision, in one transaction; see
`snapshot_merging` for the rules and `snapshot_loading` for what never leaves.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from hubselect.errors import InvalidInput, KnowledgeMissing
from hubselect.registry.base import Connected
from hubselect.registry.rows import checked_name

if TYPE_CHECKING:
    from hubselect.registry.snapshot_plan import Conflict, Plan

Prefer = Literal["local", "remote"]
SNAPSHOT = "snapshot:"
"""Prefix of the source of runs that came from a folder."""


@dataclass(frozen=True)
class OtherRevision:
    """`runs` runs of `revision` were kept for a model that is pinned to another one: they do not
    count in the matrix."""

    model: str
    revision: str
    runs: int


@dataclass(frozen=True)
class MergeReport:
    """What a merge did to the side that took rows in.

    Counts of new rows by table; `completed` runs gained a test score or stages; `unchanged` runs and
    proxy scores were there already; `conflicts` is every disagreement and whose word stands.
    `warnings` are lines for people about what they may not have expected.
    """

    source: str
    models: int = 0
    datasets: int = 0
    recipes: int = 0
    runs: int = 0
    points: int = 0
    proxies: int = 0
    hub_results: int = 0
    completed: int = 0
    unchanged: int = 0
    changed: bool = False
    conflicts: tuple[Conflict, ...] = ()
    other_revisions: tuple[OtherRevision, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Exported:
    """The files of a written folder, its rows by table, the rows left out because their names are
    local (paths, tokens), and the merge with what was shared before."""

    files: tuple[Path, ...]
    rows: dict[str, int]
    withheld: int
    merged: MergeReport


class Sharing(Connected):
    """The part of the registry that is given to others and taken from them."""

    def export_registry(
        self, folder: str | Path, *, onto: str | Path | None = None, prefer: Prefer = "remote"
    ) -> Exported:
        """Write everything that may be shared to a folder: Parquet files, manifest, dataset card.

        With `onto` (such a folder) its rows are kept and ours are added; where both say different
        things theirs stand, or ours with `prefer="local"`. Raises `KnowledgeMissing` when there is
        nothing to share, `InvalidInput` for a folder that cannot be read or written.
        """
        from hubselect.registry.snapshot_checks import check_tables
        from hubselect.registry.snapshot_loading import shareable
        from hubselect.registry.snapshot_merging import merge
        from hubselect.registry.snapshot_plan import applied
        from hubselect.registry.snapshot_reading import read_snapshot
        from hubselect.registry.snapshot_tables import empty_tables
        from hubselect.registry.snapshot_writing import write_snapshot

        _check_preference(prefer)
        with self._database.read() as session:
            ours, withheld = shareable(session)
        if not ours.models and not ours.datasets:
            raise KnowledgeMissing(
                "the registry holds nothing to share", "add models and benchmark or import results first"
            )
        there = empty_tables() if onto is None else read_snapshot(Path(onto), "the shared registry")
        plan = merge(there, ours, overwrite=prefer == "local")
        tables = applied(there, plan)
        check_tables(tables, "this registry")
        files = write_snapshot(tables, Path(folder).expanduser())
        return Exported(files, tables.counts(), withheld, _report(plan, "local"))

    def import_registry(
        self,
        folder: str | Path,
        *,
        source: str | None = None,
        prefer: Prefer = "local",
        name: str | None = None,
    ) -> MergeReport:
        """Merge a folder written by `export_registry` into this registry, in one transaction.

        New runs are noted with `source` (default "snapshot:" and the folder's name). What is measured
        here is never replaced unless `prefer="remote"`; runs that came from the same "hub:REPO@"
        before are, because they were not measured here. Every disagreement is in the report. A folder
        that is broken, of a newer format or holds anything impossible is refused as a whole
        (`InvalidInput`; `name` is what the message calls it).
        """
        from hubselect.registry.snapshot_applying import apply_plan
        from hubselect.registry.snapshot_loading import held
        from hubselect.registry.snapshot_merging import merge
        from hubselect.registry.snapshot_reading import read_snapshot

        _check_preference(prefer)
        place = Path(folder).expanduser()
        origin = checked_name("source", source or SNAPSHOT + place.resolve().name)
        same = origin.partition("@")[0] + "@" if origin.startswith("hub:") else None
        incoming = read_snapshot(place, name or str(place))
        with self._database.write() as session:
            plan = merge(held(session, incoming), incoming, overwrite=prefer == "remote", origin=same)
            if plan.changes:
                apply_plan(session, plan, origin)
        return _report(plan, origin)


def is_exported_registry(folder: str | Path) -> bool:
    """Whether a path is a folder that `export_registry` wrote."""
    from hubselect.registry.snapshot_reading import is_snapshot

    return is_snapshot(Path(folder).expanduser())


def _check_preference(prefer: str) -> None:
    if prefer not in ("local", "remote"):
        raise InvalidInput(f"{prefer!r} is not a side of a merge", "prefer local or remote")


def _report(plan: Plan, source: str) -> MergeReport:
    return MergeReport(
        source=source,
        models=len(plan.models_new),
        datasets=len(plan.datasets_new),
        recipes=len(plan.recipes_new),
        runs=len(plan.runs_new),
        points=len(plan.points),
        proxies=len(plan.proxies_new),
        hub_results=len(plan.claims_new),
        completed=plan.completed,
        unchanged=plan.unchanged,
        changed=plan.changes,
        conflicts=tuple(plan.conflicts),
        other_revisions=tuple(OtherRevision(*entry) for entry in plan.other_revisions),
    )
