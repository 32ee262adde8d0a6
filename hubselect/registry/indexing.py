"""What listings of the Hub bring: thousands of entries at a time, and where each walk stands.

A page is one transaction: its entries, the claims of its model cards and the cursor behind it are
stored together, so that a killed walk goes on exactly where it stopped.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import case, delete, false, or_, true
from sqlalchemy import select as columns
from sqlmodel import Session, col, select

from hubselect.records import Dataset, Model
from hubselect.registry.base import Connected
from hubselect.registry.bulk import in_chunks, upsert
from hubselect.registry.entries import POPULARITY, HubResult, add_claims
from hubselect.registry.growth_tables import IndexCursorRow
from hubselect.registry.rows import checked_name, checked_task, dataset_values, model_values, now
from hubselect.registry.tables import DatasetRow, HubResultRow, ModelRow


@dataclass(frozen=True)
class IndexCursor:
    """Where the walk over one listing stands.

    `query` is what was asked (JSON). `next_page` is where it goes on, None when no walk is under
    way. `walk_newest` is the newest change this walk has seen, `walk_seen` the number of entries it
    kept. `seen_until`: every change up to then was seen by a walk that ended; None before the first.
    """

    query: Mapping[str, Any]
    next_page: str | None = None
    walk_newest: str | None = None
    walk_seen: int = 0
    seen_until: str | None = None
    started_at: str = field(default_factory=now)
    finished_at: str | None = None


@dataclass(frozen=True)
class Indexed:
    """Entries of a page by what they were to the registry; `claims` of model cards were stored.

    `changed`: another commit (of a dataset: another time of change) than it knew. `unchanged`:
    downloads, likes and tags are renewed all the same.
    """

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    claims: int = 0

    def __add__(self, other: Indexed) -> Indexed:
        return Indexed(
            self.new + other.new,
            self.changed + other.changed,
            self.unchanged + other.unchanged,
            self.claims + other.claims,
        )


class Indexing(Connected):
    """The part of the registry that takes in listings."""

    def index_cursor(self, query: Mapping[str, Any]) -> IndexCursor | None:
        """The cursor of the walk with this query, None when there was none."""
        with self._database.read() as session:
            row = session.get(IndexCursorRow, _digest(query))
            return None if row is None else _cursor(row)

    def index_cursors(self) -> list[IndexCursor]:
        """All cursors, the last used first."""
        query = select(IndexCursorRow).order_by(
            col(IndexCursorRow.updated_at).desc(), col(IndexCursorRow.digest)
        )
        with self._database.read() as session:
            return [_cursor(row) for row in session.exec(query)]

    def save_index_cursor(self, cursor: IndexCursor) -> None:
        """Remember where a walk stands."""
        with self._database.write() as session:
            _save(session, cursor)

    def index_models(
        self, models: Sequence[Model], claims: Sequence[HubResult] = (), cursor: IndexCursor | None = None
    ) -> Indexed:
        """Insert or renew models of a listing, in one transaction with the claims of their cards.

        A model that was added (its files were looked at) keeps everything that belongs to its
        pinned revision: only what is true of any revision is renewed (downloads, likes, tags, gated,
        pipeline tag, library). Others take all metadata. Older claims of the same cards are replaced.
        Raises `InvalidInput` for a name or task that cannot be stored; nothing is stored then.
        """
        unique = {m.id: m for m in models}
        for model in unique.values():
            checked_name("model", model.id)
            checked_task(model.task)
        with self._database.write() as session:
            known = _known(session, ModelRow.repo_id, ModelRow.revision, list(unique))
            moment = now()
            values = [{**model_values(m), "created_at": moment} for m in unique.values()]
            upsert(session, ModelRow, ("repo_id",), values, _MODEL_RULES)
            _forget_claims(session, [i for i in unique if i in known])
            kept = [c for c in claims if c.model in unique]
            add_claims(session, kept)
            if cursor is not None:
                _save(session, cursor)
        return _count(known, {i: m.revision for i, m in unique.items()}, len(kept))

    def index_datasets(self, datasets: Sequence[Dataset], cursor: IndexCursor | None = None) -> Indexed:
        """Insert or renew datasets of a listing, in one transaction; one that was added keeps its
        task, revision, columns, splits and role."""
        unique = {d.name: d for d in datasets}
        for dataset in unique.values():
            checked_name("dataset", dataset.name)
            checked_task(dataset.task)
        with self._database.write() as session:
            known = _known(session, DatasetRow.name, DatasetRow.last_modified, list(unique))
            moment = now()
            values = [{**dataset_values(d), "created_at": moment} for d in unique.values()]
            upsert(session, DatasetRow, ("name",), values, _DATASET_RULES)
            if cursor is not None:
                _save(session, cursor)
        return _count(known, {n: d.last_modified for n, d in unique.items()}, 0)


Rule = Callable[[Any], Any]


def _rules(rows: type[Any], always: Sequence[str], listed: Sequence[str]) -> dict[str, Rule]:
    """`always` columns take the new value; `listed` ones where nothing but a listing or a name is known."""
    free = or_(col(rows.indexed_only), col(rows.revision).is_(None))

    def when_free(name: str) -> Rule:
        return lambda new: case((free, new), else_=col(getattr(rows, name)))

    rules: dict[str, Rule] = {name: lambda new: new for name in always}
    rules |= {name: when_free(name) for name in listed}
    return rules


_MODEL_RULES: dict[str, Rule] = {
    **_rules(
        ModelRow,
        POPULARITY,
        (
            "revision", "architecture", "model_type", "parameters", "weights_format", "weights_files",
            "weights_bytes", "weights_digest", "labels", "license", "base_model", "last_modified",
        ),
    ),
    "indexed_only": lambda new: case(
        (or_(col(ModelRow.indexed_only), col(ModelRow.revision).is_(None)), true()), else_=false()
    ),
    # a name that came with imported scores keeps the task these scores are of
    "task": lambda new: case((col(ModelRow.indexed_only), new), else_=col(ModelRow.task)),
}  # fmt: skip

_DATASET_RULES: dict[str, Rule] = {
    name: lambda new: new for name in ("downloads", "likes", "tags", "gated", "license", "last_modified")
}


def _known(session: Session, name: Any, version: Any, names: Sequence[str]) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for chunk in in_chunks(names):
        found.update(session.execute(columns(name, version).where(col(name).in_(chunk))).all())  # type: ignore[arg-type]
    return found


def _count(known: Mapping[str, str | None], listed: Mapping[str, str | None], claims: int) -> Indexed:
    """Entries by name, each with what tells its versions apart."""
    new = sum(name not in known for name in listed)
    same = sum(name in known and known[name] == version for name, version in listed.items())
    return Indexed(new, len(listed) - new - same, same, claims)


def _forget_claims(session: Session, models: Sequence[str]) -> None:
    """The page holds all claims of these cards, so those from before are the cards' no more."""
    for chunk in in_chunks(models):
        ids = columns(col(ModelRow.id)).where(col(ModelRow.repo_id).in_(chunk))
        session.execute(delete(HubResultRow).where(col(HubResultRow.model_id).in_(ids)))


def _digest(query: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(dict(query), sort_keys=True).encode()).hexdigest()[:16]


def _save(session: Session, cursor: IndexCursor) -> None:
    values = {
        "digest": _digest(cursor.query),
        "query": dict(cursor.query),
        "next_page": cursor.next_page,
        "walk_newest": cursor.walk_newest,
        "walk_seen": cursor.walk_seen,
        "seen_until": cursor.seen_until,
        "started_at": cursor.started_at,
        "updated_at": now(),
        "finished_at": cursor.finished_at,
    }
    upsert(
        session, IndexCursorRow, ("digest",), [values], [k for k in values if k not in ("digest", "query")]
    )


def _cursor(row: IndexCursorRow) -> IndexCursor:
    return IndexCursor(
        row.query,
        row.next_page,
        row.walk_newest,
        row.walk_seen,
        row.seen_until,
        row.started_at,
        row.finished_at,
    )
