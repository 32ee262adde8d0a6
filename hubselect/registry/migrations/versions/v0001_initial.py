"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "datasets",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("repo_id", sa.String(), nullable=False),
        sa.Column("config", sa.String(), nullable=True),
        sa.Column("revision", sa.String(), nullable=True),
        sa.Column("data_revision", sa.String(), nullable=True),
        sa.Column("task", sa.String(), nullable=False),
        sa.Column("text_columns", sa.Text(), nullable=False),
        sa.Column("image_column", sa.String(), nullable=True),
        sa.Column("label_column", sa.String(), nullable=True),
        sa.Column("label_names", sa.Text(), nullable=False),
        sa.Column("splits", sa.Text(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("created_at", sa.String(), nullable=False),
        sa.CheckConstraint("role IN ('benchmark', 'target')", name=op.f("ck_datasets_role_known")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_datasets")),
        sa.UniqueConstraint("name", name=op.f("uq_datasets_name")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_datasets_task"), "datasets", ["task"], unique=False)
    op.create_table(
        "models",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("repo_id", sa.String(), nullable=False),
        sa.Column("revision", sa.String(), nullable=True),
        sa.Column("task", sa.String(), nullable=False),
        sa.Column("architecture", sa.String(), nullable=True),
        sa.Column("model_type", sa.String(), nullable=True),
        sa.Column("parameters", sa.BigInteger(), nullable=True),
        sa.Column("weights_format", sa.String(), nullable=True),
        sa.Column("weights_files", sa.Text(), nullable=False),
        sa.Column("weights_bytes", sa.BigInteger(), nullable=True),
        sa.Column("weights_digest", sa.String(), nullable=True),
        sa.Column("labels", sa.Text(), nullable=False),
        sa.Column("license", sa.String(), nullable=True),
        sa.Column("base_model", sa.String(), nullable=True),
        sa.Column("last_modified", sa.String(), nullable=True),
        sa.Column("created_at", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_models")),
        sa.UniqueConstraint("repo_id", name=op.f("uq_models_repo_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_models_task"), "models", ["task"], unique=False)
    op.create_table(
        "recipes",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("task", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("epochs", sa.Integer(), nullable=False),
        sa.Column("stages", sa.Integer(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("created_at", sa.String(), nullable=False),
        sa.CheckConstraint("origin IN ('measured', 'imported')", name=op.f("ck_recipes_origin_known")),
        sa.CheckConstraint("stages >= 1", name=op.f("ck_recipes_stages_positive")),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_recipes")),
    )
    op.create_index(op.f("ix_recipes_task"), "recipes", ["task"], unique=False)
    op.create_table(
        "clusterings",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("task", sa.String(), nullable=False),
        sa.Column("recipe_digest", sa.String(), nullable=False),
        sa.Column("threshold", sa.Float(), nullable=True),
        sa.Column("top_k", sa.Integer(), nullable=False),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("silhouette", sa.Float(), nullable=True),
        sa.Column("silhouette_paper", sa.Float(), nullable=True),
        sa.Column("created_at", sa.String(), nullable=False),
        sa.CheckConstraint("method IN ('average', 'kmeans')", name=op.f("ck_clusterings_method_known")),
        sa.ForeignKeyConstraint(
            ["recipe_digest"], ["recipes.digest"], name=op.f("fk_clusterings_recipe_digest")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clusterings")),
        sa.UniqueConstraint("task", "recipe_digest", name=op.f("uq_clusterings_task_recipe_digest")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "hub_results",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("model_id", sa.Integer(), nullable=False),
        sa.Column("repo_id", sa.String(), nullable=False),
        sa.Column("revision", sa.String(), nullable=False),
        sa.Column("dataset", sa.String(), nullable=False),
        sa.Column("config", sa.String(), nullable=False),
        sa.Column("split", sa.String(), nullable=False),
        sa.Column("metric", sa.String(), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.Column("created_at", sa.String(), nullable=False),
        sa.CheckConstraint(
            "value BETWEEN -1.7976931348623157e308 AND 1.7976931348623157e308",
            name=op.f("ck_hub_results_value_finite"),
        ),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"], name=op.f("fk_hub_results_model_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hub_results")),
        sa.UniqueConstraint(
            "model_id",
            "dataset",
            "config",
            "split",
            "metric",
            name=op.f("uq_hub_results_model_id_dataset_config_split_metric"),
        ),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "proxy_scores",
        sa.Column("dataset_id", sa.Integer(), nullable=False),
        sa.Column("proxy", sa.String(), nullable=False),
        sa.Column("model_id", sa.Integer(), nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("model_revision", sa.String(), nullable=True),
        sa.Column("dataset_revision", sa.String(), nullable=True),
        sa.Column("created_at", sa.String(), nullable=False),
        sa.CheckConstraint(
            "score BETWEEN -1.7976931348623157e308 AND 1.7976931348623157e308",
            name=op.f("ck_proxy_scores_score_finite"),
        ),
        sa.ForeignKeyConstraint(["dataset_id"], ["datasets.id"], name=op.f("fk_proxy_scores_dataset_id")),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"], name=op.f("fk_proxy_scores_model_id")),
        sa.PrimaryKeyConstraint("dataset_id", "proxy", "model_id", name=op.f("pk_proxy_scores")),
    )
    op.create_index(op.f("ix_proxy_scores_model_id"), "proxy_scores", ["model_id"], unique=False)
    op.create_table(
        "selections",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("request_digest", sa.String(), nullable=False),
        sa.Column("knowledge_digest", sa.String(), nullable=True),
        sa.Column("dataset_id", sa.Integer(), nullable=False),
        sa.Column("dataset_revision", sa.String(), nullable=True),
        sa.Column("recipe_digest", sa.String(), nullable=False),
        sa.Column("policy", sa.String(), nullable=False),
        sa.Column("proxy", sa.String(), nullable=False),
        sa.Column("k", sa.Integer(), nullable=False),
        sa.Column("options", sa.Text(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("recalled", sa.Text(), nullable=True),
        sa.Column("knowledge", sa.Text(), nullable=True),
        sa.Column("winner_id", sa.Integer(), nullable=True),
        sa.Column("val", sa.Float(), nullable=True),
        sa.Column("test", sa.Float(), nullable=True),
        sa.Column("path", sa.String(), nullable=True),
        sa.Column("training_epochs", sa.Float(), nullable=False),
        sa.Column("recall_epochs", sa.Float(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("bytes_downloaded", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.String(), nullable=False),
        sa.Column("finished_at", sa.String(), nullable=True),
        sa.CheckConstraint(
            "status <> 'done' OR (winner_id IS NOT NULL AND val IS NOT NULL)",
            name=op.f("ck_selections_done_has_winner"),
        ),
        sa.CheckConstraint(
            "status IN ('running', 'done', 'failed')", name=op.f("ck_selections_status_known")
        ),
        sa.CheckConstraint("k >= 1", name=op.f("ck_selections_k_positive")),
        sa.ForeignKeyConstraint(["dataset_id"], ["datasets.id"], name=op.f("fk_selections_dataset_id")),
        sa.ForeignKeyConstraint(
            ["recipe_digest"], ["recipes.digest"], name=op.f("fk_selections_recipe_digest")
        ),
        sa.ForeignKeyConstraint(["winner_id"], ["models.id"], name=op.f("fk_selections_winner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_selections")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_selections_request_digest"), "selections", ["request_digest"], unique=False)
    op.create_table(
        "clusters",
        sa.Column("clustering_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("representative_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["clustering_id"], ["clusterings.id"], name=op.f("fk_clusters_clustering_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["representative_id"], ["models.id"], name=op.f("fk_clusters_representative_id")
        ),
        sa.PrimaryKeyConstraint("clustering_id", "number", name=op.f("pk_clusters")),
    )
    op.create_table(
        "runs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("model_id", sa.Integer(), nullable=False),
        sa.Column("dataset_id", sa.Integer(), nullable=False),
        sa.Column("recipe_digest", sa.String(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("selection_id", sa.Integer(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("test", sa.Float(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=True),
        sa.Column("model_revision", sa.String(), nullable=True),
        sa.Column("dataset_revision", sa.String(), nullable=True),
        sa.Column("created_at", sa.String(), nullable=False),
        sa.CheckConstraint("status <> 'done' OR test IS NOT NULL", name=op.f("ck_runs_done_has_test")),
        sa.CheckConstraint(
            "status IN ('running', 'done', 'failed', 'stopped')", name=op.f("ck_runs_status_known")
        ),
        sa.CheckConstraint(
            "test BETWEEN -1.7976931348623157e308 AND 1.7976931348623157e308",
            name=op.f("ck_runs_test_finite"),
        ),
        sa.ForeignKeyConstraint(["dataset_id"], ["datasets.id"], name=op.f("fk_runs_dataset_id")),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"], name=op.f("fk_runs_model_id")),
        sa.ForeignKeyConstraint(["recipe_digest"], ["recipes.digest"], name=op.f("fk_runs_recipe_digest")),
        sa.ForeignKeyConstraint(["selection_id"], ["selections.id"], name=op.f("fk_runs_selection_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runs")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_runs_model_id"), "runs", ["model_id"], unique=False)
    op.create_index(
        "uq_runs_benchmark",
        "runs",
        ["recipe_digest", "dataset_id", "model_id", "seed"],
        unique=True,
        sqlite_where=sa.text("selection_id IS NULL"),
        postgresql_where=sa.text("selection_id IS NULL"),
    )
    op.create_index(
        "uq_runs_selection",
        "runs",
        ["selection_id", "recipe_digest", "dataset_id", "model_id", "seed"],
        unique=True,
        sqlite_where=sa.text("selection_id IS NOT NULL"),
        postgresql_where=sa.text("selection_id IS NOT NULL"),
    )
    op.create_table(
        "selection_events",
        sa.Column("selection_id", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("created_at", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["selection_id"],
            ["selections.id"],
            name=op.f("fk_selection_events_selection_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("selection_id", "sequence", name=op.f("pk_selection_events")),
    )
    op.create_table(
        "curve_points",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("stage", sa.Integer(), nullable=False),
        sa.Column("epochs", sa.Float(), nullable=False),
        sa.Column("val", sa.Float(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.CheckConstraint("epochs > 0", name=op.f("ck_curve_points_epochs_positive")),
        sa.CheckConstraint("stage >= 1", name=op.f("ck_curve_points_stage_positive")),
        sa.CheckConstraint(
            "val BETWEEN -1.7976931348623157e308 AND 1.7976931348623157e308",
            name=op.f("ck_curve_points_val_finite"),
        ),
        sa.ForeignKeyConstraint(
            ["run_id"], ["runs.id"], name=op.f("fk_curve_points_run_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_id", "stage", name=op.f("pk_curve_points")),
    )
    op.create_table(
        "memberships",
        sa.Column("clustering_id", sa.Integer(), nullable=False),
        sa.Column("model_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["clustering_id", "number"],
            ["clusters.clustering_id", "clusters.number"],
            name=op.f("fk_memberships_clustering_id_number"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"], name=op.f("fk_memberships_model_id")),
        sa.PrimaryKeyConstraint("clustering_id", "model_id", name=op.f("pk_memberships")),
    )
