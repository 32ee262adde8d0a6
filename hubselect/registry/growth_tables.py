"""The tables of a registry that grows: where indexing stands, what happened to clusters, and the
clusters that models without enough results are placed in for the time being."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Index, UniqueConstraint
from sqlmodel import Field

from hubselect.registry.columns import JsonText, Table, finite_column


class IndexCursorRow(Table, table=True):
    """One walk over a listing of the Hub. `query` is what was asked; while a walk is under way
    `next_page` is where it goes on; `seen_until` is the newest change known when the last walk ended."""

    __tablename__ = "index_cursors"

    digest: str = Field(primary_key=True)
    query: dict[str, Any] = Field(sa_type=JsonText)
    next_page: str | None = None
    walk_newest: str | None = None
    walk_seen: int = Field(default=0, sa_type=BigInteger)
    seen_until: str | None = None
    started_at: str
    updated_at: str
    finished_at: str | None = None


class ClusterEventRow(Table, table=True):
    """What an update did to the clusters of a task under a recipe; `sequence` counts from 1."""

    __tablename__ = "cluster_events"
    __table_args__ = (
        UniqueConstraint("task", "recipe_digest", "sequence"),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, primary_key=True)
    task: str
    recipe_digest: str = Field(foreign_key="recipes.digest")
    sequence: int
    kind: str
    payload: dict[str, Any] = Field(sa_type=JsonText)
    created_at: str


class PlacementRow(Table, table=True):
    """A provisional place of a model in a cluster (its number); it never decides a cluster.
    `how` says what it was derived from, `score` how strong that evidence is."""

    __tablename__ = "placements"
    __table_args__ = (Index(None, "task", "recipe_digest", "cluster_id"), finite_column("score"))

    model_id: int = Field(primary_key=True, foreign_key="models.id")
    recipe_digest: str = Field(primary_key=True, foreign_key="recipes.digest")
    task: str
    cluster_id: int
    how: str
    score: float | None = None
    created_at: str
