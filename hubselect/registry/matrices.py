"""The performance matrix and the clusterings built on it."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, delete
from sqlalchemy import select as columns
from sqlmodel import Session, col, func, select

from hubselect.errors import InvalidInput
from hubselect.records import Cluster, Clustering, Method, Recipe
from hubselect.registry.base import Connected
from hubselect.registry.bulk import in_chunks
from hubselect.registry.entries import of_pinned
from hubselect.registry.main_recipes import main_digest, tasks_with_cells
from hubselect.registry.placement_rows import any_placed, carry, end_settled
from hubselect.registry.rows import checked_task, digest_of, find_model, find_recipe, known, now, to_recipe
from hubselect.registry.tables import (
    ClusteringRow,
    ClusterRow,
    DatasetRow,
    MembershipRow,
    ModelRow,
    RunRow,
)

if TYPE_CHECKING:
    import pandas as pd


class Matrices(Connected):
    """The part of the registry that answers for all models at once."""

    def main_recipe(
        self, task: str, *, measured: bool = False, method: Method | None = None
    ) -> Recipe | None:
        """The recipe with the most finished cells of the task's matrix; None when there is no cell.

        Measured recipes come before imported ones, however much was imported; among equals the
        newest. With `measured` imported ones are left out: they do not say how to fine-tune; with a
        `method`, those of another.
        """
        checked_task(task)
        with self._database.read() as session:
            digest = main_digest(session, task, measured=measured, method=method)
            return to_recipe(find_recipe(session, digest)) if digest else None

    def matrix(self, task: str | None = None, recipe: Recipe | str | None = None) -> pd.DataFrame:
        """Test scores, models x benchmark datasets, both sorted by name; NaN where there is no finished run.

        A cell is the mean over seeds of the finished runs of the model's pinned revision (or of no
        known revision: imported). `recipe` None means `main_recipe(task)`; `task` None means the
        recipe's, or the only task there is. Raises `InvalidInput` when there are several, and when
        the recipe belongs to another task; `UnknownEntry` for a recipe the registry does not hold.
        """
        import pandas as pd

        with self._database.read() as session:
            digest = _chosen(session, task, recipe)
            cells = session.execute(_cells(digest)).all() if digest else []
        frame = pd.DataFrame(cells, columns=["model", "dataset", "test"])
        matrix = frame.pivot(index="model", columns="dataset", values="test").astype(float)
        return matrix.sort_index(axis=0).sort_index(axis=1)

    def save_clustering(self, clustering: Clustering) -> None:
        """Make this the clustering of its task and recipe; the one before is replaced.

        Raises `UnknownEntry` for a recipe or member the registry does not hold and `InvalidInput`
        when the clusters are not a partition with a representative among the members of each.
        """
        with self._database.write() as session:
            replace_clustering(session, clustering)

    def clustering(self, task: str, recipe: Recipe | str) -> Clustering | None:
        """The clustering of a task's models under a recipe, None when there is none."""
        query = select(ClusteringRow).filter_by(task=task, recipe_digest=digest_of(recipe))
        with self._database.read() as session:
            row = session.exec(query).one_or_none()
            return None if row is None else _clustering(session, row)

    def clusterings(self) -> list[Clustering]:
        """All clusterings, oldest first."""
        with self._database.read() as session:
            rows = session.exec(select(ClusteringRow).order_by(col(ClusteringRow.id))).all()
            return [_clustering(session, row) for row in rows]

    def clusters(self, task: str | None = None) -> tuple[Cluster, ...]:
        """The clusters of a task under its main recipe; empty before the first clustering.

        They hold members only: models that stand beside a cluster provisionally are in `placements`.
        `task` None means the only task that has a clustering; `InvalidInput` when there are several.
        """
        found = [c for c in self.clusterings() if task in (None, c.task)]
        tasks = {c.task for c in found}
        if len(tasks) > 1:
            raise InvalidInput(
                "the registry has clusters for several tasks", f"name one of: {', '.join(sorted(tasks))}"
            )
        if not found:
            return ()
        main = self.main_recipe(found[0].task)
        return next((c.clusters for c in found if main and c.recipe == main.digest), found[-1].clusters)


def replace_clustering(session: Session, clustering: Clustering) -> None:
    """`Matrices.save_clustering` within a transaction; provisional placements go with their clusters."""
    _check_partition(clustering)
    find_recipe(session, clustering.recipe)
    old = select(ClusteringRow).filter_by(task=clustering.task, recipe_digest=clustering.recipe)
    placed = any_placed(session, clustering.recipe)
    before: tuple[Cluster, ...] = ()
    if (row := session.exec(old).one_or_none()) is not None:
        before = _clustering(session, row).clusters if placed else ()
        _remove(session, known(row.id))
    _insert(session, clustering)
    if placed:
        carry(session, clustering.task, clustering.recipe, before, clustering.clusters)
        end_settled(session, clustering.task, clustering.recipe)


def _cells(digest: str) -> Select[Any]:
    query = columns(col(ModelRow.repo_id), col(DatasetRow.name), func.avg(RunRow.test))
    return (
        query.select_from(RunRow)
        .join(ModelRow, col(ModelRow.id) == col(RunRow.model_id))
        .join(DatasetRow, col(DatasetRow.id) == col(RunRow.dataset_id))
        .where(
            col(RunRow.recipe_digest) == digest,
            col(RunRow.status) == "done",
            col(RunRow.selection_id).is_(None),
            col(DatasetRow.role) == "benchmark",
            of_pinned(RunRow),
        )
        .group_by(col(ModelRow.repo_id), col(DatasetRow.name))
    )


def _chosen(session: Session, task: str | None, recipe: Recipe | str | None) -> str | None:
    if recipe is not None:
        row = find_recipe(session, recipe)
        if task is not None and row.task != task:
            raise InvalidInput(
                f"the recipe {row.digest} is for {row.task}, not for {task}", f"choose one for {task}"
            )
        return row.digest
    if task is not None:
        return main_digest(session, checked_task(task))
    tasks = tasks_with_cells(session)
    if len(tasks) > 1:
        raise InvalidInput("the registry has results for several tasks", f"name one of: {', '.join(tasks)}")
    return main_digest(session, tasks[0]) if tasks else None


def _check_partition(clustering: Clustering) -> None:
    members = [m for c in clustering.clusters for m in c.members]
    if len(set(members)) != len(members):
        raise InvalidInput("a model is in two clusters", "put every model into one")
    if len({c.id for c in clustering.clusters}) != len(clustering.clusters):
        raise InvalidInput("two clusters have the same id", "give each its own")
    for cluster in clustering.clusters:
        if cluster.representative not in cluster.members:
            raise InvalidInput(
                f"the representative of cluster {cluster.id} is not one of its members", "choose a member"
            )


def _remove(session: Session, clustering_id: int) -> None:
    for rows in (MembershipRow, ClusterRow):
        session.execute(delete(rows).where(col(rows.clustering_id) == clustering_id))
    session.execute(delete(ClusteringRow).where(col(ClusteringRow.id) == clustering_id))


def _insert(session: Session, clustering: Clustering) -> None:
    names = {m for c in clustering.clusters for m in c.members}
    ids = model_ids(session, names)
    row = ClusteringRow(
        task=checked_task(clustering.task),
        recipe_digest=clustering.recipe,
        threshold=clustering.threshold,
        top_k=clustering.top_k,
        method=clustering.method,
        silhouette=clustering.silhouette,
        silhouette_paper=clustering.silhouette_paper,
        created_at=now(),
    )
    session.add(row)
    session.flush()
    for missing in sorted(names - set(ids)):
        find_model(session, missing)
    key = {"clustering_id": known(row.id)}
    clusters = [
        {**key, "number": c.id, "representative_id": ids[c.representative]} for c in clustering.clusters
    ]
    members = [{**key, "model_id": ids[m], "number": c.id} for c in clustering.clusters for m in c.members]
    if clusters:
        session.connection().execute(ClusterRow.__table__.insert(), clusters)  # type: ignore[attr-defined]
        session.connection().execute(MembershipRow.__table__.insert(), members)  # type: ignore[attr-defined]


def model_ids(session: Session, names: Collection[str]) -> dict[str, int]:
    """The row numbers of those of the models that the registry holds, asked for by name."""
    ids: dict[str, int] = {}
    for part in in_chunks(sorted(names)):
        query = columns(col(ModelRow.repo_id), col(ModelRow.id)).where(col(ModelRow.repo_id).in_(part))
        ids |= {row[0]: row[1] for row in session.execute(query)}
    return ids


def _clustering(session: Session, row: ClusteringRow) -> Clustering:
    named = (
        columns(col(MembershipRow.number), col(ModelRow.repo_id))
        .join(ModelRow, col(ModelRow.id) == col(MembershipRow.model_id))
        .where(col(MembershipRow.clustering_id) == row.id)
    )
    members: dict[int, list[str]] = {}
    for number, model in session.execute(named):
        members.setdefault(number, []).append(model)
    heads = (
        columns(col(ClusterRow.number), col(ModelRow.repo_id))
        .join(ModelRow, col(ModelRow.id) == col(ClusterRow.representative_id))
        .where(col(ClusterRow.clustering_id) == row.id)
        .order_by(col(ClusterRow.number))
    )
    return Clustering(
        task=row.task,  # type: ignore[arg-type]
        recipe=row.recipe_digest,
        threshold=row.threshold,
        top_k=row.top_k,
        method=row.method,  # type: ignore[arg-type]
        clusters=tuple(
            Cluster(n, rep, tuple(sorted(members.get(n, [])))) for n, rep in session.execute(heads)
        ),
        silhouette=row.silhouette,
        silhouette_paper=row.silhouette_paper,
    )
