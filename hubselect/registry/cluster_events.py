"""The history of clusters, and clusterings that change a little instead of being replaced.

Events count from 1 for each task and recipe. `created` and `clustered` events hold the highest
cluster id given so far (`highest`), so that the id of an ended cluster is never given again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from hubselect.errors import RegistryError
from hubselect.records import Cluster, Clustering, Recipe
from hubselect.registry.base import Connected
from hubselect.registry.growth_tables import ClusterEventRow, PlacementRow
from hubselect.registry.matrices import replace_clustering
from hubselect.registry.placement_rows import NEAREST, any_placed, carry, end_settled, remove
from hubselect.registry.rows import digest_of, find_model, known, now
from hubselect.registry.tables import ClusteringRow, ClusterRow, MembershipRow, ModelRow

_NAMED = 500  # names in one query
_GIVES_IDS = ("created", "clustered")


class ClustersChanged(RegistryError):
    """Somebody else changed the clusters between reading and writing them: read them again."""


@dataclass(frozen=True)
class ClusterEvent:
    """Something that happened to the clusters of `task` under `recipe`."""

    task: str
    recipe: str
    sequence: int
    kind: str
    payload: Mapping[str, Any]
    created_at: str


@dataclass(frozen=True)
class ClusteringMark:
    """Which clustering is stored, after which event; another mark means that it was changed."""

    clustering: int
    sequence: int
    threshold: float | None
    top_k: int
    method: str


@dataclass(frozen=True)
class ClusterUpdate:
    """Clusters `old` become clusters `new`, both whole; `events` are (kind, payload).

    `waiting` are provisional placements (model, cluster, distance); `silhouettes` the standard and
    the paper's of the whole clustering, None when they are not known any more. `changed` are the
    models whose scores changed, members of `new` or not; None: any may have.
    """

    old: tuple[Cluster, ...] = ()
    new: tuple[Cluster, ...] = ()
    events: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    waiting: tuple[tuple[str, int, float], ...] = ()
    silhouettes: tuple[float | None, float | None] = (None, None)
    changed: tuple[str, ...] | None = ()


class ClusterHistory(Connected):
    """The part of the registry that keeps clusters up to date and remembers what happened to them."""

    def cluster_events(
        self, task: str | None = None, recipe: Recipe | str | None = None, limit: int | None = None
    ) -> list[ClusterEvent]:
        """What happened to clusters, oldest first; `limit` keeps the newest ones only."""
        query = select(ClusterEventRow).order_by(col(ClusterEventRow.id).desc())
        if task is not None:
            query = query.where(ClusterEventRow.task == task)
        if recipe is not None:
            query = query.where(ClusterEventRow.recipe_digest == digest_of(recipe))
        with self._database.read() as session:
            rows = session.exec(query if limit is None else query.limit(limit)).all()
            return [
                ClusterEvent(r.task, r.recipe_digest, r.sequence, r.kind, r.payload, r.created_at)
                for r in reversed(rows)
            ]

    def highest_cluster(self, task: str, recipe: Recipe | str) -> int:
        """The highest cluster id ever given under a recipe; 0 before the first."""
        with self._database.read() as session:
            return _highest(session, task, digest_of(recipe))

    def clustering_mark(self, task: str, recipe: Recipe | str) -> ClusteringMark | None:
        """Which clustering is stored; None when there is none."""
        with self._database.read() as session:
            return _mark(session, task, digest_of(recipe))

    def save_clustering_with(
        self, clustering: Clustering, events: Sequence[tuple[str, Mapping[str, Any]]]
    ) -> ClusteringMark:
        """`save_clustering` and its events in one transaction; provisional distances to clusters end."""
        with self._database.write() as session:
            replace_clustering(session, clustering)
            _end_waiting(session, clustering.recipe)
            _append(session, clustering.task, clustering.recipe, events)
            mark = _mark(session, clustering.task, clustering.recipe)
            assert mark is not None
            return mark

    def update_clusters(
        self, task: str, recipe: Recipe | str, since: ClusteringMark, update: ClusterUpdate
    ) -> ClusteringMark:
        """Change the stored clustering in place; only rows of the clusters that differ are written.

        Raises `ClustersChanged` when the clustering is no longer the one of `since`; nothing is
        changed then.
        """
        digest = digest_of(recipe)
        with self._database.write() as session:
            if _mark(session, task, digest) != since:
                raise ClustersChanged("another process changed the clusters meanwhile", "repeat the command")
            if update.old or update.new:
                _change(session, since.clustering, update)
                carry(session, task, digest, update.old, update.new)
            quality = dict(zip(("silhouette", "silhouette_paper"), update.silhouettes, strict=True))
            row = col(ClusteringRow.id) == since.clustering
            session.execute(sa.update(ClusteringRow).where(row).values(quality))
            _place(session, task, digest, update)
            sequence = _append(session, task, digest, update.events)
            return replace(since, sequence=sequence)


def scores_overwritten(session: Session, runs: Mapping[str, int]) -> None:
    """To be called by whoever overwrites scores of finished runs: their number by recipe digest.

    The clusterings of these recipes no longer have their marks, so the next update reads all scores.
    """
    for digest, count in sorted(runs.items()):
        tasks = sa.select(col(ClusteringRow.task)).where(col(ClusteringRow.recipe_digest) == digest)
        for task in session.execute(tasks).scalars().all():
            _append(session, task, digest, [("scores-overwritten", {"runs": count})])


def _mark(session: Session, task: str, digest: str) -> ClusteringMark | None:
    row = session.exec(select(ClusteringRow).filter_by(task=task, recipe_digest=digest)).one_or_none()
    if row is None:
        return None
    last = _last(session, task, digest)
    return ClusteringMark(known(row.id), last, row.threshold, row.top_k, row.method)


def _last(session: Session, task: str, digest: str) -> int:
    query = sa.select(sa.func.max(ClusterEventRow.sequence)).filter_by(task=task, recipe_digest=digest)
    return session.execute(query).scalar() or 0


def _highest(session: Session, task: str, digest: str) -> int:
    given = (
        select(ClusterEventRow)
        .filter_by(task=task, recipe_digest=digest)
        .where(col(ClusterEventRow.kind).in_(_GIVES_IDS))
        .order_by(col(ClusterEventRow.sequence).desc())
        .limit(1)
    )
    event = session.exec(given).one_or_none()
    stored = (
        sa.select(sa.func.max(ClusterRow.number))
        .join(ClusteringRow, col(ClusteringRow.id) == col(ClusterRow.clustering_id))
        .where(col(ClusteringRow.task) == task, col(ClusteringRow.recipe_digest) == digest)
    )
    return max(session.execute(stored).scalar() or 0, int(event.payload.get("highest", 0)) if event else 0)


def _append(session: Session, task: str, digest: str, events: Sequence[tuple[str, Mapping[str, Any]]]) -> int:
    sequence, at = _last(session, task, digest), now()
    rows = [
        {
            "task": task,
            "recipe_digest": digest,
            "sequence": sequence + i,
            "kind": kind,
            "payload": dict(payload),
            "created_at": at,
        }
        for i, (kind, payload) in enumerate(events, start=1)
    ]
    if rows:
        session.connection().execute(sa.insert(ClusterEventRow.__table__), rows)  # type: ignore[attr-defined]
    return sequence + len(rows)


def _change(session: Session, clustering: int, update: ClusterUpdate) -> None:
    names = {m for c in (*update.old, *update.new) for m in c.members}
    ids = _ids(session, names)
    was = {m: c.id for c in update.old for m in c.members}
    now_in = {m: c.id for c in update.new for m in c.members}
    before = {c.id: c for c in update.old}
    cluster, member = ClusterRow.__table__, MembershipRow.__table__  # type: ignore[attr-defined]
    connection = session.connection()
    key = {"clustering_id": clustering}
    created = [
        {**key, "number": c.id, "representative_id": ids[c.representative]}
        for c in update.new
        if c.id not in before
    ]
    if created:
        connection.execute(sa.insert(cluster), created)
    moved = [m for m in was if now_in.get(m) != was[m]]
    gone = sa.delete(member).where(
        member.c.clustering_id == clustering, member.c.model_id == sa.bindparam("m")
    )
    if moved:
        connection.execute(gone, [{"m": ids[m]} for m in moved])
    arrived = [{**key, "model_id": ids[m], "number": n} for m, n in now_in.items() if was.get(m) != n]
    if arrived:
        connection.execute(sa.insert(member), arrived)
    for c in update.new:
        if c.id in before and before[c.id].representative != c.representative:
            connection.execute(
                sa.update(cluster)
                .where(cluster.c.clustering_id == clustering, cluster.c.number == c.id)
                .values(representative_id=ids[c.representative])
            )
    ended = set(before) - {c.id for c in update.new}
    for number in sorted(ended):
        connection.execute(
            sa.delete(cluster).where(cluster.c.clustering_id == clustering, cluster.c.number == number)
        )


def _ids(session: Session, names: set[str]) -> dict[str, int]:
    ids: dict[str, int] = {}
    ordered = sorted(names)
    for start in range(0, len(ordered), _NAMED):
        part = ordered[start : start + _NAMED]
        query = sa.select(col(ModelRow.repo_id), col(ModelRow.id)).where(col(ModelRow.repo_id).in_(part))
        ids |= {row[0]: row[1] for row in session.execute(query)}
    for missing in names - set(ids):
        find_model(session, missing)
    return ids


def _place(session: Session, task: str, digest: str, update: ClusterUpdate) -> None:
    """Members need no placement any more (unless they are too little known); waiting models get one."""
    waiting = _ids(session, {model for model, _, _ in update.waiting})
    if update.changed is None:
        end_settled(session, task, digest)
    elif any_placed(session, digest):
        members = {m for c in update.new for m in c.members}
        end_settled(session, task, digest, _ids(session, members | set(update.changed)).values())
    remove(session, digest, sorted(waiting.values()))
    at = now()
    rows = [
        {
            "model_id": waiting[model],
            "recipe_digest": digest,
            "task": task,
            "cluster_id": cluster,
            "how": NEAREST,
            "score": 1.0 - distance,
            "created_at": at,
        }
        for model, cluster, distance in update.waiting
    ]
    if rows:
        placed = PlacementRow.__table__  # type: ignore[attr-defined]
        session.connection().execute(sa.insert(placed), rows)


def _end_waiting(session: Session, digest: str) -> None:
    """Everything is clustered: no model waits for its component."""
    session.execute(
        sa.delete(PlacementRow).where(
            col(PlacementRow.recipe_digest) == digest, col(PlacementRow.how) == NEAREST
        )
    )
