"""Runs the revisions on the connection, and in the transaction, that `ensure_current` hands over."""

from alembic import context

import hubselect.registry.tables  # noqa: F401  (fills the metadata)
from hubselect.registry.columns import Table

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Table.metadata,
    render_as_batch=True,  # SQLite alters a table by copying it
    transactional_ddl=True,
)
context.run_migrations()
