"""Where proxy scores come from, and when published scores were submitted.

A later revision that copies `runs` or `proxy_scores` (batch mode on SQLite) drops the views that
read them first and makes them again.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

VIEWS = {
    "v_runs": """
        SELECT r.id AS run_id, m.repo_id AS model, d.name AS dataset, d.role AS dataset_role, c.task,
               r.recipe_digest AS recipe, c.name AS recipe_name, r.seed, r.selection_id, r.status, r.test,
               r.reason, r.source, r.submitted, r.seconds, r.model_revision, r.dataset_revision,
               CASE WHEN r.model_revision IS NULL OR r.model_revision = m.revision
                   THEN 1 ELSE 0 END AS of_pinned_revision,
               r.created_at
        FROM runs r
        JOIN models m ON m.id = r.model_id
        JOIN datasets d ON d.id = r.dataset_id
        JOIN recipes c ON c.digest = r.recipe_digest""",
    "v_proxies": """
        SELECT d.name AS dataset, s.proxy, m.repo_id AS model, s.score, s.origin, s.source, s.submitted
        FROM proxy_scores s
        JOIN models m ON m.id = s.model_id
        JOIN datasets d ON d.id = s.dataset_id
        WHERE s.model_revision IS NULL OR s.model_revision = m.revision""",
}


def upgrade() -> None:
    op.add_column("runs", sa.Column("submitted", sa.String(), nullable=True))
    op.add_column(
        "proxy_scores",
        sa.Column("source", sa.String(), server_default=sa.text("'measured'"), nullable=False),
    )
    op.add_column("proxy_scores", sa.Column("submitted", sa.String(), nullable=True))
    # which file it was is not known any more: runs of such files say the same
    op.execute("UPDATE proxy_scores SET source = 'imported' WHERE origin = 'imported'")
    for name, query in VIEWS.items():
        op.execute(f"DROP VIEW {name}")
        op.execute(f"CREATE VIEW {name} AS{query}")
