"""The tables of a registry. Rows never leave this room: `rows.py` turns them into records.

Text that is JSON is kept as text by `JsonText`, so that NaN survives on every database. Every
float that is a score is held finite by a check constraint (SQLite turns NaN into NULL, which
NOT NULL refuses).
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlmodel import Field

# imported to be part of the metadata: whoever knows the tables knows all of them
from hubselect.registry import growth_tables  # noqa: F401
from hubselect.registry.columns import EMPTY_LIST, HERE, NO, ONE_CLASS, JsonText, Table, finite_column, one_of


class ModelRow(Table, table=True):
    """A checkpoint; `indexed_only` says that nothing but the Hub's listing was looked at.

    The indexes serve filters of one task in the order of one column, and are few: each costs a
    random page per model when a listing of a million is written.
    """

    __tablename__ = "models"
    __table_args__ = (
        UniqueConstraint("repo_id"),
        Index(None, "task", "downloads", "parameters", "license"),
        Index(None, "task", "parameters"),
        Index(None, "task", "last_modified"),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, primary_key=True)
    repo_id: str
    revision: str | None = None
    task: str
    architecture: str | None = None
    model_type: str | None = None
    parameters: int | None = Field(default=None, sa_type=BigInteger)
    weights_format: str | None = None
    weights_files: list[str] = Field(default_factory=list, sa_type=JsonText, nullable=False)
    weights_bytes: int | None = Field(default=None, sa_type=BigInteger)
    weights_digest: str | None = None
    labels: list[str] = Field(default_factory=list, sa_type=JsonText, nullable=False)
    license: str | None = None
    base_model: str | None = None
    last_modified: str | None = None
    created_at: str
    downloads: int | None = Field(default=None, sa_type=BigInteger)
    likes: int | None = Field(default=None, sa_type=BigInteger)
    tags: list[str] = Field(
        default_factory=list, sa_type=JsonText, nullable=False, sa_column_kwargs=EMPTY_LIST
    )
    gated: str | None = None
    pipeline_tag: str | None = None
    library: str | None = None
    hub_created_at: str | None = None
    indexed_only: bool = Field(default=False, sa_column_kwargs=NO)


class DatasetRow(Table, table=True):
    """`name` is `repo_id` or `repo_id:config`: unique also where config is NULL."""

    __tablename__ = "datasets"
    __table_args__ = (
        UniqueConstraint("name"),
        one_of("role", "benchmark", "target"),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, primary_key=True)
    name: str
    repo_id: str
    config: str | None = None
    revision: str | None = None
    data_revision: str | None = None
    task: str = Field(index=True)
    text_columns: list[str] = Field(default_factory=list, sa_type=JsonText, nullable=False)
    choice_columns: list[str] = Field(
        default_factory=list, sa_type=JsonText, nullable=False, sa_column_kwargs=EMPTY_LIST
    )
    image_column: str | None = None
    audio_column: str | None = None
    label_column: str | None = None
    problem_type: str = Field(default="single_label_classification", sa_column_kwargs=ONE_CLASS)
    label_names: list[str] = Field(default_factory=list, sa_type=JsonText, nullable=False)
    splits: dict[str, int | None] = Field(default_factory=dict, sa_type=JsonText, nullable=False)
    role: str = "benchmark"
    created_at: str
    license: str | None = None
    last_modified: str | None = None
    downloads: int | None = Field(default=None, sa_type=BigInteger)
    likes: int | None = Field(default=None, sa_type=BigInteger)
    tags: list[str] = Field(
        default_factory=list, sa_type=JsonText, nullable=False, sa_column_kwargs=EMPTY_LIST
    )
    gated: str | None = None
    indexed_only: bool = Field(default=False, sa_column_kwargs=NO)
    path: str | None = None


class RecipeRow(Table, table=True):
    """`content` holds every field of the record; the columns beside it are for queries."""

    __tablename__ = "recipes"
    __table_args__ = (
        CheckConstraint("stages >= 1", name="stages_positive"),
        one_of("origin", "measured", "imported"),
    )

    digest: str = Field(primary_key=True)
    task: str = Field(index=True)
    name: str
    epochs: int
    stages: int
    content: dict[str, Any] = Field(sa_type=JsonText)
    origin: str = "measured"
    created_at: str


class RunRow(Table, table=True):
    """One model on one dataset under one recipe; the partial indexes make the key unique with and
    without a selection (NULLs are distinct in a plain unique index)."""

    __tablename__ = "runs"
    __table_args__ = (
        one_of("status", "running", "done", "failed", "stopped"),
        finite_column("test"),
        CheckConstraint("status <> 'done' OR test IS NOT NULL", name="done_has_test"),
        Index(
            "uq_runs_benchmark",
            "recipe_digest",
            "dataset_id",
            "model_id",
            "seed",
            unique=True,
            sqlite_where=text("selection_id IS NULL"),
            postgresql_where=text("selection_id IS NULL"),
        ),
        Index(
            "uq_runs_selection",
            "selection_id",
            "recipe_digest",
            "dataset_id",
            "model_id",
            "seed",
            unique=True,
            sqlite_where=text("selection_id IS NOT NULL"),
            postgresql_where=text("selection_id IS NOT NULL"),
        ),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, primary_key=True)
    model_id: int = Field(foreign_key="models.id", index=True)
    dataset_id: int = Field(foreign_key="datasets.id")
    recipe_digest: str = Field(foreign_key="recipes.digest")
    seed: int = Field(default=0, sa_type=BigInteger)
    selection_id: int | None = Field(default=None, foreign_key="selections.id")
    status: str
    test: float | None = None
    reason: str | None = None
    source: str = "measured"
    seconds: float | None = None
    model_revision: str | None = None
    dataset_revision: str | None = None
    created_at: str
    submitted: str | None = None


class CurvePointRow(Table, table=True):
    __tablename__ = "curve_points"
    __table_args__ = (
        CheckConstraint("stage >= 1", name="stage_positive"),
        CheckConstraint("epochs > 0", name="epochs_positive"),
        finite_column("val"),
    )

    run_id: int = Field(primary_key=True, foreign_key="runs.id", ondelete="CASCADE")
    stage: int = Field(primary_key=True)
    epochs: float
    val: float
    seconds: float = 0.0


class ProxyScoreRow(Table, table=True):
    __tablename__ = "proxy_scores"
    __table_args__ = (finite_column("score"),)

    dataset_id: int = Field(primary_key=True, foreign_key="datasets.id")
    proxy: str = Field(primary_key=True)
    model_id: int = Field(primary_key=True, foreign_key="models.id", index=True)
    score: float
    origin: str
    model_revision: str | None = None
    dataset_revision: str | None = None
    created_at: str
    source: str = Field(default="measured", sa_column_kwargs=HERE)
    submitted: str | None = None


class HubResultRow(Table, table=True):
    """A score that a model card claims at `revision`; never mixed with runs."""

    __tablename__ = "hub_results"
    __table_args__ = (
        UniqueConstraint("model_id", "dataset", "config", "split", "metric"),
        finite_column("value"),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, primary_key=True)
    model_id: int = Field(foreign_key="models.id")
    repo_id: str
    revision: str
    dataset: str
    config: str = ""
    split: str = ""
    metric: str
    value: float
    created_at: str


class ClusteringRow(Table, table=True):
    __tablename__ = "clusterings"
    __table_args__ = (
        UniqueConstraint("task", "recipe_digest"),
        one_of("method", "average", "kmeans"),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, primary_key=True)
    task: str
    recipe_digest: str = Field(foreign_key="recipes.digest")
    threshold: float | None = None
    top_k: int
    method: str
    silhouette: float | None = None
    silhouette_paper: float | None = None
    created_at: str


class ClusterRow(Table, table=True):
    """`number` is the cluster's stable id within its clustering."""

    __tablename__ = "clusters"

    clustering_id: int = Field(primary_key=True, foreign_key="clusterings.id", ondelete="CASCADE")
    number: int = Field(primary_key=True)
    representative_id: int = Field(foreign_key="models.id")


class MembershipRow(Table, table=True):
    """The primary key allows a model one cluster per clustering."""

    __tablename__ = "memberships"
    __table_args__ = (
        ForeignKeyConstraint(
            ["clustering_id", "number"], ["clusters.clustering_id", "clusters.number"], ondelete="CASCADE"
        ),
        Index(None, "clustering_id", "number"),
    )

    clustering_id: int = Field(primary_key=True)
    model_id: int = Field(primary_key=True, foreign_key="models.id")
    number: int


class SelectionRow(Table, table=True):
    __tablename__ = "selections"
    __table_args__ = (
        one_of("status", "running", "done", "failed"),
        CheckConstraint("k >= 1", name="k_positive"),
        CheckConstraint(
            "status <> 'done' OR (winner_id IS NOT NULL AND val IS NOT NULL)", name="done_has_winner"
        ),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, primary_key=True)
    request_digest: str = Field(index=True)
    knowledge_digest: str | None = None
    dataset_id: int = Field(foreign_key="datasets.id")
    dataset_revision: str | None = None
    recipe_digest: str = Field(foreign_key="recipes.digest")
    policy: str
    proxy: str
    k: int
    options: dict[str, Any] = Field(default_factory=dict, sa_type=JsonText, nullable=False)
    status: str = "running"
    reason: str | None = None
    recalled: list[dict[str, Any]] | None = Field(default=None, sa_type=JsonText)
    knowledge: dict[str, Any] | None = Field(default=None, sa_type=JsonText)
    winner_id: int | None = Field(default=None, foreign_key="models.id")
    val: float | None = None
    test: float | None = None
    path: str | None = None
    training_epochs: float = 0.0
    recall_epochs: float = 0.0
    seconds: float = 0.0
    bytes_downloaded: int = Field(default=0, sa_type=BigInteger)
    created_at: str
    finished_at: str | None = None


class SelectionEventRow(Table, table=True):
    __tablename__ = "selection_events"

    selection_id: int = Field(primary_key=True, foreign_key="selections.id", ondelete="CASCADE")
    sequence: int = Field(primary_key=True)
    kind: str
    payload: dict[str, Any] = Field(sa_type=JsonText)
    created_at: str
