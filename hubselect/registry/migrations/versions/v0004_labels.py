"""Datasets whose labels are no single class, of sound, of options to choose from, and of one's own."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "datasets", sa.Column("choice_columns", sa.Text(), server_default=sa.text("'[]'"), nullable=False)
    )
    op.add_column("datasets", sa.Column("audio_column", sa.String(), nullable=True))
    op.add_column("datasets", sa.Column("path", sa.String(), nullable=True))
    op.add_column(
        "datasets",
        sa.Column(
            "problem_type",
            sa.String(),
            server_default=sa.text("'single_label_classification'"),
            nullable=False,
        ),
    )
