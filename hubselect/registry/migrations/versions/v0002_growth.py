"""What growing needs: metadata of Hub listings, cursors, cluster events, placements, and SQL views.

A later revision that copies one of these tables (batch mode on SQLite) drops the views that read
it first and makes them again.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

VIEWS = {
    "v_models": """
        SELECT m.id AS model_id, m.repo_id AS model, m.task, m.revision, m.architecture, m.model_type,
               m.parameters, m.weights_format, m.weights_bytes, m.license, m.base_model, m.downloads,
               m.likes, m.tags, m.gated, m.pipeline_tag, m.library, m.last_modified, m.hub_created_at,
               m.indexed_only,
               (SELECT count(*) FROM runs r WHERE r.model_id = m.id AND r.selection_id IS NULL
                   AND r.status = 'done') AS finished_runs
        FROM models m""",
    "v_runs": """
        SELECT r.id AS run_id, m.repo_id AS model, d.name AS dataset, d.role AS dataset_role, c.task,
               r.recipe_digest AS recipe, c.name AS recipe_name, r.seed, r.selection_id, r.status, r.test,
               r.reason, r.source, r.seconds, r.model_revision, r.dataset_revision,
               CASE WHEN r.model_revision IS NULL OR r.model_revision = m.revision
                   THEN 1 ELSE 0 END AS of_pinned_revision,
               r.created_at
        FROM runs r
        JOIN models m ON m.id = r.model_id
        JOIN datasets d ON d.id = r.dataset_id
        JOIN recipes c ON c.digest = r.recipe_digest""",
    "v_curves": """
        SELECT r.id AS run_id, m.repo_id AS model, d.name AS dataset, r.recipe_digest AS recipe, r.seed,
               r.selection_id, p.stage, p.epochs, p.val, p.seconds
        FROM curve_points p
        JOIN runs r ON r.id = p.run_id
        JOIN models m ON m.id = r.model_id
        JOIN datasets d ON d.id = r.dataset_id""",
    "v_matrix_cells": """
        SELECT c.task, r.recipe_digest AS recipe, c.name AS recipe_name, m.repo_id AS model,
               d.name AS dataset, avg(r.test) AS score, count(*) AS seeds
        FROM runs r
        JOIN models m ON m.id = r.model_id
        JOIN datasets d ON d.id = r.dataset_id
        JOIN recipes c ON c.digest = r.recipe_digest
        WHERE r.status = 'done' AND r.selection_id IS NULL AND d.role = 'benchmark'
            AND (r.model_revision IS NULL OR r.model_revision = m.revision)
        GROUP BY c.task, r.recipe_digest, c.name, m.repo_id, d.name""",
    "v_proxies": """
        SELECT d.name AS dataset, s.proxy, m.repo_id AS model, s.score, s.origin
        FROM proxy_scores s
        JOIN models m ON m.id = s.model_id
        JOIN datasets d ON d.id = s.dataset_id
        WHERE s.model_revision IS NULL OR s.model_revision = m.revision""",
    "v_claims": """
        SELECT h.repo_id AS model, h.dataset, h.config, h.split, h.metric, h.value, h.revision
        FROM hub_results h""",
    "v_clusters": """
        SELECT g.task, g.recipe_digest AS recipe, c.number AS cluster_id, m.repo_id AS representative,
               (SELECT count(*) FROM memberships s WHERE s.clustering_id = c.clustering_id
                   AND s.number = c.number) AS size
        FROM clusters c
        JOIN clusterings g ON g.id = c.clustering_id
        JOIN models m ON m.id = c.representative_id""",
    "v_memberships": """
        SELECT g.task, g.recipe_digest AS recipe, s.number AS cluster_id, m.repo_id AS model,
               CASE WHEN c.representative_id = s.model_id THEN 1 ELSE 0 END AS is_representative
        FROM memberships s
        JOIN clusterings g ON g.id = s.clustering_id
        JOIN clusters c ON c.clustering_id = s.clustering_id AND c.number = s.number
        JOIN models m ON m.id = s.model_id""",
    "v_placements": """
        SELECT p.task, p.recipe_digest AS recipe, m.repo_id AS model, p.cluster_id, p.how, p.score
        FROM placements p
        JOIN models m ON m.id = p.model_id""",
    "v_selections": """
        SELECT s.id AS selection_id, d.name AS dataset, s.status, s.policy, s.proxy, s.k,
               m.repo_id AS model, s.val, s.test, s.training_epochs + s.recall_epochs AS epochs,
               s.seconds, s.bytes_downloaded, s.path, s.created_at, s.finished_at
        FROM selections s
        JOIN datasets d ON d.id = s.dataset_id
        LEFT JOIN models m ON m.id = s.winner_id""",
}


def upgrade() -> None:
    _extend_models()
    _extend_datasets()
    _create_tables()
    op.create_index(
        op.f("ix_memberships_clustering_id_number"), "memberships", ["clustering_id", "number"], unique=False
    )
    for name, query in VIEWS.items():
        op.execute(f"CREATE VIEW {name} AS{query}")


def _listing_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("downloads", sa.BigInteger(), nullable=True),
        sa.Column("likes", sa.BigInteger(), nullable=True),
        sa.Column("tags", sa.Text(), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("gated", sa.String(), nullable=True),
        sa.Column("indexed_only", sa.Boolean(), server_default=sa.false(), nullable=False),
    ]


def _extend_models() -> None:
    columns = [
        *_listing_columns(),
        sa.Column("pipeline_tag", sa.String(), nullable=True),
        sa.Column("library", sa.String(), nullable=True),
        sa.Column("hub_created_at", sa.String(), nullable=True),
    ]
    for column in columns:
        op.add_column("models", column)
    op.drop_index(op.f("ix_models_task"), table_name="models")
    for names in (
        ["task", "downloads", "parameters", "license"],
        ["task", "parameters"],
        ["task", "last_modified"],
    ):
        op.create_index(op.f(f"ix_models_{'_'.join(names)}"), "models", names, unique=False)


def _extend_datasets() -> None:
    columns = [
        *_listing_columns(),
        sa.Column("license", sa.String(), nullable=True),
        sa.Column("last_modified", sa.String(), nullable=True),
    ]
    for column in columns:
        op.add_column("datasets", column)


def _create_tables() -> None:
    op.create_table(
        "index_cursors",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("next_page", sa.String(), nullable=True),
        sa.Column("walk_newest", sa.String(), nullable=True),
        sa.Column("walk_seen", sa.BigInteger(), nullable=False),
        sa.Column("seen_until", sa.String(), nullable=True),
        sa.Column("started_at", sa.String(), nullable=False),
        sa.Column("updated_at", sa.String(), nullable=False),
        sa.Column("finished_at", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_index_cursors")),
    )
    op.create_table(
        "cluster_events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("task", sa.String(), nullable=False),
        sa.Column("recipe_digest", sa.String(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("created_at", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["recipe_digest"], ["recipes.digest"], name=op.f("fk_cluster_events_recipe_digest")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cluster_events")),
        sa.UniqueConstraint(
            "task", "recipe_digest", "sequence", name=op.f("uq_cluster_events_task_recipe_digest_sequence")
        ),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "placements",
        sa.Column("model_id", sa.Integer(), nullable=False),
        sa.Column("recipe_digest", sa.String(), nullable=False),
        sa.Column("task", sa.String(), nullable=False),
        sa.Column("cluster_id", sa.Integer(), nullable=False),
        sa.Column("how", sa.String(), nullable=False),
        sa.Column("score", sa.Float(), nullable=True),
        sa.Column("created_at", sa.String(), nullable=False),
        sa.CheckConstraint(
            "score BETWEEN -1.7976931348623157e308 AND 1.7976931348623157e308",
            name=op.f("ck_placements_score_finite"),
        ),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"], name=op.f("fk_placements_model_id")),
        sa.ForeignKeyConstraint(
            ["recipe_digest"], ["recipes.digest"], name=op.f("fk_placements_recipe_digest")
        ),
        sa.PrimaryKeyConstraint("model_id", "recipe_digest", name=op.f("pk_placements")),
    )
    op.create_index(
        op.f("ix_placements_task_recipe_digest_cluster_id"),
        "placements",
        ["task", "recipe_digest", "cluster_id"],
        unique=False,
    )
