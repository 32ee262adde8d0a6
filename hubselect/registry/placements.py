"""Provisional placements of models that have too few results to be clustered. They decide nothing.

Clusters, recall, exports and shared copies do not read this table: a placement is derived from what
else is known, and can be derived again (`hubselect place`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col

from hubselect.errors import InvalidInput, KnowledgeMissing
from hubselect.records import Placement, Recipe, models_for
from hubselect.registry.base import Connected
from hubselect.registry.bulk import in_chunks, upsert
from hubselect.registry.growth_tables import PlacementRow
from hubselect.registry.main_recipes import main_digest
from hubselect.registry.placement_rows import (
    NEAREST,
    cells_of,
    clustering_of,
    end_dangling,
    end_settled,
    remove,
    unsettled,
)
from hubselect.registry.rows import checked_task, digest_of, find_model, known, now
from hubselect.registry.tables import ClusteringRow, ClusterRow, DatasetRow, MembershipRow, ModelRow, RunRow

PAGE = 5_000
"""Models handed out, and written, at once."""


class Placements(Connected):
    """The part of the registry that knows where models without enough results stand for the time being."""

    def placements(
        self,
        task: str | None = None,
        recipe: Recipe | str | None = None,
        *,
        models: Sequence[str] | None = None,
        how: str | None = None,
    ) -> list[Placement]:
        """Provisional placements beside the clusters of `clusters()`, by model; only `models` if given.

        `task` None means all tasks; `recipe` None means for each task the one whose clusters are shown
        (the main recipe's, else the newest). `how` keeps one kind. Members of a cluster for good have none.
        """
        with self._database.read() as session:
            digests = [digest_of(recipe)] if recipe else [d for _, d in _shown(session, task)]
            query = (
                sa.select(
                    col(ModelRow.repo_id),
                    col(PlacementRow.cluster_id),
                    col(PlacementRow.how),
                    col(PlacementRow.score),
                )
                .join(ModelRow, col(ModelRow.id) == col(PlacementRow.model_id))
                .where(col(PlacementRow.recipe_digest).in_(digests))
            )
            if task is not None:
                query = query.where(col(PlacementRow.task) == checked_task(task))
            if how is not None:
                query = query.where(col(PlacementRow.how) == how)
            return sorted((Placement(*row) for row in _rows(session, query, models)), key=lambda p: p.model)

    def shown_clusterings(self, task: str | None = None) -> list[tuple[str, str]]:
        """(task, recipe digest) of the clusterings that are shown, by task.

        Raises `KnowledgeMissing` when there is none.
        """
        with self._database.read() as session:
            found = _shown(session, task and checked_task(task))
        if not found:
            raise KnowledgeMissing("there are no clusters yet", "run `hubselect cluster`")
        return found

    def homes(self, task: str, recipe: Recipe | str) -> dict[str, int]:
        """The cluster of every member that has enough results to be compared with others."""
        digest = digest_of(recipe)
        with self._database.read() as session:
            clustering = clustering_of(session, task, digest)
            if clustering is None:
                return {}
            alone = unsettled(session, clustering, digest)
            query = (
                sa.select(col(ModelRow.id), col(ModelRow.repo_id), col(MembershipRow.number))
                .join(ModelRow, col(ModelRow.id) == col(MembershipRow.model_id))
                .where(col(MembershipRow.clustering_id) == clustering)
            )
            return {name: number for i, name, number in session.execute(query) if i not in alone}

    def representatives(self, task: str, recipe: Recipe | str) -> set[str]:
        """The representatives of the clusters of a task under a recipe."""
        query = (
            sa.select(col(ModelRow.repo_id))
            .join(ClusterRow, col(ClusterRow.representative_id) == col(ModelRow.id))
            .join(ClusteringRow, col(ClusteringRow.id) == col(ClusterRow.clustering_id))
            .where(col(ClusteringRow.task) == task, col(ClusteringRow.recipe_digest) == digest_of(recipe))
        )
        with self._database.read() as session:
            return set(session.execute(query).scalars())

    def mean_scores(self, recipe: Recipe | str, models: Sequence[str]) -> dict[str, float]:
        """The mean over benchmark datasets (each the mean over seeds) of those models that have scores."""
        means: dict[str, float] = {}
        with self._database.read() as session:
            for part in in_chunks(sorted(models)):
                cells = (
                    sa.select(
                        col(ModelRow.repo_id).label("model"), sa.func.avg(col(RunRow.test)).label("score")
                    )
                    .select_from(RunRow)
                    .join(ModelRow, col(ModelRow.id) == col(RunRow.model_id))
                    .join(DatasetRow, col(DatasetRow.id) == col(RunRow.dataset_id))
                    .where(col(ModelRow.repo_id).in_(part), *cells_of(digest_of(recipe)))
                    .group_by(col(ModelRow.repo_id), col(DatasetRow.id))
                    .subquery()
                )
                query = sa.select(cells.c.model, sa.func.avg(cells.c.score)).group_by(cells.c.model)
                means |= {model: float(mean) for model, mean in session.execute(query)}
        return means

    def bases(self, models: Sequence[str]) -> dict[str, str]:
        """`base_model` of these models, of their bases, and so on; names nobody indexed have none."""
        with self._database.read() as session:
            found: dict[str, str] = {}
            asked, wanted = set(models), sorted(set(models))
            while wanted:
                new: dict[str, str] = {}
                for part in in_chunks(wanted):
                    query = sa.select(col(ModelRow.repo_id), col(ModelRow.base_model)).where(
                        col(ModelRow.repo_id).in_(part), col(ModelRow.base_model).is_not(None)
                    )
                    new |= {row[0]: row[1] for row in session.execute(query)}
                found |= new
                wanted = sorted(set(new.values()) - asked)
                asked |= set(wanted)
            return found

    def without_results(
        self,
        task: str,
        recipe: Recipe | str,
        *,
        models: Sequence[str] | None = None,
        limit: int | None = None,
    ) -> Iterator[list[str]]:
        """The models of a task whose results are too few to be clustered, in pages.

        Of `models` if given (raises `UnknownEntry` for one that the registry does not hold), the `limit`
        most downloaded ones if given. Models that only wait for their component to be linked are left
        out: they have results.
        """
        digest = digest_of(recipe)
        with self._database.read() as session:
            clustering = clustering_of(session, task, digest)
            alone = unsettled(session, clustering, digest) if clustering is not None else set()
            query = _candidates(task, digest, clustering)
            if models is not None or limit is not None:
                rows = _asked(session, query, alone, models, limit)
        if models is not None or limit is not None:
            for start in range(0, len(rows), PAGE):
                yield rows[start : start + PAGE]
            return
        last = 0
        while True:
            with self._database.read() as session:
                page = session.execute(
                    query.where(col(ModelRow.id) > last).order_by(col(ModelRow.id)).limit(PAGE)
                ).all()
            if not page:
                return
            last = page[-1][0]
            yield [name for i, name, member in page if member is None or i in alone]

    def write_placements(
        self, task: str, recipe: Recipe | str, found: Sequence[Placement], *, instead_of: Sequence[str] = ()
    ) -> int:
        """Write placements, each instead of the one its model had; returns how many were written.

        Placements by lineage of `instead_of`, models that have none any more, end. A model that got
        its results meanwhile, or a cluster that ended, is passed over.
        """
        digest = digest_of(recipe)
        with self._database.write() as session:
            ids = _ids(session, [p.model for p in found] + list(instead_of))
            remove(session, digest, sorted(ids[m] for m in instead_of if m in ids), "lineage")
            good = _good(session, task, digest, {ids[p.model] for p in found if p.model in ids})
            clusters = _numbers(session, task, digest)
            at = now()
            values = [
                {
                    "model_id": ids[p.model],
                    "recipe_digest": digest,
                    "task": task,
                    "cluster_id": p.cluster,
                    "how": p.how,
                    "score": p.score,
                    "created_at": at,
                }
                for p in found
                if ids.get(p.model) in good and p.cluster in clusters
            ]
            replaced = ("task", "cluster_id", "how", "score", "created_at")
            upsert(session, PlacementRow, ("model_id", "recipe_digest"), values, replaced)
            return len(values)

    def tidy_placements(self) -> None:
        """End placements of members and in clusters that do not exist: what `check` complains about."""
        with self._database.write() as session:
            end_dangling(session)
            kinds = sa.select(col(ClusteringRow.task), col(ClusteringRow.recipe_digest))
            for task, digest in session.execute(kinds).all():
                end_settled(session, task, digest)


def _shown(session: Session, task: str | None) -> list[tuple[str, str]]:
    query = sa.select(col(ClusteringRow.task), col(ClusteringRow.recipe_digest)).order_by(
        col(ClusteringRow.id)
    )
    by_task: dict[str, list[str]] = {}
    for of_task, digest in session.execute(query):
        by_task.setdefault(of_task, []).append(digest)
    shown = []
    for of_task, digests in sorted(by_task.items()):
        if task in (None, of_task):
            main = main_digest(session, of_task) if len(digests) > 1 else None
            shown.append((of_task, main if main in digests else digests[-1]))
    return shown  # type: ignore[return-value]


def _rows(session: Session, query: Any, models: Sequence[str] | None) -> Iterator[Any]:
    if models is None:
        yield from session.execute(query)
        return
    for part in in_chunks(sorted(set(models))):
        yield from session.execute(query.where(col(ModelRow.repo_id).in_(part)))


def _candidates(task: str, digest: str, clustering: int | None) -> Any:
    """(row number, name, own row number if a member) of the models of a task that do not wait."""
    mine = (col(MembershipRow.model_id) == col(ModelRow.id)) & (
        col(MembershipRow.clustering_id) == (clustering or 0)
    )
    waits = sa.select(sa.literal(1)).where(
        col(PlacementRow.model_id) == col(ModelRow.id),
        col(PlacementRow.recipe_digest) == digest,
        col(PlacementRow.how) == NEAREST,
    )
    return (
        sa.select(col(ModelRow.id), col(ModelRow.repo_id), col(MembershipRow.model_id))
        .outerjoin(MembershipRow, mine)
        # an expression: by the index of a task the rows of a page would be sorted each time
        .where(col(ModelRow.task) + "" == models_for(checked_task(task)), ~waits.correlate(ModelRow).exists())
    )


def _asked(
    session: Session, query: Any, alone: set[int], models: Sequence[str] | None, limit: int | None
) -> list[str]:
    if limit is not None and limit < 1:
        raise InvalidInput(f"a limit of {limit} models makes no sense", "leave it out for all")
    if models is None:
        downloads = sa.func.coalesce(col(ModelRow.downloads), -1)
        ordered = session.execute(query.order_by(downloads.desc(), col(ModelRow.repo_id)))
        free = (name for i, name, member in ordered if member is None or i in alone)
        return list(islice(free, limit))
    for model in models:
        find_model(session, model)
    found = {name for i, name, member in _rows(session, query, models) if member is None or i in alone}
    return [m for m in dict.fromkeys(models) if m in found][:limit]


def _ids(session: Session, names: Sequence[str]) -> dict[str, int]:
    query = sa.select(col(ModelRow.repo_id), col(ModelRow.id))
    return {row[0]: known(row[1]) for row in _rows(session, query, names)}


def _good(session: Session, task: str, digest: str, models: set[int]) -> set[int]:
    """Those models that are no members for good and do not wait for their component."""
    clustering = clustering_of(session, task, digest)
    members: set[int] = set()
    waiting: set[int] = set()
    for part in in_chunks(sorted(models)):
        member = sa.select(col(MembershipRow.model_id)).where(
            col(MembershipRow.clustering_id) == clustering, col(MembershipRow.model_id).in_(part)
        )
        members |= set(session.execute(member).scalars())
        waits = sa.select(col(PlacementRow.model_id)).where(
            col(PlacementRow.recipe_digest) == digest,
            col(PlacementRow.how) == NEAREST,
            col(PlacementRow.model_id).in_(part),
        )
        waiting |= set(session.execute(waits).scalars())
    if members and clustering is not None:
        members -= unsettled(session, clustering, digest, members)
    return models - members - waiting


def _numbers(session: Session, task: str, digest: str) -> set[int]:
    query = sa.select(col(ClusterRow.number)).where(
        col(ClusterRow.clustering_id) == (clustering_of(session, task, digest) or 0)
    )
    return set(session.execute(query).scalars())
