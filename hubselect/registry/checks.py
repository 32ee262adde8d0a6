"""What can be wrong inside a registry that opens, and what to do about it. Nothing is changed."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import ColumnElement
from sqlmodel import Session, col, select

from hubselect.errors import RegistryError
from hubselect.registry.base import Connected
from hubselect.registry.bulk import in_chunks
from hubselect.registry.growth_tables import PlacementRow
from hubselect.registry.placement_rows import dangling, settled
from hubselect.registry.rows import to_recipe
from hubselect.registry.tables import (
    ClusteringRow,
    ClusterRow,
    CurvePointRow,
    DatasetRow,
    MembershipRow,
    ModelRow,
    ProxyScoreRow,
    RecipeRow,
    RunRow,
    SelectionEventRow,
    SelectionRow,
)

_LARGEST = 1.7976931348623157e308
_RESTORE = "restore a copy of the registry, or `hubselect registry export` what can still be read"
_REPEAT = "run it again: `hubselect benchmark` fills the cell"
_CLUSTER = "run `hubselect cluster` again"


@dataclass(frozen=True)
class Problem:
    """Something wrong in the registry: what, where (names, not row numbers, if possible), how to mend it."""

    what: str
    where: str
    repair: str


class Checks(Connected):
    """The part of the registry that examines itself."""

    def check(self) -> list[Problem]:
        """Every inconsistency of the database and of what it says; empty when all is well."""
        try:
            with self._database.read() as session:
                return [
                    *self._file(session),
                    *_runs(session),
                    *_curves(session),
                    *_proxies(session),
                    *_recipes(session),
                    *_clusters(session),
                    *_placements(session),
                    *_selections(session),
                ]
        except RegistryError as error:
            return [Problem(error.message, self._database.location.text, error.hint or _RESTORE)]

    def _file(self, session: Session) -> list[Problem]:
        if self._database.location.path is None:
            return []  # PostgreSQL holds its own integrity and foreign keys
        where = self._database.location.text
        broken = [row[0] for row in session.connection().exec_driver_sql("PRAGMA integrity_check(20)")]
        problems = [Problem(f"damaged: {text}", where, _RESTORE) for text in broken if text != "ok"]
        orphans = session.connection().exec_driver_sql("PRAGMA foreign_key_check").all()
        return problems + [
            Problem(
                f"a row of {table} points to a row of {parent} that is not there", f"{table} {row}", _RESTORE
            )
            for table, row, parent, _ in orphans
        ]


def _infinite(column: object) -> ColumnElement[bool]:
    return sa.not_(sa.cast(column, sa.Float).between(-_LARGEST, _LARGEST))  # type: ignore[arg-type]


_RUN_NAME = (col(ModelRow.repo_id), col(DatasetRow.name), col(RunRow.recipe_digest), col(RunRow.seed))


def _named_runs(session: Session, condition: ColumnElement[bool]) -> list[str]:
    query = (
        sa.select(*_RUN_NAME)
        .select_from(RunRow)
        .join(ModelRow, col(ModelRow.id) == col(RunRow.model_id))
        .join(DatasetRow, col(DatasetRow.id) == col(RunRow.dataset_id))
        .where(condition)
    )
    rows = session.execute(query).all()
    return [f"{model} on {dataset}, recipe {digest}, seed {seed}" for model, dataset, digest, seed in rows]


def _runs(session: Session) -> list[Problem]:
    wrong = {
        "a finished run has no test score": (col(RunRow.status) == "done") & col(RunRow.test).is_(None),
        "a test score is not finite": _infinite(RunRow.test),
    }
    return [
        Problem(what, w, _REPEAT)
        for what, condition in wrong.items()
        for w in _named_runs(session, condition)
    ]


def _curves(session: Session) -> list[Problem]:
    point = CurvePointRow
    grouped = sa.select(col(point.run_id)).group_by(col(point.run_id))
    gaps = grouped.having(sa.func.max(point.stage) != sa.func.count())
    beyond = (
        sa.select(col(point.run_id))
        .join(RunRow, col(RunRow.id) == col(point.run_id))
        .join(RecipeRow, col(RecipeRow.digest) == col(RunRow.recipe_digest))
        .where(col(point.stage) > col(RecipeRow.stages))
    )
    earlier = sa.orm.aliased(point)
    shrinking = sa.select(col(point.run_id)).join(
        earlier,
        (col(earlier.run_id) == col(point.run_id))
        & (col(earlier.stage) == col(point.stage) - 1)
        & (col(earlier.epochs) >= col(point.epochs)),
    )
    wrong = {
        "the stages of a curve have gaps": gaps,
        "a curve goes beyond the stages of its recipe": beyond,
        "the epochs of a curve do not grow": shrinking,
        "a validation score is not finite": sa.select(col(point.run_id)).where(_infinite(point.val)),
    }
    return [
        Problem(what, where, _REPEAT)
        for what, found in wrong.items()
        for where in _named_runs(session, col(RunRow.id).in_(found))
    ]


def _proxies(session: Session) -> list[Problem]:
    query = (
        sa.select(col(ModelRow.repo_id), col(DatasetRow.name), col(ProxyScoreRow.proxy))
        .select_from(ProxyScoreRow)
        .join(ModelRow, col(ModelRow.id) == col(ProxyScoreRow.model_id))
        .join(DatasetRow, col(DatasetRow.id) == col(ProxyScoreRow.dataset_id))
        .where(_infinite(ProxyScoreRow.score))
    )
    again = "compute or import it again"
    return [
        Problem("a proxy score is not finite", f"{proxy} of {model} on {dataset}", again)
        for model, dataset, proxy in session.execute(query)
    ]


def _recipes(session: Session) -> list[Problem]:
    return [
        Problem("a recipe's content does not have its digest", f"recipe {row.digest}", _RESTORE)
        for row in session.exec(select(RecipeRow))
        if to_recipe(row).digest != row.digest
    ]


def _clusters(session: Session) -> list[Problem]:
    member = MembershipRow
    among = (col(member.clustering_id) == col(ClusterRow.clustering_id)) & (
        col(member.number) == col(ClusterRow.number)
    )
    represented = among & (col(member.model_id) == col(ClusterRow.representative_id))
    wrong = {
        "a cluster has no members": among,
        "a cluster's representative is not one of its members": represented,
    }
    return [
        Problem(what, f"cluster {number} of clustering {clustering}", _CLUSTER)
        for what, condition in wrong.items()
        for clustering, number in session.execute(
            sa.select(col(ClusterRow.clustering_id), col(ClusterRow.number)).where(
                ~sa.select(member.__table__).where(condition).exists()  # type: ignore[attr-defined]
            )
        )
    ]


def _placements(session: Session) -> list[Problem]:
    query = sa.select(col(ModelRow.repo_id), col(PlacementRow.recipe_digest)).join(
        PlacementRow, col(PlacementRow.model_id) == col(ModelRow.id)
    )
    beside_nothing = "a provisional placement is in a cluster that does not exist"
    found = [(beside_nothing, *row) for row in session.execute(query.where(dangling()))]
    clusterings = sa.select(col(ClusteringRow.task), col(ClusteringRow.recipe_digest))
    for task, digest in session.execute(clusterings).all():
        for part in in_chunks(sorted(settled(session, task, digest))):
            members = query.where(col(ModelRow.id).in_(part), col(PlacementRow.recipe_digest) == digest)
            what = "a member of a cluster has a provisional placement"
            found += [(what, *row) for row in session.execute(members)]
    return [
        Problem(what, f"{model}, recipe {digest}", "run `hubselect place`") for what, model, digest in found
    ]


def _selections(session: Session) -> list[Problem]:
    row, event = SelectionRow, SelectionEventRow
    answerless = sa.select(col(row.id)).where(
        (col(row.status) == "done") & (col(row.winner_id).is_(None) | col(row.val).is_(None))
    )
    gaps = (
        sa.select(col(event.selection_id))
        .group_by(col(event.selection_id))
        .having(sa.func.max(event.sequence) != sa.func.count())
    )
    wrong = {"a finished selection has no winner": answerless, "events of a selection are missing": gaps}
    again = "repeat the same `hubselect select`"
    return [
        Problem(what, f"selection {selection}", again)
        for what, found in wrong.items()
        for selection in session.execute(found).scalars()
    ]
