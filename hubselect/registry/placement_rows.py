"""What happens to provisional placements when clusters change; everything within the caller's transaction.

A member whose scores are too few to be compared with anybody stands alone in its cluster. It may keep
a provisional placement beside another one; every other member is placed for good and has none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement
from sqlmodel import Session, col

from hubselect.records import Cluster
from hubselect.registry.bulk import in_chunks
from hubselect.registry.entries import of_pinned
from hubselect.registry.growth_tables import PlacementRow
from hubselect.registry.tables import (
    ClusteringRow,
    ClusterRow,
    DatasetRow,
    MembershipRow,
    ModelRow,
    RunRow,
)

NEAREST = "nearest cluster"
"""`how` of placements of models whose component is too large to link at once."""

COMPARABLE = 3
"""Scores in common that make two models comparable, as `knowledge.similarity` has it (fewer where
the matrix has fewer datasets)."""


def clustering_of(session: Session, task: str, digest: str) -> int | None:
    """The row number of the clustering of a task under a recipe."""
    query = sa.select(col(ClusteringRow.id)).filter_by(task=task, recipe_digest=digest)
    return session.execute(query).scalar()


def unsettled(
    session: Session, clustering: int, digest: str, among: Collection[int] | None = None
) -> set[int]:
    """The members (row numbers) that stand alone because their scores are too few to be compared."""
    needed = _needed(session, digest)
    if needed <= 1:
        return set()
    alone = (
        sa.select(sa.func.min(MembershipRow.model_id))
        .where(col(MembershipRow.clustering_id) == clustering)
        .group_by(col(MembershipRow.number))
        .having(sa.func.count() == 1)
    )
    if among is None:
        models = set(session.execute(alone).scalars())
    else:
        models = {m for m in among if _is_alone(session, clustering, m)}
    enough = {m for m, cells in _cells(session, digest, sorted(models)) if cells >= needed}
    return models - enough


def any_placed(session: Session, digest: str) -> bool:
    """Whether any model has a placement under a recipe."""
    query = sa.select(sa.literal(1)).where(col(PlacementRow.recipe_digest) == digest).limit(1)
    return session.execute(query).scalar() is not None


def settled(session: Session, task: str, digest: str, models: Iterable[int] | None = None) -> set[int]:
    """Those of the models (None: of all) that have a placement though they are members for good."""
    clustering = clustering_of(session, task, digest)
    if clustering is None:
        return set()
    query = (
        sa.select(col(PlacementRow.model_id))
        .join(MembershipRow, col(MembershipRow.model_id) == col(PlacementRow.model_id))
        .where(
            col(PlacementRow.recipe_digest) == digest,
            col(PlacementRow.task) == task,
            col(MembershipRow.clustering_id) == clustering,
        )
    )
    if models is None:
        members = set(session.execute(query).scalars())
    else:
        members = set()
        for part in in_chunks(sorted(set(models))):
            members |= set(session.execute(query.where(col(PlacementRow.model_id).in_(part))).scalars())
    return members - unsettled(session, clustering, digest, members) if members else members


def end_settled(session: Session, task: str, digest: str, models: Iterable[int] | None = None) -> None:
    """End the placements of those models (None: of all) that are members for good."""
    remove(session, digest, sorted(settled(session, task, digest, models)))


def end_dangling(session: Session) -> int:
    """End every placement in a cluster that does not exist; returns how many there were."""
    gone: Any = session.execute(sa.delete(PlacementRow).where(dangling()))
    return int(gone.rowcount)


def dangling() -> ColumnElement[bool]:
    """Placements in a cluster that does not exist."""
    held = (
        sa.select(sa.literal(1))
        .select_from(ClusterRow)
        .join(ClusteringRow, col(ClusteringRow.id) == col(ClusterRow.clustering_id))
        .where(
            col(ClusteringRow.task) == col(PlacementRow.task),
            col(ClusteringRow.recipe_digest) == col(PlacementRow.recipe_digest),
            col(ClusterRow.number) == col(PlacementRow.cluster_id),
        )
    )
    return ~held.correlate(PlacementRow).exists()


def carry(session: Session, task: str, digest: str, old: Sequence[Cluster], new: Sequence[Cluster]) -> None:
    """Move the placements in clusters `old`, which are clusters `new` now.

    Where all members went to one cluster the placements go with them. Otherwise nobody knows here
    whom a placed model followed: the placement ends, unless it waits for its component (`NEAREST`)
    and can go where most members went.
    """
    if not any_placed(session, digest):
        return
    here = (col(PlacementRow.task) == task, col(PlacementRow.recipe_digest) == digest)
    now_in = {m: c.id for c in new for m in c.members}
    for c in old:
        inside = (*here, col(PlacementRow.cluster_id) == c.id)
        heirs = Counter(now_in[m] for m in c.members if m in now_in)
        best = min(heirs, key=lambda h: (-heirs[h], h), default=None)
        if is_broken(c, now_in):
            lost = inside if best is None else (*inside, col(PlacementRow.how) != NEAREST)
            session.execute(sa.delete(PlacementRow).where(*lost))
        if best is not None and best != c.id:  # negative until all have moved: ids may change places
            session.execute(sa.update(PlacementRow).where(*inside).values(cluster_id=-best))
    moved = (*here, col(PlacementRow.cluster_id) < 0)
    session.execute(sa.update(PlacementRow).where(*moved).values(cluster_id=-col(PlacementRow.cluster_id)))


def is_broken(cluster: Cluster, now_in: dict[str, int]) -> bool:
    """Whether the members of a cluster are not all in one cluster now."""
    heirs = {now_in.get(m) for m in cluster.members}
    return len(heirs) != 1 or None in heirs


def remove(session: Session, digest: str, models: Sequence[int], how: str | None = None) -> None:
    """End the placements (of one kind) of these models under a recipe."""
    for part in in_chunks(models):
        gone = sa.delete(PlacementRow).where(
            col(PlacementRow.recipe_digest) == digest, col(PlacementRow.model_id).in_(part)
        )
        session.execute(gone if how is None else gone.where(col(PlacementRow.how) == how))


def cells_of(digest: str) -> tuple[ColumnElement[bool], ...]:
    """The conditions of a cell of the matrix, on runs joined to models and datasets."""
    return (
        col(RunRow.recipe_digest) == digest,
        col(RunRow.status) == "done",
        col(RunRow.selection_id).is_(None),
        col(DatasetRow.role) == "benchmark",
        of_pinned(RunRow),
    )


def _needed(session: Session, digest: str) -> int:
    """How many shared datasets make two models comparable."""
    cell = (
        sa.select(sa.literal(1))
        .select_from(RunRow)
        .join(ModelRow, col(ModelRow.id) == col(RunRow.model_id))
        .where(col(RunRow.dataset_id) == col(DatasetRow.id), *cells_of(digest))
    )
    query = sa.select(col(DatasetRow.id)).where(
        col(DatasetRow.role) == "benchmark", cell.correlate(DatasetRow).exists()
    )
    return max(1, len(session.execute(query.limit(COMPARABLE)).all()))


def _is_alone(session: Session, clustering: int, model: int) -> bool:
    number = sa.select(col(MembershipRow.number)).filter_by(clustering_id=clustering, model_id=model)
    query = sa.select(col(MembershipRow.model_id)).where(
        col(MembershipRow.clustering_id) == clustering,
        col(MembershipRow.number) == number.scalar_subquery(),
    )
    return len(session.execute(query.limit(2)).all()) == 1


def _cells(session: Session, digest: str, models: Sequence[int]) -> Iterable[tuple[int, int]]:
    """(model, number of datasets it has a finished score on) for those that have any."""
    for part in in_chunks(models):
        query = (
            sa.select(col(RunRow.model_id), sa.func.count(sa.distinct(col(RunRow.dataset_id))))
            .join(ModelRow, col(ModelRow.id) == col(RunRow.model_id))
            .join(DatasetRow, col(DatasetRow.id) == col(RunRow.dataset_id))
            .where(col(RunRow.model_id).in_(part), *cells_of(digest))
            .group_by(col(RunRow.model_id))
        )
        yield from ((row[0], row[1]) for row in session.execute(query))
