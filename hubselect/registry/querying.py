"""Which models: filters, order and limits over everything the registry knows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

from sqlalchemy import BinaryExpression, Column, ColumnElement, func, literal_column
from sqlalchemy import select as columns
from sqlmodel import Session, col, select

from hubselect.errors import InvalidInput, KnowledgeMissing
from hubselect.records import Model
from hubselect.registry.base import Connected
from hubselect.registry.bulk import in_chunks
from hubselect.registry.main_recipes import main_digest
from hubselect.registry.rows import checked_task, to_model
from hubselect.registry.tables import ClusteringRow, MembershipRow, ModelRow

Order = Literal["id", "downloads", "likes", "parameters", "modified"]
ORDERS: tuple[Order, ...] = ("id", "downloads", "likes", "parameters", "modified")
_COLUMNS: dict[str, Any] = {
    "downloads": ModelRow.downloads,
    "likes": ModelRow.likes,
    "parameters": ModelRow.parameters,
    "modified": ModelRow.last_modified,
}


class Querying(Connected):
    """The part of the registry that finds models."""

    def models(
        self,
        task: str | None = None,
        *,
        min_parameters: int | None = None,
        max_parameters: int | None = None,
        license: str | None = None,  # noqa: A002
        author: str | None = None,
        cluster: int | None = None,
        min_downloads: int | None = None,
        search: str | None = None,
        indexed_only: bool | None = None,
        order: Order = "id",
        limit: int | None = None,
    ) -> list[Model]:
        """The models that meet every given condition; all of them by id when there is none.

        `license` is the Hub's name (apache-2.0), `author` the part of the id before the slash,
        `cluster` the id of a cluster of the task under its main recipe, `search` a part of the id
        (case does not matter). `indexed_only` False leaves out what only a listing of the Hub is
        known of, True asks for nothing else. `order`: id upwards, everything else downwards (unknown
        last), then by id. Raises `InvalidInput` for values that make no sense, `KnowledgeMissing` for
        a cluster before the first clustering.
        """
        if order not in ORDERS:
            raise InvalidInput(f"models cannot be ordered by {order!r}", f"choose one of {', '.join(ORDERS)}")
        if limit is not None and limit < 1:
            raise InvalidInput(f"a limit of {limit} models makes no sense", "leave it out for all")
        conditions = {
            "min_parameters": min_parameters,
            "max_parameters": max_parameters,
            "license": license,
            "author": author,
            "cluster": cluster,
            "min_downloads": min_downloads,
            "search": search,
            "indexed_only": indexed_only,
        }
        with self._database.read() as session:
            query = select(ModelRow).where(*_planned(session, task, conditions, order))
            return [to_model(row) for row in session.exec(_ordered(session, query, order).limit(limit))]

    def models_named(self, ids: Iterable[str]) -> list[Model]:
        """The models of these ids that the registry holds, by id: what it costs does not depend on how
        many others there are."""
        names = sorted(set(ids))
        with self._database.read() as session:
            found = [
                to_model(row)
                for chunk in in_chunks(names)
                for row in session.exec(select(ModelRow).where(col(ModelRow.repo_id).in_(chunk)))
            ]
        return sorted(found, key=lambda m: m.id)

    def count_models(self, task: str | None = None, **conditions: Any) -> int:
        """How many models meet the conditions of `models` (without order and limit)."""
        if unknown := set(conditions) - {*_SIMPLE, "author", "cluster"}:
            raise InvalidInput(
                f"{', '.join(sorted(unknown))} is no condition on models",
                f"choose from {', '.join(sorted({*_SIMPLE, 'author', 'cluster'}))}",
            )
        with self._database.read() as session:
            given = _conditions(session, task, conditions)
            return int(
                session.execute(columns(func.count()).select_from(ModelRow).where(*given)).scalar_one()
            )


_PARAMETERS = ("min_parameters", "max_parameters")
_SIMPLE: dict[str, Callable[[Any], ColumnElement[bool]]] = {
    "min_parameters": lambda least: col(ModelRow.parameters) >= least,
    "max_parameters": lambda most: col(ModelRow.parameters) <= most,
    "license": lambda name: col(ModelRow.license) == name.lower(),
    "min_downloads": lambda least: col(ModelRow.downloads) >= least,
    "search": lambda part: _named(part),
    "indexed_only": lambda wanted: col(ModelRow.indexed_only).is_(wanted),
}


def _conditions(session: Session, task: str | None, values: Mapping[str, Any]) -> list[ColumnElement[bool]]:
    given = {name: value for name, value in values.items() if value is not None}
    conditions = [meaning(given[name]) for name, meaning in _SIMPLE.items() if name in given]
    if task is not None:
        conditions.append(col(ModelRow.task) == checked_task(task))
    if "author" in given:
        conditions += _by_author(given["author"])
    if "cluster" in given:
        conditions.append(_in_cluster(session, task, given["cluster"]))
    return conditions


NARROW = 2000
"""So few models are looked up one by one and sorted; more are walked in the wanted order."""


def _planned(
    session: Session, task: str | None, values: Mapping[str, Any], order: Order
) -> list[ColumnElement[bool]]:
    """The conditions in the form that SQLite answers fast, whatever the registry's size.

    It keeps no statistics, so it cannot tell a range of ten models from one of a million. Here the
    index is asked: up to `NARROW` models that match are named one by one, else the conditions are
    hidden from the planner (unary +, https://www.sqlite.org/optoverview.html), which then walks the
    index of the order and stops at the limit. PostgreSQL plans for itself.
    """
    given = _conditions(session, task, values)
    if session.get_bind().dialect.name != "sqlite":
        return given
    for names in (_PARAMETERS, ("search",)):
        if (few := _few(session, task, values, names)) is not None:
            return [col(ModelRow.id).in_(few), *map(_hidden, given)]
    if values.get("author") is not None or values.get("cluster") is not None:
        others = {n: v for n, v in values.items() if n not in ("author", "cluster")}
        found = _conditions(session, None, {n: values.get(n) for n in ("author", "cluster")})
        return [*found, *map(_hidden, _conditions(session, task, others))]
    if order == "id":
        return [_hidden(condition) for condition in given]
    of_task = [col(ModelRow.task) == task] if task is not None else []
    return [*of_task, *map(_hidden, _conditions(session, None, values))]


def _few(
    session: Session, task: str | None, values: Mapping[str, Any], names: Sequence[str]
) -> list[int] | None:
    """Ids of the models that meet the named conditions, when there are such and they are few."""
    wanted = {n: values[n] for n in names if values.get(n) is not None}
    if not wanted:
        return None
    in_index = task if names == _PARAMETERS else None  # the index of names does not know tasks
    query = columns(col(ModelRow.id)).where(*_conditions(session, in_index, wanted)).limit(NARROW + 1)
    found = [int(i) for i in session.execute(query).scalars()]
    return found if len(found) <= NARROW else None


def _hidden(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """The same condition, of which no index is made use."""
    if isinstance(condition, BinaryExpression) and isinstance(condition.left, Column):
        bare = literal_column(f"+models.{condition.left.name}", condition.left.type)
        return BinaryExpression(bare, condition.right, condition.operator, modifiers=condition.modifiers)
    return condition


def _named(part: str) -> ColumnElement[bool]:
    """Ids with this part; LIKE ignores case on SQLite by itself."""
    return col(ModelRow.repo_id).icontains(part, autoescape=True)


def _by_author(author: str) -> list[ColumnElement[bool]]:
    """Ids from `author/` to what would follow the last of them: a range of the index, because every
    database orders text by its bytes here (`postgresql.py`)."""
    name = col(ModelRow.repo_id)
    return [name >= f"{author}/", name < f"{author}0"]  # "0" follows "/"


def _in_cluster(session: Session, task: str | None, cluster: int) -> ColumnElement[bool]:
    query = select(ClusteringRow).order_by(col(ClusteringRow.id))
    found = session.exec(query if task is None else query.where(ClusteringRow.task == task)).all()
    if not found:
        raise KnowledgeMissing("there are no clusters yet", "run `hubselect cluster`")
    if len({c.task for c in found}) > 1:
        raise InvalidInput("the registry has clusters for several tasks", "name one with --task")
    main = main_digest(session, found[0].task)
    chosen = next((c for c in found if c.recipe_digest == main), found[-1])
    members = columns(col(MembershipRow.model_id)).where(
        col(MembershipRow.clustering_id) == chosen.id, col(MembershipRow.number) == cluster
    )
    return col(ModelRow.id).in_(members)


def _ordered(session: Session, query: Any, order: Order) -> Any:
    if order == "id":
        return query.order_by(col(ModelRow.repo_id))
    column = col(_COLUMNS[order])
    if session.get_bind().dialect.name == "sqlite":  # NULL is the smallest: last already
        return query.order_by(column.desc(), col(ModelRow.repo_id))
    return query.order_by(column.desc().nulls_last(), col(ModelRow.repo_id))
